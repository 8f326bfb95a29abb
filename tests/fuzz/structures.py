"""Structures in every format that hpcpot writes, and LAMMPS dumps."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import ase.io
import systems
from ase.build import bulk
from fuzz.targets import Target, written

from hpcpot.farm import structures
from hpcpot.structure import checks, files

DUMP = (
    "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n"
    + "0 5.4\n" * 3
    + "ITEM: ATOMS id type element x y z\n1 1 Li 0 0 0\n2 2 Si 2 2 2\n"
)
OPTIONS = {"lammps-data": {"masses": True}}


def targets() -> list[Target]:
    """A target for each kind of file that `files.write` writes, and one for dumps."""
    suffixes = {kind: suffix for suffix, kind in reversed(files.WRITERS.items())}
    made = [
        Target(kind, partial(_write, f"a{suffix}", kind), partial(_read, f"a{suffix}"))
        for kind, suffix in suffixes.items()
    ]
    return [*made, Target("lammps-dump", partial(written, "a.dump", DUMP), partial(_read, "a.dump"))]


def _write(name: str, kind: str) -> list[str]:
    atoms = systems.mixed(bulk("Si", "diamond", 5.4, cubic=True), 1, 0.05)
    ase.io.write(name, atoms, format=kind, **OPTIONS.get(kind, {}))
    return [name]


def _read(name: str) -> Any:
    """Read it as farms do, which keep errors, and as runs do."""
    structures.items([Path(name).absolute()], "all")
    return checks.check(files.read(name), ("Li", "Si"))
