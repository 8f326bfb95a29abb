"""CIF: crystals whose sites each hold an atom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ase import Atoms

from hpcpot import inputs
from hpcpot.errors import StructureError
from hpcpot.notices import notice
from hpcpot.structure.formats import StructureOptions
from hpcpot.structure.formats.by_ase import read_as

FARTHEST_CELL = 1e6
"""Fractional coordinates beyond are damage."""
COORDINATE = re.compile(r"_atom_site_(?:fract|cartn)_[xyz]$")
OCCUPANCY = "_atom_site_occupancy"
UNKNOWN = ("?", ".")
"""Words of a value that is not told."""


def read(path: Path, options: StructureOptions, index: int = -1) -> Atoms:
    """Read a crystal.

    Raises:
        StructureError: it is not whole, or sites are partially occupied or at no place.
    """
    return refuse_partial_occupancy(path, read_as(path, "cif", index, options, completed(path)))


def frames(path: Path, options: StructureOptions) -> Iterator[Atoms | StructureError]:
    """Read all crystals."""
    for atoms in read_as(path, "cif", ":", options, completed(path)):
        try:
            yield refuse_partial_occupancy(path, atoms)
        except StructureError as error:
            yield error


def refuse_partial_occupancy(path: Path, atoms: Atoms) -> Atoms:
    """Return the crystal, if each of its sites holds an atom.

    Raises:
        StructureError: a site is partially occupied, or shared.
    """
    for site, occupancy in atoms.info.get("occupancy", {}).items():
        if len(occupancy) != 1 or not abs(sum(occupancy.values()) - 1) <= 1e-6:
            shares = ", ".join(f"{name} {share:g}" for name, share in occupancy.items())
            raise StructureError(
                f"{path}: site {site} = occupancy {shares}: must be one atom; order the structure first."
            )
    return atoms


def is_place(word: str) -> bool:
    """Test whether a word is a coordinate, perhaps with its error, 0.25(3), that ASE can turn into the cell and back."""
    try:
        return abs(float(word.partition("(")[0])) < FARTHEST_CELL
    except ValueError:
        return False


def completed(path: Path) -> str:
    """Text of the file, with the occupancy 1 where a site has none: `?` or `.`.

    Raises:
        StructureError: a coordinate is no number, such as `?`; or the file cannot be opened.
    """
    with inputs.reading(path, "CIF", StructureError), inputs.open_text(path) as file:
        lines: list[str] = []
        names: list[str] = []
        for line in file:
            words = line.split()
            if words and words[0].lower() == "loop_":
                names = []
            elif words and words[0].startswith("_"):
                names.append(words[0].lower())
            elif len(words) == len(names):
                refuse_unknown_place(path, dict(zip(names, words, strict=True)), line)
                if OCCUPANCY in names and words[names.index(OCCUPANCY)] in UNKNOWN:
                    notice(f"{path}: {OCCUPANCY}", "not told for sites: read as 1, the default of CIF")
                    words[names.index(OCCUPANCY)] = "1"
                    line = " ".join(words) + "\n"
            lines.append(line)
        return "".join(lines)


def refuse_unknown_place(path: Path, site: dict[str, str], line: str) -> None:
    """Refuse a site with a coordinate that is no number.

    Args:
        site: name of each column -> its word. line: the same, for the message.
    Raises:
        StructureError: names the site.
    """
    unknown = next((name for name, word in site.items() if COORDINATE.match(name) and not is_place(word)), None)
    if unknown is not None:
        raise StructureError(
            f"{path}: {unknown} of {next(iter(site.values()))} = {line.strip()[:60]}: must be a number, and ? is none; "
            "complete the site or delete it."
        )
