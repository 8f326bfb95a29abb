"""Chemical symbols, and which masses their atoms may have."""

from __future__ import annotations

from ase.data import atomic_masses, atomic_numbers

SAME_MASS = 0.1
"""Part of its standard mass by which the mass of an element may differ: most isotopes do by less."""
ISOTOPES = {
    "H": (2.014, 3.016),
    "He": (3.016,),
    "Li": (6.015,),
    "Be": (10.014,),
    "C": (14.003,),
    "S": (35.967,),
    "Ca": (45.954, 47.952),
}
"""Element -> masses, amu, of its isotopes that differ by more and that occur in nature. Source: AME2020."""
PRECISION = 0.02
"""amu: how far rounded masses of isotopes may lie from these."""


def is_element(name: str) -> bool:
    """Test whether a name is a chemical symbol."""
    return name in atomic_numbers and name != "X"


def standard_mass(symbol: str) -> float:
    """Standard atomic weight, amu."""
    return float(atomic_masses[atomic_numbers[symbol]])


def is_mass_of(symbol: str, mass: float) -> bool:
    """Test whether a mass, amu, is that of the element or of one of its isotopes."""
    standard = standard_mass(symbol)
    near = abs(mass - standard) <= SAME_MASS * standard
    return near or any(abs(mass - isotope) <= PRECISION for isotope in ISOTOPES.get(symbol, ()))
