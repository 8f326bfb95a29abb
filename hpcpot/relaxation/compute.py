"""Relaxation of a chunk of structures on a worker, and the row of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import process_time
from typing import Any

import numpy as np
from ase import Atoms

from hpcpot.errors import HpcpotError, StructureError
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Column
from hpcpot.relaxation import engine, guards
from hpcpot.relaxation.by_calculator import CalculatorRef
from hpcpot.relaxation.engine import SATURATED, RelaxationOptions, Relaxed
from hpcpot.structure.random.recipe import RandomStart

ATOM_BYTES = 8000
"""About what an atom in flight takes: 80 pairs, 20 images and the memory of L-BFGS, some of it twice."""
COLUMNS = {
    "species": Column((None,), "int32"),
    "periodic": Column((3,), "bool"),
    "initial_positions": Column((None, 3), unit="Angstrom"),
    "initial_cell": Column((3, 3), unit="Angstrom"),
    "initial_energy": Column((), unit="eV"),
    "positions": Column((None, 3), unit="Angstrom"),
    "cell": Column((3, 3), unit="Angstrom"),
    "energy": Column((), unit="eV"),
    "forces": Column((None, 3), unit="eV Angstrom-1"),
    "stress": Column((3, 3), unit="eV Angstrom-3"),
    "steps": Column((), "int64"),
    "status": Column((), "str"),
    "largest_force": Column((), unit="eV Angstrom-1"),
    "largest_stress": Column((), unit="eV Angstrom-3"),
    "capped_steps": Column((), "int64"),
}
"""Row of a structure whose relaxation came to an end; stress is positive in tension."""
PATH = {
    "path_positions": Column((None, None, 3), "float32", "Angstrom"),
    "path_cell": Column((None, 3, 3), "float32", "Angstrom"),
    "path_energy": Column((None,), unit="eV"),
    "path_forces": Column((None, None, 3), "float32", "eV Angstrom-1"),
    "path_stress": Column((None, 3, 3), "float32", "eV Angstrom-3"),
}
"""Further values of such a row: all steps, the initial structure first; in half the space, to 1e-6 Å and 1e-7 of a force."""

TIME = {"core_seconds": Column((), unit="s")}
"""Its share, by atoms and steps, of the processor time of what was relaxed with it; files of 0.1.0 lack it."""


def compute(
    starts: Sequence[Atoms | RandomStart],
    *,
    potential: PotentialRef | CalculatorRef,
    options: RelaxationOptions,
    memory_MB: float,
    outside: str = "warn",
    is_timed: bool = True,
) -> Iterator[tuple[int, dict[str, Any] | HpcpotError]]:
    """Relax structures together: (number, row or why there is none) as they end.

    Args:
        starts: structures, or what makes them.
        outside: stop: structures that end outside what the potential was trained on fail.
        is_timed: rows have the values of TIME, too.
    """
    structures, numbers = [], []
    for number, start in enumerate(starts):
        try:
            structures.append(start if isinstance(start, Atoms) else start.build())
            numbers.append(number)
        except StructureError as error:  # no room for the atoms
            yield number, error
    running = engine.RelaxationEngine(potential.load(), options, room(memory_MB), potential.trained)
    began = process_time()
    for k, outcome in running.run(structures):
        number = numbers[k]
        if not isinstance(outcome, Relaxed):
            yield number, outcome
        elif outcome.outside and outside == "stop":
            yield number, guards.OutsideRange(guards.outside_range(outcome.outside))
        else:
            share = len(structures[k]) * (outcome.steps + 1) / running.evaluated
            time = {"core_seconds": share * (process_time() - began)} if is_timed else {}
            yield number, row(structures[k], outcome) | time


def room(memory_MB: float) -> int:
    """Atoms that are relaxed at once."""
    return int(np.clip(memory_MB * 1e6 / ATOM_BYTES, 1, SATURATED))


def row(atoms: Atoms, relaxed: Relaxed) -> dict[str, Any]:
    """Values of COLUMNS, and of PATH where the path was kept."""
    initial, final = relaxed.initial, relaxed.final
    values = {
        "species": atoms.numbers.astype(np.int32),
        "periodic": np.asarray(atoms.pbc),
        "initial_positions": initial.positions,
        "initial_cell": initial.cell,
        "initial_energy": initial.energy,
        "positions": final.positions,
        "cell": final.cell,
        "energy": final.energy,
        "forces": final.forces,
        "stress": final.stress,
        "steps": relaxed.steps,
        "status": relaxed.status,
        "largest_force": relaxed.force,
        "largest_stress": relaxed.stress,
        "capped_steps": relaxed.capped,
    }
    names = (
        {
            "path_positions": "positions",
            "path_cell": "cell",
            "path_energy": "energy",
            "path_forces": "forces",
            "path_stress": "stress",
        }
        if relaxed.path
        else {}
    )
    return values | {name: np.array([getattr(step, field) for step in relaxed.path]) for name, field in names.items()}
