"""Structures in every format that hpcpot writes, LAMMPS dumps, and seeds of random structures."""

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
from hpcpot.structure.random import cells, seed_file

DUMP = (
    "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n"
    + "0 5.4\n" * 3
    + "ITEM: ATOMS id type element x y z\n1 1 Li 0 0 0\n2 2 Si 2 2 2\n"
)
SEED = (
    "%BLOCK LATTICE_ABC\n4 4 4\n90 90 90\n%ENDBLOCK LATTICE_ABC\n%BLOCK POSITIONS_FRAC\nLi 0 0 0 # Li1 % NUM=4\n"
    "Si 0 0 0 # Si1 % NUM=2\n%ENDBLOCK POSITIONS_FRAC\n#VARVOL=30\n#NFORM={1,2}\n#SYMMOPS=1-4\n#MINSEP=1-2 Li-Si=2.2\n"
)
OPTIONS = {"lammps-data": {"masses": True}}


def targets() -> list[Target]:
    """A target for each kind of file that `files.write` writes, and one for dumps."""
    suffixes = {kind: suffix for suffix, kind in reversed(files.WRITERS.items())}
    made = [
        Target(kind, partial(_write, f"a{suffix}", kind), partial(_read, f"a{suffix}"))
        for kind, suffix in suffixes.items()
    ]
    return [
        *made,
        Target("lammps-dump", partial(written, "a.dump", DUMP), partial(_read, "a.dump")),
        Target("airss-seed", partial(written, "a.cell", SEED), _read_seed),
    ]


def _write(name: str, kind: str) -> list[str]:
    atoms = systems.mixed(bulk("Si", "diamond", 5.4, cubic=True), 1, 0.05)
    ase.io.write(name, atoms, format=kind, **OPTIONS.get(kind, {}))
    return [name]


def _read_seed() -> Any:
    """Read it and check what it asks for, as `hpcpot build` does."""
    asked = seed_file.read(Path("a.cell"))
    cells.check(asked)
    return asked


def _read(name: str) -> Any:
    """Read it as farms do, which keep errors, and as runs do."""
    structures.items([Path(name).absolute()], "all")
    return checks.check(files.read(name), ("Li", "Si"))
