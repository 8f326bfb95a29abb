"""Structures that a model is checked with: crystals of its elements, displaced at random to break their symmetry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from hpcpot.errors import StructureError
from hpcpot.properties.crystal import repeats
from hpcpot.structure import checks, crystals, files

SHAKEN, STRAINED = 0.08, 0.02
"""Å and relative: standard deviation of the displacements, size of the strain."""
SEED = 20


def known(elements: Sequence[str], names: Sequence[str] | None) -> dict[str, Atoms]:
    """Build the conventional cells of the named crystals; None: of all that consist of the elements.

    Raises:
        StructureError: an unknown name, or a crystal with other elements.
    """
    structures = {}
    for name in crystals.CRYSTALS if names is None else names:
        atoms = crystals.build(name)
        if set(atoms.symbols) <= set(elements):
            structures[name] = atoms
        elif names is not None:
            raise StructureError(
                f"crystal {name} = of {', '.join(sorted(set(atoms.symbols)))}: the model knows {', '.join(elements)}; "
                "name others."
            )
    return structures


def shaken(atoms: Atoms, least: int = 1) -> Atoms:
    """Repeat a cell to at least this many atoms, with random strain and displacements, always the same."""
    rng = np.random.default_rng(SEED)
    probe = atoms.repeat(repeats(atoms, least))
    probe.set_cell(probe.cell.array @ (np.eye(3) + STRAINED * rng.uniform(-1, 1, (3, 3))), scale_atoms=True)
    probe.positions += rng.normal(0.0, SHAKEN, (len(probe), 3))
    return probe


def given(paths: Sequence[str], elements: tuple[str, ...]) -> dict[str, Atoms]:
    """Read structures from files.

    Raises:
        StructureError: one cannot be read or simulated, or is not periodic.
    """
    structures = {}
    for path in paths:
        atoms = checks.check(files.read(path, section=""), elements)
        if not atoms.pbc.all():
            raise StructureError(
                f"{path} = periodic {atoms.pbc.tolist()}: must be periodic along all axes; give another."
            )
        structures[str(path)] = atoms
    return structures
