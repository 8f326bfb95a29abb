"""Labelled structures in every format of the table, each as hpcpot writes it."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import labelled
from fuzz.targets import Target, written
from vasp_files import OUTCAR, VASPRUN

from hpcpot.dataset import files
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.formats import FORMATS, Format


def _write_systems(name: str) -> list[str]:
    labelled.in_hdf5(_dataset(), Path(name))
    return [name]


ONLY_READ = {
    "vasp": {"OUTCAR": partial(written, content=OUTCAR), "vasprun.xml": partial(written, content=VASPRUN)},
    "deepmd-hdf5": {"systems.hdf5": _write_systems},
}
"""Format that is not written -> names of samples, and the functions that write them."""


def targets() -> list[Target]:
    """A target for each format of data, and for each sample of those that are not written."""
    made = []
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
