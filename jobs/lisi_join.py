"""Puts newly labelled groups beside the others of a data set, in place of those of the same names.

python jobs/lisi_join.py lisi_training new.h5 joined.h5      # data sets of hpcpot, or shipped names
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from hpcpot import provenance
from hpcpot.config import find_input
from hpcpot.dataset import files, statistics
from hpcpot.dataset.dataset import join


def main(old: str, new: str, output: Path) -> None:
    before, after = (files.load([find_input(name, Path.cwd())]) for name in (old, new))
    kept = before.select(~np.isin(before.groups, np.unique(after.groups)))
    joined = join([kept, after])
    files.save(joined, output, provenance.collect(), overwrite=True)
    print(statistics.text(joined))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
