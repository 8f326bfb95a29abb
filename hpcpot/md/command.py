"""One run: reads what the config names, moves the atoms, writes what is due, and ends cleanly."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from time import perf_counter

import ase
import numpy as np

from hpcpot import config, provenance
from hpcpot.config import Settings
from hpcpot.errors import OutputError
from hpcpot.md import restart
from hpcpot.md.engine import Engine
from hpcpot.md.integrators import INTEGRATORS, Thermostat, draw_velocities
from hpcpot.md.observe import OBSERVABLES, Table, measure, plural, summary
from hpcpot.md.plan import plan
from hpcpot.md.settings import SCHEMA, device_line
from hpcpot.md.start import extent, freeze, make_state
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import Ranks, start
from hpcpot.potential import files as potential_files
from hpcpot.potential.base import Potential
from hpcpot.storage.blocks import starts
from hpcpot.storage.trajectory import Trajectory
from hpcpot.structure import files as structure_files
from hpcpot.structure.state import State
from hpcpot.units import BOLTZMANN

STOPPED = 75
"""Exit code after a signal, with a checkpoint written (EX_TEMPFAIL: run again, with --restart)."""

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)

PARTICLES = {
    "position": "position_every",
    "image": "position_every",
    "velocity": "velocity_every",
    "force": "force_every",
    "potential_energy": "energy_every",
}
"""Arrays of the trajectory and their intervals in the output section."""


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot md CONFIG`; returns the exit code."""
    stop = StopRequest()
    ranks = start()
    settings = ranks.root_only(lambda: config.load(arguments.config, SCHEMA, arguments.overrides))
    run = Run(settings, ranks, arguments.restart, stop)
    if arguments.dry_run:
        run.say(config.dump(settings) + plan(run.state, run.engine))
        return 0
    return run.go(arguments.overwrite)


