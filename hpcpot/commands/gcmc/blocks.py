"""The run itself: block after block of trials and dynamics, mu after mu or target after target."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from ase.data import atomic_numbers

from hpcpot.commands.gcmc import state as saved
from hpcpot.commands.gcmc import system
from hpcpot.commands.gcmc.settings import GcmcSettings
from hpcpot.commands.gcmc.state import Position
from hpcpot.commands.gcmc.system import GcmcInputs
from hpcpot.errors import SimulationError
from hpcpot.farm.results import Column, Store
from hpcpot.montecarlo import hybrid
from hpcpot.montecarlo.chain import Chain, Ensemble, TrialSums
from hpcpot.montecarlo.particles import Particles
from hpcpot.montecarlo.proposals import INSERTION, KINDS, Rules
from hpcpot.progress import Progress
from hpcpot.units import BOLTZMANN, EV_PER_A3_IN_GPA

EQUILIBRATION, PRODUCTION, GROWTH, RELAXATION = "equilibration", "production", "growth", "relaxation"
GAIN = 0.5
"""kT by which mu follows log((target + 1) / (N + 1)) after a block, which is taken between the two bounds:"""
BOUNDS = (0.1, 1.0)
FEWEST = 100
"""Insertions without a place that are told."""

COLUMNS = {
    "phase": Column((), "str"),
    "state": Column((), "int64"),
    "trials": Column((), "int64"),
    "mu": Column((), unit="eV"),
    "number": Column(()),
    "number_squared": Column(()),
    "energy": Column((), unit="eV"),
    "pressure": Column((), unit="GPa"),
    "volume": Column((), unit="Angstrom3"),
    "last_number": Column((), "int64"),
    "last_energy": Column((), unit="eV"),
    "tried": Column((len(KINDS),), "int64"),
    "hopeless": Column((len(KINDS),), "int64"),
    "accepted": Column((len(KINDS),), "int64"),
    "species": Column((None,), "int32"),
    "periodic": Column((3,), "bool"),
    "positions": Column((None, 3), unit="Angstrom"),
    "cell": Column((3, 3), unit="Angstrom"),
}
"""A row for each block: averages over its trials, and the state at its end; the exchanged element is counted, and frozen
atoms of it are not. `tried`, `hopeless` (refused by distance or number) and `accepted`: in the order of proposals.KINDS."""


class GcmcRun:
    """A run from its first block, or from a checkpoint.

    Attributes:
        position: where it is. particles, chain: its atoms.
    """

    def __init__(self, settings: GcmcSettings, loaded: GcmcInputs, restarted: bool, stop: Callable[[], bool]):
        self.settings, self.system, self._stop = settings, loaded, stop
        gcmc, potential = settings.gcmc, loaded.potential
        self.mus = gcmc.mu_eV if isinstance(gcmc.mu_eV, list) else [gcmc.mu_eV]
        if restarted:
            self.position, self.particles = saved.read(
                settings.output.checkpoint, potential, loaded.fingerprint, self.identity
            )
            if self.has_ended and not gcmc.targets and self.position.done < gcmc.equilibration + gcmc.trials:
                self.position.state -= 1
        else:
            self.particles = Particles(loaded.atoms, potential)
            self.position = Position(0, 0, 0, 0, 8, self.mus[0])
        self.chain = Chain(
            self.particles, self._rules(), self._ensemble(), self.position.trial, ahead=self.position.ahead
        )
        self._blocks = {name: system.block(getattr(settings, name)) for name in ("dynamics", "relax")}
        self._told: set[str] = set()

    @property
    def identity(self) -> str:
        """What a restart must have alike: all that a trial depends on."""
        gcmc = {
            name: value for name, value in vars(self.settings.gcmc).items() if name not in ("trials", "metal_mu_eV")
        }
        return f"{gcmc} {vars(self.settings.dynamics)} {vars(self.settings.relax)}"

    @property
    def states(self) -> int:
        """Number of mu, or of targets."""
        return len(self.settings.gcmc.targets or self.mus)

    @property
    def target(self) -> int | None:
        """The present target."""
        targets = self.settings.gcmc.targets
        return None if targets is None else targets[self.position.state]

    @property
    def has_ended(self) -> bool:
        return self.position.state >= self.states

    def go(self, store: Store, say: Callable[[str], None]) -> bool:
        """Do what is left; False where a signal ended it, with all saved for a restart."""
        every, progress = self.settings.output.checkpoint_every, self._progress()
        last = self._snapshot()
        while not self.has_ended and not self._stop():
            row = self._block()
            if row is None:
                break
            key = f"{self.position.block:09d}"
            store.append([(key, f"block {self.position.block}", row)])
            self._warn(say, row)
            self.position.block += 1
            moved_on = self._next(row["phase"])
            last = self._snapshot()
            if self.position.block % every == 0:
                saved.write(self.settings.output.checkpoint, last)
            progress.count(items=int(moved_on) if self.settings.gcmc.targets else row["trials"])
            progress.show()
        saved.write(self.settings.output.checkpoint, last)
        progress.end()
        return self.has_ended

    def expected_blocks(self) -> int:
        """About how many blocks there will be."""
        gcmc = self.settings.gcmc
        return self.states * -(-(gcmc.trials + gcmc.equilibration) // gcmc.block)

    def _snapshot(self) -> saved.Snapshot:
        return saved.snapshot(self.position, self.particles, self.system.fingerprint, self.identity)

    def _progress(self) -> Progress:
        gcmc, position = self.settings.gcmc, self.position
        if gcmc.targets:
            return Progress(self.states, "targets", position.state)
        each = gcmc.trials + gcmc.equilibration
        return Progress(self.states * each, "trials", min(position.state * each + position.done, self.states * each))

    def _block(self) -> dict[str, Any] | None:
        """Do a block; None where a signal ended it and it is as if it had not begun."""
        phase = self._phase()
        began = self.position.trial
        if phase != RELAXATION:
            self._trials(phase)
        block = self._blocks["relax" if phase == RELAXATION else "dynamics"]
        if block is not None and not (phase == GROWTH and self.chain.n == self.target):
            gcmc = self.settings.gcmc
            going = hybrid.advance(
                *(self.particles, block, gcmc.temperature_K, self.system.masses),
                *(gcmc.seed, self.position.block, self._stop),
            )
            if not going:
                return None
        self.particles.check()
        self.particles.sort()
        self.chain.recount()
        row = self._row(phase, self.position.trial - began)
        self.chain.adapt()
        self.chain.sums = TrialSums()
        self.position.ahead = self.chain.ahead
        return row

    def _phase(self) -> str:
        if self.settings.gcmc.targets:
            return RELAXATION if self.position.reached else GROWTH
        return EQUILIBRATION if self.position.done < self.settings.gcmc.equilibration else PRODUCTION

    def _trials(self, phase: str) -> None:
        """Do the trials of a block."""
        gcmc, position = self.settings.gcmc, self.position
        left = (gcmc.equilibration if phase == EQUILIBRATION else gcmc.equilibration + gcmc.trials) - position.done
        if phase == GROWTH:
            left = gcmc.trials - position.done
        self.chain.rules = self._rules()  # dynamics may have changed the volume
        done = self.chain.run(min(gcmc.block, left), self.target)
        position.done += done
        position.trial = self.chain.trial
        if gcmc.maximum is None and self.chain.n >= self.chain.rules.maximum:
            raise SimulationError(
                f"number of {gcmc.element} = {self.chain.n} at mu = {position.mu:g} eV: must stay below the "
                f"{self.chain.rules.maximum} that fit at {gcmc.minimum_distance_A:g} Å; lower gcmc.mu_eV, or set gcmc.maximum."
            )

    def _pressure(self) -> float:
        """(N kT + trace of the virial / 3) / V of all atoms, GPa; the part of the momenta is that of a gas."""
        particles, kT = self.particles, BOLTZMANN * self.settings.gcmc.temperature_K
        return (particles.n * kT + float(np.trace(particles.virial)) / 3.0) / particles.volume * EV_PER_A3_IN_GPA

    def _row(self, phase: str, trials: int) -> dict[str, Any]:
        particles, sums, n = self.particles, self.chain.sums, self.particles.n
        numbers = np.array([atomic_numbers[symbol] for symbol in particles.potential.elements], np.int32)
        each = max(sums.trials, 1)
        return {
            "phase": phase,
            "state": self.position.state,
            "trials": trials,
            "mu": self.position.mu,
            "number": sums.number / each if sums.trials else float(self.chain.n),
            "number_squared": sums.number2 / each if sums.trials else float(self.chain.n) ** 2,
            "energy": sums.energy / each if sums.trials else self.chain.energy,
            "pressure": self._pressure(),
            "volume": particles.volume,
            "last_number": self.chain.n,
            "last_energy": self.chain.energy,
            "tried": sums.tried,
            "hopeless": sums.hopeless,
            "accepted": sums.accepted,
            "species": numbers[particles.species[:n]],
            "periodic": np.ones(3, bool),
            "positions": particles.positions[:n],
            "cell": particles.cell,
        }

    def _next(self, phase: str) -> bool:
        """Go on to the next block; whether that is of another state."""
        gcmc, position = self.settings.gcmc, self.position
        if phase == GROWTH and self.chain.n != self.target:
            if position.done >= gcmc.trials:
                raise SimulationError(
                    f"number of {gcmc.element} = {self.chain.n} after {position.done} trials, mu = {position.mu:.4g} eV: "
                    f"must reach gcmc.targets = {self.target}; raise gcmc.trials, or let the cell grow (relax)."
                )
            self._follow()
            return False
        if phase == GROWTH and self._blocks["relax"] is not None:
            position.reached = True
            return False
        if phase == EQUILIBRATION or (phase == PRODUCTION and position.done < gcmc.equilibration + gcmc.trials):
            return False
        position.state += 1
        if not self.has_ended:  # else they stay, for a restart with more trials
            position.done, position.reached = 0, False
            if not gcmc.targets:
                self._hold(self.mus[position.state])
        return True

    def _follow(self) -> None:
        """Let mu follow the target."""
        ratio = math.log((self.target + 1) / (self.chain.n + 1))
        size = min(max(abs(ratio), BOUNDS[0]), BOUNDS[1])
        kT = BOLTZMANN * self.settings.gcmc.temperature_K
        self._hold(self.position.mu + GAIN * kT * math.copysign(size, ratio))

    def _hold(self, mu: float) -> None:
        self.position.mu = mu
        self.chain.ensemble = self._ensemble()

    def _rules(self) -> Rules:
        return system.rules(self.settings.gcmc, self.system.potential.elements, self.particles.volume)

    def _ensemble(self) -> Ensemble:
        gcmc, loaded = self.settings.gcmc, self.system
        return system.ensemble(gcmc, loaded.potential.elements, loaded.masses, self.position.mu)

    def _warn(self, say: Callable[[str], None], row: dict[str, Any]) -> None:
        """Tell once what makes the results doubtful: no room, or atoms outside what the potential was trained on.

        Raises:
            SimulationError: they are, and the run is to stop.
        """
        gcmc, how = self.settings.gcmc, self.settings.potential.outside
        tried, hopeless = row["tried"][INSERTION], row["hopeless"][INSERTION]
        if (
            tried >= FEWEST
            and hopeless == tried
            and self.chain.n < self.chain.rules.maximum
            and "room" not in self._told
        ):
            self._told.add("room")
            say(
                f"note: none of {tried} insertions found a place {gcmc.minimum_distance_A:g} Å from all atoms "
                "(gcmc.minimum_distance_A); a larger cell, or cavity bias, may have some"
            )
        if how == "ignore" or self.particles.n == 0 or "outside" in self._told:
            return
        text = self.system.trained.outside(self.particles.points(), self.chain.energy)
        if text and how == "stop":
            raise SimulationError(
                f"structure at trial {self.position.trial} = outside what the potential was trained on: {text}; must be "
                "inside by potential.outside: stop; lower mu, raise gcmc.minimum_distance_A, or set warn."
            )
        if text:
            self._told.add("outside")
            say(f"note: trial {self.position.trial} is outside what the potential was trained on: {text}")
