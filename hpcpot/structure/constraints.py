"""Atoms that constraints of ASE hold in place; hpcpot freezes whole atoms."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from hpcpot.errors import StructureError


def frozen(atoms: Atoms) -> np.ndarray:
    """Atoms that are held along all axes, (n,) bool, by constraints of one kind or several together.

    Raises:
        StructureError: an atom is held along some axes only, or in another way.
    """
    whole = np.zeros(len(atoms), bool)
    if not atoms.constraints:
        return whole
    from ase.constraints import (
        FixAtoms,
        FixCartesian,
        FixScaled,
    )  # late: takes half a second, of SciPy and space groups

    axes = {FixCartesian: "xyz", FixScaled: "abc"}
    held = {kind: np.zeros((len(atoms), 3), bool) for kind in axes}
    for constraint in atoms.constraints:
        if not isinstance(constraint, FixAtoms) and type(constraint) not in held:
            raise StructureError(
                f"constraints = {type(constraint).__name__}: atoms can be frozen along all axes, and in no other way; take "
                "the constraint away, or freeze its atoms by FixAtoms."
            )
        if np.max(constraint.index, initial=0) >= len(atoms):
            raise StructureError(
                f"constraints = of atom {np.max(constraint.index)}: must be one of the {len(atoms)} atoms, counted from 0; "
                "correct it."
            )
        if isinstance(constraint, FixAtoms):
            whole[constraint.index] = True
        else:
            held[type(constraint)][constraint.index] |= np.asarray(constraint.mask, bool)
    for rows in held.values():
        whole |= rows.all(axis=1)
    for kind, rows in held.items():
        partial = np.flatnonzero(rows.any(axis=1) & ~whole)
        if len(partial):
            first = partial[0]
            along = ", ".join(axis for axis, is_held in zip(axes[kind], rows[first], strict=True) if is_held)
            raise StructureError(
                f"constraint of atom {first} ({atoms.symbols[first]}) = held along {along} only, as {len(partial)} of "
                f"{len(atoms)} atoms are along some axes: an atom can be frozen along all axes or along none; free it or "
                "freeze it as a whole (move_mask or selective dynamics F F F or T T T)."
            )
    return whole


def with_frozen(atoms: Atoms) -> Atoms:
    """The same atoms, whose constraint is one FixAtoms, or none.

    Raises:
        StructureError: as `frozen`.
    """
    held = np.flatnonzero(frozen(atoms))
    freeze(atoms, held)
    return atoms


def freeze(atoms: Atoms, held: np.ndarray) -> None:
    """Let one FixAtoms of these atoms, (k,) int64, be the constraints; without any there are none."""
    if not len(held):
        atoms.set_constraint()
        return
    from ase.constraints import FixAtoms  # late: takes half a second, of SciPy and space groups

    atoms.set_constraint(FixAtoms(held))
