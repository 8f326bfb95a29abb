"""Space groups of structures, by spglib."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from ase import Atoms

from hpcpot.errors import DependencyError


def load_spglib(where: str) -> ModuleType:
    """The package spglib. Args: where: what needs it, for the message.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        import spglib
    except ImportError as error:
        raise DependencyError(
            f"{where} = spglib is not installed: it has the space groups; pip install spglib."
        ) from error
    return spglib


def space_group_of(atoms: Atoms, tolerance: float) -> tuple[str, int]:
    """Short symbol and number of the space group of a periodic structure; ("", 0) where spglib finds none.

    Args:
        tolerance: Å, how far atoms may be from symmetric places.
    Raises:
        DependencyError: spglib is not installed.
    """
    dataset = _called("get_symmetry_dataset", atoms, tolerance)
    return ("", 0) if dataset is None else (dataset.international, int(dataset.number))


def kinds_of_places(atoms: Atoms, tolerance: float) -> tuple[list[int], list[int]]:
    """The first atom of each kind of place, ascending, and how many such places there are; all differ without symmetry.

    Args:
        tolerance: see `space_group_of`.
    Raises:
        DependencyError: spglib is not installed.
    """
    dataset = _called("get_symmetry_dataset", atoms, tolerance)
    kinds = range(len(atoms)) if dataset is None else dataset.equivalent_atoms
    first, counts = np.unique(kinds, return_counts=True)
    return first.tolist(), counts.tolist()


def conventional(atoms: Atoms, tolerance: float) -> Atoms:
    """The conventional cell in its standard setting, a along x; the structure as it is where spglib finds none.

    Args:
        tolerance: see `space_group_of`; atoms are moved to the symmetric places.
    Raises:
        DependencyError: spglib is not installed.
    """
    standard = _called("standardize_cell", atoms, tolerance)
    if standard is None:
        return atoms.copy()
    cell, places, numbers = standard
    return Atoms(numbers, scaled_positions=places, cell=cell, pbc=True)


def _called(name: str, atoms: Atoms, tolerance: float) -> Any:
    """What a function of spglib says of a structure; None where it finds no symmetry."""
    spglib = load_spglib("space groups")
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    try:
        return getattr(spglib, name)(cell, symprec=tolerance)
    except spglib.SpglibError:
        return None
