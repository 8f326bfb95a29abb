"""Labelled structures in every format of the table, and in a tree of DP-GEN, each as hpcpot writes it."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import labelled
import numpy as np
from fuzz.targets import Target, written
from vasp_files import OUTCAR, VASPRUN

from hpcpot.dataset import files
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.formats import FORMATS, Format
from hpcpot.learning import dpgen_tree


def _write_systems(name: str) -> list[str]:
    labelled.in_hdf5(_dataset(), Path(name))
    return [name]


ONLY_READ = {
    "vasp": {"OUTCAR": partial(written, content=OUTCAR), "vasprun.xml": partial(written, content=VASPRUN)},
    "deepmd-hdf5": {"systems.hdf5": _write_systems},
}
"""Format that is not written -> names of samples, and the functions that write them."""


def targets() -> list[Target]:
    """A target for each format of data, and for each sample of those that are not written; one for a tree of DP-GEN."""
    made = [Target("data-dpgen-tree", _write_tree, _read_tree)]
    for row in FORMATS.values():
        if row.writes:
            name = f"data{row.suffixes[0] if row.suffixes else ''}"
            made.append(Target(f"data-{row.name}", partial(_write, row, name), partial(_read, name)))
            continue
        made += [
            Target(f"data-{row.name}-{name}", partial(write, name), partial(_read, name))
            for name, write in ONLY_READ[row.name].items()
        ]
    return made


@cache
def _dataset() -> DataSet:
    return labelled.dataset(4)


def _write(row: Format, name: str) -> list[str]:
    files.save(_dataset(), Path(name), {}, row.name)
    return sorted(str(path) for path in (Path(name), *Path(name).rglob("*")) if path.is_file())


def _read(name: str) -> DataSet:
    return files.load([name])


def _write_tree() -> list[str]:
    dataset, job = _dataset(), {"ensemble": "npt", "temps": 300, "press": 1.0}
    run = dpgen_tree.TreeRun(0, 0, job, np.arange(0, 30, 10), np.full((3, 6), 0.2), {10: dataset.frame(0)})
    classes = {(run.name, 0): 0, (run.name, 10): 1, (run.name, 20): 2}
    iteration = dpgen_tree.TreeIteration(0, (run,), classes, {0: dataset}, {0: [(run.name, 10)]})
    dpgen_tree.write(Path("tree"), [iteration], dataset.elements)
    return sorted(str(path) for path in Path("tree").rglob("*") if path.is_file() and not path.is_symlink())


def _read_tree() -> list[tuple[dict, dict]]:
    """Deviations are left out: those of a run that has failed are NaN."""
    iterations = dpgen_tree.read(Path("tree"), _dataset().elements)
    return [(iteration.labels, iteration.counts()) for iteration in iterations]
