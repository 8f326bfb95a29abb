"""Checks of structures: what every one passes, whatever the way in, and what those pass that are simulated."""

from __future__ import annotations

import ase.units
import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from ase.geometry import complete_cell

from hpcpot.errors import StructureError
from hpcpot.structure import overlap
from hpcpot.structure.constraints import with_frozen
from hpcpot.structure.images import CLOSEST, refuse_many_images

FARTHEST = 1e10
"""Å: coordinates and lattice vectors stay below; beyond, a double does not tell where an atom is."""

FASTEST = ase.units._c * ase.units.m / ase.units.s
"""Å per unit of time of ASE: the speed of light."""

MASSES = (1e-6, 1e10)
"""amu: masses lie between; wide enough for reduced masses and heavy walls."""

MARGIN = 1.0
"""Å: how far a lattice vector that is made up reaches beyond the last atom."""


def refuse_unsound(atoms: Atoms, where: str = "") -> None:
    """Refuse atoms that no program can simulate; every structure passes here, from files and from Python.

    Args:
        where: the file or frame, for the message.
    Raises:
        StructureError: no atoms, no element, a value that is not finite or beyond all bounds, a cell without volume.
    """
    where = f"{where}: " if where else ""
    n = len(atoms)
    if n == 0:
        raise StructureError(f"{where}structure = 0 atoms: must have at least one; check which file or frame was read.")
    if not 1 <= atoms.numbers.min() <= atoms.numbers.max() < len(chemical_symbols):
        bad = int(np.flatnonzero((atoms.numbers < 1) | (atoms.numbers >= len(chemical_symbols)))[0])
        raise StructureError(
            f"{where}species of atom {bad} = number {atoms.numbers[bad]}: must be an element, 1 to "
            f"{len(chemical_symbols) - 1}; name the elements."
        )
    _refuse_beyond(where, "positions", atoms, atoms.positions, FARTHEST, "Å")
    if "masses" in atoms.arrays:
        _refuse_masses(where, atoms)
    if "momenta" in atoms.arrays:
        _refuse_beyond(where, "velocities", atoms, atoms.get_velocities(), FASTEST, "Å per time unit of ASE")
    _refuse_flat(where, atoms.cell.array, atoms.pbc)


def _refuse_beyond(where: str, name: str, atoms: Atoms, values: np.ndarray, limit: float, unit: str) -> None:
    """values: (n, 3) float64, each of which must lie between -limit and limit."""
    if np.abs(values).max() < limit:  # also false for nan
        return
    bad = np.flatnonzero(~(np.abs(values) < limit).all(axis=1))
    others = f", as those of {len(bad)} atoms are not" if len(bad) > 1 else ""
    raise StructureError(
        f"{where}{name} of atom {bad[0]} ({atoms.symbols[bad[0]]}) = {values[bad[0]].tolist()}: must be finite and below "
        f"{limit:.3g} {unit}{others}; check what wrote the structure."
    )


def _refuse_masses(where: str, atoms: Atoms) -> None:
    masses, (low, high) = atoms.arrays["masses"], MASSES
    if not low < masses.min() <= masses.max() < high:
        bad = int(np.flatnonzero(~((masses > low) & (masses < high)))[0])
        raise StructureError(
            f"{where}mass of atom {bad} ({atoms.symbols[bad]}) = {masses[bad]} amu: must be positive and finite, {low:g} to "
            f"{high:g}; correct it, or leave out the masses for those of the elements."
        )


def _refuse_flat(where: str, cell: np.ndarray, periodic: np.ndarray) -> None:
    """cell: (3, 3) float64, Å, rows; rows of non-periodic axes may be zero."""
    if not np.abs(cell).max() < FARTHEST:
        raise StructureError(
            f"{where}cell = {cell.tolist()}: must be finite and below {FARTHEST:.3g} Å; check what wrote the structure."
        )
    lengths = np.sqrt((cell * cell).sum(axis=1))
    given = lengths > 0
    for axis in np.flatnonzero(periodic & ~given):
        raise StructureError(
            f"{where}cell vector {'abc'[axis]} = 0 on a periodic axis: must have a length; give the cell, or make the "
            "axis non-periodic."
        )
    for axis in np.flatnonzero(periodic & (lengths < CLOSEST)):
        raise StructureError(
            f"{where}distance of an atom and its own image = {lengths[axis]:.3g} Å along cell vector {'abc'[axis]}: must "
            f"be at least {CLOSEST:g} Å; check the cell and its unit."
        )
    directions = cell[given] / lengths[given, None]
    if given.any() and np.linalg.svd(directions, compute_uv=False)[-1] < 1e-6:
        raise StructureError(
            f"{where}cell = {cell.tolist()}: must have a volume, and these vectors lie in one plane or line; correct the "
            "cell."
        )


