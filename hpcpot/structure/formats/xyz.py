"""XYZ and extended XYZ.

Velocities: the column `momenta` has ASE's unit; `vel`, `velo`, `velocity` and `velocities` have the one that the comment
line states, vel_unit=A/fs, else that of `StructureOptions.units`, else they are not used. `move_mask` freezes atoms.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TextIO

import ase.units
import numpy as np
from ase import Atoms

from hpcpot import inputs
from hpcpot.errors import DataError, StructureError
from hpcpot.notices import notice
from hpcpot.structure import xyz_frames
from hpcpot.structure.formats import StructureOptions
from hpcpot.structure.lammps_units import UNIT_STYLES
from hpcpot.structure.xyz_frames import NUMBERS, POSITIONS, SPECIES, TRUTHS, XyzBlock, XyzFrame, XyzOptions

VELOCITIES = ("vel", "velo", "velos", "vels", "velocity", "velocities")
STATED = re.compile(r"(vel|velo|velocity|velocities)[_-]?units?")
"""Keys, in small letters, that state the unit of velocities."""
SPEEDS = {
    "a/fs": 1.0 / ase.units.fs,
    "a/ps": 1e-3 / ase.units.fs,
    "nm/ps": 1e-2 / ase.units.fs,
    "nm/fs": 10.0 / ase.units.fs,
    "m/s": 1e-5 / ase.units.fs,
    "bohr/au": ase.units.Bohr / ase.units.AUT,
    "au": ase.units.Bohr / ase.units.AUT,
    "ase": 1.0,
}
"""Unit in small letters -> ASE's unit."""
LABELS = {"forces", "force", "energies", "energy", "stresses", "magmoms", "charges", "charge", "initial_charges"}
LABELS |= {"initial_magmoms", "tags", "id", "atom_id", "particle"}
"""Columns that a structure may have besides: labels, and numbers of atoms and of the particles they are in."""
DATA = re.compile(r"veloc|mask|constrain|fixed|frozen|freeze|origin|masses|^units?$")
"""In keys of the comment line that concern the atoms."""
NOT_USED = "not used: positions, elements, cell, masses, momenta, velocities and move_mask are."


def read(path: Path, options: StructureOptions, index: int = -1) -> Atoms:
    """Read a frame.

    Raises:
        StructureError: the file is not whole up to there, or the frame is none.
    """
    with _opened(path) as file:
        blocks = xyz_frames.blocks(file, str(path))
        if index >= 0:
            block = next(islice(blocks, index, None), None)
        else:
            last = deque(blocks, -index)
            block = last[0] if len(last) == -index else None
        if block is None:
            raise StructureError(f"{path} = no frame {index}: the file ends before; name a frame that it holds.")
        return _atoms(path, block, options)


def frames(path: Path, options: StructureOptions) -> Iterator[Atoms | StructureError]:
    """Read all frames; a damaged one fails alone, one without its length ends the file."""
    try:
        with _opened(path) as file:
            for block in xyz_frames.blocks(file, str(path)):
                try:
                    yield _atoms(path, block, options)
                except DataError as error:
                    yield StructureError(str(error))
                except StructureError as error:
                    yield error
    except StructureError as error:
        yield error


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    with inputs.reading(path, "XYZ file", StructureError):
        try:
            with inputs.open_text(path) as file:
                yield file
        except DataError as error:
            raise StructureError(str(error)) from error


def _atoms(path: Path, block: XyzBlock, options: StructureOptions) -> Atoms:
    frame = xyz_frames.parse(block, XyzOptions(options.elements, f"{options.key('elements')}: [Li, Si]"))
    atoms = Atoms(frame.symbols, frame.positions, cell=frame.cell, pbc=frame.periodic)
    used = SPECIES | POSITIONS | NUMBERS | LABELS
    columns = {name: values for name, (_, values) in frame.columns.items()}
    for name in ("masses", "mass"):
        if name in columns:
            atoms.set_masses(_shaped(frame, name, 1)[:, 0])
            used = used | {name}
    if speeds := [name for name in ("momenta", *VELOCITIES) if name in columns]:
        _set_speeds(path, atoms, frame, speeds, options)
        used = used | set(speeds)
    if "move_mask" in columns:
        _constrain(atoms, frame)
        used = used | {"move_mask"}
    if unused := [written for name, (written, _) in frame.columns.items() if name not in used]:
        notice(f"{path}: columns {', '.join(unused)}", NOT_USED)
    keys = [
        written
        for key, (written, _) in frame.comment.items()
        if key not in ("lattice", "properties", "pbc") and DATA.search(key) and not STATED.fullmatch(key)
    ]
    if keys:
        notice(f"{path}: {', '.join(keys)}", NOT_USED)
    _keep(atoms, frame, used)
    known = ("lattice", "properties", "pbc")
    atoms.info = {written: _value(text) for key, (written, text) in frame.comment.items() if key not in known}
    return atoms


