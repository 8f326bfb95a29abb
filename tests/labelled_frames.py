"""Small labelled structures for tests: rattled crystals with the energies, forces and stresses of the shipped model."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from hpcpot import Calculator
from hpcpot.dataset.dataset import DataSet, from_frames


@lru_cache(maxsize=None)
def labelled(n: int = 12) -> DataSet:
    """n frames of eight-atom cells in two groups: diamond with and without Li in place of Si, and zincblende LiSi."""
    random, frames = np.random.default_rng(5), []
    model = Calculator("lisi")
    for k in range(n):
        atoms = bulk("Si", "diamond", 5.43, cubic=True)
        atoms.symbols[: 4 if k % 2 else 1] = "Li"
        atoms.rattle(0.15, seed=k)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.03 * random.normal(size=(3, 3))), scale_atoms=True)
        atoms.calc = model
        labels = {name: atoms.calc.get_property(name, atoms) for name in ("energy", "forces", "stress")}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        atoms.info["group"] = "ordered" if k % 2 else "doped"
        frames.append(atoms)
    return from_frames(frames, ("Li", "Si"))
