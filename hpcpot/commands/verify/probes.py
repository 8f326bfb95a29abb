"""The structures that a model is checked with: crystals of its elements, shaken so that nothing is symmetric."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from hpcpot.errors import StructureError
from hpcpot.structure import crystals, files

SHAKEN, STRAINED = 0.08, 0.02
"""Å and relative: standard deviation of the displacements, size of the strain."""
SEED = 20


def known(elements: Sequence[str], names: Sequence[str] | None) -> dict[str, Atoms]:
    """Conventional cells of the named crystals, all that consist of the elements if None.

    Raises:
        StructureError: an unknown name, or a crystal with other elements.
    """
    found = {}
    for name in crystals.CRYSTALS if names is None else names:
        atoms = crystals.build(name)
        if set(atoms.symbols) <= set(elements):
            found[name] = atoms
        elif names is not None:
            raise StructureError(
                f"crystal {name} = of {', '.join(sorted(set(atoms.symbols)))}: the model knows {', '.join(elements)}; "
                "name others."
            )
    return found


def shaken(atoms: Atoms, least: int = 1) -> Atoms:
    """A repeated cell of at least so many atoms with random strain and displacements, always the same."""
    rng = np.random.default_rng(SEED)
    probe = atoms.repeat(repeats(atoms, least))
    probe.set_cell(probe.cell.array @ (np.eye(3) + STRAINED * rng.uniform(-1, 1, (3, 3))), scale_atoms=True)
    probe.positions += rng.normal(0.0, SHAKEN, (len(probe), 3))
    return probe


def repeats(atoms: Atoms, least: int) -> tuple[int, int, int]:
    """How often a cell must be repeated, the shortest axis first, for so many atoms."""
    counts, lengths = np.ones(3, int), atoms.cell.lengths()
    while counts.prod() * len(atoms) < least:
        counts[np.argmin(counts * lengths)] += 1
    return tuple(int(count) for count in counts)


def given(paths: Sequence[str], elements: tuple[str, ...]) -> dict[str, Atoms]:
    """Structures of files, checked.

    Raises:
        StructureError: what cannot be read or simulated, or is not periodic.
    """
    found = {}
    for path in paths:
        atoms = files.check(files.read(path), elements)
        if not atoms.pbc.all():
            raise StructureError(
                f"{path} = periodic {atoms.pbc.tolist()}: must be periodic along all axes; give another."
            )
        found[str(path)] = atoms
    return found