class StopRequest:
    """Whether a signal has asked this process to stop; it listens from the start, and to one signal of each kind."""

    def __init__(self) -> None:
        self._asked = False
        for name in SIGNALS:
            signal.signal(name, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self._asked = True
        signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once

    def __call__(self) -> bool:
        return self._asked


class Run:
    """A run and all that it owns.

    Attributes:
        state, engine: the atoms, and what moves them.
        integrator, thermostat: a row of INTEGRATORS and its numbers.
        restarted: whether the state comes from a checkpoint.

    `_layout` is what a checkpoint says of cut planes when this run takes them over, with the order of the atoms: then it
    goes on bit by bit.
    """

    def __init__(self, settings: Settings, ranks: Ranks, restarted: bool, stop: Callable[[], bool]):
        self.settings, self.ranks, self.restarted, self._stop = settings, ranks, restarted, stop
        family = ranks.root_only(lambda: potential_files.load(settings.potential.file))
        self.fingerprint = ranks.root_only(lambda: potential_files.fingerprint(family))
        potential = Potential(family, settings.potential.kernels)
        self.integrator = INTEGRATORS[settings.md.integrator]
        self.thermostat = _thermostat(settings.md)
        grid = settings.parallel.grid
        self._grid = None if grid == "auto" else tuple(grid)
        self._layout = None
        if restarted:
            self.state = self._read_checkpoint(potential.elements)
        else:
            self.state = self._first_state(potential.elements)
        self.engine = self._make_engine(potential)
        self.trajectory: Trajectory | None = None
        self._warned = False

    def say(self, text: str) -> None:
        """Print on rank 0."""
        if self.ranks.is_root:
            print(text, flush=True)

    def go(self, overwrite: bool) -> int:
        """Move the atoms from the present step to md.steps; returns the exit code."""
        self.ranks.root_only(lambda: self._check_outputs(overwrite))
        self._head()
        self._begin()
        self.trajectory = self._open_trajectory(overwrite)
        with self.trajectory or nullcontext():
            return self._loop()

    def _first_state(self, elements: tuple[str, ...]) -> State:
        wanted = self.settings.structure

        def read() -> ase.Atoms:
            names = tuple(wanted.elements) if wanted.elements else None
            return structure_files.check(structure_files.read(wanted.file, names), elements)

        state = make_state(self.ranks.root_only(read, share=False), elements, self.ranks)
        frozen = self.settings.frozen
        self.ranks.root_only(lambda: freeze(state, frozen.elements, frozen.ids, frozen.region_A), share=False)
        return state

    def _read_checkpoint(self, elements: tuple[str, ...]) -> State:
        settings = self.settings
        state, layout = restart.read(settings.output.checkpoint, self.ranks, elements, settings.md.integrator)
        if layout["same_layout"] and self._grid in (None, layout["grid"]):
            self._layout, self._grid = layout, layout["grid"]
        if layout["potential"] != self.fingerprint:
            self.say("note: the checkpoint was written with another potential")
        return state

    def _make_engine(self, potential: Potential) -> Engine:
        settings, state = self.settings, self.state
        width = potential.cutoff + settings.neighbors.skin_A
        domain = Domain(state.cell, state.periodic, self.ranks, width, self._grid, extent(state, self.ranks))
        if self._layout is not None:
            domain.set_cuts(self._layout["cuts"])
        return Engine(
            potential, domain, self.ranks, settings.neighbors.skin_A, settings.parallel.balance,
            settings.md.maximum_temperature_K, self.integrator.keeps_momentum, self._stop,
        )  # fmt: skip

    def _check_outputs(self, overwrite: bool) -> None:
        """Refuse what cannot be written, before the work that is to be written there."""
        output = self.settings.output
        for path in (output.trajectory, output.checkpoint):
            if path is None:
                continue
            if path.exists() and not overwrite and not self.restarted:
                raise OutputError(f"{path} = exists: a run does not replace files by itself; use --restart or --overwrite.")
            folder = path.absolute().parent
            if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
                raise OutputError(f"{path} = not writable: its folder must exist and be writable; create it or change the path.")
        if overwrite and output.checkpoint is not None:
            output.checkpoint.unlink(missing_ok=True)  # else --restart would join the old run's end to the new one

    def _head(self) -> None:
        state, engine = self.state, self.engine
        grid = " x ".join(str(g) for g in engine.domain.grid)
        self.say(f"{state.n_atoms} atoms ({', '.join(state.elements)}), {plural(self.ranks.size, 'rank')} as {grid}")
        self.say(device_line(self.settings))
        self.say(f"potential: {self.settings.potential.file}, {self.fingerprint[:12]}, {engine.potential.kernel_set} kernels")
        if self.restarted:
            self.say(f"restart at step {state.step}: atoms, velocities and frozen atoms are those of the checkpoint")

    def _begin(self) -> None:
        """Distribute the atoms, give them velocities, compute the first forces."""
        md, state, engine = self.settings.md, self.state, self.engine
        engine.start(state, migrate=self._layout is None)
        if not self.restarted and md.initial_temperature_K is not None:
            draw_velocities(state, engine, BOLTZMANN * md.initial_temperature_K, md.seed, md.remove_drift)
        if not state.scalars:
            self.integrator.init(state, engine, self.thermostat)

    def _open_trajectory(self, overwrite: bool) -> Trajectory | None:
        output, state, ranks = self.settings.output, self.state, self.ranks
        if output.trajectory is None:
            return None
        continued = self.restarted and ranks.root_only(output.trajectory.exists)
        facts = {
            **ranks.root_only(lambda: provenance.collect(ranks.size)), "config": config.dump(self.settings),
            "potential_fingerprint": self.fingerprint, "device": "cpu", "grid": str(self.engine.domain.grid.tolist()),
        }  # fmt: skip
        trajectory = Trajectory(
            output.trajectory, ranks, elements=state.elements, species=self._by_id(state.species[: state.n_owned]),
            masses=state.masses, n_atoms=state.n_atoms, periodic=state.periodic,
            particles={name: getattr(output, every) for name, every in PARTICLES.items() if getattr(output, every)},
            observables=OBSERVABLES if output.observables_every else {}, observables_every=output.observables_every,
            n_steps=self.settings.md.steps, precision=output.precision, mode=self.settings.parallel.hdf5, provenance=facts,
            existing="continue" if continued else "overwrite" if overwrite else "refuse", continue_step=state.step,
        )  # fmt: skip
        self.say(f"trajectory: {output.trajectory}, written by {trajectory.mode}")
        return trajectory

    def _loop(self) -> int:
        md, output, state, engine = self.settings.md, self.settings.output, self.state, self.engine
        self.table = Table(state.n_atoms, md.timestep_fs, state.step, md.steps)
        self.say(Table.HEAD)
        engine.seconds.clear()
        if not self.restarted:
            self._output()
        while state.step < md.steps and not engine.stop_requested:
            self.integrator.step(state, engine, md.timestep_fs, self.thermostat)
            self._output()
            if _due(output.checkpoint_every, state.step) and state.step < md.steps and not engine.stop_requested:
                self._checkpoint()
        if output.checkpoint is not None and (output.checkpoint_every or engine.stop_requested):
            self._checkpoint()
        seconds = perf_counter() - self.table.began
        self.say(summary(engine, state.n_atoms, state.step - self.table.first, md.timestep_fs, seconds))
        return self._end()

    def _end(self) -> int:
        if self.state.step >= self.settings.md.steps:
            return 0
        if self.settings.output.checkpoint is None:
            self.ranks.agree(OutputError(
                f"signal = stopped at step {self.state.step}: output.checkpoint must be set to go on from there; set it."
            ))
        self.say(f"stopped by a signal at step {self.state.step}; the same command with --restart goes on")
        return STOPPED

    def _checkpoint(self) -> None:
        """Rebuild, so that the run and one restarted from here are the same bit by bit; then write."""
        self.engine.rebuild(self.state)
        self.engine.compute(self.state)
        began = perf_counter()
        settings = self.settings
        restart.write(
            settings.output.checkpoint, self.state, self.engine.domain, settings.md.integrator, self.fingerprint
        )
        self.engine.seconds["output"] += perf_counter() - began

    def _output(self) -> None:
        """Print and store what is due at the present step."""
        began = perf_counter()
        output, state = self.settings.output, self.state
        is_last = state.step == self.settings.md.steps
        printed = _due(output.thermo_every, state.step) or (is_last and output.thermo_every)
        due = [name for name, every in PARTICLES.items() if _due(getattr(output, every), state.step)]
        # Every frame has its observables beside it, so that a reader need not match steps.
        observed = output.observables_every and ("position" in due or _due(output.observables_every, state.step))
        stored = self.trajectory is not None and (due or observed)
        seen = measure(state, self.engine, self.integrator, self.thermostat) if printed or (stored and observed) else None
        if printed:
            self.say(self.table.line(state.step, seen))
            self._warn_of_truncation()
        if stored:
            self.trajectory.append(
                state.step, state.step * self.settings.md.timestep_fs, self._particles(due),
                state.cell if due else None, seen if observed else None,
            )  # fmt: skip
        self.engine.seconds["output"] += perf_counter() - began

    def _warn_of_truncation(self) -> None:
        """Say once that atoms have more neighbours than the model was made for."""
        truncated = int(self.ranks.sum(np.array([self.engine.truncated]))[0])
        if truncated and not self._warned:
            self._warned = True
            self.say(f"note: {truncated} atoms have more neighbours than the model has slots (DeePMD-kit's sel); the nearest "
                     "are used, so the energy jumps when they change; train with a larger sel")  # fmt: skip

    def _particles(self, due: list[str]) -> dict[str, np.ndarray]:
        """This rank's block, in order of id, of the arrays that are due; positions wrapped into the cell."""
        state, n = self.state, self.state.n_owned
        values = {"velocity": state.velocities, "force": state.forces, "potential_energy": state.energies}
        if "position" in due:
            turns = np.where(state.periodic, np.floor(self.engine.domain.fractions(state.positions[:n])), 0.0)
            values["position"] = state.positions[:n] - turns @ state.cell
            values["image"] = state.images + turns.astype(np.int32)
        return {name: self._by_id(values[name]) for name in due}

    def _by_id(self, values: np.ndarray) -> np.ndarray:
        return self.engine.domain.by_id(self.state, values, starts(self.ranks, self.state.n_atoms))


def _thermostat(md: Settings) -> Thermostat | None:
    if md.temperature_K is None:
        return None
    end = md.temperature_K if md.temperature_end_K is None else md.temperature_end_K
    return Thermostat(BOLTZMANN * md.temperature_K, BOLTZMANN * end, md.thermostat_time_fs, md.steps, md.seed)


def _due(every: int, step: int) -> bool:
    return every > 0 and step % every == 0
