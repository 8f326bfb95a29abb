"""Can the labels of a data set be trusted? Each check names the frames that it doubts, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.predict import chunks, neighborhoods
from hpcpot.storage.content import content_key
from hpcpot.units import EV_PER_A3_IN_GPA

SEARCHED = 4.0
"""Å; how far the shortest distance of a frame is looked for."""
SAME = 4
"""Decimals of Å to which two structures are the same."""
NET_FORCE = 1.0e-2
"""eV/Å to an atom: forces of a whole structure add up to zero."""
ASYMMETRY = 1.0e-2
"""Of a virial's largest component; a potential's is symmetric."""
OUTLIER = 10.0
"""Times the usual scatter (1.4826 MAD) of the residual energy per atom within its group."""
LEAST_SCATTER = 0.01
"""eV/atom; groups that scatter less are held to this, so that a still crystal has no outliers."""
APART, APART_UNITS = 2.0, 1.0
"""eV/atom off a fit of one energy to each element: no condensed phase is so far off; doubted, and held against units."""
ENERGY_UNITS = tuple(factor for unit in (27.2114, 13.6057, 23.0605, 96.4853, 1000.0) for factor in (unit, 1 / unit))
"""Hartree, Rydberg, kcal/mol, kJ/mol and meV against eV."""

REPEATED, LEAST_DEVIATION = 30, 1.0e-3
"""Fits of the energies of elements; eV/atom, smaller deviations weigh no more."""


@dataclass(frozen=True)
class Bounds:
    """What is too much.

    Attributes:
        force: eV/Å, of a component. stress: eV/Å³, of a component. distance: Å, between atoms.
    """

    force: float = 50.0
    stress: float = 100.0 / EV_PER_A3_IN_GPA
    distance: float = 1.0


@dataclass(frozen=True)
class Finding:
    """What one check has found.

    Attributes:
        name: of the check. rows: the frames that are doubted. text: what is wrong with them, and what to do.
        is_error: whether a potential must not be trained on this; else it is for the user to judge.
    """

    name: str
    rows: np.ndarray
    text: str
    is_error: bool


def check(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """All doubts; none is an empty list. See the functions of CHECKS."""
    return [finding for one in CHECKS for finding in one(dataset, bounds)]


def missing_labels(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Frames without any label are errors; frames that lack a label that others have are named."""
    lacks = {
        "energies": np.isnan(dataset.energies),
        "forces": _any_atom(dataset, np.isnan(dataset.forces).any(axis=1)),
        "virials": np.isnan(dataset.virials).any(axis=(1, 2)),
    }
    nothing = np.flatnonzero(np.all(list(lacks.values()), axis=0))
    found = [Finding("missing labels", nothing, "no energy, forces or virial: must have one; leave them out", True)]
    for name, lack in lacks.items():
        rows = np.setdiff1d(np.flatnonzero(lack), nothing)
        if len(rows) < len(dataset) - len(nothing):
            found.append(Finding(f"missing {name}", rows, f"no {name}, which other frames have", False))
    return _told(found)


