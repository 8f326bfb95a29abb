"""Frames of a trajectory of hpcpot as structures of other programs."""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism

from hpcpot import account, inputs
from hpcpot.commands.convert.options import ONLY_DATA, ONLY_MODELS, refuse_note, refuse_others
from hpcpot.errors import ConfigError, OutputError
from hpcpot.notices import notice
from hpcpot.outputs import Replacement, check_output
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.storage.structures import COLUMNS, is_trajectory, whole_frame
from hpcpot.structure import files, lammps_write
from hpcpot.structure.amber_netcdf import AmberWriter
from hpcpot.wording import plural

FRAMES = (".extxyz", ".xyz", ".lammpstrj", ".dump", ".nc")
"""Suffixes of outputs that hold frames, all by default."""
SEVERAL = (*FRAMES, ".cif")
"""Suffixes of outputs that can hold several structures."""
DEFAULT = ("velocity", "force", "potential_energy")
"""Columns that are written where they are stored and nobody chose."""
OF_NETCDF = ("velocity", "force", "potential_energy")
"""Columns that the format .nc has."""


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
        suffixes = ", ".join(dict.fromkeys((*FRAMES, *files.WRITERS)))
        raise OutputError(f"{output} = suffix {output.suffix!r}: must be one of {suffixes}; rename the output.")
    check = check_output if is_several else files.check_output
    check(output, arguments.overwrite)
    with TrajectoryReader(path) as reader:
        columns = choose_columns(arguments.columns, reader, output)
        chosen = choose(arguments.frames or ("all" if output.suffix in FRAMES else "last"), len(reader))
        if len(chosen) > 1 and not is_several:
            raise ConfigError(
                f"--frames = {arguments.frames}: {output.name} holds one structure; name one frame, or write .extxyz or "
                ".lammpstrj."
            )
        note_missing(path, reader, columns, chosen)
        frames = (whole_frame(path, reader, k, columns, arguments.unwrapped) for k in chosen)
        if is_several:
            write(output, frames, reader.numbers, columns, arguments.unwrapped)
        else:
            files.write(output, next(frames), arguments.overwrite)
    account.tell(frames=len(chosen), atoms=len(reader.numbers))
    print(f"written      {output}, {plural(len(chosen), 'frame')} of {len(reader.numbers)} atoms")
    return 0


def choose_columns(text: str | None, reader: TrajectoryReader, output: Path) -> tuple[str, ...]:
    """Names of the columns in "velocity,force", "none"; those that are stored of DEFAULT if None.

    Raises:
        ConfigError: unknown, or not of the output's format. OutputError: not in the trajectory.
    """
    if text is None:
        return tuple(name for name in DEFAULT if name in reader.elements)
    names = [] if text == "none" else [part.strip() for part in text.split(",")]
    holds = OF_NETCDF if output.suffix == ".nc" else COLUMNS if output.suffix in FRAMES else ("velocity",)
    for name in names:
        if name not in COLUMNS:
            raise ConfigError(f"--columns = {text}: must be none, or names of {', '.join(COLUMNS)}; correct it.")
        if name not in holds:
            raise ConfigError(
                f"--columns = {text}: {output.name} has no place for {name}; leave it out, or write .extxyz."
            )
        reader.steps(name)
    return tuple(names)


def note_missing(path: Path, reader: TrajectoryReader, columns: Sequence[str], chosen: Sequence[int]) -> None:
    """Say which columns were not written at the steps of some frames."""
    steps = reader.steps()[list(chosen)]
    for name in columns:
        lacking = np.count_nonzero(~np.isin(steps, reader.steps(name)))
        if lacking:
            notice(
                f"{path}: {name}", f"not of all frames: {lacking} of {len(steps)} have positions only at their steps."
            )


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


def write(output: Path, frames: Iterator[Atoms], numbers: np.ndarray, columns: Sequence[str], unwrapped: bool) -> None:
    """Write frames, one after the other.

    Args:
        numbers: of the atoms. columns: that frames may have. unwrapped: of positions, for formats that tell.
    """
    if output.suffix == ".nc":
        with Replacement(output) as part, part.open("w+b") as file:
            writer = AmberWriter(file, numbers, tuple(columns))
            for atoms in frames:
                files.note_lost(output, atoms)
                writer.append(atoms, atoms.info["time_fs"])
            writer.end()
        return
    with Replacement(output) as part, part.open("w", encoding="utf-8") as file:
        for atoms in frames:
            _write_one(file, output, atoms, unwrapped)


def _write_one(file: TextIO, output: Path, atoms: Atoms, unwrapped: bool) -> None:
    if output.suffix in (".extxyz", ".xyz"):
        from ase.io import extxyz  # late: takes half a second, of SciPy and space groups

        extxyz.write_extxyz(file, [atoms])
    elif output.suffix == ".cif":
        from ase.io import cif  # late, as above

        files.note_lost(output, atoms)
        text = io.BytesIO()
        cif.write_cif(text, [atoms])
        file.write(text.getvalue().decode().replace("data_image0", f"data_step{atoms.info['step']}"))
    else:
        files.note_lost(output, atoms)
        lammps_write.dump(file, atoms, atoms.info["step"], columns_of_dump(atoms), unwrapped=unwrapped)


def columns_of_dump(atoms: Atoms) -> dict[str, np.ndarray]:
    """Forces, energies, virials and images of a frame by LAMMPS's names; vectors turned as LAMMPS wants the cell."""
    results = atoms.calc.results if atoms.calc is not None else {}
    prism = Prism(atoms.cell.array, pbc=atoms.pbc)
    columns: dict[str, np.ndarray] = {}
    if "forces" in results:
        columns |= dict(zip(("fx", "fy", "fz"), prism.vector_to_lammps(results["forces"]).T, strict=True))
    if "energies" in results:
        columns["potential_energy"] = results["energies"]
    if "virials" in atoms.arrays:
        turned = prism.rot_mat.T @ atoms.arrays["virials"].reshape(-1, 3, 3) @ prism.rot_mat
        columns |= {f"virial_{a}{b}": turned[:, k, m] for k, a in enumerate("xyz") for m, b in enumerate("xyz")}
    if "image" in atoms.arrays:
        columns |= dict(zip(("ix", "iy", "iz"), atoms.arrays["image"].T, strict=True))
    return columns
