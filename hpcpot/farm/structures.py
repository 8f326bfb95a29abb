"""The structures of many files, each with its label; those that cannot be read as the error that says why."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from hpcpot import config, inputs
from hpcpot.errors import ConfigError, HpcpotError, StructureError
from hpcpot.farm.item import Item
from hpcpot.notices import notice
from hpcpot.storage.content import content_key
from hpcpot.structure import constraints, files, formats
from hpcpot.structure.formats import StructureOptions


def expand(patterns: str | Sequence[str], folder: Path, key: str = "structures.files") -> list[Path]:
    """Find files by name or pattern, beside the config, then in the current folder; a folder stands for those in it.

    Args:
        key: of the config, named in errors.
    Raises:
        ConfigError: there is none.
    """
    paths: list[Path] = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        if any(mark in pattern for mark in "*?["):
            matches = sorted(inputs.find_all(pattern, folder), key=lambda path: _natural(str(path)))
            if not matches:
                raise ConfigError(
                    f"{key} = {pattern}: must match files beside the config or in the current folder; "
                    "check the pattern."
                )
            paths += matches
            continue
        named = inputs.find(pattern, folder, or_folder=True)
        if named is not None and named.is_dir():
            paths += _in_folder(named, key)
            continue
        try:
            paths.append(config.find_input(pattern, folder))
        except ValueError as error:
            raise ConfigError(f"{key} = {pattern}: {error}.") from error
    return paths


def _in_folder(folder: Path, key: str) -> list[Path]:
    """The structure files of a folder; a note tells of the others.

    Raises:
        ConfigError: there is none.
    """
    present = sorted((path for path in folder.iterdir() if path.is_file()), key=lambda path: _natural(path.name))
    visible = [path for path in present if not path.name.startswith(".")]
    taken = [path for path in visible if formats.is_structure_file(path)]
    if not taken:
        raise ConfigError(
            f"{key} = {folder}: is a folder without structure files; name one that has some, or a pattern such as "
            f"{folder}/*.cif."
        )
    if others := [path.name for path in visible if path not in taken]:
        notice(
            folder, f"not taken, as their names tell no structures: {', '.join(others[:3])}{' ...' * (len(others) > 3)}"
        )
    return taken


def items(paths: Sequence[Path], frames: str, options: StructureOptions | None = None) -> list[Item]:
    """Make an item of each structure; one that could not be read is an item that fails.

    Labels are names of files, from the folder on that all have in common, and the number of the structure there.

    Args:
        frames: "all" or "last". options: what the files do not hold.
    """
    made = []
    for path, label, read in structures(paths, frames, options):
        structure = read if isinstance(read, HpcpotError) else plain(read)
        is_error = isinstance(structure, HpcpotError)
        key = content_key(str(path), label, str(structure)) if is_error else _key(structure)
        made.append(Item(key, structure, label))
    return made


def structures(
    paths: Sequence[Path], frames: str, options: StructureOptions | None = None
) -> Iterator[tuple[Path, str, Atoms | HpcpotError]]:
    """(file, label, structure or why it cannot be read), file by file; see `items`."""
    common = os.path.commonpath([path.absolute().parent for path in paths])
    for path in paths:
        for label, read in _read(path, os.path.relpath(path.absolute(), common), frames, options):
            yield path, label, read


def plain(atoms: Atoms) -> Atoms | StructureError:
    """A structure with only atoms, cell, boundaries and frozen atoms; or why that is not enough."""
    structure = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc, constraint=atoms.constraints)
    try:
        return constraints.with_frozen(structure)
    except StructureError as error:
        return error


def _key(structure: Atoms) -> str:
    fixed = structure.constraints[0].index if structure.constraints else np.zeros(0, int)
    return content_key(structure.numbers, structure.positions, structure.cell.array, np.asarray(structure.pbc), fixed)


def _read(
    path: Path, name: str, frames: str, options: StructureOptions | None
) -> Iterator[tuple[str, Atoms | HpcpotError]]:
    """(label, structure or why it cannot be read) of a file."""
    for number, structure in files.frames(path, frames, options):
        yield (name if number is None else f"{name}:{number}"), structure


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Key to sort cell2 before cell10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]
