"""Monitors of the potential's uncertainty at each atom during a run.

The uncertainty is the deviation between the forces of a committee's models, or the extrapolation grade of a moment
tensor potential. Its maximum, minimum and mean are observables; where the maximum exceeds one threshold the frame is
kept, to be labelled and trained on, and where it exceeds another the run ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ase
import numpy as np

from hpcpot.analysis.deviation import force_deviations
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.settings import DeviationSection
from hpcpot.errors import HpcpotError, ModelError, OutputError, SimulationError
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential import registry
from hpcpot.storage.blocks import gather
from hpcpot.structure import files as structure_files
from hpcpot.structure.state import State, to_host
from hpcpot.wording import plural

Uncertainties = Callable[[State, Engine], np.ndarray]
"""The uncertainty at each owned atom, (n_owned,) float64; called by all ranks together."""


class Monitor:
    """One measure of uncertainty and its thresholds.

    Args:
        uncertainties: function that evaluates it. name, unit: of the measure. head: title of its column in the printed table.
        stop_above, keep_above: thresholds of the maximum, or None; stop_key: the config's name of the first.

    Attributes:
        column: key, title and format of its column in the printed table.
        observables: names, units and shapes of what `measure` returns.
    """

    def __init__(
        self,
        uncertainties: Uncertainties,
        name: str,
        unit: str,
        head: str,
        stop_above: float | None,
        keep_above: float | None,
        stop_key: str,
    ):
        self._uncertainties, self.name = uncertainties, name
        self._stop_above, self._keep_above, self._stop_key = stop_above, keep_above, stop_key
        self.column = (f"max_{name}", head, ".4g")
        self.observables = {f"{which}_{name}": (unit, ()) for which in ("max", "min", "mean")}
        self._last = np.empty(0)

    def measure(self, state: State, engine: Engine) -> dict[str, float]:
        """Measure the maximum, minimum and mean at the state's positions; the same on all ranks."""
        ranks, self._last = engine.ranks, self._uncertainties(state, engine)
        largest, least = ranks.max(np.array([self._last.max(initial=0.0), -self._last.min(initial=np.inf)]))
        total = ranks.sum(np.array([self._last.sum()]))[0]
        return dict(zip(self.observables, (largest, -least, total / state.n_atoms), strict=True))

    def keeps(self, observed: dict[str, float]) -> bool:
        """Tell whether the frame is to be kept."""
        return self._keep_above is not None and observed[f"max_{self.name}"] > self._keep_above

    def of_atoms(self) -> np.ndarray:
        """The uncertainties of the owned atoms, as last measured."""
        return self._last

    def error(self, observed: dict[str, float], step: int) -> SimulationError | None:
        """The error that ends the run where the maximum exceeds the threshold, else None."""
        largest = observed[f"max_{self.name}"]
        if self._stop_above is None or largest <= self._stop_above:
            return None
        return SimulationError(
            f"max_{self.name} at step {step} = {largest:.4g}: must stay below {self._stop_key}, {self._stop_above:g}; "
            "the potential does not know this structure, which the checkpoint holds: label it and train on it."
        )


def monitors(section: DeviationSection, potential: Any, others: Sequence[Any]) -> list[Monitor]:
    """Make the monitors that the section `deviation` of a config asks for.

    Args:
        potential: the one that moves the atoms. others: the potentials of deviation.files.
    Raises:
        ModelError: a model that does not fit.
    """
    chosen = []
    if others:
        chosen.append(
            Monitor(
                committee(potential, others),
                "force_deviation",
                "eV Angstrom-1",
                "dev/(eV/A)",
                section.stop_above_eV_A,
                section.keep_above_eV_A,
                "deviation.stop_above_eV_A",
            )
        )
    if section.grade:
        chosen.append(
            Monitor(
                grade(potential.family),
                "extrapolation_grade",
                "",
                "grade",
                section.stop_above_grade,
                section.keep_above_grade,
                "deviation.stop_above_grade",
            )
        )
    return chosen


