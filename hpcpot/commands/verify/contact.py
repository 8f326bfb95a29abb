"""What happens when two atoms meet: an atom of a crystal is pushed into its nearest neighbour.

A learned potential knows nothing of distances that its training lacks. It is safe where it repels; where the energy
falls again there is a hole, and the barrier before it is what keeps a run out.
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
from hpcpot.commands.verify.probes import repeats
from hpcpot.potential.contract import CLOSEST, Potential

STEP = 0.02
"""Å."""
LEAST = 64
"""Atoms of the cell, so that an atom does not push its own images."""
FARTHEST = 4.0
"""Å between neighbours that are pushed together."""
BARRIER = 3.0
"""eV; 35,000 K."""


@dataclass(frozen=True)
class Push:
    """Two neighbours of a crystal that come closer. distances: (k,) Å, falling; energies: (k,) eV, from 0."""

    where: str
    distances: np.ndarray
    energies: np.ndarray

    @property
    def hole(self) -> float:
        """Å, the distance of the highest energy before the first hole: it repels down to there."""
        return float(self.distances[np.argmax(self._before)])

    @property
    def barrier(self) -> float:
        """eV, the highest energy on the way before the first hole."""
        return float(self._before.max())

    @property
    def _before(self) -> np.ndarray:
        """Energies up to the first hole; a wall behind it keeps nothing out."""
        falls = np.flatnonzero(np.diff(self.energies) < -1e-3)
        beyond = falls[self.distances[falls] < self.distances[0] - 0.2]
        return self.energies[: beyond[0] + 1] if len(beyond) else self.energies


def pushes(found: Mapping[str, Atoms], potential: Potential) -> dict[str, Push]:
    """For each pair of elements the crystal where they are nearest neighbours at the least distance."""
    nearest = {name: _nearest(atoms) for name, atoms in found.items()}
    done = {}
    for a, b in combinations_with_replacement(sorted(potential.elements), 2):
        at = {name: pairs[a, b] for name, pairs in nearest.items() if (a, b) in pairs}
        if at:
            name = min(at, key=lambda one: at[one][2])
            done[f"{a}-{b}"] = _push(found[name], *at[name][:2], name, potential)
    return done


def check(done: Mapping[str, Push]) -> list[Outcome]:
    """The barrier of each pair, and where it lies."""
    return [
        Outcome(
            f"{pair} pushed together: barrier",
            one.barrier,
            "eV",
            low=BARRIER,
            where=f"{one.where}, {one.distances[0]:.2f} Å apart, repels down to {one.hole:.2f} Å",
        )
        for pair, one in done.items()
    ]


def _nearest(atoms: Atoms) -> dict[tuple[str, str], tuple[int, np.ndarray, float]]:
    """Of each pair of elements, sorted: atom, vector to its neighbour, distance."""
    i, j, vectors, distances = neighbor_list("ijDd", atoms, FARTHEST)
    symbols, found = np.array(atoms.get_chemical_symbols()), {}
    for k in np.argsort(-distances, kind="stable"):
        pair = tuple(sorted((str(symbols[i[k]]), str(symbols[j[k]]))))
        found[pair] = (int(i[k]), vectors[k], float(distances[k]))
    return found


def _push(atoms: Atoms, i: int, vector: np.ndarray, where: str, potential: Potential) -> Push:
    """Energies while atom i goes towards its neighbour."""
    big = atoms.repeat(repeats(atoms, LEAST))
    length = float(np.linalg.norm(vector))
    moves = np.arange(0.0, length - CLOSEST - STEP, STEP)
    frames = []
    for move in moves:
        one = big.copy()
        one.positions[i] += vector * (move / length)
        frames.append(one)
    energies = evaluate(frames, potential).energies
    return Push(where, length - moves, energies - energies[0])
