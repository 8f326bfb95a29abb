"""Space groups of structures, by spglib."""

from __future__ import annotations

from types import ModuleType

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
            f"{where} = spglib is not installed: it has the space groups; pip install hpcpot[search]."
        ) from error
    return spglib


def space_group_of(atoms: Atoms, tolerance: float) -> tuple[str, int]:
    """Short symbol and number of the space group of a periodic structure; ("", 0) where spglib finds none.

    Args:
        tolerance: Å, how far atoms may be from symmetric places.
    Raises:
        DependencyError: spglib is not installed.
    """
    spglib = load_spglib("space groups")
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    try:
        dataset = spglib.get_symmetry_dataset(cell, symprec=tolerance)
    except spglib.SpglibError:
        return "", 0
    return ("", 0) if dataset is None else (dataset.international, int(dataset.number))
