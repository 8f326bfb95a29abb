"""Signs and units of labels, by the work that forces and virials do: the energy must change by as much.

For two frames a, b of the same atoms a small way apart, x_b = x_a (1 + e) + w, and by Taylor to second order

    E_b - E_a = -1/2 (f_a + f_b) . w - 1/2 (W_a + W_b) : e

with the virial W = -dE/de. The slope of one side against the other is 1 if units and signs fit; -1, 0.0367, 27.2 or
160.2 tell what is wrong. Where the potential that made the labels is known, they are compared with its energies
under finite strains instead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hpcpot.dataset.checks import Finding, doubt
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.measures import residual_energies
from hpcpot.dataset.predict import predict
from hpcpot.potential.contract import Potential

MOVE, STRAIN = 0.3, 0.03
"""Å and relative; frames further apart are not compared."""
STILL = 1.0e-8
"""Strain that counts as none."""
FEWEST = 5
"""Samples."""
WORK, MODEL = "the energies, by the work between frames", "the potential"
TOLERANCE, CORRELATION = 0.2, 0.9
STEP = 1.0e-4
"""Size of finite strains."""
STRAINED = 8
"""Frames that are strained, evenly over the data set."""
FACTORS = {
    -1.0: "the opposite sign",
    0.0367493: "Hartree for eV",
    27.2114: "eV against Hartree",
    0.0734986: "Rydberg for eV",
    13.6057: "eV against Rydberg",
    51.4221: "eV/Å against Hartree/Bohr",
    0.0194469: "Hartree/Bohr for eV/Å",
    25.7110: "eV/Å against Rydberg/Bohr",
    0.0388938: "Rydberg/Bohr for eV/Å",
    23.0605: "kcal/mol for eV",
    0.0433641: "eV against kcal/mol",
    96.4853: "kJ/mol for eV",
    1000.0: "meV for eV",
    0.001: "eV against meV",
    160.2177: "GPa for eV/Å³",
    1602.1766: "kbar for eV/Å³",
    -1602.1766: "kbar, positive in compression, for eV/Å³",
    -160.2177: "GPa, positive in compression, for eV/Å³",
    0.5291772: "Bohr for Å",
    1.8897261: "Å against Bohr",
}
"""Slope -> likely mistake of unit or sign."""


@dataclass(frozen=True)
class Scale:
    """Comparison of one label with its expected value.

    Attributes:
        name: of the label. against: what it is compared with. slope: label over what it must be.
        correlation: of the two. samples: how many were compared. rows: the frames.
    """

    name: str
    against: str
    slope: float
    correlation: float
    samples: int
    rows: np.ndarray

    @property
    def is_right(self) -> bool:
        """True if sign and unit fit, or if the two do not correlate and nothing can be said."""
        return abs(self.slope - 1) <= TOLERANCE or abs(self.correlation) < CORRELATION


def by_work(dataset: DataSet) -> list[Scale]:
    """Forces and virials against energies, over frames that follow one another; empty where none are close enough."""
    steps = [step for k in range(len(dataset) - 1) if (step := _work(dataset, k)) is not None]
    if not steps:
        return []
    rows, change, force, virial, strain = (np.array(values) for values in zip(*steps, strict=True))
    still = strain < STILL
    scales = [_compare("forces", WORK, force[still], change[still], rows[still])]
    strained = ~still & np.isfinite(virial)
    scales.append(_compare("virials", WORK, virial[strained], (change - force)[strained], rows[strained]))
    return [scale for scale in scales if scale is not None]


def by_potential(dataset: DataSet, potential: Potential) -> list[Scale]:
    """Energies, forces and virials against the potential that made them; virials against its energies under strains."""
    predicted = predict(dataset, potential)
    known = np.isfinite(dataset.forces).all(axis=1)
    frames = np.unique(dataset.frame_of[known])
    scales = [
        _compare(
            "energies",
            MODEL,
            residual_energies(dataset),
            residual_energies(replace(dataset, energies=predicted.energies)),
            np.arange(len(dataset)),
        ),
        _compare("forces", MODEL, dataset.forces[known].ravel(), predicted.forces[known].ravel(), frames),
    ]
    rows = np.flatnonzero(np.isfinite(dataset.virials).all(axis=(1, 2)) & dataset.periodic.all(axis=1))
    if len(rows):
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, STRAINED).astype(int))]
        by_strain = strain_derivatives(dataset.select(rows), potential)
        scales.append(
            _compare("virials", "its energies under strain", dataset.virials[rows].ravel(), by_strain.ravel(), rows)
        )
    return [scale for scale in scales if scale is not None]


def strain_derivatives(dataset: DataSet, potential: Potential) -> np.ndarray:
    """-dE/de by central differences of the energy: (n, 3, 3) eV."""
    derivatives = np.empty((len(dataset), 3, 3))
    for a, b in np.ndindex(3, 3):
        energies = []
        for sign in (1, -1):
            matrix = np.eye(3)
            matrix[a, b] += sign * STEP
            strained = replace(dataset, positions=dataset.positions @ matrix, cells=dataset.cells @ matrix)
            energies.append(predict(strained, potential).energies)
        derivatives[:, a, b] = -(energies[0] - energies[1]) / (2 * STEP)
    return derivatives


def findings(scales: list[Scale]) -> list[Finding]:
    """Report the comparisons that show a wrong unit or sign."""
    wrong = [scale for scale in scales if not scale.is_right]
    return [
        finding
        for scale in wrong
        for finding in doubt(f"scale of {scale.name}", scale.rows, slope=scale.slope, meaning=_meaning(scale.slope))
    ]


def _work(dataset: DataSet, k: int) -> tuple[int, float, float, float, float] | None:
    """Row, change of energy, work of forces and of virials (eV), strain from frame k to k + 1; None if far apart."""
    a, b, c = dataset.first[k : k + 3]
    if b - a != c - b or not np.array_equal(dataset.species[a:b], dataset.species[b:c]):
        return None
    if not np.isfinite([dataset.energies[k], dataset.energies[k + 1], dataset.forces[a:c].sum()]).all():
        return None
    if dataset.groups[k] != dataset.groups[k + 1] or (dataset.periodic[k] != dataset.periodic[k + 1]).any():
        return None
    matrix = np.linalg.solve(dataset.cells[k], dataset.cells[k + 1])
    strain = np.abs(matrix - np.eye(3)).max()
    moves = dataset.positions[b:c] - dataset.positions[a:b] @ matrix
    turns = np.where(dataset.periodic[k], np.round(moves @ np.linalg.inv(dataset.cells[k + 1])), 0.0)
    moves -= turns @ dataset.cells[k + 1]
    if strain > STRAIN or np.abs(moves).max() > MOVE or (strain < STILL and np.abs(moves).max() == 0):
        return None
    force = -0.5 * float(((dataset.forces[a:b] + dataset.forces[b:c]) * moves).sum())
    virial = -0.5 * float(((dataset.virials[k] + dataset.virials[k + 1]) * (matrix - np.eye(3))).sum())
    return k, float(dataset.energies[k + 1] - dataset.energies[k]), force, virial, float(strain)


def _compare(name: str, against: str, labels: np.ndarray, right: np.ndarray, rows: np.ndarray) -> Scale | None:
    """None for too few samples or samples that are all the same."""
    known = np.isfinite(labels) & np.isfinite(right)
    labels, right = labels[known], right[known]
    if len(labels) < FEWEST or not right.any() or not labels.any():
        return None
    product = float(labels @ right)
    correlation = product / np.sqrt(float(labels @ labels) * float(right @ right))
    return Scale(name, against, product / float(right @ right), correlation, len(labels), rows)


def _meaning(slope: float) -> str:
    near = [words for factor, words in FACTORS.items() if abs(slope / factor - 1) < 0.1]
    return f", perhaps {near[0]}" if near else ""