def _keep(atoms: Atoms, frame: XyzFrame, used: set[str]) -> None:
    """Keep the other columns in atoms.arrays, as ASE does."""
    fields = frame.comment.get("properties", ("", ""))[1].split(":")
    kinds = dict(zip(fields[::3], fields[1::3], strict=False))
    for name, (written, values) in frame.columns.items():
        if name in LABELS or name not in used:
            kept = values[:, 0] if values.shape[1] == 1 else values
            atoms.arrays.setdefault(written, kept.astype(np.int64) if kinds.get(written) == "I" else kept)


def _shaped(frame: XyzFrame, name: str, width: int) -> np.ndarray:
    """Numbers of a column, (n, width) float64."""
    written, values = frame.columns[name]
    if values.shape[1] != width or values.dtype.kind != "f":
        raise DataError(
            f"{frame.where}: column {written} = {values.shape[1]} values: must be {width} of kind R; correct Properties."
        )
    return values


def _set_speeds(path: Path, atoms: Atoms, frame: XyzFrame, names: list[str], options: StructureOptions) -> None:
    """Set momenta or velocities by the first of some columns; say that the others are not used."""
    if names[0] == "momenta":
        atoms.set_momenta(_shaped(frame, "momenta", 3))
    else:
        _set_velocities(path, atoms, frame, names[0], options)
    if names[1:]:
        written = [frame.columns[name][0] for name in names]
        notice(
            f"{path}: columns {', '.join(written[1:])}", f"not used: velocities are those of the column {written[0]}."
        )


def _set_velocities(path: Path, atoms: Atoms, frame: XyzFrame, name: str, options: StructureOptions) -> None:
    """Set velocities whose unit is known; else say that they are not used."""
    unit = next((text for key, (_, text) in frame.comment.items() if STATED.fullmatch(key)), None)
    if unit is not None:
        factor = SPEEDS.get(unit.strip().lower().replace("angstrom", "a").replace("å", "a"))
        if factor is None:
            raise DataError(
                f"{frame.where}: unit of {name} = {unit[:30]}: must be one of {', '.join(SPEEDS)}; correct it."
            )
    elif options.units is not None:
        factor = UNIT_STYLES[options.units].velocity / ase.units.fs
    else:
        notice(
            f"{path}: column {frame.columns[name][0]}",
            f"not used: its unit is not stated; say {options.key('units')}: metal for Å/ps or real for Å/fs, or write "
            "vel_unit=A/fs into the comment line.",
        )
        return
    atoms.set_velocities(_shaped(frame, name, 3) * factor)


def _constrain(atoms: Atoms, frame: XyzFrame) -> None:
    """Freeze atoms that move along no axis; others that move along some keep a constraint of ASE."""
    values = frame.columns["move_mask"][1]
    values = np.char.lower((values.astype(int) if values.dtype.kind == "f" else values).astype(str))
    if values.shape[1] not in (1, 3) or not np.isin(values, list(TRUTHS)).all():
        raise DataError(
            f"{frame.where}: move_mask = {' '.join(values[0])[:40]}: must be one or three of T and F an atom."
        )
    moves = np.vectorize(TRUTHS.get, otypes=[bool])(values)
    held, partly = np.flatnonzero(~moves.any(axis=1)), np.flatnonzero(moves.any(axis=1) & ~moves.all(axis=1))
    if not len(held) and not len(partly):
        return
    from ase.constraints import FixAtoms, FixCartesian  # late: takes half a second, of SciPy and space groups

    whole = [FixAtoms(held)] if len(held) else []
    atoms.set_constraint(whole + [FixCartesian(int(k), ~moves[k]) for k in partly])


def _value(text: str) -> int | float | bool | str | np.ndarray:
    """A value of the comment line: a number, numbers, true or false, or the text itself."""
    words = text.split()
    if len(words) == 1 and text in ("T", "F", "True", "False", "true", "false"):
        return TRUTHS[text.lower()]
    for kind in (int, float):
        try:
            values = [kind(word) for word in words]
        except ValueError:
            continue
        if values:
            return values[0] if len(values) == 1 else np.array(values)
    return text
