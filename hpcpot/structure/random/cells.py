"""Random cells: what is asked for, and the structure that a seed and an index give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
from ase import Atoms

from hpcpot.errors import StructureError
from hpcpot.structure.random import shape
from hpcpot.structure.random.groups import GRID, USE, SpaceGroup, groups_of_order, space_group
from hpcpot.structure.random.placing import place
from hpcpot.structure.random.sites import Filling
from hpcpot.structure.symmetry import load_spglib

VERSION = 1
"""Raised when a seed and an index give other structures, so that results of the former ones are not taken for theirs."""

ATTEMPTS, FEWEST, MANY = 1000, 20, 150
"""Cells that are tried for a structure, each with another group, shape and atoms; of more atoms than MANY fewer, since each
takes a time of their number squared, but never fewer than FEWEST."""

MOST_ATOMS = 2000
"""Atoms of a cell: all pairs of them are looked at in every sweep."""

FLATTEST = 30.0, 150.0
"""Degrees, between which the angles of a cell must be."""

PERIODIC = {"crystal": (True, True, True), "slab": (True, True, False), "cluster": (False, False, False)}
"""Form of a structure -> axes along which it is periodic."""

LARGER = 1.05 ** np.arange(1, 20)
"""Volumes that are tried, in parts of that asked for, to say which would do where no cell went."""


@dataclass(frozen=True)
class RandomCells:
    """Cells of one composition.

    Attributes:
        formula: atoms of each element in a formula unit.
        units: formula units in a cell; each number is as likely. per_operation: or for each of its operations.
        operations: numbers of symmetry operations; each is as likely where a group can hold the atoms.
        groups: numbers of space groups to take, instead of all that have so many operations.
        unit_volume: Å³, of a formula unit at a volume ratio of 1; None: that of the cell is `cell_volume`.
        volume_ratio: least and largest volume in parts of it, uniform.
        distances: (element, element), in alphabetical order -> least distance, Å, between two numbers; each structure
            draws one. Pairs that are not there have `distance`.
        fewer_general: least and most orbits on general positions, of each element, to give up for special ones.
        compactness, angle_compactness: see `shape.lattice`.
        push_step, push_sweeps: see `placing.place`.
        reduce: whether cells are Niggli-reduced; those of a form or shape of their own are not.
        form: crystal; slab, periodic along its plane only, atoms put within a thickness; or cluster, not periodic, atoms
            put within a sphere. The volume is then that of this layer or sphere.
        shape: a, b, c (Å), alpha, beta, gamma (degrees) of a crystal whose lattice is given but for its volume.
        thickness: Å, of a slab. vacuum: Å, of a slab or cluster, up to its image where it were periodic.
    """

    formula: Mapping[str, int]
    units: tuple[int, ...]
    per_operation: bool = False
    unit_volume: float | None = None
    cell_volume: float | None = None
    volume_ratio: tuple[float, float] = (0.8, 1.5)
    operations: tuple[int, ...] = (1, 2, 3, 4, 6)
    groups: tuple[int, ...] | None = None
    distance: tuple[float, float] = (0.0, 0.0)
    distances: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    fewer_general: tuple[int, int] = (0, 0)
    compactness: float = 0.4
    angle_compactness: float = 0.5
    push_step: float = 0.5
    push_sweeps: int = 100
    reduce: bool = True
    form: str = "crystal"
    shape: tuple[float, ...] | None = None
    thickness: float = 0.0
    vacuum: float = 0.0

    @property
    def name(self) -> str:
        """The formula, as Li15Si4."""
        return "".join(f"{element}{count if count > 1 else ''}" for element, count in self.formula.items())

    def volume(self, units: int) -> float:
        """Volume of a cell, Å³, at a ratio of 1."""
        return self.cell_volume if self.unit_volume is None else units * self.unit_volume


def generate(cells: RandomCells, seed: int, index: int) -> Atoms:
    """The structure of an index: a function of what is asked for, the seed and the index alone.

    Formula units, volume, distances and the number of operations are drawn once, so that volumes are uniform; then a
    group of that order, a cell, Wyckoff positions and points, again and again until all atoms keep their distances.

    Returns:
        atoms of a periodic cell, grouped by element, with seed, index, formula_units, operations, group and volume_ratio
        in `info`.
    Raises:
        StructureError: no group can hold the atoms, or none of the cells that are tried has room for them.
        DependencyError: spglib is not installed.
    """
    rng = np.random.default_rng([seed, index, *cells.name.encode()])
    elements = list(cells.formula)
    ratio = rng.uniform(*cells.volume_ratio)
    distances = _draw_distances(cells, elements, rng)
    units = cells.units[rng.integers(len(cells.units))]
    for order in rng.permutation(orders_of(cells)).tolist():
        numbers = _that_hold(cells, units, order)
        if numbers:
            break
    else:
        check(cells)  # says which
    units *= order if cells.per_operation else 1
    atoms = _try(cells, units, numbers, ratio, distances, rng)
    if atoms is None:
        tried = attempts_for(units * sum(cells.formula.values()))
        raise StructureError(
            f"volume of structure {index} of {cells.name}, {units} formula units and {order} operations = "
            f"{ratio * cells.volume(units):.4g} Å³, a ratio of {ratio:.3g}: no room for the atoms at their least distances "
            f"in {tried} cells; {_what_works(cells, units, numbers, ratio, distances, rng)}; raise the volume, or lower "
            "the distances."
        )
    atoms.info = {"seed": seed, "index": index} | atoms.info
    return atoms


def attempts_for(atoms: int) -> int:
    """Cells that are tried for a structure of so many atoms."""
    return int(np.clip(ATTEMPTS * MANY**2 // atoms**2, FEWEST, ATTEMPTS))


def orders_of(cells: RandomCells) -> tuple[int, ...]:
    """Numbers of operations that occur."""
    if cells.groups is None:
        return cells.operations
    return tuple(sorted({space_group(number).order for number in cells.groups}))


def groups_of(cells: RandomCells, order: int) -> tuple[int, ...]:
    """Groups with so many operations."""
    if cells.groups is None:
        return groups_of_order(order)
    return tuple(number for number in cells.groups if space_group(number).order == order)


def check(cells: RandomCells) -> None:
    """Refuse what no cell can be, whatever is drawn.

    Spheres of one diameter d take d³/sqrt(2) each at least, so atoms of one element, or all of them at the least of the
    distances, cannot have less.

    Raises:
        StructureError: too many atoms; volumes too small for the distances; groups that cannot hold the atoms.
    """
    most = max(cells.units) * (max(orders_of(cells)) if cells.per_operation else 1)
    if most * sum(cells.formula.values()) > MOST_ATOMS:
        raise StructureError(
            f"atoms of a cell of {most} {cells.name} = {most * sum(cells.formula.values())}: must be at most {MOST_ATOMS}; "
            "lower the formula units."
        )
    elements = list(cells.formula)
    lows = np.array([[_range_of(cells, a, b)[0] for b in elements] for a in elements])
    counts = np.array(list(cells.formula.values()))
    spheres = max(float((counts * lows.diagonal() ** 3).max()), float(counts.sum() * lows.min() ** 3)) / np.sqrt(2.0)
    for units in cells.units:
        volume = cells.volume(units) * cells.volume_ratio[0]
        if volume < units * spheres:
            raise StructureError(
                f"volume of {units} {cells.name} = {volume:.4g} Å³ at a volume ratio of {cells.volume_ratio[0]:g}: spheres "
                f"of the least distances take {units * spheres:.4g} Å³ even in the densest packing; give at least a ratio of "
                f"{1.4 * units * spheres / cells.volume(units):.3g}, at which random atoms can be pushed apart, or smaller "
                "distances."
            )
    for units in cells.units:
        if not any(_that_hold(cells, units, order) for order in orders_of(cells)):
            allowed = "groups" if cells.groups is not None else "numbers of operations"
            listed = ", ".join(map(str, cells.groups if cells.groups is not None else cells.operations))
            raise StructureError(
                f"{allowed} = {listed}: must have positions for the atoms of {units} {cells.name}; allow others (1 always "
                "goes), or another number of formula units."
            )


def _that_hold(cells: RandomCells, units: int, order: int) -> list[int]:
    """Groups with so many operations that have positions for the atoms."""
    total = units * (order if cells.per_operation else 1)
    counts = tuple(total * count for count in cells.formula.values())
    return [number for number in groups_of(cells, order) if filling(number, counts).is_possible]


def _range_of(cells: RandomCells, first: str, second: str) -> tuple[float, float]:
    """Least and most of the least distance of two elements, Å."""
    return cells.distances.get(tuple(sorted((first, second))), cells.distance)


@cache
def filling(number: int, counts: tuple[int, ...]) -> Filling:
    """Ways to fill a group with so many atoms of each element."""
    return Filling(space_group(number).sites, counts)


def _draw_distances(cells: RandomCells, elements: list[str], rng: np.random.Generator) -> np.ndarray:
    """(elements, elements) float64, Å."""
    distances = np.zeros((len(elements), len(elements)))
    for i, first in enumerate(elements):
        for j, second in enumerate(elements[: i + 1]):
            distances[i, j] = distances[j, i] = rng.uniform(*_range_of(cells, first, second))
    return distances


def _try(
    cells: RandomCells, units: int, numbers: list[int], ratio: float, distances: np.ndarray, rng: np.random.Generator
) -> Atoms | None:
    """A cell of one of some groups with room for its atoms, or none after as many as are tried."""
    counts = tuple(units * count for count in cells.formula.values())
    volume = ratio * cells.volume(units)
    for _ in range(attempts_for(sum(counts))):
        number = numbers[rng.integers(len(numbers))]
        group = space_group(number)
        cell = _lattice(cells, group, volume, rng)
        reduced = niggli(cell) if cells.form == "crystal" else cell
        if reduced is None:
            continue
        # The first vector of a reduced cell is the shortest of the lattice: an atom's distance from its nearest image.
        if cells.form != "cluster" and not reduced[0] @ reduced[0] >= distances.diagonal().max() ** 2:
            continue
        fewer = int(rng.integers(cells.fewer_general[0], cells.fewer_general[1] + 1))
        orbits = filling(number, counts).draw(rng, fewer)
        inside = partial(_inside, cells, volume, reduced, rng)
        change = reduced @ np.linalg.inv(cell)
        fractions, species, fits = _fill(cells, group, change, reduced, orbits, distances, inside)
        if not fits:
            continue
        kept = reduced
        if not cells.reduce or cells.shape is not None:
            fractions, kept = fractions @ np.rint(reduced @ np.linalg.inv(cell)), cell
        grouped = np.argsort(species, kind="stable")
        standard = np.linalg.cholesky(kept @ kept.T)
        atoms = Atoms(
            np.array(list(cells.formula))[species[grouped]],
            scaled_positions=fractions[grouped] % 1.0,
            cell=standard,
            pbc=PERIODIC[cells.form],
        )
        if not all(FLATTEST[0] < angle < FLATTEST[1] for angle in atoms.cell.angles()):
            continue
        atoms.info = {"formula_units": units, "operations": group.order, "group": number, "volume_ratio": ratio}
        return atoms
    return None


def _lattice(cells: RandomCells, group: SpaceGroup, volume: float, rng: np.random.Generator) -> np.ndarray:
    """Vectors of a cell: (3, 3) float64, Å, rows; of a volume, or around a slab or cluster of that volume."""
    if cells.form == "cluster":
        return np.eye(3) * (2.0 * radius_of(volume) + cells.vacuum)
    if cells.form == "slab":
        plane = shape.plane(rng, volume / cells.thickness, cells.compactness, cells.angle_compactness)
        return np.vstack([plane, [0.0, 0.0, cells.thickness + cells.vacuum]])
    if cells.shape is not None:
        cell = shape.cell_of(cells.shape[:3], np.cos(np.radians(cells.shape[3:])))
    else:
        cell = group.primitive @ shape.lattice(rng, group.system, cells.compactness, cells.angle_compactness)
    return cell * np.cbrt(volume / np.linalg.det(cell))


def radius_of(volume: float) -> float:
    """Radius of a sphere."""
    return float(np.cbrt(0.75 * volume / np.pi))


def _inside(cells: RandomCells, volume: float, cell: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    """Random points (count, 3) in fractions of a cell: all of it, or the layer or sphere in its middle."""
    points = rng.random((count, 3))
    if cells.form == "slab":
        points[:, 2] = 0.5 + (points[:, 2] - 0.5) * cells.thickness / cell[2, 2]
    if cells.form == "cluster":
        directions = rng.normal(size=(count, 3))
        directions /= np.linalg.norm(directions, axis=1)[:, None]
        points = 0.5 + directions * radius_of(volume) * np.cbrt(points[:, :1]) / cell[0, 0]
    return points


def _what_works(
    cells: RandomCells, units: int, numbers: list[int], ratio: float, distances: np.ndarray, rng: np.random.Generator
) -> str:
    """Say the least volume ratio at which there is room."""
    for larger in ratio * LARGER:
        if _try(cells, units, numbers, larger, distances, rng) is not None:
            return f"{larger:.3g} is the least that is large enough"
    return f"neither is there up to {larger:.3g}"


def _fill(
    cells: RandomCells,
    group: SpaceGroup,
    change: np.ndarray,
    reduced: np.ndarray,
    orbits: list[tuple[int, int]],
    distances: np.ndarray,
    inside: Callable[[int], np.ndarray],
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Atoms at random points of the sites of a group, pushed apart.

    Args:
        inside: makes so many random points, (n, 3) fractions.
        change: (3, 3), M of reduced = M primitive. reduced: (3, 3) float64, Å, rows. orbits: (species, site) of each.
    Returns:
        fractions (n, 3) in the reduced cell, species (n,), whether all keep their distances.
    """
    change = np.rint(change)
    into = np.linalg.inv(change.T)  # of fractional coordinates
    sites = [group.sites[k] for _, k in orbits]
    sizes = [site.multiplicity for site in sites]
    species = np.repeat([species for species, _ in orbits], sizes)
    projections = np.array([site.projection for site in sites])
    points = np.einsum("oij,oj->oi", projections, inside(len(sites)))
    points += [site.offset for site in sites]
    # Half the root of a² + b² + c²: no atom is farther from the nearest image of another, however it is pushed.
    if np.triu(distances, 1).max() > 0.5 * np.linalg.norm(reduced):
        return np.zeros((len(species), 3)), species, False
    fractions, fits = place(
        reduced,
        into @ group.rotations @ change.T,
        (group.shifts / GRID) @ into.T,
        np.concatenate([site.images for site in sites]),
        np.repeat(np.arange(len(sites)), sizes),
        species,
        into @ projections @ change.T,
        points @ into.T,
        distances,
        cells.push_step,
        cells.push_sweeps,
    )
    return fractions, species, fits


def niggli(cell: np.ndarray) -> np.ndarray | None:
    """Niggli-reduced vectors of the same lattice, right-handed: (3, 3) float64, Å, rows; None where spglib finds none."""
    spglib = load_spglib(USE)
    try:
        reduced = spglib.niggli_reduce(cell)
    except spglib.SpglibError:
        return None
    if reduced is None:
        return None
    return reduced if np.linalg.det(reduced) > 0 else -reduced
