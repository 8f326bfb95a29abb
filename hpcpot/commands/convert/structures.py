"""Frames of a trajectory of hpcpot as structures of other programs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from ase import Atoms

from hpcpot import inputs
from hpcpot.commands.convert.options import ONLY_DATA, ONLY_MODELS, refuse_note, refuse_others
from hpcpot.errors import ConfigError, OutputError
from hpcpot.outputs import Replacement, check_output
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.storage.structures import frame, is_trajectory
from hpcpot.structure import files, lammps_write
from hpcpot.wording import plural

SEVERAL = (".extxyz", ".xyz", ".lammpstrj", ".dump")
"""Suffixes of outputs that hold several frames."""


def recognises(names: Sequence[str]) -> bool:
    """Test whether the input is a trajectory of hpcpot, by the first of its files."""
    path = inputs.find(names[0])
    return path is not None and is_trajectory(path)


def convert(arguments: argparse.Namespace) -> int:
    """Writes the frames that are asked for, returns 0.

    Raises:
        ConfigError: several trajectories, or several frames for a format of one. OutputError: input or output.
    """
    refuse_others(arguments, (*ONLY_DATA, *ONLY_MODELS), "a trajectory")
    refuse_note(arguments, False)
    if len(arguments.input) > 1:
        raise ConfigError(f"input = {len(arguments.input)} files: must be one trajectory; convert one after another.")
    output, path = arguments.output, Path(inputs.find(arguments.input[0]))
    is_several = output.suffix in SEVERAL
    if not is_several and files.kind_of(output) is None:
        suffixes = ", ".join(dict.fromkeys((*SEVERAL, *files.WRITERS)))
        raise OutputError(f"{output} = suffix {output.suffix!r}: must be one of {suffixes}; rename the output.")
    check = check_output if is_several else files.check_output
    check(output, arguments.overwrite)
    with TrajectoryReader(path) as reader:
        chosen = choose(arguments.frames or ("all" if is_several else "last"), len(reader))
        if len(chosen) > 1 and not is_several:
            raise ConfigError(
                f"--frames = {arguments.frames}: {output.name} holds one structure; name one frame, or write .extxyz or "
                ".lammpstrj."
            )
        if is_several:
            write(output, ((int(reader.steps()[k]), frame(path, reader, k)) for k in chosen))
        else:
            files.write(output, frame(path, reader, chosen[0]), arguments.overwrite)
    print(f"written      {output}, {plural(len(chosen), 'frame')} of {len(reader.numbers)} atoms")
    return 0


def choose(text: str, count: int) -> list[int]:
    """Numbers of the frames in "all", "last", "0,5,-1" or "start:stop:step".

    Raises:
        ConfigError: none of these, or a frame that is not there.
    """
    try:
        if text in ("all", "last"):
            chosen = list(range(count))[-1 if text == "last" else None :]
        elif ":" in text:
            parts = [int(part) if part.strip() else None for part in text.split(":")]
            chosen = list(range(count))[slice(*parts)]
        else:
            chosen = [range(count)[int(part)] for part in text.split(",")]
    except (ValueError, IndexError, TypeError) as error:
        raise ConfigError(
            f"--frames = {text}: must be all, last, numbers such as 0,5,-1 or start:stop:step, of {count} frames; correct it."
        ) from error
    if not chosen:
        raise ConfigError(f"--frames = {text}: no frame of {count}; name others.")
    return chosen


def write(output: Path, frames: Iterator[tuple[int, Atoms]]) -> None:
    """Write frames, each with its step, one after the other."""
    with Replacement(output) as part, part.open("w", encoding="utf-8") as file:
        for step, atoms in frames:
            _write_one(file, output, step, atoms)


def _write_one(file: TextIO, output: Path, step: int, atoms: Atoms) -> None:
    if output.suffix in (".extxyz", ".xyz"):
        from ase.io import extxyz  # late: takes half a second, of SciPy and space groups

        atoms.info["step"] = step
        extxyz.write_extxyz(file, [atoms])
    else:
        files.note_lost(output, atoms)
        lammps_write.dump(file, atoms, step, {})
