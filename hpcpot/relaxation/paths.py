"""Frames of relaxation paths as labelled structures: every few steps, and of these only those that differ.

The rule of Cheon et al. (2023): of paths that converged at most one of five steps, and a structure only if the matcher
tells it from the one taken before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from hpcpot.dataset.dataset import Labelled
from hpcpot.errors import DataError
from hpcpot.farm.results import Results
from hpcpot.relaxation.engine import CONVERGED
from hpcpot.structure.matching import MatchTolerances, StructureComparison

EVERY, SITE_TOLERANCE = 5, 0.05
"""Steps between frames, and the matcher's tolerance of sites, of the published rule."""

READ_ROWS = 200
"""Paths in memory at a time."""

COLUMNS = ("species", "periodic", "status", "path_positions", "path_cell", "path_energy", "path_forces", "path_stress")


def frames(
    results: Results,
    every: int = EVERY,
    site_tolerance: float = SITE_TOLERANCE,
    show: Callable[[int], None] = lambda paths: None,
) -> Iterator[Labelled]:
    """Labelled frames of the paths that converged, in the order of the rows.

    The source of a frame is the label of its path with the number of its step, LiSi:17:40; its group the label without
    the last number.

    Args:
        every: steps between frames that are looked at, the first of a path among them.
        site_tolerance: of pymatgen's StructureMatcher, by which a frame must differ from the one taken before; 0: all
            are taken.
        show: told how many paths are done.
    Raises:
        DataError: the results have no paths. DependencyError: pymatgen is not installed.
    """
    if lacking := [name for name in COLUMNS if name not in results.columns]:
        raise DataError(
            f"{results.path} = results without {lacking[0]}: relaxations with their paths are required; relax with "
            "output.keep_path: true."
        )
    comparison = StructureComparison(MatchTolerances(site=site_tolerance)) if site_tolerance else None
    labels = results.labels()
    for start in range(0, len(labels), READ_ROWS):
        rows = np.arange(start, min(start + READ_ROWS, len(labels)))
        columns = {name: results.read(name, rows) for name in COLUMNS}
        for k, row in enumerate(rows):
            if columns["status"][k] == CONVERGED:
                yield from _of_path(
                    labels[row], {name: column[k] for name, column in columns.items()}, every, comparison
                )
            show(row + 1)


def _of_path(label: str, row: dict, every: int, comparison: StructureComparison | None) -> Iterator[Labelled]:
    batch, colon, number = label.rpartition(":")
    group = batch if colon and number.isdigit() else label
    symbols, taken = [chemical_symbols[z] for z in row["species"]], None
    for step in range(0, len(row["path_energy"]), every):
        cell, positions = (np.asarray(row[f"path_{name}"][step], float) for name in ("cell", "positions"))
        if comparison is not None:
            reduced = comparison.reduced(Atoms(symbols, positions, cell=cell, pbc=row["periodic"]))
            if taken is not None and comparison.match(taken, reduced):
                continue
            taken = reduced
        volume = abs(np.linalg.det(cell))
        yield Labelled(
            symbols,
            positions,
            cell,
            row["periodic"],
            float(row["path_energy"][step]),
            np.asarray(row["path_forces"][step], float),
            -volume * np.asarray(row["path_stress"][step], float),
            group,
            f"{label}:{step}",
        )
