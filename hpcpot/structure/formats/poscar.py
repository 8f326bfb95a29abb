"""POSCAR and CONTCAR. Source: https://www.vasp.at/wiki/index.php/POSCAR."""

from __future__ import annotations

from pathlib import Path

from ase import Atoms

from hpcpot import inputs
from hpcpot.errors import StructureError
from hpcpot.structure.formats import StructureOptions
from hpcpot.structure.formats.by_ase import read_as


def read(path: Path, options: StructureOptions, index: int = -1) -> Atoms:
    """Read the structure; selective dynamics become constraints of ASE.

    Raises:
        StructureError: it is not whole.
    """
    with inputs.reading(path, "POSCAR", StructureError):
        with inputs.open_text(path) as file:
            lines = file.read().splitlines()
        try:
            check(path, lines)
        except (ValueError, IndexError) as error:
            raise StructureError(
                f"{path} = no POSCAR, or not a whole one: must have a title, a factor, three vectors, symbols, counts and "
                "positions; is the file whole?"
            ) from error
    return read_as(path, "vasp", 0, options)


def check(path: Path, lines: list[str]) -> None:
    """Refuse a POSCAR whose counts are not those of its position lines, or with velocities in units of the lattice.

    Raises:
        StructureError: see above; ValueError or IndexError where it is no POSCAR at all.
    """
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
