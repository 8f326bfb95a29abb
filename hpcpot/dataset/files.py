"""Data sets from files and to files: which format a file is of, and whole trees of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from hpcpot import inputs, outputs
from hpcpot.dataset import hdf5
from hpcpot.dataset.dataset import DataSet, Labelled, build, join
from hpcpot.dataset.formats import ase_files, cfg, deepmd, xsf
from hpcpot.dataset.formats.ase_files import Names
from hpcpot.errors import DataError, OutputError
from hpcpot.outputs import Replacement
from hpcpot.progress import Progress

ACCEPTED = (
    "a data set of hpcpot (.h5), extended XYZ (.extxyz, .xyz), XSF (.xsf), MLIP-2 (.cfg), OUTCAR or vasprun.xml of "
    "VASP, a system of DeePMD-kit, or a folder of these"
)
WRITERS: dict[str, Callable[[DataSet, Path], None]] = {
    "extxyz": ase_files.write_xyz,
    "cfg": cfg.write,
    "deepmd": deepmd.write,
    "deepmd-mixed": partial(deepmd.write, mixed=True),
    "xsf": xsf.write,
}
FORMATS = ("hdf5", *WRITERS)
"""What can be written."""
WHOLE = ("hdf5", "deepmd")
"""What is read as a data set, and not frame by frame."""
SUFFIXES = {".h5": "hdf5", ".hdf5": "hdf5", ".extxyz": "extxyz", ".xyz": "extxyz", ".cfg": "cfg", "": "deepmd"}
LOST = {
    "hdf5": "",
    "extxyz": "sources",
    "cfg": "sources, an antisymmetric part of the virial",
    "deepmd": "sources, the order of atoms",
    "deepmd-mixed": "sources, the order of atoms",
    "xsf": "virials, sources",
}
"""What a format does not keep."""


@dataclass(frozen=True)
class Reading:
    """What files do not tell by themselves.

    Attributes:
        elements: of types that have numbers only. names: where extended XYZ has its labels.
        group: for all frames; None: what the files say.
    """

    elements: tuple[str, ...] | None = None
    names: Names = field(default_factory=Names)
    group: str | None = None


def kind_of(path: Path) -> str | None:
    """hdf5, extxyz, cfg, xsf, vasp-out, vasp-xml, deepmd (a system) or folder; None if it is none of them."""
    path = Path(path)
    if path.is_dir():
        return "deepmd" if deepmd.is_system(path) else "folder"
    if not path.is_file():
        return None
    name, suffix = path.name, path.suffix
    if suffix in (".h5", ".hdf5"):
        return "hdf5" if hdf5.is_dataset(path) else None
    if suffix == ".cfg":
        with path.open("rb") as file:
            return "cfg" if b"BEGIN_CFG" in file.read(4096) else None
    if name.startswith("OUTCAR") or suffix == ".OUTCAR":
        return "vasp-out"
    if "vasprun" in name and ".xml" in name:
        return "vasp-xml"
    return {".extxyz": "extxyz", ".xyz": "extxyz", ".xsf": "xsf"}.get(suffix)


def load(paths: Sequence[str | Path], reading: Reading | None = None, show: bool = False) -> DataSet:
    """All frames of files and folders, as one data set, in the order given; in folders by name.

    Args:
        show: print how far it is with several files.
    Raises:
        DataError: a file that is absent, unknown or damaged; no frames at all.
    """
    reading = reading or Reading()
    found = [one for given in paths for one in _expand(Path(given))]
    sets, progress = [], Progress(len(found), "files")
    show = show and len(found) > 1

    def each(files: Iterable[tuple[Path, Path]]) -> Iterator[tuple[Path, Path]]:
        for one in files:
            yield one
            progress.count()
            if show:
                progress.show()

    for is_whole, files in groupby(found, lambda one: kind_of(one[0]) in WHOLE):
        if is_whole:
            sets += [_read_whole(path, root, reading) for path, root in each(files)]
        else:
            sets.append(build(frame for path, root in each(files) for frame in _read_frames(path, root, reading)))
    if show:
        progress.end()
    dataset = join(sets)
    return dataset if reading.group is None else replace(dataset, groups=np.full(len(dataset), reading.group))


def save(
    dataset: DataSet, path: Path, provenance: Mapping[str, str | int], kind: str | None = None, overwrite: bool = False
) -> str:
    """Write a data set; returns the format, by the suffix if `kind` is None. A file or folder there is always whole.

    Raises:
        OutputError: it exists and `overwrite` is not set, its suffix is unknown, or it cannot be written.
        DataError: frames that the format cannot hold.
    """
    path = Path(path)
    kind = check_output(path, kind, overwrite)
    if kind == "hdf5":
        hdf5.write(dataset, path, provenance, overwrite)
        return kind
    with Replacement(path) as part:
        WRITERS[kind](dataset, part)
    return kind


def check_output(path: Path, kind: str | None, overwrite: bool) -> str:
    """The format that will be written; refuses what cannot be, before the work.

    Raises:
        OutputError: see `save`.
    """
    found = kind or SUFFIXES.get(path.suffix)
    if found is None:
        raise OutputError(
            f"{path} = suffix {path.suffix!r}: must be {', '.join(filter(None, SUFFIXES))} or none (a folder for "
            "DeePMD-kit); rename the output, or name the format with --format."
        )
    outputs.check_output(path, overwrite)
    return found


def _expand(given: Path) -> list[tuple[Path, Path]]:
    """(file or system, root): what is found at a path, or in the folder that it is; else the shipped file."""
    given = inputs.find(given, or_folder=True) or given
    kind = kind_of(given)
    if kind is None:
        found = "no such file, here or shipped" if not given.exists() else "a file that is no labelled data"
        raise DataError(f"{given} = {found}: {ACCEPTED} is required; check the path.")
    if kind != "folder":
        return [(given, given if given.is_dir() else given.parent)]
    found = []
    for folder, subfolders, names in os.walk(given):
        subfolders.sort()
        here = Path(folder)
        if deepmd.is_system(here):
            subfolders.clear()
            found.append((here, given))
            continue
        found += [(here / name, given) for name in sorted(names) if kind_of(here / name)]
    if not found:
        raise DataError(f"{given} = a folder without data: {ACCEPTED} is required; check the path.")
    return found


def _read_whole(path: Path, root: Path, reading: Reading) -> DataSet:
    return hdf5.read(path) if path.is_file() else deepmd.read(path, root, reading.elements)


def _read_frames(path: Path, root: Path, reading: Reading) -> Iterator[Labelled]:
    """The frames of one file. XSF and VASP files are of the group of their folder, others of their own name."""
    below = path.parent.relative_to(root)
    source = str(below / path.name)
    folder = str(below) if below.parts else path.parent.resolve().name
    kind = kind_of(path)
    if kind == "xsf":
        yield xsf.read(path, source, folder)
    elif kind == "cfg":
        yield from cfg.read(path, source, path.stem, reading.elements)
    elif kind == "extxyz":
        yield from ase_files.read_xyz(path, source, path.stem, reading.names)
    else:
        yield from ase_files.read_vasp(path, kind, source, folder, reading.names)