def duplicates(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Frames with the positions (to 1e-4 Å), elements and cell of an earlier one; an error where labels differ."""
    seen: dict[str, int] = {}
    same, contradictory = [], []
    for k in range(len(dataset)):
        mine = slice(dataset.first[k], dataset.first[k + 1])
        key = content_key(
            np.round(dataset.positions[mine], SAME), dataset.species[mine], np.round(dataset.cells[k], SAME),
            dataset.periodic[k],
        )  # fmt: skip
        first = seen.setdefault(key, k)
        if first != k:
            (same if _agree(dataset, first, k) else contradictory).append(k)
    return _told([
        Finding("duplicates", np.array(same, int), "the same structure and labels as an earlier frame", False),
        Finding("contradictory duplicates", np.array(contradictory, int),
                "the structure of an earlier frame with other labels: one of them is wrong", True),
    ])  # fmt: skip


def large_forces(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Forces beyond the bound, forces that are all zero, and forces that do not add up to zero."""
    largest = np.maximum.reduceat(np.abs(dataset.forces).max(axis=1), dataset.first[:-1])
    known = np.isfinite(largest)
    net = np.stack([np.bincount(dataset.frame_of, dataset.forces[:, c], len(dataset)) for c in range(3)], axis=1)
    at_rest = known & (largest == 0) & (dataset.sizes > 2)
    return _told([
        Finding("large forces", np.flatnonzero(known & (largest > bounds.force)),
                f"a force above {bounds.force:g} eV/Å: atoms too close, or another unit", False),
        Finding("zero forces", np.flatnonzero(at_rest), "all forces exactly zero: right in perfect crystals, else missing",
                False),
        Finding("net force", np.flatnonzero(known & (np.linalg.norm(net, axis=1) > NET_FORCE * dataset.sizes)),
                f"forces that add up to more than {NET_FORCE:g} eV/Å to an atom: constraints, or forces of other atoms", False),
    ])  # fmt: skip


def virials(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Virials that are not symmetric, and stresses beyond the bound."""
    size = np.abs(dataset.virials).max(axis=(1, 2))
    skew = np.abs(dataset.virials - dataset.virials.transpose(0, 2, 1)).max(axis=(1, 2))
    stress = np.abs(dataset.stresses).max(axis=(1, 2))
    with np.errstate(invalid="ignore"):
        return _told([
            Finding("skew virials", np.flatnonzero(skew > ASYMMETRY * size + 1e-6), "a virial that is not symmetric", False),
            Finding("large stresses", np.flatnonzero(stress > bounds.stress),
                    f"a stress above {bounds.stress * EV_PER_A3_IN_GPA:g} GPa: kbar or GPa taken for eV/Å³, or squeezed cells",
                    False),
        ])  # fmt: skip


def short_distances(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Atoms closer than the bound."""
    rows = np.flatnonzero(shortest_distances(dataset) < bounds.distance)
    return _told([Finding("short distances", rows, f"atoms closer than {bounds.distance:g} Å", False)])


def fractional_positions(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Frames whose atoms are too close and all within 1 Å of the origin, but would be apart in fractional coordinates."""
    inside = ((dataset.positions >= -1e-6) & (dataset.positions <= 1 + 1e-6)).all(axis=1)
    rows = np.flatnonzero(np.logical_and.reduceat(inside, dataset.first[:-1]) & (dataset.sizes > 1))
    part = dataset.select(rows)
    if not len(part):
        return []
    turned = np.einsum("nk,nkc->nc", part.positions, part.cells[part.frame_of])
    close = shortest_distances(part) < bounds.distance
    apart = shortest_distances(replace(part, positions=turned)) >= bounds.distance
    text = "positions between 0 and 1 that are too close: fractional coordinates taken for Å"
    return _told([Finding("fractional positions", rows[close & apart], text, True)])


def outlying_energies(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Energies per atom that differ from those of their group after a fit of one energy to each element."""
    known = np.flatnonzero(np.isfinite(dataset.energies))
    rest = residual_energies(dataset)
    rows = []
    for group in np.unique(dataset.groups[known]):
        mine = known[dataset.groups[known] == group]
        away = np.abs(rest[mine] - np.median(rest[mine]))
        rows += list(mine[away > OUTLIER * max(1.4826 * np.median(away), LEAST_SCATTER)])
    text = f"an energy per atom more than {OUTLIER:g} times the usual scatter away from its group: not converged, or another unit"
    return _told([Finding("energy outliers", np.sort(np.array(rows, int)), text, False)])


def mixed_references(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Groups whose energies per atom are eV off those of the others: other units, or other energies of the atoms."""
    known = np.flatnonzero(np.isfinite(dataset.energies))
    rest, values = residual_energies(dataset)[known], (dataset.energies / dataset.sizes)[known]
    units, references = [], []
    for group in np.unique(dataset.groups[known]):
        mine = dataset.groups[known] == group
        off, usual = np.median(rest[mine]), np.median(values[mine] - rest[mine])
        ratio = (usual + off) / usual if usual else 1.0
        if abs(off) > APART_UNITS and any(abs(ratio / factor - 1) < 0.1 for factor in ENERGY_UNITS):
            units += list(known[mine])
        elif abs(off) > APART:
            references += list(known[mine])
    return _told([
        Finding("mixed energies", np.sort(np.array(units, int)), "a group with energies of another unit than the others'", True),
        Finding("mixed references", np.sort(np.array(references, int)),
                f"a group with energies more than {APART:g} eV/atom off the others': right for single atoms and gases", False),
    ])  # fmt: skip


def rare_elements(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Elements of very few frames: a slip in a list of types, or too little to train on."""
    counts = dataset.counts > 0
    found = []
    for t, element in enumerate(dataset.elements):
        rows = np.flatnonzero(counts[:, t])
        if 0 < len(rows) < max(2, 0.01 * len(dataset)) and len(dataset) > 2:
            text = f"the only frames with {element}: is the order of the types right?"
            found.append(Finding("rare element", rows, text, False))
    return found


CHECKS: tuple[Callable[[DataSet, Bounds], list[Finding]], ...] = (
    missing_labels, duplicates, rare_elements, mixed_references, outlying_energies, large_forces, virials, short_distances,
    fractional_positions,
)  # fmt: skip

NAMES = (
    "missing labels", "missing energies", "missing forces", "missing virials", "duplicates", "contradictory duplicates",
    "rare element", "mixed energies", "mixed references", "energy outliers", "large forces", "zero forces", "net force", "skew virials",
    "large stresses", "short distances", "fractional positions", "scale of energies", "scale of forces", "scale of virials",
)  # fmt: skip
"""Of all findings."""


def residual_energies(dataset: DataSet) -> np.ndarray:
    """(n,) eV/atom: energies less one energy for each element, fitted to all frames by least absolute deviations.

    That is least squares with weights 1 / |deviation|, repeated; frames of another unit do not move it as they would
    move a mean.
    """
    rest = np.full(len(dataset), np.nan)
    known = np.isfinite(dataset.energies)
    if not known.any():
        return rest
    shares = dataset.counts[known] / dataset.sizes[known, None]
    values = dataset.energies[known] / dataset.sizes[known]
    weights = np.ones(len(values))
    for _ in range(REPEATED):
        fit = np.linalg.lstsq(shares * weights[:, None], values * weights, rcond=None)[0]
        weights = 1.0 / np.sqrt(np.maximum(np.abs(values - shares @ fit), LEAST_DEVIATION))
    rest[known] = values - shares @ fit
    return rest


def shortest_distances(dataset: DataSet) -> np.ndarray:
    """(n,) float64, Å, between any two atoms or images of each frame; inf beyond SEARCHED."""
    found = [np.zeros(0)]
    for rows in chunks(dataset.sizes, 20_000):
        part = dataset.select(rows)
        joined = neighborhoods(part, SEARCHED)
        found.append(joined.closest(joined.pairs(part.positions, part.cells)))
    return np.concatenate(found)


def _told(findings: list[Finding]) -> list[Finding]:
    return [one for one in findings if len(one.rows)]


def _agree(dataset: DataSet, a: int, b: int) -> bool:
    """Whether two frames of the same structure have the same labels, where both have them."""
    near = {"energies": 1e-3, "virials": 1e-2}
    atoms = [slice(dataset.first[k], dataset.first[k + 1]) for k in (a, b)]
    differences = [np.abs(getattr(dataset, name)[a] - getattr(dataset, name)[b]) / size for name, size in near.items()]
    differences.append(np.abs(dataset.forces[atoms[0]] - dataset.forces[atoms[1]]) / 1e-2)
    return not any((one > 1).any() for one in differences)


def _any_atom(dataset: DataSet, marks: np.ndarray) -> np.ndarray:
    return np.logical_or.reduceat(marks, dataset.first[:-1])
