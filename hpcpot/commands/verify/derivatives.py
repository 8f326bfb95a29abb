"""Forces and virials against finite differences of the energy, and what must not change it."""

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
"""Å."""
PROBED = 4
"""Atoms of a structure whose forces are differentiated, each along three axes."""
FORCE, VIRIAL = 1.0e-4, 1.0e-4
"""eV/Å; eV/atom: between an analytic and a numerical derivative."""
SAME_ENERGY, SAME_FORCE = 1.0e-8, 1.0e-7
"""eV/atom, eV/Å: what a symmetry may change by round-off."""


def evaluate(frames: Sequence[Atoms], potential: Potential) -> Predicted:
    """Energies, forces and virials of structures."""
    return predict(from_frames(frames, potential.elements), potential)


def check(probes: Mapping[str, Atoms], potential: Potential) -> list[Outcome]:
    """The worst of all structures in each respect."""
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
    """Largest difference of a force and -dE/dx by central differences, eV/Å."""
    chosen = np.unique(np.linspace(0, len(atoms) - 1, PROBED).astype(int))
    moved = []
    for i in chosen:
        for axis in range(3):
            for sign in (1, -1):
                one = atoms.copy()
                one.positions[i, axis] += sign * STEP
                moved.append(one)
    energies = evaluate(moved, potential).energies.reshape(len(chosen), 3, 2)
    numerical = -(energies[..., 0] - energies[..., 1]) / (2 * STEP)
    return float(np.abs(evaluate([atoms], potential).forces[chosen] - numerical).max())


def virial(atoms: Atoms, potential: Potential) -> float:
    """Largest difference of a component of the virial and -dE/d(strain), eV/atom."""
    dataset = from_frames([atoms], potential.elements)
    difference = predict(dataset, potential).virials - strain_derivatives(dataset, potential)
    return float(np.abs(difference).max()) / len(atoms)


def symmetries(atoms: Atoms, potential: Potential) -> dict[str, float]:
    """What a translation, a rotation, a permutation and a supercell change, and the sum of all forces."""
    rng = np.random.default_rng(1)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    moved, turned, order = atoms.copy(), atoms.copy(), rng.permutation(len(atoms))
    moved.positions += rng.uniform(-5, 5, 3)
    turned.set_cell(atoms.cell.array @ rotation)
    turned.positions = atoms.positions @ rotation
    found = evaluate([atoms, moved, turned, atoms[order], atoms.repeat((2, 1, 1))], potential)
    n = len(atoms)
    blocks = found.forces[: 4 * n].reshape(4, n, 3)
    right = (blocks[0], blocks[0] @ rotation, blocks[0][order])
    return {
        "energy": float(np.abs(found.energies[1:4] - found.energies[0]).max()) / n,
        "turned": max(float(np.abs(block - one).max()) for block, one in zip(blocks[1:], right, strict=True)),
        "supercell": abs(found.energies[4] - 2 * found.energies[0]) / (2 * n),
        "net": float(np.linalg.norm(blocks[0].sum(axis=0))),
    }


def _worst(title: str, values: list[float], names: list[str], unit: str, limit: float) -> Outcome:
    k = int(np.argmax(np.nan_to_num(values, nan=np.inf)))
    return Outcome(title, values[k], unit, high=limit, where=names[k])
