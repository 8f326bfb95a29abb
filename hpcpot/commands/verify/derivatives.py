"""Forces and virials against finite differences of the energy, and invariances of the energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms

from hpcpot.commands.verify.outcome import Outcome
from hpcpot.dataset.dataset import from_frames
from hpcpot.dataset.predict import Predicted, predict
from hpcpot.dataset.scales import strain_derivatives
from hpcpot.potential.contract import Potential

STEP = 1.0e-4
"""Å, of finite differences."""
PROBED = 4
"""Number of atoms of a structure whose forces are checked, each along three axes."""
FORCE, VIRIAL = 1.0e-4, 1.0e-4
"""eV/Å; eV/atom: tolerances between analytic and numerical derivatives."""
SAME_ENERGY, SAME_FORCE = 1.0e-8, 1.0e-7
"""eV/atom, eV/Å: tolerances for round-off under symmetry operations."""


def evaluate(frames: Sequence[Atoms], potential: Potential) -> Predicted:
    """Energies, forces and virials of structures."""
    return predict(from_frames(frames, potential.elements), potential)


def check(probes: Mapping[str, Atoms], potential: Potential) -> list[Outcome]:
    """Run the checks on all structures, and report the worst of each."""
    parts = [
        {"forces": forces(atoms, potential), "virial": virial(atoms, potential)} | symmetries(atoms, potential)
        for atoms in probes.values()
    ]
    rows = (
        ("forces", "forces against finite differences", "eV/Å", FORCE),
        ("virial", "virial against finite strain", "eV/atom", VIRIAL),
        ("energy", "energy after translation, rotation, permutation", "eV/atom", SAME_ENERGY),
        ("turned", "forces after translation, rotation, permutation", "eV/Å", SAME_FORCE),
        ("supercell", "energy of a supercell", "eV/atom", SAME_ENERGY),
        ("net", "sum of forces", "eV/Å", SAME_FORCE),
    )
    return [_worst(title, [part[key] for part in parts], list(probes), unit, limit) for key, title, unit, limit in rows]


def forces(atoms: Atoms, potential: Potential) -> float:
    """Largest difference between a force and -dE/dx by central differences, eV/Å."""
    chosen = np.unique(np.linspace(0, len(atoms) - 1, PROBED).astype(int))
    moved = []
    for i in chosen:
        for axis in range(3):
            for sign in (1, -1):
                frame = atoms.copy()
                frame.positions[i, axis] += sign * STEP
                moved.append(frame)
    energies = evaluate(moved, potential).energies.reshape(len(chosen), 3, 2)
    numerical = -(energies[..., 0] - energies[..., 1]) / (2 * STEP)
    return float(np.abs(evaluate([atoms], potential).forces[chosen] - numerical).max())


def virial(atoms: Atoms, potential: Potential) -> float:
    """Largest difference between a component of the virial and -dE/d(strain), eV/atom."""
    dataset = from_frames([atoms], potential.elements)
    difference = predict(dataset, potential).virials - strain_derivatives(dataset, potential)
    return float(np.abs(difference).max()) / len(atoms)


def symmetries(atoms: Atoms, potential: Potential) -> dict[str, float]:
    """Changes under a translation, a rotation, a permutation and in a supercell, and the sum of all forces."""
    rng = np.random.default_rng(1)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    moved, turned, order = atoms.copy(), atoms.copy(), rng.permutation(len(atoms))
    moved.positions += rng.uniform(-5, 5, 3)
    turned.set_cell(atoms.cell.array @ rotation)
    turned.positions = atoms.positions @ rotation
    predicted = evaluate([atoms, moved, turned, atoms[order], atoms.repeat((2, 1, 1))], potential)
    n = len(atoms)
    blocks = predicted.forces[: 4 * n].reshape(4, n, 3)
    right = (blocks[0], blocks[0] @ rotation, blocks[0][order])
    return {
        "energy": float(np.abs(predicted.energies[1:4] - predicted.energies[0]).max()) / n,
        "turned": max(float(np.abs(block - expected).max()) for block, expected in zip(blocks[1:], right, strict=True)),
        "supercell": abs(predicted.energies[4] - 2 * predicted.energies[0]) / (2 * n),
        "net": float(np.linalg.norm(blocks[0].sum(axis=0))),
    }


def _worst(title: str, values: list[float], names: list[str], unit: str, limit: float) -> Outcome:
    k = int(np.argmax(np.nan_to_num(values, nan=np.inf)))
    return Outcome(title, values[k], unit, high=limit, where=names[k])
