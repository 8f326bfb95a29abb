"""Potentials that are solved exactly, and chains on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ase import Atoms

from hpcpot.montecarlo import acceptance
from hpcpot.montecarlo.chain import Chain, Ensemble
from hpcpot.montecarlo.particles import Particles
from hpcpot.montecarlo.proposals import Rules
from hpcpot.neighbors.pairs import Pairs, build
from hpcpot.potential.contract import Result

MASS = 6.94


class Field:
    """A contract.Potential whose energy of an atom is a function of its place, and of the vectors to its neighbours."""

    kernel_set, precision, device_name = "cpu", "float64", "cpu"
    pairs = staticmethod(build)

    def __init__(
        self,
        energy: Callable[[np.ndarray], np.ndarray] = lambda r: np.zeros(len(r)),
        pair: Callable[[np.ndarray], np.ndarray] | None = None,
        cutoff: float = 1.0,
        elements: tuple[str, ...] = ("Li", "Si"),
    ):
        self._energy, self._pair = energy, pair
        self.cutoff = self.reach = cutoff
        self.elements = elements

    def compute(
        self, positions: np.ndarray, pairs: Pairs, species: np.ndarray, forces: bool = True, atom_virials: bool = False
    ) -> Result:
        n = len(pairs.first) - 1
        energies = np.asarray(self._energy(positions[:n]), float)
        if self._pair is not None and len(pairs.neighbors):
            owners = np.repeat(np.arange(n), np.diff(pairs.first))
            energies = energies + np.bincount(owners, self._pair(pairs.vectors(positions)), n)
        return Result(energies, None, None, 0)


def rules(**changed: object) -> Rules:
    """Exchanges of Li alone."""
    values = {
        "seed": np.uint64(7),
        "cumulative": np.array([1.0, 1.0, 1.0, 1.0]),
        "element": 0,
        "pair": np.array([0, 1]),
        "movable": np.ones(2, bool),
        "displacement": 0.5,
        "closest": 0.0,
        "tries": 1,
        "minimum": 0,
        "maximum": 10**6,
        "cavity": 0.0,
        "spacing": 1.0,
    }
    return Rules(**(values | changed))


def cell(*lengths: float, symbols: str = "", positions: object = None) -> Atoms:
    return Atoms(symbols, positions, cell=lengths, pbc=True)


def chain(potential: object, atoms: Atoms, log_z: float, temperature: float = 1000.0, **changed: object) -> Chain:
    return Chain(Particles(atoms, potential), rules(**changed), Ensemble(temperature, log_z))


def numbers(made: Chain, trials: int, blocks: int = 20) -> tuple[float, float, float]:
    """Mean number of atoms, the error of the mean by blocks, and the variance."""
    made.run(trials // 10)
    made.sums = type(made.sums)()
    means = []
    for _ in range(blocks):
        before, done = made.sums.number, made.sums.trials
        made.run(trials // blocks)
        means.append((made.sums.number - before) / (made.sums.trials - done))
    mean = made.sums.number / made.sums.trials
    return mean, float(np.std(means, ddof=1) / np.sqrt(blocks)), made.sums.number2 / made.sums.trials - mean**2


LOG_Z_20 = acceptance.log_activity(-0.9202995329991616, 1000.0, MASS)
"""Of the ideal gas of 20 atoms in 8000 Å³."""
