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

ONLY_READ = {"vasp": {"OUTCAR": OUTCAR, "vasprun.xml": VASPRUN}}
"""Format that is not written -> its samples."""


def targets() -> list[Target]:
    """A target for each format of data, and for each sample of those that are not written."""
    made = []
    for row in FORMATS.values():
        if row.writes:
            name = f"data{row.suffixes[0] if row.suffixes else ''}"
            made.append(Target(f"data-{row.name}", partial(_write, row, name), partial(_read, name)))
            continue
        made += [
            Target(f"data-{row.name}-{name}", partial(written, name, content), partial(_read, name))
            for name, content in ONLY_READ[row.name].items()
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
