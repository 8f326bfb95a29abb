"""Labels of a structure by a calculator of ASE, on a worker."""

from __future__ import annotations

import json
import socket
from functools import lru_cache
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError

from hpcpot.dataset.dataset import full_tensor
from hpcpot.errors import ConfigError, DataError, FarmError
from hpcpot.farm.results import Column
from hpcpot.labelling import calculators
from hpcpot.structure import checks

COLUMNS = {
    "species": Column((None,), "int32"),
    "periodic": Column((3,), "bool"),
    "positions": Column((None, 3), unit="Angstrom"),
    "cell": Column((3, 3), unit="Angstrom"),
    "group": Column((), "str"),
    "energy": Column((), unit="eV"),
    "forces": Column((None, 3), unit="eV Angstrom-1"),
    "virial": Column((3, 3), unit="eV"),
}
"""Row of a labelled structure; the virial is -V * stress (stress positive in tension), nan where there is none."""


def compute(structure: Atoms, *, name: str, arguments: str, stress: bool) -> dict[str, Any]:
    """Label a structure: values of COLUMNS.

    Args:
        structure: with info["group"].
        name, arguments: of the calculator; the arguments as JSON.
        stress: whether structures that are periodic along all axes must have one.
    Raises:
        StructureError: cannot be calculated. DataError: labels that are not finite, or lacking.
        FarmError: this worker has no such calculator.
        Exception: whatever the calculator raises.
    """
    atoms = checks.check(structure, tuple(set(structure.symbols)))
    atoms.calc = calculator(name, arguments)
    try:
        values = labels(atoms, stress and bool(atoms.pbc.all()))
    except BaseException:
        calculator.cache_clear()  # it may be left in any state
        raise
    return values | {
        "species": atoms.numbers.astype(np.int32),
        "periodic": np.asarray(atoms.pbc),
        "positions": atoms.positions,
        "cell": atoms.cell.array,
        "group": str(structure.info["group"]),
    }


@lru_cache(maxsize=1)
def calculator(name: str, arguments: str) -> Any:
    """The calculator of this process, built by the first call.

    Raises:
        FarmError: cannot be built here: no structure is at fault, so the run ends.
    """
    try:
        return calculators.build(name, json.loads(arguments))
    except ConfigError as error:
        raise FarmError(
            f"{error}\nThis is on {socket.gethostname()}; workers need the same packages and files as the command."
        ) from error


def labels(atoms: Atoms, stress: bool) -> dict[str, Any]:
    """Energy, forces and virial by the calculator of `atoms`, forces on frozen atoms too.

    The energy is the one that forces are derivatives of (ASE's free_energy) where the calculator tells both.

    Raises:
        DataError: one is not finite, has a wrong shape, or lacks.
    """
    forces = np.array(atoms.get_forces(apply_constraint=False), np.float64)
    energy = atoms.get_potential_energy()
    energy = atoms.calc.results.get("free_energy", energy)
    values = {"energy": float(energy), "forces": forces, "virial": np.full((3, 3), np.nan)}
    if forces.shape != (len(atoms), 3):
        raise DataError(f"forces = of shape {forces.shape} on {len(atoms)} atoms: must be ({len(atoms)}, 3).")
    if stress:
        try:
            tensor = full_tensor(atoms.get_stress(apply_constraint=False))
        except PropertyNotImplementedError as error:
            raise DataError(
                f"stress = none by {type(atoms.calc).__name__}: must be there for a label; set calculator.stress: "
                "false to do without virials."
            ) from error
        values["virial"] = -atoms.get_volume() * tensor
    for label, numbers in values.items():
        if not np.isfinite(numbers).all() and (stress or label != "virial"):
            raise DataError(
                f"{label} by {type(atoms.calc).__name__} = not finite: must be numbers; look at the structure, or "
                "leave it out."
            )
    return values
