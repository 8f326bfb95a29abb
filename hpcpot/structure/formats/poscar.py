"""POSCAR and CONTCAR. Source: https://www.vasp.at/wiki/index.php/POSCAR."""

from __future__ import annotations

import re
from pathlib import Path

from ase import Atoms

from hpcpot import inputs
from hpcpot.errors import StructureError
from hpcpot.structure.elements import is_element
from hpcpot.structure.formats import StructureOptions
from hpcpot.structure.formats.by_ase import read_as

FORTRAN = re.compile(r"(?<=[\d.])[dD](?=[+-]?\d)")
"""The letter of an exponent of Fortran, 0.5d0."""
LOGICAL = re.compile(r"\.?([tTfF])")


def read(path: Path, options: StructureOptions, index: int = -1) -> Atoms:
    """Read the structure; selective dynamics become constraints of ASE.

    Raises:
        StructureError: it is not whole.
    """
    with inputs.reading(path, "POSCAR", StructureError):
        with inputs.open_text(path) as file:
            lines = [FORTRAN.sub("e", line) for line in file.read().splitlines()]
        try:
            if lines[5].split()[0].isdigit():
                lines.insert(5, symbols(path, lines, options))
            check(path, lines)
        except (ValueError, IndexError) as error:
            raise StructureError(
                f"{path} = no POSCAR, or not a whole one: must have a title, a factor, three vectors, symbols, counts and "
                "positions; is the file whole?"
            ) from error
    return read_as(path, "vasp", 0, options, "\n".join(lines) + "\n")


def symbols(path: Path, lines: list[str], options: StructureOptions) -> str:
    """Line of symbols for a file of VASP 4, which has none: elements that are told, else the first words of its title.

    Raises:
        StructureError: neither names the kinds of atoms.
    """
    kinds = len(lines[5].partition("!")[0].split())
    names = list(options.elements or lines[0].split()[:kinds])
    if len(names) != kinds or not all(map(is_element, names)):
        raise StructureError(
            f"{path} = {kinds} kinds of atoms without symbols: the elements of all are required; name them in their order, "
            f"{options.key('elements')}: [Li, Si], or in a line before the counts."
        )
    return " ".join(names)


def check(path: Path, lines: list[str]) -> None:
    """Refuse a POSCAR whose symbols or counts are not those of its position lines, or with velocities in units of the lattice.

    Flags of selective dynamics become T and F, the only ones that ASE knows.

    Raises:
        StructureError: see above; ValueError or IndexError where it is no POSCAR at all.
    """
    counts = [int(word) for word in lines[6].partition("!")[0].split()]
    names = [re.split("[/_]", word)[0] for word in lines[5].partition("!")[0].split()]
    unknown = [name for name in names if not is_element(name)]
    if unknown or len(names) != len(counts):
        raise StructureError(
            f"{path} = symbols {lines[5].strip()[:60]} of {len(counts)} counts: must be the symbol of an element for each; "
            "correct the line."
        )
    is_selective = lines[7].strip()[:1] in ("S", "s")
    first = 9 if is_selective else 8
    last = next((i for i in range(first, len(lines)) if not is_position(lines[i])), len(lines))
    if last - first != sum(counts):
        raise StructureError(
            f"{path} = {last - first} positions: the counts in its header say {sum(counts)}; correct the "
            "counts, or is the file cut off?"
        )
    if is_selective:
        lines[first:last] = [_with_flags(path, line) for line in lines[first:last]]
    if last < len(lines) and lines[last].strip()[:1] in ("D", "d"):
        raise StructureError(f"{path} = velocities in Direct: must be Cartesian, Å/fs; convert or delete them.")


def _with_flags(path: Path, line: str) -> str:
    """A line of a position with its flags as T and F; Fortran reads f, .FALSE. and the like, too."""
    words = line.split()
    flags = [match[1].upper() for word in words[3:6] if (match := LOGICAL.match(word))]
    if len(flags) != 3:
        raise StructureError(
            f"{path} = selective dynamics, and a position {line.strip()[:60]}: must have three flags, T or F; give them or "
            "take the line Selective dynamics away."
        )
    return " ".join((*words[:3], *flags, *words[6:]))


def is_position(line: str) -> bool:
    """Test whether a line begins with three numbers."""
    words = line.split()[:3]
    try:
        return len([float(word) for word in words]) == 3
    except ValueError:
        return False
