"""One run of the exploration on a worker: molecular dynamics, and how far its frames are from what the models know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from ase import Atoms

from hpcpot import config
from hpcpot.analysis.deviation import by_frame
from hpcpot.dataset.dataset import from_frames
from hpcpot.dataset.predict import frame_grades, predict
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.dynamics.run import Run
from hpcpot.dynamics.simulate import OF_ATOMS
from hpcpot.errors import HpcpotError, SimulationError
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Column
from hpcpot.learning.levels import ACCURATE, FAILED, AdaptiveLevels, Levels, classify
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential import registry
from hpcpot.storage.growing import TEXT

ORIGIN = Path("hpcpot learn")
"""Name in messages, in place of a config file."""

COLUMNS = {
    "system": Column((), TEXT),
    "temperature": Column((), "f8", "K"),
    "pressure": Column((), "f8", "GPa"),
    "steps": Column((), "i8"),
    "seconds": Column((), "f8", "s"),
    "ended": Column((), TEXT),
    "step": Column((None,), "i8"),
    "deviation": Column((None,), "f8"),
    "virial_deviation": Column((None,), "f8"),
    "kept": Column((None,), "i8"),
    "species": Column((None,), "i4"),
    "periodic": Column((3,), "bool"),
    "positions": Column((None, 3), "f8", "Angstrom"),
    "cells": Column((None, 3, 3), "f8", "Angstrom"),
}
"""Row of a run: `steps` done, CPU `seconds`, why it `ended` early or nothing; of each judged frame its step and deviations
(eV/Å and eV, without unit where they are relative; or `deviation` is the extrapolation grade), NaN where no model could say
any; of the frames `kept`, rows of these, positions (atoms of one frame after those of another) and cells."""


@dataclass(frozen=True)
class Start:
    """Where a run begins.

    Attributes:
        atoms: structure. system: its name. temperature: K, NaN without dynamics. pressure: GPa, NaN without a barostat.
        melt_steps: of the melt before; 0: none. seed: of velocities and thermostat.
    """

    atoms: Atoms
    system: str
    temperature: float
    pressure: float
    melt_steps: int
    seed: int


@dataclass(frozen=True)
class Exploration:
    """What all runs of an iteration share.

    Attributes:
        models: the first moves the atoms. by_grade: the extrapolation grade of one model is the deviation.
        levels: by system. relative_force, relative_virial: eV/Å and eV, or None, see analysis.deviation.
        integrator, timestep: fs. steps, frames, skip_steps: of a run. melt: K, or None. stop_above: deviation, or None.
    """

    models: tuple[PotentialRef, ...]
    by_grade: bool
    levels: Mapping[str, Levels | AdaptiveLevels]
    relative_force: float | None
    relative_virial: float | None
    integrator: str
    timestep: float
    steps: int
    frames: int
    skip_steps: int
    melt: float | None
    stop_above: float | None


class Judge:
    """Takes the frames of a run as it goes: their deviations, and those that may become candidates."""

    def __init__(self, exploration: Exploration, first_step: int):
        self._shared, self._first = exploration, first_step
        self.steps: list[int] = []
        self.frames: list[Atoms] = []
        self.deviations: list[tuple[float, float]] = []

    def take(self, step: int, atoms: Atoms) -> None:
        """Judge a frame.

        Raises:
            SimulationError: its deviation is beyond where the run shall end.
        """
        step -= self._first
        if step < self._shared.skip_steps or step in self.steps[-1:]:
            return
        deviation, virial = deviations(atoms, self._shared)
        self.steps.append(step)
        self.frames.append(atoms)
        self.deviations.append((deviation, virial))
        limit = self._shared.stop_above
        if limit is not None and not deviation <= limit:
            raise SimulationError(
                f"deviation at step {step} = {deviation:.4g}: must stay below stop_above, {limit:g}; the frames before count."
            )


def compute(start: Start, *, exploration: Exploration) -> dict[str, Any]:
    """Explore from one structure, or judge it as it is where there are no steps: values of COLUMNS.

    Raises:
        HpcpotError: not one frame could be judged.
        FarmError: this worker cannot load a model.
    """
    committee(exploration.models)  # its errors end all, before a run
    began, ended, run = process_time(), "", None
    judge = Judge(exploration, start.melt_steps)
    if not exploration.steps:
        judge.take(0, start.atoms)
        return row(start, judge, exploration, 0, "") | {"seconds": process_time() - began}

    def collect(step: int, time: float, measured: dict[str, np.ndarray]) -> None:
        if step >= start.melt_steps:
            judge.take(step, frame(run))

    try:
        settings = config.load_tree(md_tree(start, exploration), ORIGIN, OF_ATOMS)
        run = Run(settings, SERIAL, False, lambda: False, start.atoms, None, collect)
        run.go(overwrite=False)
    except HpcpotError as error:
        if not judge.steps:
            raise
        ended = str(error)
    return row(start, judge, exploration, run.state.step, ended) | {"seconds": process_time() - began}


def md_tree(start: Start, exploration: Exploration) -> dict[str, Any]:
    """The config of `hpcpot md` of a run."""
    shared = exploration
    common: dict[str, Any] = {"integrator": shared.integrator, "timestep_fs": shared.timestep, "seed": start.seed}
    if not np.isnan(start.pressure):
        common |= {"pressure_GPa": start.pressure, "barostat_axes": ["x", "y", "z"], "barostat_coupling": "isotropic"}
    stages: dict[str, dict[str, Any]] = {}
    if start.melt_steps:
        stages["melt"] = heated(shared.integrator, shared.melt) | {"steps": start.melt_steps}
        stages["melt"]["initial_temperature_K"] = shared.melt
    stages["explore"] = heated(shared.integrator, start.temperature) | {
        "steps": shared.steps,
        "initial_temperature_K": start.temperature,
    }
    return {
        "potential": {"file": str(shared.models[0].source), "outside": "ignore"},
        "md": common,
        "stages": stages,
        "output": {
            "trajectory": None,
            "checkpoint_every": 0,
            "thermo_every": 0,
            "observables_every": interval(shared.steps, shared.frames),
        },
        "device": "cpu",
    }


def interval(steps: int, frames: int) -> int:
    """Steps between the judged frames of a run."""
    return max(steps // frames, 1)


def heated(integrator: str, temperature: float) -> dict[str, float]:
    """The temperature of a thermostat, where the integrator has one."""
    return {"temperature_K": temperature} if INTEGRATORS[integrator].has_thermostat else {}


def frame(run: Run) -> Atoms:
    """The present atoms of a run in their own order."""
    state, output = run.state, run.output
    species = output.by_id(state.species[: state.n_owned])
    positions = output.particles(["position"])["position"]
    return Atoms([state.elements[k] for k in species], positions, cell=state.cell, pbc=state.periodic)


def deviations(atoms: Atoms, exploration: Exploration) -> tuple[float, float]:
    """Largest deviation of a force (eV/Å) and of a virial component per atom (eV), or the grade and 0; NaN if none can be."""
    models = committee(exploration.models)
    data = from_frames([atoms], models[0].elements)
    try:
        if exploration.by_grade:
            return float(frame_grades(data, grader(exploration.models[0]))[0]), 0.0
        predicted = [predict(data, model) for model in models]
    except SimulationError:
        return np.nan, np.nan
    of_frame = by_frame(
        np.stack([labels.energies for labels in predicted]),
        np.stack([labels.forces for labels in predicted]),
        np.stack([labels.virials for labels in predicted]),
        data.first,
        exploration.relative_force,
        exploration.relative_virial,
    )
    return float(of_frame["max_devi_f"][0]), float(of_frame["max_devi_v"][0])


@lru_cache(maxsize=1)
def committee(models: tuple[PotentialRef, ...]) -> list[Any]:
    """The models, in this process loaded once."""
    return [model.load() for model in models]


@lru_cache(maxsize=1)
def grader(model: PotentialRef) -> Any:
    return registry.grader(committee((model,))[0].family)


def row(start: Start, judge: Judge, exploration: Exploration, last_step: int, ended: str) -> dict[str, Any]:
    """Values of COLUMNS but for the time that it took."""
    values = np.array(judge.deviations).reshape(-1, 2)
    kept = keep(values, exploration.levels[start.system])
    frames = [judge.frames[k] for k in kept]
    return {
        "system": start.system,
        "temperature": start.temperature,
        "pressure": start.pressure,
        "steps": last_step,
        "ended": ended,
        "step": np.array(judge.steps, np.int64),
        "deviation": values[:, 0],
        "virial_deviation": values[:, 1],
        "kept": kept,
        "species": start.atoms.numbers.astype(np.int32),
        "periodic": np.asarray(start.atoms.pbc),
        "positions": stacked([atoms.positions for atoms in frames], (0, 3)),
        "cells": stacked([atoms.cell.array[None] for atoms in frames], (0, 3, 3)),
    }


def stacked(arrays: Sequence[np.ndarray], nothing: tuple[int, ...]) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.zeros(nothing)


def keep(values: np.ndarray, levels: Levels | AdaptiveLevels) -> np.ndarray:
    """Rows of the frames that may become candidates: of adaptive levels, which follow from all runs, all but the failed."""
    classes = classify(values[:, 0], values[:, 1], levels)
    unfit = (ACCURATE, FAILED) if isinstance(levels, Levels) else (FAILED,)
    return np.flatnonzero(~np.isin(classes, unfit))
