"""The structures of many files, each with its label; those that cannot be read as the error that says why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from glob import glob
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms

from hpcpot import config
from hpcpot.errors import ConfigError, HpcpotError, StructureError
from hpcpot.parallel.chunks import Item
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.storage.results import content_key
from hpcpot.structure import files

TRAJECTORIES = (".h5md", ".h5", ".hdf5")
SEVERAL = (".extxyz", ".xyz")
"""Endings of files that may hold several structures."""


def expand(patterns: str | Sequence[str], folder: Path) -> list[Path]:
    """Files by name or pattern, looked for beside the config, then in the current folder.

    Raises:
        ConfigError: there is none.
    """
    found = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        if any(mark in pattern for mark in "*?["):
            names = sorted(glob(str(folder / pattern)), key=_natural) or sorted(glob(pattern), key=_natural)
            if not names:
                raise ConfigError(
                    f"structures.files = {pattern}: must match files beside the config or in the current folder; "
                    "check the pattern."
                )
            found += [Path(name) for name in names]
            continue
        try:
            found.append(config.find_input(pattern, folder))
        except ValueError as error:
            raise ConfigError(f"structures.files = {pattern}: {error}.") from error
    return found


def items(paths: Sequence[Path], frames: str) -> list[Item]:
    """One item a structure; what could not be read is an item that will fail.

    Args:
        frames: "all" or "last".
    """
    found = []
    for path in paths:
        read = list(_read(path, frames))
        for label, structure in read:
            if isinstance(structure, HpcpotError):
                found.append(Item(content_key(str(path), label, str(structure)), structure, label))
                continue
            frozen = [one.index for one in structure.constraints if isinstance(one, FixAtoms)]
            fixed = np.unique(np.concatenate(frozen)) if frozen else np.zeros(0, int)
            key = content_key(
                structure.numbers, structure.positions, structure.cell.array, np.asarray(structure.pbc), fixed
            )
            plain = Atoms(structure.numbers, structure.positions, cell=structure.cell, pbc=structure.pbc)
            if len(fixed):
                plain.set_constraint(FixAtoms(fixed))
            found.append(Item(key, plain, label))
    return found


def _read(path: Path, frames: str) -> Iterator[tuple[str, Atoms | HpcpotError]]:
    """(label, structure or why it cannot be read) of a file."""
    try:
        if path.suffix in TRAJECTORIES:
            with TrajectoryReader(path) as reader:
                for k in range(len(reader)) if frames == "all" else [len(reader) - 1]:
                    yield f"{path.name}:{k}", reader.frame(k)
        elif path.suffix in SEVERAL and frames == "all":
            yield from _read_several(path)
        else:
            yield path.name, files.read(path)
    except HpcpotError as error:
        yield path.name, error


def _read_several(path: Path) -> Iterator[tuple[str, Atoms | HpcpotError]]:
    """As `_read`, of an (ext)xyz file; nothing can be read after a damaged frame."""
    frames, k = ase.io.iread(path, index=":", format="extxyz", do_not_split_by_at_sign=True), 0
    while True:
        label = f"{path.name}:{k}"
        try:
            atoms = next(frames)
        except StopIteration:
            return
        except Exception as error:  # a reader meets a broken file with any exception
            yield (
                label,
                StructureError(
                    f"{label} = cannot be read ({type(error).__name__}: {error}): must be a whole frame; write it again."
                ),
            )
            return
        yield label, atoms
        k += 1


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts cell2 before cell10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]
