"""Calculators of ASE that fail in their own ways, and structures for them."""

import os
from typing import ClassVar

import ase
import numpy as np
from ase.build import bulk
from ase.calculators.emt import EMT


def copper(a: float = 3.6, seed: int = 0, group: str | None = None) -> ase.Atoms:
    atoms = bulk("Cu", cubic=True, a=a)
    atoms.rattle(0.05, seed=seed)
    if group is not None:
        atoms.info["group"] = group
    return atoms


class Moody(EMT):
    def calculate(self, atoms, properties, system_changes):
        super().calculate(atoms, properties, system_changes)
        mood = round(atoms.cell[0, 0] * 100)
        if mood == 371:
            raise ArithmeticError("not converged in 60 steps")
        if mood == 372:
            self.results["forces"] = self.results["forces"] + np.nan
        if mood == 373:
            os._exit(9)
        if mood == 374:
            del self.results["stress"]


class Stressless(EMT):
    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]


def no_calculator():
    return 1
