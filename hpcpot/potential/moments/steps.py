"""Moments, readout, pair forces: how every family is computed unless a kernel set knows a shorter way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential import contract
from hpcpot.potential.moments.sets import Environment


class Steps:
    """A family on a kernel set.

    Attributes:
        kernels: a module with environment, moments, pair_forces and scatter.
        prepared: what its kernels take for each moment set. readout: as Family.readout.
        nbytes: of the tables.
    """

    def __init__(self, family: Any, kernels: Any, prepared: list[Any], readout: Callable):
        self.family, self.kernels, self.prepared, self.readout = family, kernels, prepared, readout
        self.nbytes = sum(getattr(p, "nbytes", 0) for p in prepared)

    def add(
        self,
        positions: np.ndarray,
        pairs: Pairs,
        species: np.ndarray,
        i: int,
        present: int,
        centres: np.ndarray,
        result: contract.Result,
    ) -> None:
        """Energies of the centres into the result; forces and virials added to what it asks for.

        Args:
            i: species of all these centres. present: bit t is set when some of their neighbours may be of species t.
        """
        k, family, n_species = self.kernels, self.family, len(self.family.elements)
        env = k.environment(positions, pairs, species, centres, family.cutoff, family.slots, n_species)
        check_distances(family.elements, env)
        moments = [k.moments(prepared, env, n_species) for prepared in self.prepared]
        energies, gradients = self.readout(i, moments, env.counts)
        result.energies[centres] = energies
        result.truncated += env.truncated
        if result.forces is None:
            return
        pair_gradients = np.zeros((len(env.distances), 3))
        for prepared, gradient in zip(self.prepared, gradients, strict=True):
            k.pair_forces(prepared, env, gradient, pair_gradients)
        k.scatter(env, pair_gradients, result.forces, result.virial, result.atom_virials)

    def work(self, i: int, present: int) -> int:
        """Cost of a centre of species i with those neighbour species, relative to others."""
        return 1


def check_distances(elements: tuple[str, ...], env: Environment) -> None:
    """Refuse neighbours closer than contract.CLOSEST, and positions that are not finite."""
    if not env.distances.min(initial=np.inf) >= contract.CLOSEST:
        contract.refuse_contact(elements[env.species], [elements[t] for t in env.neighbor_species], env.distances)
