"""Smoothness: no step in energy or force where neighbours come into the cutoff, or anywhere on a path."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms

from hpcpot.commands.verify.derivatives import evaluate
from hpcpot.commands.verify.outcome import Outcome
from hpcpot.potential.contract import Potential

BESIDE = 1.0e-3
"""Å beside the cutoff."""
JUMP, KINK = 1.0e-6, 1.0e-4
"""eV, eV/Å: steps at the cutoff. Ten times JUMP may be between energy and work in a step of the path."""
PARABOLA = np.array([1.0, -3.0, 3.0])
"""Weights of three values in even steps for the next one."""
PATH, STEPS = 0.6, 300
"""Å, steps."""


def check(probes: Mapping[str, Atoms], potential: Potential) -> list[Outcome]:
    """At the cutoff for each pair of elements; along a path through each structure."""
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
    """Step of energy and force of two atoms alone: what they extrapolate to, by a parabola from before the cutoff."""
    lengths = potential.cutoff + BESIDE * np.array([-3, -2, -1, 1])
    found = evaluate([Atoms([a, b], [[0, 0, 0], [length, 0, 0]]) for length in lengths], potential)
    energies, forces = (found.energies - found.energies[3])[:3], found.forces[:6:2, 0]
    return abs(float(PARABOLA @ energies)), abs(float(PARABOLA @ forces))


def _path(atoms: Atoms, potential: Potential) -> float:
    """One atom moves through the structure: largest |change of energy + work| in a step, eV.

    Neighbours come and go on the way; by Taylor the difference is the third derivative times step³ / 12.
    """
    direction = np.array([0.6, 0.48, 0.64])
    frames = []
    for s in np.linspace(0, PATH, STEPS + 1):
        moved = atoms.copy()
        moved.positions[0] += s * direction
        frames.append(moved)
    found = evaluate(frames, potential)
    along = found.forces[:: len(atoms)] @ direction
    work = 0.5 * (along[1:] + along[:-1]) * PATH / STEPS
    return float(np.abs(np.diff(found.energies) + work).max())


def _most(along: dict[str, float]) -> Outcome:
    name = max(along, key=along.__getitem__)
    return Outcome("energy less work in steps of 2 mÅ", along[name], "eV", high=10 * JUMP, where=name)
