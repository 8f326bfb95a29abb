"""Checks of a data set's labels: each names the frames it doubts, and says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hpcpot.dataset import references
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.measures import residual_energies, shortest_distances
from hpcpot.storage.content import content_key
from hpcpot.units import EV_PER_A3_IN_GPA

SAME = 4
"""Decimals of Å to which two structures are the same."""
SAME_LABELS = {"energies": 1.0e-3, "virials": 1.0e-2, "forces": 1.0e-2}
"""eV, eV, eV/Å: how far labels of the same structure may differ."""
NET_FORCE = 1.0e-2
"""eV/Å to an atom: forces of a whole structure add up to zero."""
ASYMMETRY = 1.0e-2
"""Tolerance for the antisymmetric part of a virial, relative to its largest component; a potential's virial is symmetric."""
OUTLIER = 10.0
"""Times the usual scatter (1.4826 MAD) of the residual energy per atom within its group."""
LEAST_SCATTER = 0.01
"""eV/atom; groups that scatter less are held to this, so that a still crystal has no outliers."""
APART, APART_UNITS = 2.0, 1.0
"""eV/atom off a fit of one energy to each element: no condensed phase is so far off; doubted, held against units."""
ENERGY_UNITS = tuple(factor for unit in (27.2114, 13.6057, 23.0605, 96.4853, 1000.0) for factor in (unit, 1 / unit))
"""Hartree, Rydberg, kcal/mol, kJ/mol and meV against eV."""

ERRORS = (
    "missing labels",
    "contradictory duplicates",
    "mixed energies",
    "fractional positions",
    "scale of energies",
    "scale of forces",
    "scale of virials",
)
"""Doubts after which a potential must not be trained on the frames; the others are for the user to judge."""
DOUBTS = {
    "missing labels": "no energy, forces or virial: must have one; leave them out",
    "missing energies": "no energy, which other frames have",
    "missing forces": "no forces, which other frames have",
    "missing virials": "no virial, which other frames have",
    "duplicates": "the same structure and labels as an earlier frame",
    "contradictory duplicates": "the structure of an earlier frame with other labels: one of them is wrong",
    "rare element": "the only frames with {element}: is the order of the types right?",
    "mixed energies": "a group with energies of another unit than the others'",
    "mixed references": "a group with energies over {bound:g} eV/atom off the others': right for single atoms, gases",
    "shifted references": "energies {value:+.3f} +- {error:.3f} eV/atom off those of {other} at the same composition, "
    "beyond what their structures explain: other settings of the calculations?",
    "two references": "energies {value:+.3f} eV/atom off the others of {other} at the same composition, beyond what their "
    "structures explain, and none between: two settings of the calculations in one group?",
    "energy outliers": "an energy {bound:g} times the usual scatter off its group: not converged, or another unit",
    "large forces": "a force above {bound:g} eV/Å: atoms too close, or another unit",
    "zero forces": "all forces exactly zero: right in perfect crystals, else missing",
    "net force": "forces that add up to more than {bound:g} eV/Å to an atom: constraints, or other atoms",
    "skew virials": "a virial that is not symmetric",
    "large stresses": "a stress above {bound:g} GPa: kbar or GPa taken for eV/Å³, or squeezed cells",
    "short distances": "atoms closer than {bound:g} Å",
    "fractional positions": "positions between 0 and 1 that are too close: fractional coordinates taken for Å",
    "scale of energies": "energies are {slope:.4g} times what they must be{meaning}",
    "scale of forces": "forces are {slope:.4g} times what they must be{meaning}",
    "scale of virials": "virials are {slope:.4g} times what they must be{meaning}",
}
"""Name of a doubt -> its message."""


@dataclass(frozen=True)
class Bounds:
    """Limits beyond which a value is doubted.

    Attributes:
        force: eV/Å, of a component. stress: eV/Å³, of a component. distance: Å, between atoms.
    """

    force: float = 50.0
    stress: float = 100.0 / EV_PER_A3_IN_GPA
    distance: float = 1.0


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        name: of the doubt, a key of DOUBTS. rows: the frames. text: what is wrong with them.
    """

    name: str
    rows: np.ndarray
    text: str

    @property
    def is_error(self) -> bool:
        """True if no potential must be trained on these frames."""
        return self.name in ERRORS


def doubt(name: str, rows: np.ndarray | list[int], **values: float | str) -> list[Finding]:
    """Return a finding, or none if there are no rows.

    Args:
        values: what the text of DOUBTS leaves open.
    """
    return [Finding(name, np.sort(np.array(rows, int)), DOUBTS[name].format(**values))] if len(rows) else []


def check(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Run all checks; an empty list if none has doubts."""
    return [finding for run_check in CHECKS for finding in run_check(dataset, bounds)]


