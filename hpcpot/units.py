"""Units: Å, eV, fs, amu, K inside; every conversion factor lives here.

Velocities are Å/fs, forces eV/Å, stress and pressure inside eV/Å³. Constants are CODATA 2018.
"""

BOLTZMANN = 8.617333262e-5
"""Boltzmann constant, eV/K."""

AMU = 103.64269652680505
"""1 amu in eV fs²/Å²: kinetic energy in eV is 0.5 * AMU * mass * velocity²."""

EV_PER_A3_IN_GPA = 160.2176634
"""1 eV/Å³ in GPa."""

BAR_IN_GPA = 1e-4

A_PER_NS_IN_CM_PER_S = 10.0
THZ_IN_PER_CM = 1.0 / 0.0299792458
"""Wavenumber of 1 THz, 1/cm."""

FS_PER_PS = 1000.0
FS_PER_NS = 1.0e6
SECONDS_PER_DAY = 86400.0

HARTREE = 27.211386245988
RYDBERG = 0.5 * HARTREE
KCAL_PER_MOL = 0.0433641153087705
KJ_PER_MOL = 0.010364269656262
"""eV."""

BOHR = 0.529177210903
"""Å."""

LENGTHS = {"a": 1.0, "å": 1.0, "ang": 1.0, "angst": 1.0, "angstrom": 1.0, "angstroms": 1.0, "nm": 10.0}
LENGTHS |= dict.fromkeys(("bohr", "bohrs", "au", "a.u.", "a0"), BOHR)
"""Name in small letters -> Å."""

J_PER_M2 = 16.02176634
"""1 eV/Å² in J/m²."""
