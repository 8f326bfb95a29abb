"""What the compositions of a `random` section ask for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from hpcpot.errors import ConfigError, StructureError
from hpcpot.structure.random import ORDERS, seed_file, volumes
from hpcpot.structure.random.cells import RandomCells, check, generate
from hpcpot.structure.random.separations import of_structure
from hpcpot.structure.random.settings import EVERY, RandomSection, parse_formula
from hpcpot.structure.random.shape import cell_of


def random_cells(random: RandomSection) -> list[RandomCells]:
    """What each composition of the section, or its seed file, asks for; checked.

    Raises:
        ConfigError: volumes that cannot hold the atoms at their distances, or no group for the atoms.
        StructureError: the seed file is none.
        DependencyError: spglib is not installed.
    """
    if random.seed_file is not None:
        return [_checked(str(random.seed_file), seed_file.read(random.seed_file, random.distances_of))]
    return [
        _checked("random.compositions", _cells_of(name, units, random)) for name, units in random.compositions.items()
    ]


def _checked(where: str, cells: RandomCells) -> RandomCells:
    try:
        check(cells)
    except StructureError as error:
        raise ConfigError(f"{where}: {error}") from error
    return cells


def _cells_of(name: str, units: list[int], random: RandomSection) -> RandomCells:
    formula = parse_formula(name)
    if unknown := sorted(formula.keys() - atomic_numbers.keys()):
        raise ConfigError(f"random.compositions = {name}: {unknown[0]} must be an element; correct it.")
    least = random.minimum_distance_A
    distance = tuple(least.get(EVERY, [0.0, 0.0]))
    pairs = {tuple(pair.split("-")): tuple(ends) for pair, ends in least.items() if pair != EVERY}
    if random.distances_of is not None:
        pairs = of_structure(random.distances_of, formula)
    unit_volume, cell_volume = None, None
    if random.volume_A3 == "packing":
        unit_volume = volumes.by_packing(formula, distance, pairs, random.packing_fraction)
    elif isinstance(random.volume_A3, float):
        cell_volume = random.volume_A3
    elif random.volume_A3 == "cell":
        cell_volume = float(np.linalg.det(cell_of(random.cell[:3], np.cos(np.radians(random.cell[3:])))))
    else:
        atoms = volumes.of_alloys() if random.volume_A3 == "alloys" else random.volume_A3
        unit_volume = sum(count * atoms[symbol] for symbol, count in formula.items())
    return RandomCells(
        formula,
        tuple(units),
        unit_volume=unit_volume,
        cell_volume=cell_volume,
        volume_ratio=tuple(random.volume_ratio),
        operations=tuple(order for order in random.operations if order in ORDERS),
        groups=None if random.groups is None else tuple(random.groups),
        distance=distance,
        distances=pairs,
        fewer_general=tuple(random.fewer_general),
        compactness=random.compactness,
        angle_compactness=random.angle_compactness,
        push_step=random.push_step,
        push_sweeps=random.push_sweeps,
        reduce=random.niggli,
        form=random.form,
        shape=None if random.cell is None else tuple(random.cell),
        thickness=random.thickness_A or 0.0,
        vacuum=random.vacuum_A if random.form != "crystal" else 0.0,
    )


@dataclass(frozen=True)
class RandomStart:
    """A structure that is made where it is needed, of a few numbers."""

    cells: RandomCells
    seed: int
    index: int

    def build(self) -> Atoms:
        """The structure; see `generate`."""
        return generate(self.cells, self.seed, self.index)