def check(
    atoms: Atoms, elements: tuple[str, ...], minimum_distance: float = CLOSEST, reach: float | None = None
) -> Atoms:
    """A copy of atoms that can be simulated; every structure passes here before it reaches an engine.

    A lattice vector that is zero along a non-periodic axis is made up, perpendicular to the others and long enough for
    the atoms, so that a free cluster needs no cell; positions stay. Left-handed cells pass as they are: fractional
    coordinates and images do not know handedness, and a volume is the absolute value of the determinant.

    Args:
        elements: the species that the potential knows.
        minimum_distance: Å, between any two atoms or periodic images.
        reach: Å, of the potential, where an engine makes images up to there.
    Raises:
        StructureError: as `refuse_unsound` and `refuse_many_images`; an unknown species, an overlap, an atom that is held
            along some axes only.
    """
    refuse_unsound(atoms)
    symbols = atoms.get_chemical_symbols()
    refuse_unknown_species(symbols, elements)
    checked = with_frozen(atoms.copy())
    checked.cell[:] = whole_cell(atoms)
    if reach is not None:
        refuse_many_images(len(atoms), checked.cell.array, checked.pbc, reach)
    _refuse_far_images(checked)
    contact = overlap.closest(checked.positions, checked.cell[:], checked.pbc, minimum_distance)
    if contact is not None:
        names = [f"{i} ({symbols[i]})" for i in (contact.first, contact.second)]
        pair = f"atoms {names[0]} and {names[1]}" if contact.first != contact.second else "an atom and its own image"
        raise StructureError(
            f"distance of {pair} = {contact.distance:.3g} Å: must be at least {minimum_distance:g} Å; remove one of "
            "them, or check the cell and the unit of the positions."
        )
    return checked


def _refuse_far_images(atoms: Atoms) -> None:
    """Refuse periodic coordinates so many cells away that the count of cells does not fit into State.images."""
    cells = np.abs(atoms.positions @ np.linalg.inv(atoms.cell.array)) * atoms.pbc
    if not cells.max() < np.iinfo(np.int32).max:
        bad = int(cells.max(axis=1).argmax())
        raise StructureError(
            f"positions of atom {bad} ({atoms.symbols[bad]}) = {atoms.positions[bad].tolist()}: must be within "
            f"{np.iinfo(np.int32).max} cells of the origin along periodic axes; wrap the atoms into the cell."
        )


def refuse_unknown_species(symbols: list[str], elements: tuple[str, ...]) -> None:
    """Refuse elements that a potential does not know.

    Raises:
        StructureError: names the first such atom.
    """
    unknown = set(symbols) - set(elements)
    if unknown:
        first = next(i for i, symbol in enumerate(symbols) if symbol in unknown)
        raise StructureError(
            f"species of atom {first} = {symbols[first]}: the potential knows {', '.join(elements)}; take another "
            "potential or correct the structure."
        )


def whole_cell(atoms: Atoms) -> np.ndarray:
    """Cell with a volume: (3, 3) float64, Å, rows; made-up vectors in place of zero ones on non-periodic axes.

    Raises:
        StructureError: vectors that are not finite, too long, or lie in a plane or line.
    """
    cell = np.array(atoms.cell[:], float)
    _refuse_flat("", cell, atoms.pbc)
    whole = complete_cell(cell)
    for axis in np.flatnonzero(~cell.any(axis=1)):
        heights = atoms.positions @ whole[axis]
        whole[axis] *= max(heights.max(), np.ptp(heights)) + MARGIN
    return whole
