"""Smoothness: no step in energy or force where neighbours enter the cutoff, or along a path."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms

from hpcpot.commands.verify.derivatives import evaluate
from hpcpot.commands.verify.outcome import Outcome
from hpcpot.potential.contract import Potential

BESIDE = 1.0e-3
"""Å, distance from the cutoff."""
JUMP, KINK = 1.0e-6, 1.0e-4
"""eV, eV/Å: tolerances at the cutoff. Along the path energy and work may differ by ten times JUMP in a step."""
PARABOLA = np.array([1.0, -3.0, 3.0])
"""Weights of three equidistant values that extrapolate to the next."""
PATH, STEPS = 0.6, 300
"""Å, steps: length of the path."""


def check(probes: Mapping[str, Atoms], potential: Potential) -> list[Outcome]:
    """Check each pair of elements at the cutoff, and a path through each structure."""
    at_cutoff = {f"{a}-{b}": _dimer(a, b, potential) for a, b in combinations_with_replacement(potential.elements, 2)}
    along = {name: _path(atoms, potential) for name, atoms in probes.items()}
    energy = max(at_cutoff, key=lambda pair: at_cutoff[pair][0])
    force = max(at_cutoff, key=lambda pair: at_cutoff[pair][1])
    return [
        Outcome("step of the energy at the cutoff", at_cutoff[energy][0], "eV", high=JUMP, where=energy),
        Outcome("step of the force at the cutoff", at_cutoff[force][1], "eV/Å", high=KINK, where=force),
        *([_most(along)] if along else []),
    ]


def _dimer(a: str, b: str, potential: Potential) -> tuple[float, float]:
    """Step in energy and force of a dimer at the cutoff, by parabolic extrapolation from below it."""
    lengths = potential.cutoff + BESIDE * np.array([-3, -2, -1, 1])
    predicted = evaluate([Atoms([a, b], [[0, 0, 0], [length, 0, 0]]) for length in lengths], potential)
    energies, forces = (predicted.energies - predicted.energies[3])[:3], predicted.forces[:6:2, 0]
    return abs(float(PARABOLA @ energies)), abs(float(PARABOLA @ forces))


def _path(atoms: Atoms, potential: Potential) -> float:
    """Move one atom through the structure: largest |change of energy + work| in a step, eV.

    Neighbours enter and leave on the way; by Taylor the difference is the third derivative times step³ / 12.
    """
    direction = np.array([0.6, 0.48, 0.64])
    frames = []
    for s in np.linspace(0, PATH, STEPS + 1):
        moved = atoms.copy()
        moved.positions[0] += s * direction
        frames.append(moved)
    predicted = evaluate(frames, potential)
    along = predicted.forces[:: len(atoms)] @ direction
    work = 0.5 * (along[1:] + along[:-1]) * PATH / STEPS
    return float(np.abs(np.diff(predicted.energies) + work).max())


def _most(along: dict[str, float]) -> Outcome:
    name = max(along, key=along.__getitem__)
    return Outcome("energy less work in steps of 2 mÅ", along[name], "eV", high=10 * JUMP, where=name)
