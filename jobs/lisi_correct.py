"""What real DFT says other than the labels of the Li-Si models, to train a correction on and to test it by.

    python jobs/lisi_correct.py teacher.h5 lisi_gpaw_train.extxyz lisi_gpaw_test.extxyz --constants diamond,bcc

takes the constants of elements, fitted in the training frames of these groups, off the energies of both files, one
command for each DFT program, and writes NAME_less.h5, the differences of the frames that teacher.h5 has, and
NAME_aligned.h5, all frames less the constants. (`hpcpot dataset --minus` fits constants to the frames it is given, so it
cannot take those of the training off the test.)
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from hpcpot import provenance
from hpcpot.dataset import difference, files, statistics


def main(teacher: Path, train: Path, test: Path, groups: list[str]) -> None:
    labels = files.load([teacher])
    parts = {path: files.load([path]) for path in (train, test)}
    differences = {
        path: difference.minus(*difference.shared(part, labels, str(teacher))) for path, part in parts.items()
    }
    constants = difference.constants(differences[train], groups, "--constants")
    print(f"constants: {constants} eV, by {constants.frames} frames; they leave {1e3 * constants.left:.2f} meV/atom")
    facts = provenance.collect()
    for path in (train, test):
        less = constants.taken_off(differences[path])
        files.save(less, Path(f"{path.stem}_less.h5"), facts, overwrite=True)
        files.save(constants.taken_off(parts[path]), Path(f"{path.stem}_aligned.h5"), facts, overwrite=True)
        print(f"{path}:", statistics.text(less), sep="\n")
        energy, force = 1e3 * np.abs(less.energies / less.sizes).mean(), 1e3 * np.abs(less.forces).mean()
        print(f"mean absolute: {energy:.1f} meV/atom, {force:.1f} meV/Å")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path, help="data set with the labels to correct")
    parser.add_argument("train", type=Path, help="data set by DFT, to fit to")
    parser.add_argument("test", type=Path, help="data set by DFT, of other runs")
    parser.add_argument("--constants", required=True, help="groups that agree but for constants, commas between")
    given = parser.parse_args()
    main(given.teacher, given.train, given.test, given.constants.split(","))
