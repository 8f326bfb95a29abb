"""The structures of many files, each with its label; those that cannot be read as the error that says why."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TextIO

import ase.io
import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from ase.io import extxyz
from ase.io.formats import UnknownFileTypeError, filetype, ioformats

from hpcpot import config, inputs
from hpcpot.dataset import hdf5
from hpcpot.errors import ConfigError, HpcpotError, StructureError
from hpcpot.farm.item import Item
from hpcpot.storage.content import content_key
from hpcpot.storage.reader import TRAJECTORIES, TrajectoryReader
from hpcpot.structure import files, lammps_dump

SEVERAL = (".extxyz", ".xyz")
"""Endings of files that may hold several structures."""


def expand(patterns: str | Sequence[str], folder: Path) -> list[Path]:
    """Find files by name or pattern, beside the config, then in the current folder.

    Raises:
        ConfigError: there is none.
    """
    paths = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        if any(mark in pattern for mark in "*?["):
            matches = sorted(inputs.find_all(pattern, folder), key=lambda path: _natural(str(path)))
            if not matches:
                raise ConfigError(
                    f"structures.files = {pattern}: must match files beside the config or in the current folder; "
                    "check the pattern."
                )
            paths += matches
            continue
        try:
            paths.append(config.find_input(pattern, folder))
        except ValueError as error:
            raise ConfigError(f"structures.files = {pattern}: {error}.") from error
    return paths


def items(paths: Sequence[Path], frames: str) -> list[Item]:
    """Make an item of each structure; one that could not be read is an item that fails.

    Labels are names of files, from the folder on that all have in common, and the number of the structure there.

    Args:
        frames: "all" or "last".
    """
    made = []
    for path, label, read in structures(paths, frames):
        structure = read if isinstance(read, HpcpotError) else plain(read)
        is_error = isinstance(structure, HpcpotError)
        key = content_key(str(path), label, str(structure)) if is_error else _key(structure)
        made.append(Item(key, structure, label))
    return made


def structures(paths: Sequence[Path], frames: str) -> Iterator[tuple[Path, str, Atoms | HpcpotError]]:
    """(file, label, structure or why it cannot be read), file by file; see `items`."""
    common = os.path.commonpath([path.absolute().parent for path in paths])
    for path in paths:
        for label, read in _read(path, os.path.relpath(path.absolute(), common), frames):
            yield path, label, read


def plain(atoms: Atoms) -> Atoms | StructureError:
    """A structure with only atoms, cell, boundaries and frozen atoms; or why that is not enough."""
    structure = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    others = [type(entry).__name__ for entry in atoms.constraints if not isinstance(entry, FixAtoms)]
    if others:
        return StructureError(
            f"constraints = {', '.join(others)}: an atom must be frozen along all axes or along none; change the "
            "constraint (selective dynamics of a POSCAR: F F F or T T T)."
        )
    if atoms.constraints:
        structure.set_constraint(FixAtoms(np.unique(np.concatenate([entry.index for entry in atoms.constraints]))))
    return structure


def _key(structure: Atoms) -> str:
    fixed = structure.constraints[0].index if structure.constraints else np.zeros(0, int)
    return content_key(structure.numbers, structure.positions, structure.cell.array, np.asarray(structure.pbc), fixed)


def _read(path: Path, name: str, frames: str) -> Iterator[tuple[str, Atoms | HpcpotError]]:
    """(label, structure or why it cannot be read) of a file."""
    try:
        if path.suffix in TRAJECTORIES and path.suffix != ".h5md" and hdf5.is_dataset(path):
            dataset = hdf5.read(path)
            for k in range(len(dataset)) if frames == "all" else range(len(dataset))[-1:]:
                yield f"{name}:{k}", dataset.frame(k)
        elif path.suffix in TRAJECTORIES:
            with TrajectoryReader(path) as reader:
                for k in range(len(reader)) if frames == "all" else range(len(reader))[-1:]:
                    yield f"{name}:{k}", reader.frame(k)
        elif path.suffix in SEVERAL and frames == "all":
            yield from _read_several(path, name)
        elif frames == "all" and lammps_dump.is_dump(path):
            for k, read in enumerate(lammps_dump.frames(path)):
                yield f"{name}:{k}", read
        else:
            yield from _read_blocks(path, name, frames)
    except HpcpotError as error:
        yield name, error


def _read_several(path: Path, name: str) -> Iterator[tuple[str, Atoms | HpcpotError]]:
    """Read an (ext)xyz file as `_read` does; a damaged frame fails alone, one without its length ends the file."""
    k = 0
    try:
        with open(path, encoding="utf-8") as file:
            for text in _frames(file):
                try:
                    yield f"{name}:{k}", next(extxyz.read_xyz(StringIO(text), 0))
                except Exception as error:  # a reader meets a broken file with any exception
                    yield f"{name}:{k}", _no_frame(f"{name}:{k}", error)
                k += 1
    except (OSError, ValueError) as error:
        yield f"{name}:{k}", _no_frame(f"{name}:{k}", error)


def _frames(file: TextIO) -> Iterator[str]:
    """The text of each frame of an (ext)xyz file.

    Raises:
        ValueError: the file holds none, or goes on with a line that is no number of atoms, or ends in a frame.
    """
    header, empty = file.readline(), True
    while header.strip():
        lines = [header, *islice(file, int(header) + 1)]
        if len(lines) < int(header) + 2:
            raise ValueError(f"{int(header)} atoms announced, {max(len(lines) - 2, 0)} there")
        header = file.readline()
        while header.lstrip().startswith("VEC"):
            lines.append(header)
            header = file.readline()
        yield "".join(lines)
        empty = False
    if empty or any(line.strip() for line in file):
        raise ValueError("no structure, or an empty line where a number of atoms belongs")


def _no_frame(label: str, error: Exception) -> StructureError:
    return StructureError(
        f"{label} = cannot be read ({type(error).__name__}: {error}): must be a whole frame; write it again."
    )


def _read_blocks(path: Path, name: str, frames: str) -> Iterator[tuple[str, Atoms | HpcpotError]]:
    """Read a file of another format as `_read` does; several structures, as a CIF may hold, are numbered.

    Raises:
        StructureError: cannot be read.
    """
    located = files.find(path)
    if frames == "last" or not _may_hold_several(located):
        yield name, files.read(path)
        return
    try:
        structures = ase.io.read(located, index=":", do_not_split_by_at_sign=True, parallel=False)
        if not structures:
            raise ValueError("it holds no structure")
    except Exception as error:  # a reader meets a broken file with any exception
        raise StructureError(
            f"{path} = a file that cannot be read ({type(error).__name__}: {error}): must be whole and in the format "
            "that its name says; write it again or rename it."
        ) from error
    for k, atoms in enumerate(structures):
        label = name if len(structures) == 1 else f"{name}:{k}"
        try:
            files.refuse_partial_occupancy(located, atoms)
        except StructureError as error:
            yield label, error
        else:
            yield label, atoms


def _may_hold_several(path: Path) -> bool:
    """Tell whether the format of a file may hold several structures; not if it is unknown, which `files.read` reports."""
    if files.is_lammps_data(path):
        return False
    try:
        return not ioformats[filetype(str(path))].single
    except (OSError, UnicodeDecodeError, UnknownFileTypeError):
        return False


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Key to sort cell2 before cell10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]
