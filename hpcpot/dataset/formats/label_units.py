"""Units of labels as files and users write them: "Ry", "hartree/bohr", "kcal/mol/A", "GPa"."""

from __future__ import annotations

import re
from collections.abc import Callable

from hpcpot.errors import DataError
from hpcpot.units import BOHR, EV_PER_A3_IN_GPA, HARTREE, KCAL_PER_MOL, KJ_PER_MOL, LENGTHS, RYDBERG

_NAMES = {
    1.0: ("ev", "electronvolt", "electronvolts"),
    1e-3: ("mev",),
    HARTREE: ("ha", "hartree", "hartrees", "au", "a.u.", "eh"),
    RYDBERG: ("ry", "ryd", "rydberg", "rydbergs"),
    KCAL_PER_MOL: ("kcal/mol", "kcal_mol", "kcalmol"),
    KJ_PER_MOL: ("kj/mol", "kj_mol", "kjmol"),
}
ENERGIES = {name: factor for factor, names in _NAMES.items() for name in names}
"""Name in small letters -> eV. `meV` is told from `MeV` by `energy`."""
PRESSURES = {"gpa": 1.0, "mpa": 1e-3, "kbar": 0.1, "kb": 0.1, "bar": 1e-4, "pa": 1e-9}
"""Name in small letters -> GPa."""
EXAMPLES = {"energy": "eV, Ha, Ry, kcal/mol or kJ/mol", "force": "eV/A, Ha/A, Ha/bohr, Ry/bohr or kcal/mol/A"}
EXAMPLES["stress"] = "eV/A^3, GPa, kbar, bar or Ha/bohr^3"


def is_energy(text: str) -> bool:
    """Test whether a word is a unit of energy."""
    return text.lower() in ENERGIES and text != "MeV"


def energy(text: str, where: str) -> float:
    """Return a unit of energy in eV.

    Args:
        where: it stands, for the message.
    Raises:
        DataError: no unit of energy that is known.
    """
    if not is_energy(text.strip()):
        raise _unknown(text, "energy", where)
    return ENERGIES[text.strip().lower()]


def force(text: str, where: str) -> float:
    """Return a unit of force, "Ha/bohr", in eV/Å; "au" alone is Ha/bohr.

    Raises:
        DataError: no unit of force that is known.
    """
    name = text.strip()
    if name.lower() in ("au", "a.u."):
        return HARTREE / BOHR
    numerator, _, length = name.rpartition("/")
    if not is_energy(numerator) or length.lower() not in LENGTHS:
        raise _unknown(text, "force", where)
    return ENERGIES[numerator.lower()] / LENGTHS[length.lower()]


def stress(text: str, where: str) -> float:
    """Return a unit of stress, "GPa" or "Ha/bohr^3", in eV/Å³.

    Raises:
        DataError: no unit of stress that is known.
    """
    name = text.strip()
    if name.lower() in PRESSURES:
        return PRESSURES[name.lower()] / EV_PER_A3_IN_GPA
    match = re.fullmatch(r"(.+)/(.+?)(?:\^|\*\*)?[3³]", name)
    if not match or not is_energy(match[1]) or match[2].lower() not in LENGTHS:
        raise _unknown(text, "stress", where)
    return ENERGIES[match[1].lower()] / LENGTHS[match[2].lower()] ** 3


def agreed(stated: str, told: str | None, factor: Callable[[str, str], float], where: str, option: str) -> str:
    """The unit that a file states, or else the one that the user tells; "" for neither.

    Args:
        factor: `energy` or `force`. where: the unit stands, and option: by which the user tells it, for messages.
    Raises:
        DataError: both are there, and are not the same; or one is not known.
    """
    if stated and told and factor(stated, where) != factor(told, option):
        raise DataError(
            f"{where} = {stated}, as the file states: {option} {told} contradicts it; leave out the option."
        )
    return stated or told or ""


def _unknown(text: str, kind: str, where: str) -> DataError:
    return DataError(f"{where} = {text[:40]}: must be a unit of {kind}, such as {EXAMPLES[kind]}; correct the unit.")