def missing_labels(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Frames without any label, and frames that lack a label that others have."""
    lacks = {
        "energies": np.isnan(dataset.energies),
        "forces": np.logical_or.reduceat(np.isnan(dataset.forces).any(axis=1), dataset.first[:-1]),
        "virials": np.isnan(dataset.virials).any(axis=(1, 2)),
    }
    nothing = np.all(list(lacks.values()), axis=0)
    findings = doubt("missing labels", np.flatnonzero(nothing))
    for name, lack in lacks.items():
        if not lack.all():
            findings += doubt(f"missing {name}", np.flatnonzero(lack & ~nothing))
    return findings


def duplicates(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Frames with the positions (to 1e-4 Å), elements and cell of an earlier one; an error where labels differ."""
    seen: dict[str, int] = {}
    same, contradictory = [], []
    for k in range(len(dataset)):
        atoms = slice(dataset.first[k], dataset.first[k + 1])
        rounded = np.round(dataset.positions[atoms], SAME), np.round(dataset.cells[k], SAME)
        first = seen.setdefault(content_key(*rounded, dataset.species[atoms], dataset.periodic[k]), k)
        if first != k:
            (same if agree(dataset, first, k) else contradictory).append(k)
    return doubt("duplicates", same) + doubt("contradictory duplicates", contradictory)


def large_forces(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Forces beyond the bound, forces that are all zero, and forces that do not add up to zero."""
    largest = np.maximum.reduceat(np.abs(dataset.forces).max(axis=1), dataset.first[:-1])
    sums = np.linalg.norm(np.add.reduceat(dataset.forces, dataset.first[:-1]), axis=1)
    return (
        doubt("large forces", np.flatnonzero(largest > bounds.force), bound=bounds.force)
        + doubt("zero forces", np.flatnonzero((largest == 0) & (dataset.sizes > 2)))
        + doubt("net force", np.flatnonzero(sums > NET_FORCE * dataset.sizes), bound=NET_FORCE)
    )


def virials(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Virials that are not symmetric, and stresses beyond the bound."""
    size = np.abs(dataset.virials).max(axis=(1, 2))
    skew = np.abs(dataset.virials - dataset.virials.transpose(0, 2, 1)).max(axis=(1, 2))
    stress = np.abs(dataset.stresses).max(axis=(1, 2))
    return doubt("skew virials", np.flatnonzero(skew > ASYMMETRY * size + 1e-6)) + doubt(
        "large stresses", np.flatnonzero(stress > bounds.stress), bound=bounds.stress * EV_PER_A3_IN_GPA
    )


def short_distances(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Atoms closer than the bound."""
    rows = np.flatnonzero(shortest_distances(dataset) < bounds.distance)
    return doubt("short distances", rows, bound=bounds.distance)


def fractional_positions(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Frames with positions from 0 to 1 whose atoms are too close, but not if these were fractional coordinates."""
    inside = ((dataset.positions >= -1e-6) & (dataset.positions <= 1 + 1e-6)).all(axis=1)
    rows = np.flatnonzero(np.logical_and.reduceat(inside, dataset.first[:-1]) & (dataset.sizes > 1))
    part = dataset.select(rows)
    turned = np.einsum("nk,nkc->nc", part.positions, part.cells[part.frame_of])
    close = shortest_distances(part) < bounds.distance
    apart = shortest_distances(replace(part, positions=turned)) >= bounds.distance
    return doubt("fractional positions", rows[close & apart])


def outlying_energies(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Energies per atom that differ from those of their group after a fit of one energy to each element."""
    known = np.flatnonzero(np.isfinite(dataset.energies))
    residuals = residual_energies(dataset)
    rows = []
    for group in np.unique(dataset.groups[known]):
        members = known[dataset.groups[known] == group]
        deviations = np.abs(residuals[members] - np.median(residuals[members]))
        rows += list(members[deviations > OUTLIER * max(1.4826 * np.median(deviations), LEAST_SCATTER)])
    return doubt("energy outliers", rows, bound=OUTLIER)


def mixed_references(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Groups whose energies per atom are eV off those of the others: other units, or other energies of the atoms."""
    known = np.flatnonzero(np.isfinite(dataset.energies))
    residuals, values = residual_energies(dataset)[known], (dataset.energies / dataset.sizes)[known]
    units, references = [], []
    for group in np.unique(dataset.groups[known]):
        members = dataset.groups[known] == group
        offset, usual = np.median(residuals[members]), np.median(values[members] - residuals[members])
        ratio = (usual + offset) / usual if usual else 1.0
        if abs(offset) > APART_UNITS and any(abs(ratio / factor - 1) < 0.1 for factor in ENERGY_UNITS):
            units += list(known[members])
        elif abs(offset) > APART:
            references += list(known[members])
    return doubt("mixed energies", units) + doubt("mixed references", references, bound=APART)


def shifted_references(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Groups, files in them, or frames of one, whose energies differ by a constant from others of the same composition."""
    fit, worst = references.explained(dataset), {}
    for shift in references.shifts(dataset, fit) if fit else ():
        known = worst.get(shift.name)
        if shift.is_significant and (known is None or abs(shift.value) / shift.error > abs(known.value) / known.error):
            worst[shift.name] = shift
    return [
        finding
        for shift in worst.values()
        for finding in doubt("shifted references", shift.rows, value=shift.value, error=shift.error, other=shift.other)
    ] + [
        finding
        for shift in (references.mixtures(dataset, fit) if fit else ())
        for finding in doubt("two references", shift.rows, value=shift.value, other=shift.other)
    ]


def rare_elements(dataset: DataSet, bounds: Bounds) -> list[Finding]:
    """Elements of very few frames: a slip in a list of types, or too little to train on."""
    counts, findings = dataset.counts > 0, []
    for t, element in enumerate(dataset.elements):
        rows = np.flatnonzero(counts[:, t])
        if len(rows) < max(2, 0.01 * len(dataset)) and len(dataset) > 2:
            findings += doubt("rare element", rows, element=element)
    return findings


CHECKS: tuple[Callable[[DataSet, Bounds], list[Finding]], ...] = (
    missing_labels,
    duplicates,
    rare_elements,
    mixed_references,
    shifted_references,
    outlying_energies,
    large_forces,
    virials,
    short_distances,
    fractional_positions,
)


def agree(dataset: DataSet, a: int, b: int) -> bool:
    """Test whether the labels that two frames of the same structure both have are the same to SAME_LABELS."""
    for name, tolerance in SAME_LABELS.items():
        values = getattr(dataset, name)
        first, second = (
            values[dataset.first[k] : dataset.first[k + 1]] if name == "forces" else values[k] for k in (a, b)
        )
        if (np.abs(first - second) > tolerance).any():
            return False
    return True
