"""Removal of the sites of a region of a frame, on a worker."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from ase import Atoms
from ase.geometry import get_distances

from hpcpot.commands.onsite import frames
from hpcpot.commands.onsite.frames import FramePlace
from hpcpot.errors import HpcpotError, StructureError
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Column
from hpcpot.potential.contract import Potential
from hpcpot.potential.local_change import LocalChange
from hpcpot.potential.range import TrainedRange
from hpcpot.relaxation import engine, guards
from hpcpot.relaxation.engine import CONVERGED, RelaxationOptions
from hpcpot.structure import checks, constraints
from hpcpot.structure.images import with_images

COLUMNS = {
    "region": Column((), "str"),
    "frame": Column((), "int64"),
    "step": Column((), "int64"),
    "time": Column((), unit="ps"),
    "left": Column((), unit="Angstrom"),
    "right": Column((), unit="Angstrom"),
    "available": Column((), "int64"),
    "with_replacement": Column((), "bool"),
    "sites": Column((None,), "int64"),
    "places": Column((None,), unit="Angstrom"),
    "energies": Column((None,), unit="eV"),
    "relaxed_energies": Column((None,), unit="eV"),
}
"""Row of one region of one frame; energies are dE of each site, relaxed ones nan where not asked for."""


def compute(
    region: dict[str, Any],
    *,
    potential: PotentialRef,
    relaxed: str,
    radius: float,
    options: RelaxationOptions,
    outside: str = "warn",
) -> dict[str, Any]:
    """Remove each site of a frame, alone.

    Args:
        region: the columns of the row except energies; and `place` and `content` of the frame.
        relaxed: "none", "near" or "all", see `relaxed_removals`.
        outside: stop: a region fails where a relaxation ends outside what the potential was trained on.
    """
    frame = _frame(region["place"], region["content"], potential)
    sites = region["sites"]
    after = np.full(len(sites), np.nan)
    if relaxed != "none":
        within = radius if relaxed == "near" else np.inf
        after = relaxed_removals(frame, sites, within, options, potential.trained, outside == "stop")
    values = {name: region[name] for name in COLUMNS if name in region}
    return values | {"energies": frame.removals(sites), "relaxed_energies": after}


@lru_cache(maxsize=2)
def _frame(place: FramePlace, content: str, ref: PotentialRef) -> LocalChange:
    """A frame with its neighbours and energies, kept for its other regions."""
    potential = ref.load()
    atoms = checks.check(place.read(), potential.elements)
    if frames.content(atoms) != content:
        raise StructureError(
            f"{place.path}, frame {place.number} = another structure on this worker than where the command began: must be "
            "one file for all, which stays as it is during the run; give a path that all nodes share, and begin again."
        )
    return LocalChange(atoms, potential)


def relaxed_removals(
    frame: LocalChange,
    sites: np.ndarray,
    radius: float,
    options: RelaxationOptions,
    trained: TrainedRange | None = None,
    stop: bool = False,
) -> np.ndarray:
    """dE with the atoms within a radius of the site relaxed at fixed cell, before the removal and after it, (k,) eV.

    Args:
        radius: Å; inf for all atoms. trained: range of the potential. stop: whether leaving it is an error.
    Returns:
        nan where one of the two does not converge, or ends outside the range.
    Raises:
        OutsideRange: as said.
    """
    before, after = [], []
    for site in sites:
        atoms, centre = _surroundings(frame.atoms, int(site), radius, frame.potential)
        before.append(atoms)
        after.append(atoms[[k for k in range(len(atoms)) if k != centre]])
    if radius == np.inf:
        before = before[:1]
    energies = np.full(len(before) + len(after), np.nan)
    for number, outcome in engine.relax(before + after, frame.potential, options, room=4096, trained=trained):
        if isinstance(outcome, HpcpotError):
            continue
        if outcome.outside and stop:
            raise guards.OutsideRange(guards.outside_range(outcome.outside))
        if outcome.status == CONVERGED:
            energies[number] = outcome.final.energy
    return energies[: len(before)] - energies[len(before) :]


def _surroundings(atoms: Atoms, site: int, radius: float, potential: Potential) -> tuple[Atoms, int]:
    """The frame with the atoms beyond a radius frozen, too, or the part of it that matters; and the site's number there.

    Atoms beyond radius + 2 cutoffs do not matter, where no image of a moving atom is among the others.
    """
    frozen, within = constraints.frozen(atoms), radius + 2.0 * potential.cutoff
    heights = 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    if heights[atoms.pbc].min(initial=np.inf) > 2.0 * (radius + potential.cutoff):
        points, owners = with_images(atoms.positions, atoms.cell.array, atoms.pbc, within)
        distances = np.linalg.norm(points - points[site], axis=1)
        near = distances <= within
        part = Atoms(atoms.numbers[owners[near]], points[near])
        constraints.freeze(part, np.flatnonzero((distances[near] > radius) | frozen[owners[near]]))
        return part, int(np.count_nonzero(near[:site]))
    whole = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    if np.isfinite(radius):
        distances = get_distances(atoms.positions[site], atoms.positions, cell=atoms.cell, pbc=atoms.pbc)[1][0]
        frozen = frozen | (distances > radius)
    constraints.freeze(whole, np.flatnonzero(frozen))
    return whole, site
