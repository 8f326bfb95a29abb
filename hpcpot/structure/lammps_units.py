"""Unit styles of LAMMPS. Source: https://docs.lammps.org/units.html."""

from __future__ import annotations

from typing import NamedTuple


class UnitStyle(NamedTuple):
    """Factors of a unit style: length to Å, velocity to Å/fs, mass to amu."""

    length: float
    velocity: float
    mass: float


_BOHR = 0.529177210903
_GRAM = 1.0 / 1.66053906660e-24
_METRE_PER_SECOND = 1e-5
_ATOMIC_TIME = 1.03275
"""Å, amu, Å/fs, and fs as LAMMPS rounds it: Bohr (amu / Hartree)^(1/2)."""

UNIT_STYLES = {
    "metal": UnitStyle(1.0, 1e-3, 1.0),
    "real": UnitStyle(1.0, 1.0, 1.0),
    "electron": UnitStyle(_BOHR, _BOHR / _ATOMIC_TIME, 1.0),
    "si": UnitStyle(1e10, _METRE_PER_SECOND, 1e3 * _GRAM),
    "cgs": UnitStyle(1e8, 1e-2 * _METRE_PER_SECOND, _GRAM),
    "micro": UnitStyle(1e4, _METRE_PER_SECOND, 1e-12 * _GRAM),
    "nano": UnitStyle(10.0, _METRE_PER_SECOND, 1e-18 * _GRAM),
}
