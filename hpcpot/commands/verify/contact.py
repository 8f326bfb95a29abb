"""Short-range repulsion: an atom of a crystal is pushed into its nearest neighbour.

A learned potential has no data at distances below those of its training set. It is safe as long as it repels; where the
energy falls again there is a hole, and only the barrier before it keeps a run out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from hpcpot.commands.verify.derivatives import evaluate
from hpcpot.commands.verify.outcome import Outcome
from hpcpot.potential.contract import CLOSEST, Potential
from hpcpot.properties.crystal import repeats

STEP = 0.02
"""Å."""
LEAST = 64
"""Least number of atoms of the cell, so that an atom does not interact with its own images."""
FARTHEST = 4.0
"""Å, largest distance of neighbours that are pushed together."""
BARRIER = 3.0
"""eV; 35,000 K."""


@dataclass(frozen=True)
class Push:
    """Approach of two neighbours in a crystal. distances: (k,) Å, descending; energies: (k,) eV, from 0."""

    where: str
    distances: np.ndarray
    energies: np.ndarray

    @property
    def hole(self) -> float:
        """Distance of the highest energy before the first hole, Å: the model repels down to it."""
        return float(self.distances[np.argmax(self._before)])

    @property
    def barrier(self) -> float:
        """Highest energy before the first hole, eV."""
        return float(self._before.max())

    @property
    def _before(self) -> np.ndarray:
        """Energies up to the first hole; a wall beyond it protects nothing."""
        falls = np.flatnonzero(np.diff(self.energies) < -1e-3)
        beyond = falls[self.distances[falls] < self.distances[0] - 0.2]
        return self.energies[: beyond[0] + 1] if len(beyond) else self.energies


def pushes(crystals: Mapping[str, Atoms], potential: Potential) -> dict[str, Push]:
    """Push each pair of elements together, in the crystal where they are closest nearest neighbours."""
    nearest = {name: _nearest(atoms) for name, atoms in crystals.items()}
    done = {}
    for a, b in combinations_with_replacement(sorted(potential.elements), 2):
        distances = {name: pairs[a, b] for name, pairs in nearest.items() if (a, b) in pairs}
        if distances:
            name = min(distances, key=lambda name: distances[name][2])
            done[f"{a}-{b}"] = _push(crystals[name], *distances[name][:2], name, potential)
    return done


def check(done: Mapping[str, Push]) -> list[Outcome]:
    """Check the barrier of each pair."""
    return [
        Outcome(
            f"{pair} pushed together: barrier",
            push.barrier,
            "eV",
            low=BARRIER,
            where=f"{push.where}, {push.distances[0]:.2f} Å apart, repels down to {push.hole:.2f} Å",
        )
        for pair, push in done.items()
    ]


def _nearest(atoms: Atoms) -> dict[tuple[str, str], tuple[int, np.ndarray, float]]:
    """Nearest neighbours of each pair of elements, sorted: atom, vector to its neighbour, distance."""
    i, j, vectors, distances = neighbor_list("ijDd", atoms, FARTHEST)
    symbols, nearest = np.array(atoms.get_chemical_symbols()), {}
    for k in np.argsort(-distances, kind="stable"):
        pair = tuple(sorted((str(symbols[i[k]]), str(symbols[j[k]]))))
        nearest[pair] = (int(i[k]), vectors[k], float(distances[k]))
    return nearest


def _push(atoms: Atoms, i: int, vector: np.ndarray, where: str, potential: Potential) -> Push:
    """Move atom i towards its neighbour."""
    big = atoms.repeat(repeats(atoms, LEAST))
    length = float(np.linalg.norm(vector))
    moves = np.arange(0.0, length - CLOSEST - STEP, STEP)
    frames = []
    for move in moves:
        frame = big.copy()
        frame.positions[i] += vector * (move / length)
        frames.append(frame)
    energies = evaluate(frames, potential).energies
    return Push(where, length - moves, energies - energies[0])
