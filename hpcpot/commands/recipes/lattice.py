"""Lattice constants at the energy minimum of a potential."""

from __future__ import annotations

from ase.calculators.calculator import Calculator
from scipy.optimize import minimize_scalar

from hpcpot.errors import ModelError
from hpcpot.structure import crystals

RANGE = 0.1
"""Largest relative change of a lattice constant that is searched."""


def relaxed(name: str, calculator: Calculator) -> float:
    """Find the length of a, Å, at which the energy of a crystal is least; b and c scale with it, fractional coordinates stay.

    Raises:
        ModelError: no minimum within RANGE of the constant of PBE: the potential does not know this crystal.
    """

    def energy(scale: float) -> float:
        atoms = crystals.build(name, lattice_constant=scale * start)
        atoms.calc = calculator
        return atoms.get_potential_energy()

    start = crystals.CRYSTALS[name].lattice[0]
    scale = minimize_scalar(energy, bounds=(1 - RANGE, 1 + RANGE), method="bounded", options={"xatol": 1e-6}).x
    if abs(scale - 1) > 0.99 * RANGE:
        raise ModelError(
            f"lattice constant of {name} = {scale * start:.3f} Å at the end of the search: the potential must have a "
            f"minimum within {RANGE:.0%} of {start:g} Å; take another potential, or give the lattice constant."
        )
    return float(scale * start)
