"""Output of a run at intervals: printed lines, rows of the trajectory, checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from ase.data import atomic_numbers

from hpcpot import config, provenance
from hpcpot.analysis.observable import Arrays
from hpcpot.dynamics import restart, uncertainty
from hpcpot.dynamics.deform import kept_frozen
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.outside import RangeWatch
from hpcpot.dynamics.rest import RestWatch
from hpcpot.dynamics.sampling import Sampler
from hpcpot.dynamics.settings import MDOutputSection, MDSettings
from hpcpot.dynamics.stages import Stage
from hpcpot.dynamics.thermo import ThermoTable, measure_stage, observables
from hpcpot.dynamics.uncertainty import Monitor, kept_frames
from hpcpot.errors import SimulationError
from hpcpot.outputs import check_output, remove
from hpcpot.storage.blocks import gather, starts
from hpcpot.storage.trajectory import Trajectory
from hpcpot.structure.state import State

PARTICLES = {
    "position": "position_every",
    "image": "position_every",
    "velocity": "velocity_every",
    "force": "force_every",
    "potential_energy": "energy_every",
    "virial": "virial_every",
}
"""Arrays of the trajectory and their intervals in the output section."""


Collect = Callable[[int, float, dict[str, np.ndarray]], None]
"""Function of step, time (fs) and observables, called every output.observables_every steps and at the last."""

VIRIAL_PARTITION = "half of the term of each pair to each of its atoms"
"""Partition of the virial among atoms, named in the provenance of a trajectory; see Engine.atom_virials."""


class Output:
    """The output of a run.

    Args:
        stages: all of the run. steps_left: at most. monitors: of the potential's uncertainty.
        observed: accumulators of observables in the checkpoint of a restarted run.
        existing: of the trajectory: "refuse", "overwrite" or "continue" where there is one.
        say: prints a line. collect: receives what is measured, for a caller in Python.
        watch: on the range that the potential was trained in, or None. begun: see restart.Checkpoint.
        cites: keys of hpcpot.citations.

    Attributes:
        last: what was measured last, as `thermo.observables` names it; nothing before.
    """

    def __init__(
        self,
        settings: MDSettings,
        state: State,
        engine: Engine,
        stages: list[Stage],
        fingerprint: str,
        existing: str,
        time: float,
        steps_left: int,
        monitors: Sequence[Monitor] = (),
        observed: Arrays | None = None,
        say: Callable[[str], None] = print,
        collect: Collect | None = None,
        watch: RangeWatch | None = None,
        begun: dict[str, str] | None = None,
        cites: Sequence[str] = (),
    ):
        self.settings, self.every, self.ranks = settings, settings.output, engine.ranks
        self.state, self.engine, self.fingerprint = state, engine, fingerprint
        self.monitors, self._kept, self._begun, self._cites = monitors, 0, begun, cites
        self.say, self._collect, self._watch = say, collect, watch
        self._rest = RestWatch(stages, say)
        self.last: dict[str, Any] = {}
        self.observables = observables(stages)
        for monitor in monitors:
            self.observables |= monitor.observables
        self.sampler = self._make_sampler(observed or {})
        self.trajectory = self._open_trajectory(existing, steps_left)
        self.table = ThermoTable(state.n_atoms, state.step, time, [monitor.column for monitor in monitors])
        self._warned = False

    def head(self, stage: Stage) -> None:
        """Print the titles of the columns for a stage."""
        self.say(self.table.head(stage.deformation))

    def record(self, stage: Stage, steps_left: int, is_last: bool) -> None:
        """Print and store what is due at the present step of a stage.

        Args:
            steps_left: at most. is_last: whether the run ends here, which is always printed.
        """
        began = perf_counter()
        every, state, done = self.every, self.state, stage.done(self.state)
        printed = _due(every.thermo_every, done) or (is_last and every.thermo_every)
        due, observed = self._due_rows(done)
        sampled = self.sampler.due(state.step, done)
        needs = self.sampler.needs(sampled)
        collected = self._collect is not None and (is_last or _due(every.observables_every, done))
        particles = self.particles(list(dict.fromkeys([*due, *needs])))
        measured = (
            measure_stage(state, self.engine, stage, self.observables) if printed or observed or collected else None
        )
        if measured is not None:
            for monitor in self.monitors:
                measured |= monitor.measure(state, self.engine)
        if measured is not None:
            self.last = measured
        if printed:
            self.say(self.table.line(state.step, stage.time(state), measured, steps_left, stage.deformation))
            self._warn_of_truncation()
        if measured is not None and (printed or not every.thermo_every):
            self._rest.look(state, self.engine, stage, float(measured["potential_energy"]))
        left = self._look(measured) if printed or is_last or not every.thermo_every else None
        if collected:
            self._collect(state.step, stage.time(state), measured)
        if due or observed:
            self.trajectory.append(
                state.step,
                stage.time(state),
                {name: particles[name] for name in due},
                state.cell if due else None,
                measured if observed else None,
            )
        if sampled:
            needed = {name: particles[name] for name in needs}
            self.sampler.sample(sampled, state.step, stage.time(state), state.cell, needed)
        if measured is not None and any(monitor.keeps(measured) for monitor in self.monitors):
            self._keep_frame()
        self.engine.seconds["output"] += perf_counter() - began
        uncertain = [monitor.error(measured, state.step) for monitor in self.monitors] if measured is not None else []
        self._end_early(stage, [*uncertain, left])

    def _keep_frame(self) -> None:
        """Write the present frame, to be labelled; say so the first time."""
        folder = self.settings.deviation.folder
        positions = self.particles(["position"])["position"]
        uncertainty.keep(folder, self.state, self.engine, positions, self.by_id, self.monitors)
        if not self._kept:
            self.say(
                f"note: the potential knows little of the structure at step {self.state.step}: such frames go to "
                f"{folder}"
            )
        self._kept += 1

    def _look(self, measured: dict[str, np.ndarray] | None) -> SimulationError | None:
        """Look whether the atoms left the range that the potential was trained in; the error that ends the run."""
        if self._watch is None:
            return None
        energy = None if measured is None else float(measured["potential_energy"])
        return self._watch.look(self.state, self.engine, energy)

    def conclude(self) -> None:
        """Tell, at the end of the run, how far it left the range that the potential was trained in."""
        if self._watch is not None:
            self._watch.conclude(self.state)

    def _end_early(self, stage: Stage, errors: Sequence[SimulationError | None]) -> None:
        """End the run, with a checkpoint, where the potential is too uncertain or was not trained."""
        error = next((error for error in errors if error is not None), None)
        if error is not None and self.every.checkpoint is not None:
            self.checkpoint(stage)
        self.ranks.agree(error)

    def checkpoint(self, stage: Stage) -> None:
        """Write what a restart needs to go on bit by bit; the run itself goes on as without it."""
        began = perf_counter()
        restart.write(
            self.every.checkpoint,
            self.state,
            self.engine,
            stage.name,
            stage.md.integrator,
            self.fingerprint,
            self.sampler.state(),
            self._begun,
        )
        self.write_observed()
        self.engine.seconds["output"] += perf_counter() - began

    def write_observed(self) -> None:
        """Write the tables of the observables as they are now."""
        if self.settings.observe:
            self.sampler.write(self.every.observed, self._facts)

    def steps_until_due(self, stage: Stage) -> int:
        """Number of steps of a stage until the next output of any kind."""
        intervals = [value for name, value in vars(self.every).items() if name.endswith("_every") and value]
        intervals += self.sampler.intervals
        return min((every - stage.done(self.state) % every for every in intervals), default=stage.md.steps)

    def checkpoint_is_due(self, stage: Stage) -> bool:
        return _due(self.every.checkpoint_every, stage.done(self.state))

    def _due_rows(self, done: int) -> tuple[list[str], bool]:
        """Arrays that are due after so many steps of a stage, and whether observables are.

        A stage begins where the one before ended; a step that is in the file already is not due again.
        """
        if self.trajectory is None or self.state.step <= max(self.trajectory.last_steps.values()):
            return [], False
        due = [name for name, every in PARTICLES.items() if _due(getattr(self.every, every), done)]
        # Every frame has its observables beside it, so that a reader need not match steps.
        every = self.every.observables_every
        return due, every > 0 and ("position" in due or _due(every, done))

    def _make_sampler(self, saved: Arrays) -> Sampler:
        entries, state = self.settings.observe, self.state
        species = gather(self.ranks, self.by_id(state.species[: state.n_owned])) if entries else None
        if species is None:
            return Sampler(entries, self.ranks, state.periodic, None, None, saved)
        numbers = np.array([atomic_numbers[name] for name in state.elements])[species]
        return Sampler(entries, self.ranks, state.periodic, numbers, state.masses[species], saved)

    def _open_trajectory(self, existing: str, steps_left: int) -> Trajectory | None:
        every, state, ranks = self.every, self.state, self.ranks
        stale = ranks.root_only(self._stale) if existing == "overwrite" else []
        if every.trajectory is None:
            ranks.root_only(lambda: remove(stale))
            return None
        if existing == "continue" and not ranks.root_only(every.trajectory.exists):
            existing = "refuse"
        facts = dict(self._facts)
        if every.virial_every:
            facts["virial_partition"] = VIRIAL_PARTITION
        trajectory = Trajectory(
            every.trajectory,
            ranks,
            elements=state.elements,
            species=self.by_id(state.species[: state.n_owned]),
            masses=state.masses,
            n_atoms=state.n_atoms,
            periodic=state.periodic,
            particles={name: getattr(every, key) for name, key in PARTICLES.items() if getattr(every, key)},
            observables=self.observables if every.observables_every else {},
            observables_every=every.observables_every,
            n_steps=state.step + steps_left,
            precision=every.precision,
            mode=self.settings.parallel.hdf5,
            provenance=facts,
            existing=existing,
            continue_step=state.step,
            frozen=self.by_id(kept_frozen(state)),
            stale=stale,
        )
        self.say(f"trajectory: {every.trajectory}, written by {trajectory.mode}")
        return trajectory

    def _stale(self) -> list[Path]:
        """Files of the run that this one replaces: with its checkpoint, --restart would join its end to this one."""
        checkpoint = self.every.checkpoint
        return [*([checkpoint] if checkpoint else []), *kept_frames(self.settings.deviation)]

    @cached_property
    def _facts(self) -> dict[str, Any]:
        """What made the files of this run."""
        return {
            **self.ranks.root_only(lambda: provenance.collect(self.ranks.size, self._cites)),
            "config": config.dump(self.settings),
            "potential_fingerprint": self.fingerprint,
            "device": self.engine.potential.device_name,
            "grid": str(self.engine.domain.grid.tolist()),
        }

    def _warn_of_truncation(self) -> None:
        """Say once that atoms have more neighbours than the model was made for."""
        truncated = int(self.ranks.sum(np.array([self.engine.truncated]))[0])
        if truncated and not self._warned:
            self._warned = True
            self.say(
                f"note: {truncated} atoms have more neighbours than the model has slots (DeePMD-kit's sel); the "
                "nearest are used, so the energy jumps when they change; train with a larger sel"
            )

    def particles(self, due: list[str]) -> dict[str, np.ndarray]:
        """This rank's block, in order of id, of the arrays that are due; positions wrapped into the cell."""
        state, n = self.state, self.state.n_owned
        values = {"velocity": state.velocities, "force": state.forces, "potential_energy": state.energies}
        if "position" in due:
            turns = np.where(state.periodic, np.floor(self.engine.domain.fractions(state.positions[:n])), 0.0)
            values["position"] = state.positions[:n] - turns @ state.cell
            values["image"] = state.images + turns.astype(np.int32)
        if "virial" in due:
            values["virial"] = self.engine.atom_virials(state)
        return {name: self.by_id(values[name]) for name in due}

    def by_id(self, values: np.ndarray) -> np.ndarray:
        """Rows of the owned atoms, moved to this rank's block of all atoms in order of id."""
        return self.engine.domain.by_id(self.state, values, starts(self.ranks, self.state.n_atoms))


def check_paths(output: MDOutputSection, overwrite: bool, restarted: bool) -> None:
    """Refuse what cannot be written, before the work that is to be written there; on rank 0.

    Raises:
        OutputError: a file exists, or its folder cannot be written to.
    """
    for path in (output.trajectory, output.checkpoint, output.observed):
        if path is None:
            continue
        check_output(path, overwrite or restarted, can_restart=True)


def _due(every: int, step: int) -> bool:
    return every > 0 and step % every == 0