def committee(first: Any, others: Sequence[Any]) -> Uncertainties:
    """Make the function that evaluates the deviation of the forces of a committee, eV/Å.

    Args:
        first: the potential that moves the atoms. others: with the same elements, and no longer cutoff.
    Raises:
        ModelError: a member that does not fit.
    """
    for k, other in enumerate(others):
        if tuple(other.elements) != tuple(first.elements) or other.cutoff > first.cutoff:
            raise ModelError(
                f"deviation.files = model {k} of {', '.join(other.elements)} with cutoff {other.cutoff:g} Å: the elements "
                f"of potential.file, {', '.join(first.elements)}, and a cutoff of at most {first.cutoff:g} Å are "
                "required."
            )

    def uncertainties(state: State, engine: Engine) -> np.ndarray:
        forces, error = [], None
        engine.domain.halo(state)  # a deformation has moved the owned atoms since the forces were evaluated
        try:
            forces = [
                model.compute(state.positions, engine.pairs, state.species).forces
                for model in (engine.potential, *others)
            ]
        except HpcpotError as caught:  # raised below on all ranks, so that none waits for this one
            error = caught
        engine.ranks.agree(error)
        for of_model in forces:
            engine.domain.fold(of_model)
        return force_deviations(np.stack([to_host(of_model[: state.n_owned]) for of_model in forces]))

    return uncertainties


def grade(family: Any) -> Uncertainties:
    """Make the function that evaluates extrapolation grades by the potential that moves the atoms, on the host.

    Raises:
        ModelError: a model without an active set.
    """
    grader = registry.grader(family)
    if grader is None:
        raise ModelError(
            "extrapolation grade = needs an active set, which this model has not: a moment tensor potential by "
            "hpcpot train with moment_tensor.grade: true is required."
        )

    def uncertainties(state: State, engine: Engine) -> np.ndarray:
        engine.domain.halo(state)
        pairs = Pairs(engine.pairs.first, engine.pairs.neighbors)
        return grader.grades(to_host(state.positions), pairs, to_host(state.species))

    return uncertainties


def check_folder(section: DeviationSection, overwrite: bool, restarted: bool) -> None:
    """Refuse, before the run, a folder for kept frames that cannot be made or has those of another run; on rank 0.

    Raises:
        OutputError: as said.
    """
    folder = section.folder
    if section.keep_above_eV_A is None and section.keep_above_grade is None:
        return
    writable = folder if folder.is_dir() else folder.absolute().parent
    if (folder.exists() and not folder.is_dir()) or not writable.is_dir() or not os.access(writable, os.W_OK):
        raise OutputError(
            f"deviation.folder = {folder}: must be a folder that is writable or can be made; change the path."
        )
    earlier = kept_frames(section)
    if earlier and not overwrite and not restarted:
        raise OutputError(
            f"deviation.folder = {folder}: has {plural(len(earlier), 'frame')} of an earlier run; move them, choose "
            "another folder, or replace them by --overwrite."
        )


def kept_frames(section: DeviationSection) -> list[Path]:
    """Files of the frames that a run kept in its folder."""
    keeps = section.keep_above_eV_A is not None or section.keep_above_grade is not None
    return sorted(section.folder.glob("step_*.extxyz")) if keeps else []


def keep(
    folder: Path, state: State, engine: Engine, positions: np.ndarray, by_id: Callable, monitors: Sequence[Monitor]
) -> None:
    """Write the present frame into a folder, with the uncertainties of its atoms; replace a file of the same step.

    Args:
        positions: this rank's block in order of id. by_id: brings an array of owned atoms into such a block.
    """
    ranks = engine.ranks
    columns = {monitor.name: gather(ranks, by_id(monitor.of_atoms())) for monitor in monitors}
    places, species = gather(ranks, positions), gather(ranks, by_id(to_host(state.species[: state.n_owned])))

    def write() -> None:
        symbols = np.array(state.elements)[species]
        atoms = ase.Atoms(symbols, places, cell=state.cell, pbc=state.periodic, info={"step": state.step})
        for name, values in columns.items():
            atoms.set_array(name, values)
        folder.mkdir(exist_ok=True)
        structure_files.write(folder / f"step_{state.step:010d}.extxyz", atoms, overwrite=True)

    ranks.root_only(write, share=False)
