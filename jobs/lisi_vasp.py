"""Real DFT frames of Si and Li for the correction of the labels, from published sets: vasp_train.extxyz, vasp_test.extxyz.

    python jobs/lisi_vasp.py FOLDER

FOLDER holds the sets as extended XYZ: mlearn_Si_training, mlearn_Si_test, mlearn_Li_training, mlearn_Li_test (Zuo et al., J.
Phys. Chem. A 124, 731 (2020)); mogroup_Si_Vacancy-enhanced_Training_Set, mogroup_Si_Interstitial-enhanced_Training_Set,
mogroup_Si_Enhanced_Validation_Set (npj Comput. Mater. 9, 174 (2023)). They overlap: a structure is taken once, and what is in
a test or validation set is in no training. Groups become Si_NAME and Li_NAME.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

TEST = {"mlearn_Si_test": None, "mogroup_Si_Enhanced_Validation_Set": "validation", "mlearn_Li_test": None}
TRAIN = {
    "mlearn_Si_training": None,
    "mogroup_Si_Vacancy-enhanced_Training_Set": "vacancy_more",
    "mogroup_Si_Interstitial-enhanced_Training_Set": "interstitial_more",
    "mlearn_Li_training": None,
}
"""Sets in order, and the name of their one group; None: that of each frame."""
LABELS = ("energy", "forces", "stress")
DIGITS = 3
"""Decimals in Å of what is one structure."""


def main(folder: Path) -> None:
    seen: set[bytes] = set()
    for name, sets in (("vasp_test", TEST), ("vasp_train", TRAIN)):
        frames = []
        for file, group in sets.items():
            for atoms in read(folder / f"{file}.extxyz", ":"):
                one = key(atoms)
                if one not in seen or sets is TEST:
                    seen.add(one)
                    frames.append(named(atoms, group))
        write(f"{name}.extxyz", frames, format="extxyz")
        print(f"{name}.extxyz: {len(frames)} frames, {dict(Counter(atoms.info['group'] for atoms in frames))}")


def key(atoms: Atoms) -> bytes:
    """The same for the same structure."""
    return np.round(
        np.concatenate([atoms.cell.array.ravel(), atoms.positions.ravel(), atoms.numbers]), DIGITS
    ).tobytes()


def named(atoms: Atoms, group: str | None) -> Atoms:
    """The frame with its labels and the name of its group, and nothing else."""
    element = "Li" if 3 in atoms.numbers else "Si"
    made = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    made.info["group"] = f"{element}_{group or atoms.info['group']}"
    labels = {name: value for name, value in atoms.calc.results.items() if name in LABELS}
    made.calc = SinglePointCalculator(made, **labels)
    return made


if __name__ == "__main__":
    main(Path(sys.argv[1]))
