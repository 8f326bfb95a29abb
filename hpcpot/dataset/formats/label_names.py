"""Labels among the keys and columns of a file by their names: taken, asked about, or said not to be used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hpcpot.errors import DataError

NONE = "none"
"""What --energy-key and so on say of a label that is not to be read."""


OTHER = re.compile(
    r"kinetic|ekin|atomi[sz]ation|formation|cohesive|binding|adsorption|_per_|local|weight|unit|std|error|uncertain|"
    r"correction|shift|cut|toler|mask|const|field|max|min|rms|mean|norm|hull|fermi|_converged$"
)
"""In names of quantities that are no label though they sound like one."""


METHOD = r"([-_.].+)?"
"""Behind the name of a label: what it was calculated by, energy_dft."""
UNIT = re.compile(
    r"(.+?)[-_ ]*[-_ (\[](ev|ha|hartrees?|ry|rydbergs?|kcal[/_]?mol|kj[/_]?mol|[gm]pa|k?bar|kb)"
    r"(?:(?:_per_|[/_])(a|å|ang|angstrom|bohr)\^?(3)?)?[)\]]?"
)
"""A name in small letters that ends with a unit: energy_ev, forces_ha_bohr, stress(gpa)."""


def split_unit(name: str) -> tuple[str, str]:
    """Divide a name, in small letters, from the unit that it ends with; "" for none."""
    match = UNIT.fullmatch(name)
    if match is None:
        return name, ""
    bare, energy, length, cubed = match.groups()
    return bare, energy + (f"/{length}" if length else "") + ("^3" if cubed else "")


@dataclass(frozen=True)
class Label:
    """How a label is called.

    Attributes:
        names: it has in small letters, of which the first that is there is taken. option: for another name.
        pattern: of names that may mean it, prefix and all.
    """

    names: tuple[str, ...]
    option: str
    pattern: re.Pattern[str]

    def may_be(self, name: str) -> bool:
        """Test whether a name, in small letters, may mean the label."""
        bare = split_unit(name)[0]
        return bool(self.pattern.fullmatch(bare)) and not OTHER.search(name)


LABELS = {
    "energy": Label(
        ("free_energy", "energy"),
        "--energy-key",
        re.compile(rf".*energy{METHOD}|(.*[-_.])?(energies|e|e_?0|e_?tot|e_?pot|toten){METHOD}"),
    ),
    "forces": Label(("forces",), "--forces-key", re.compile(rf"(.*[-_.])?(forces?|f){METHOD}")),
    "virial": Label(("virial", "stress"), "--virial-key", re.compile(rf"(.*[-_.])?(virials?|stress|stresses){METHOD}")),
}
DATA = re.compile(r"energ|force|virial|stress|dipole|charge|magmom|polari[sz]ab|moment|veloc|^units?$")
"""In keys of the comment line that look like data."""


def choose(
    named: Mapping[str, str | None], available: Mapping[str, Mapping[str, str]], where: str
) -> dict[str, str | None]:
    """Return the name, in small letters, under which each label is there; None if it is not.

    Args:
        named: label of LABELS -> its name by the user; None if not given.
        available: label -> names that may be it: in small letters -> as written.
    Raises:
        DataError: what the user named is not there; or names that may mean a label, which the user must say.
    """
    chosen: dict[str, str | None] = {}
    asked: dict[str, str] = {}
    for label, kind in LABELS.items():
        names = available[label]
        user = named[label]
        if user is not None:
            chosen[label] = _named(user, names, where)
            continue
        chosen[label] = next((name for name in kind.names if name in names), None)
        candidates = [written for name, written in names.items() if kind.may_be(name)]
        if chosen[label] is None and candidates:
            asked[label] = candidates[0]
    if asked:
        labels = ", ".join(f"{label} under the name {name}" for label, name in asked.items())
        options = " ".join(f"{LABELS[label].option} {name}" for label, name in asked.items())
        meaning = " and what it is, --virial-is," if "virial" in asked else ""
        raise DataError(
            f"{where} = {labels}, whose meaning the file does not tell: names are required; say {options}{meaning} or "
            f"{NONE} of a label that is not to be read."
        )
    return chosen


def _named(user: str, names: Mapping[str, str], where: str) -> str | None:
    if user.lower() == NONE:
        return None
    if user.lower() not in names:
        known = ", ".join(sorted(names.values())) or "none"
        raise DataError(f"{where} = no {user}: must be one of {known}; name another key.")
    return user.lower()
