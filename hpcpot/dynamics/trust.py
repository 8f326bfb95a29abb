"""What a run watches itself by: how far its potential may be trusted at each atom, as the atoms move.

A watch has a doubt for each atom: how far the forces of a committee's models are apart, or the extrapolation grade of
a moment tensor potential. The largest, least and mean are observables; where the largest is above one threshold the
frame is kept, to be labelled and learnt from, and above another the run ends.
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

Doubts = Callable[[State, Engine], np.ndarray]
"""The doubt at each owned atom, (n_owned,) float64; called by all ranks together."""


class Watch:
    """One doubt and its thresholds.

    Args:
        doubts: the doubt itself. name, unit: of it. head: of its column in the printed table.
        stop_above, keep_above: of the largest doubt, or None; stop_key: the config's name of the first.

    Attributes:
        column: key, head and format of what is printed.
        observables: names, units and shapes of what `measure` returns, over all atoms.
    """

    def __init__(
        self,
        doubts: Doubts,
        name: str,
        unit: str,
        head: str,
        stop_above: float | None,
        keep_above: float | None,
        stop_key: str,
    ):
        self._doubts, self.name = doubts, name
        self._stop_above, self._keep_above, self._stop_key = stop_above, keep_above, stop_key
        self.column = (f"max_{name}", head, ".4g")
        self.observables = {f"{which}_{name}": (unit, ()) for which in ("max", "min", "mean")}
        self._last = np.empty(0)

    def measure(self, state: State, engine: Engine) -> dict[str, float]:
        """Largest, least and mean doubt at the state's positions; the same on all ranks."""
        ranks, self._last = engine.ranks, self._doubts(state, engine)
        largest, least = ranks.max(np.array([self._last.max(initial=0.0), -self._last.min(initial=np.inf)]))
        total = ranks.sum(np.array([self._last.sum()]))[0]
        return dict(zip(self.observables, (largest, -least, total / state.n_atoms), strict=True))

    def keeps(self, seen: dict[str, float]) -> bool:
        """Whether the frame is to be kept."""
        return self._keep_above is not None and seen[f"max_{self.name}"] > self._keep_above

    def of_atoms(self) -> np.ndarray:
        """The doubts last measured, of the owned atoms."""
        return self._last

    def error(self, seen: dict[str, float], step: int) -> SimulationError | None:
        """What ends the run, where the largest doubt is above the threshold."""
        largest = seen[f"max_{self.name}"]
        if self._stop_above is None or largest <= self._stop_above:
            return None
        return SimulationError(
            f"max_{self.name} at step {step} = {largest:.4g}: must stay below {self._stop_key}, {self._stop_above:g}; "
            "the potential does not know this structure, which the checkpoint holds: label it and train on it."
        )


def watches(wanted: DeviationSection, potential: Any, others: Sequence[Any]) -> list[Watch]:
    """The watches that the section `deviation` of a config asks for.

    Args:
        potential: what moves the atoms. others: the potentials of deviation.files.
    Raises:
        ModelError: a model that does not fit.
    """
    found = []
    if others:
        found.append(
            Watch(
                committee(potential, others),
                "force_deviation",
                "eV Angstrom-1",
                "dev/(eV/A)",
                wanted.stop_above_eV_A,
                wanted.keep_above_eV_A,
                "deviation.stop_above_eV_A",
            )
        )
    if wanted.grade:
        found.append(
            Watch(
                grade(potential.family),
                "extrapolation_grade",
                "",
                "grade",
                wanted.stop_above_grade,
                wanted.keep_above_grade,
                "deviation.stop_above_grade",
            )
        )
    return found


def committee(first: Any, others: Sequence[Any]) -> Doubts:
    """Deviation of the forces of a committee, eV/Å: the first model moves the atoms, the others only look.

    Args:
        first: the potential that moves the atoms. others: with the same elements, and no longer cutoff.
    Raises:
        ModelError: a member that does not fit.
    """
    for k, one in enumerate(others):
        if tuple(one.elements) != tuple(first.elements) or one.cutoff > first.cutoff:
            raise ModelError(
                f"deviation.files = model {k} of {', '.join(one.elements)} with cutoff {one.cutoff:g} Å: the elements "
                f"of potential.file, {', '.join(first.elements)}, and a cutoff of at most {first.cutoff:g} Å are "
                "required."
            )

    def doubts(state: State, engine: Engine) -> np.ndarray:
        forces, error = [], None
        try:
            forces = [
                one.compute(state.positions, engine.pairs, state.species).forces for one in (engine.potential, *others)
            ]
        except HpcpotError as caught:  # raised below on all ranks, so that none waits for this one
            error = caught
        engine.ranks.agree(error)
        for one in forces:
            engine.domain.fold(one)
        return force_deviations(np.stack([to_host(one[: state.n_owned]) for one in forces]))

    return doubts


def grade(family: Any) -> Doubts:
    """Extrapolation grades by the potential that moves the atoms; on the host.

    Raises:
        ModelError: a model without an active set.
    """
    grader = registry.grader(family)
    if grader is None:
        raise ModelError(
            "extrapolation grade = needs an active set, which this model has not: a moment tensor potential by "
            "hpcpot train with moment_tensor.grade: true is required."
        )

    def doubts(state: State, engine: Engine) -> np.ndarray:
        pairs = Pairs(engine.pairs.first, engine.pairs.neighbors)
        return grader.grades(to_host(state.positions), pairs, to_host(state.species))

    return doubts


def check_folder(wanted: DeviationSection, overwrite: bool, restarted: bool) -> None:
    """Refuse, before the work, a folder for kept frames that cannot be, or has those of another run; on rank 0.

    Raises:
        OutputError: as said.
    """
    folder = wanted.folder
    if wanted.keep_above_eV_A is None and wanted.keep_above_grade is None:
        return
    writable = folder if folder.is_dir() else folder.absolute().parent
    if (folder.exists() and not folder.is_dir()) or not writable.is_dir() or not os.access(writable, os.W_OK):
        raise OutputError(
            f"deviation.folder = {folder}: must be a folder that is writable or can be made; change the path."
        )
    there = list(folder.glob("step_*.extxyz"))
    if there and not overwrite and not restarted:
        raise OutputError(
            f"deviation.folder = {folder}: has {plural(len(there), 'frame')} of an earlier run; move them, choose "
            "another folder, or replace them by --overwrite."
        )
    for path in there if overwrite else ():
        path.unlink()


def keep(
    folder: Path, state: State, engine: Engine, positions: np.ndarray, by_id: Callable, watches: Sequence[Watch]
) -> None:
    """Write the present frame into a folder, with the doubts of its atoms; a file of the same step is replaced.

    Args:
        positions: this rank's block in order of id. by_id: brings an array of owned atoms into such a block.
    """
    ranks = engine.ranks
    columns = {watch.name: gather(ranks, by_id(watch.of_atoms())) for watch in watches}
    places, species = gather(ranks, positions), gather(ranks, by_id(to_host(state.species[: state.n_owned])))

    def write() -> None:
        symbols = np.array(state.elements)[species]
        atoms = ase.Atoms(symbols, places, cell=state.cell, pbc=state.periodic, info={"step": state.step})
        for name, values in columns.items():
            atoms.set_array(name, values)
        folder.mkdir(exist_ok=True)
        structure_files.write(folder / f"step_{state.step:010d}.extxyz", atoms, overwrite=True)

    ranks.root_only(write, share=False)
