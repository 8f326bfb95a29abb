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
FRACTION = re.compile(r"_atom_site_fract_[xyz]$")
ALL_OF_CELL = [
    f"_cell_{name}" for name in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
]
CELL = re.compile("|".join(f"{name}$" for name in ALL_OF_CELL))
GROUP = re.compile(
    r"_(?:symmetry|space_group)[._](?:space_group_name_h-m|name_h-m|name_h-m_alt|it_number|int_tables_number)$"
)
SYMBOLS = ("_atom_site_type_symbol", "_atom_site_label")
"""Columns that name an element, of which the first that is there does."""
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
    """Text of the file, with the occupancy 1 where a site has none, and without a space group that is `?` or `.`.

    Raises:
        StructureError: a length or angle of the cell, a coordinate, an element or the symmetry is not told; or the file
            cannot be opened.
    """
    with inputs.reading(path, "CIF", StructureError), inputs.open_text(path) as file:
        blocks = [_Block(path)]
        for line in file:
            if line.lower().startswith("data_"):
                blocks.append(_Block(path))
            blocks[-1].take(line)
        return "".join(line for block in blocks for line in block.end())


class _Block:
    """A crystal of a file, line by line.

    Attributes:
        names: columns of the loop that is read, or tags before. tag: whose value is due. values: of tags of the cell.
        group: the tag of a space group that is not told, and its value.
    """

    def __init__(self, path: Path):
        self.path, self.lines, self.tag = path, [], ""
        self.names: list[str] = []
        self.values: dict[str, str] = {}
        self.group: tuple[str, str] | None = None
        self.is_loop = self.is_fractional = self.has_group = False

    def take(self, line: str) -> None:
        words = line.split()
        if self.tag and words:
            words, self.tag = [self.tag, *words], ""
        if words and words[0].lower() == "loop_":
            self.names, self.is_loop = [], True
        elif words and words[0].startswith("_"):
            line = self._take_tag(words, line)
        elif words and len(words) == len(self.names):
            line = self._take_row(words, line)
        self.lines.append(line)

    def _take_tag(self, words: list[str], line: str) -> str:
        """The line of a tag, "" for a space group that is not told."""
        name = words[0].lower()
        if len(words) == 1 or words[1].startswith("#"):
            if not self.is_loop and (CELL.match(name) or GROUP.match(name)):
                self.tag = words[0]
            self.names.append(name)
            return line
        self.is_loop, self.names = False, []
        if CELL.match(name):
            self.values[name] = words[1]
            if not is_place(words[1]):
                refuse_unknown(self.path, words[0], words[1], "must be a number; complete the cell")
        elif GROUP.match(name):
            if words[1] in UNKNOWN:
                self.group = words[0], words[1]
                return ""
            self.has_group = True
        return line

    def _take_row(self, words: list[str], line: str) -> str:
        """The line of a site, with an occupancy."""
        site = dict(zip(self.names, words, strict=True))
        refuse_unknown_site(self.path, site)
        self.is_fractional = self.is_fractional or any(FRACTION.match(name) for name in site)
        if site.get(OCCUPANCY) in UNKNOWN:
            notice(f"{self.path}: {OCCUPANCY}", "not told for sites: read as 1, the default of CIF")
            return " ".join("1" if name == OCCUPANCY else word for name, word in site.items()) + "\n"
        return line

    def end(self) -> list[str]:
        """All lines.

        Raises:
            StructureError: fractional coordinates without a whole cell, or a symmetry that is not told.
        """
        if self.is_fractional and (lacks := [name for name in ALL_OF_CELL if name not in self.values]):
            refuse_unknown(self.path, lacks[0], "not there", "must be a number; complete the cell")
        if self.group is not None and not self.has_group:
            refuse_unknown(self.path, *self.group, "must be the space group; write P 1 where all atoms are listed")
        return self.lines


def refuse_unknown_site(path: Path, site: dict[str, str]) -> None:
    """Refuse a site with a coordinate that is no number, or without an element.

    Args:
        site: name of each column -> its word.
    Raises:
        StructureError: names the column, the site and the word.
    """
    label = next(iter(site.values()))
    for name, word in site.items():
        if COORDINATE.match(name) and not is_place(word):
            refuse_unknown(path, f"{name} of {label}", word, "must be a number; complete the site or delete it")
    name = next((name for name in SYMBOLS if name in site), None)
    if name is not None and site[name] in UNKNOWN:
        refuse_unknown(path, f"{name} of {label}", site[name], "must be an element; complete the site or delete it")


def refuse_unknown(path: Path, tag: str, word: str, required: str) -> None:
    """Raise a StructureError of a tag whose value is not told, or none."""
    unknown = ", a value that is not known" if word in UNKNOWN else ""
    raise StructureError(f"{path}: {tag} = {word[:40]}{unknown}: {required}.")
