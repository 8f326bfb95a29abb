"""Whether what a reader made of a damaged file is right: a possible value, or a clear refusal."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from types import SimpleNamespace
from typing import Any

import ase
import numpy as np

import hpcpot
from hpcpot.dataset.dataset import DataSet
from hpcpot.errors import HpcpotError

PACKAGE = os.path.dirname(hpcpot.__file__)
FAULTS = ("unclear", "silent", "traceback", "crash", "hang", "memory")
"""Refused with a message that is long or not printable; an impossible value taken; any other exception; a signal; beyond
the limits of time and memory."""
FARTHEST = 1e10
"""Å; beyond, a double no longer tells where in a cell an atom is."""
LONGEST = 2000
"""Characters of a message that somebody reads."""


@dataclass(frozen=True)
class Outcome:
    """How a case went: right, refused or one of FAULTS; where in hpcpot; what was said."""

    kind: str
    place: str = ""
    text: str = ""


def judged(read: Callable[[], Any]) -> Outcome:
    """Call a reader and judge its answer."""
    try:
        impossible = impossible_part(read())
    except HpcpotError as error:
        return _refusal(error)
    except MemoryError as error:
        return Outcome("memory", place(error), str(error))
    except SystemExit as error:
        return Outcome("refused" if error.code == 2 else "traceback", f"SystemExit {error.code}")
    except BaseException as error:
        name = type(error).__name__
        return Outcome("traceback", f"{place(error)} {name}", "".join(traceback.format_exception(error))[-3000:])
    return Outcome("silent", impossible, impossible) if impossible else Outcome("right")


def _refusal(error: HpcpotError) -> Outcome:
    text, where = str(error), f"{place(error)} {type(error).__name__}"
    if "MemoryError" in text or "Unable to allocate" in text:
        return Outcome("memory", where, text)
    is_printable = all(character.isprintable() or character == "\n" for character in text)
    is_clear = 10 < len(text) < LONGEST and is_printable and "Traceback" not in text
    return Outcome("refused" if is_clear else "unclear", where, text)


def place(error: BaseException) -> str:
    """The innermost line of hpcpot in a traceback."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(PACKAGE)]
    return f"{os.path.relpath(frames[-1].filename, PACKAGE)}:{frames[-1].lineno}" if frames else "outside hpcpot"


def impossible_part(value: object, name: str = "result") -> str:
    """Which number of a result cannot be; empty if all can."""
    if isinstance(value, ase.Atoms):
        return _impossible_atoms(value)
    if isinstance(value, DataSet):
        return _impossible_dataset(value)
    if isinstance(value, np.ndarray):
        return f"{name} not finite" if value.dtype.kind in "fc" and not np.isfinite(value).all() else ""
    if isinstance(value, (float, np.floating)):
        return "" if np.isfinite(value) else f"{name} not finite"
    if isinstance(value, (list, tuple)):
        return _first(impossible_part(part, name) for part in value)
    if isinstance(value, SimpleNamespace):
        value = vars(value)
    elif is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, dict):
        return _first(impossible_part(part, str(key)) for key, part in value.items())
    return ""


def _impossible_atoms(atoms: ase.Atoms) -> str:
    masses = atoms.get_masses()
    if (masses <= 0).any() or not np.isfinite(masses).all():
        return "atoms.masses not positive"
    if np.isfinite(atoms.positions).all() and (np.abs(atoms.positions) > FARTHEST).any():
        return "atoms.positions beyond all bounds"
    parts = {"positions": atoms.positions, "cell": atoms.cell.array, "momenta": atoms.arrays.get("momenta")}
    return _first(impossible_part(part, f"atoms.{name}") for name, part in parts.items())


def _impossible_dataset(data: DataSet) -> str:
    if any(np.isinf(getattr(data, name)).any() for name in ("energies", "forces", "virials")):  # NaN: no label
        return "dataset labels infinite"
    if not (data.first[0] == 0 and (np.diff(data.first) > 0).all() and data.first[-1] == len(data.species)):
        return "dataset.first is no partition"
    if data.species.size and not 0 <= data.species.min() <= data.species.max() < len(data.elements):
        return "dataset.species out of range"
    per_frame = ("cells", "periodic", "energies", "virials", "groups", "sources")
    if {len(getattr(data, name)) for name in per_frame} != {len(data.first) - 1}:
        return "dataset of different lengths"
    return impossible_part(data.positions, "dataset.positions") or impossible_part(data.cells, "dataset.cells")


def _first(problems) -> str:
    return next(filter(None, problems), "")
