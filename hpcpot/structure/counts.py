"""Counts of atoms that ase.io.read takes on trust: a wrong one costs atoms, makes velocities of positions, or hangs."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TextIO

from hpcpot.errors import StructureError


def check_xyz(path: Path, file: TextIO) -> None:
    """Refuse an xyz or extxyz file in which a frame has fewer lines than its count says.

    Raises:
        StructureError: see above; ValueError where a count is no number.
    """
    for frame, line in enumerate(line for line in file if not line.lstrip().startswith("VEC")):
        if not line.strip():
            return
        count = int(line)
        n_lines = sum(1 for _ in islice(file, count + 1)) - 1
        if n_lines < count:
            raise StructureError(
                f"{path}: frame {frame} = {max(n_lines, 0)} lines of atoms: its count says {count}; is the file cut off?"
            )


def check_poscar(path: Path, file: TextIO) -> None:
    """Refuse a POSCAR whose counts are not those of its position lines, or with velocities in units of the lattice.

    Raises:
        StructureError: see above; ValueError or IndexError where it is no POSCAR at all.
    Source: https://www.vasp.at/wiki/index.php/POSCAR
    """
    lines = file.read().splitlines()
    row = 5 if lines[5].split()[0].isdigit() else 6
    counts = [int(word) for word in lines[row].partition("!")[0].split()]
    row += 2 if lines[row + 1].strip()[:1] in ("S", "s") else 1
    first = row + 1
    last = next((i for i in range(first, len(lines)) if not is_position(lines[i])), len(lines))
    if last - first != sum(counts):
        raise StructureError(
            f"{path} = {last - first} positions: the counts in its header say {sum(counts)}; correct the "
            "counts, or is the file cut off?"
        )
    if last < len(lines) and lines[last].strip()[:1] in ("D", "d"):
        raise StructureError(f"{path} = velocities in Direct: must be Cartesian, Å/fs; convert or delete them.")


def is_position(line: str) -> bool:
    """Test whether a line begins with three numbers."""
    words = line.split()[:3]
    try:
        return len([float(word) for word in words]) == 3
    except ValueError:
        return False
