"""Geometry of structures as training takes it, computed once: fixed while parameters change.

For each moment set (hpcpot.potential.moments.sets) and each pair of species the pairs are kept in blocks, padded to the
most neighbours that a centre has, so that sums over neighbours are batched matrix products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from hpcpot.dataset.dataset import DataSet
from hpcpot.neighbors import batch as neighbors
from hpcpot.potential import contract
from hpcpot.potential.moments.environment_cpu import environment
from hpcpot.potential.moments.reference import angular
from hpcpot.potential.moments.sets import Environment, MomentSet, monomials
from hpcpot.training.pairs import moments


@dataclass
class PairBlock:
    """Pairs of n centres of one species with their neighbours of one species, at most k each; zero where padded.

    Attributes:
        owners: (n, k) int64, atom of the frame, or of the batch, that a neighbour is an image of.
        vectors: (n, k, 3), Å, from centre to neighbour. directions: (n, k, 3).
        omega: (n, k, a), w_a Omega_a, the weighted angular functions. slopes: (n, k, 3, a), its gradient, 1/Å.
        radial: (2, n, k, c), what the radial functions are made of, and its derivative along r.
    """

    owners: Tensor
    vectors: Tensor
    directions: Tensor
    omega: Tensor
    slopes: Tensor
    radial: Tensor


@dataclass
class Centres:
    """The atoms of one species.

    Attributes:
        atoms: (n,) int64. counts: (n, species), neighbours by species.
        blocks: blocks[s][j], of moment set s and neighbour species j; none where moments are enough.
        moments: (n, t, a, c) of each set, where no parameter is in them, else none.
    """

    atoms: Tensor
    counts: Tensor
    blocks: list[list[PairBlock]]
    moments: list[Tensor]

    def tensors(self) -> Iterator[Tensor]:
        """All tensors."""
        yield from (self.atoms, self.counts, *self.moments)
        for row in self.blocks:
            for block in row:
                yield from vars(block).values()


@dataclass
class Geometry:
    """One frame, or a batch of frames joined.

    Attributes:
        frames: (atoms,) int64, the frame of each atom. n_frames: how many.
        centres: of each species.
        truncated: atoms with more neighbours than the model has slots.
    """

    frames: Tensor
    n_frames: int
    centres: list[Centres]
    truncated: int = 0

    @property
    def nbytes(self) -> int:
        return self.frames.nbytes + sum(t.nbytes for part in self.centres for t in part.tensors())


class Described(Protocol):
    """Description by a model of the geometry that it needs.

    Attributes:
        family: parameters in NumPy; its moment sets give weights and angular functions.
        by_neighbor: of each moment set. fixed_radial: whether no parameter is in the radial functions.
        dtype, device: of the tensors.
    """

    family: Any
    by_neighbor: tuple[bool, ...]
    fixed_radial: bool
    dtype: torch.dtype
    device: torch.device

    def radial_input(self, s: int, r: np.ndarray, i: int, j: int) -> tuple[np.ndarray, ...]: ...


def of_frame(model: Described, data: DataSet, k: int, forces: bool = True) -> Geometry:
    """The geometry of frame k.

    Args:
        forces: whether they will be asked for; with fixed radial functions energies need the moments alone.
    Raises:
        SimulationError: two atoms closer than hpcpot.potential.contract.CLOSEST.
    """
    family, device = model.family, model.device
    mine = slice(data.first[k], data.first[k + 1])
    species = data.species[mine]
    near = neighbors.build(data.positions[mine], data.cells[k], data.periodic[k], family.cutoff)
    of_points = species[near.owners]
    centres, truncated = [], 0
    for i in range(len(family.elements)):
        atoms = np.flatnonzero(species == i).astype(np.int32)
        env = environment(near.points, near.pairs, of_points, atoms, family.cutoff, family.slots, len(family.elements))
        if not env.distances.min(initial=np.inf) >= contract.CLOSEST:
            contract.refuse_contact(
                family.elements[i], [family.elements[t] for t in env.neighbor_species], env.distances
            )
        truncated += env.truncated
        env.species = i
        blocks = [
            [_block(model, s, moment_set, env, near.owners, j) for j in range(len(family.elements))]
            for s, moment_set in enumerate(family.moment_sets())
        ]
        sums = []
        if model.fixed_radial:
            kinds = zip(blocks, model.by_neighbor, strict=True)
            sums = [by_neighbor([moments(b, b.radial) for b in row], apart) for row, apart in kinds]
        centres.append(
            Centres(
                torch.tensor(atoms, dtype=torch.int64, device=device),
                torch.tensor(env.counts, dtype=model.dtype, device=device),
                [] if sums and not forces else blocks,
                sums,
            )
        )
    return Geometry(torch.zeros(len(species), dtype=torch.int64, device=device), 1, centres, truncated)


def by_neighbor(parts: Sequence[Tensor], apart: bool) -> Tensor:
    """Moments of the neighbours of each species, (n, a, c), as (n, t, a, c): kept apart, or summed."""
    return torch.stack(list(parts), 1) if apart else sum(parts[1:], parts[0])[:, None]


def _block(model: Described, s: int, moment_set: MomentSet, env: Environment, owners: np.ndarray, j: int) -> PairBlock:
    n = len(env.centres)
    rows = np.repeat(np.arange(n), np.diff(env.first))
    chosen = np.flatnonzero((env.neighbor_species == j) & (env.distances < moment_set.cutoff))
    row = rows[chosen]
    counts = np.bincount(row, minlength=n)
    column = np.arange(len(chosen)) - np.repeat(np.cumsum(counts) - counts, counts)
    r, u = env.distances[chosen], env.directions[chosen]
    omega, slopes = _weighted(moment_set, r, u, env.species, j)
    value, slope = model.radial_input(s, r, env.species, j)[:2]

    def padded(values: np.ndarray, kind: torch.dtype = model.dtype) -> Tensor:
        whole = np.zeros((n, counts.max(initial=0), *values.shape[1:]), values.dtype)
        whole[row, column] = values
        return torch.tensor(whole, dtype=kind, device=model.device)

    return PairBlock(
        padded(owners[env.neighbors[chosen]].astype(np.int64), torch.int64),
        padded(r[:, None] * u),
        padded(u),
        padded(omega),
        padded(slopes),
        torch.stack([padded(value), padded(slope)]),
    )


def _weighted(moment_set: MomentSet, r: np.ndarray, u: np.ndarray, i: int, j: int) -> tuple[np.ndarray, np.ndarray]:
    """w_a Omega_a, (p, a), and its gradient w_a' Omega_a u + w_a (slope - (slope . u) u) / r, (p, 3, a)."""
    omega, plain = angular(moment_set.rank, u)
    across = plain.swapaxes(1, 2) - u[:, :, None] * np.einsum("pac,pc->pa", plain, u)[:, None]
    across /= r[:, None, None]
    if moment_set.weights is None:
        return omega, across
    ranks = monomials(moment_set.rank).sum(axis=1)
    weight, slope = (f[:, ranks] for f in moment_set.weights(r, i, j)[:2])
    return weight * omega, weight[:, None] * across + u[:, :, None] * (slope * omega)[:, None]


def join(parts: Sequence[Geometry]) -> Geometry:
    """Several frames as one batch."""
    if len(parts) == 1:
        return parts[0]
    sizes = [len(part.frames) for part in parts]
    before = np.cumsum(sizes) - sizes
    frames = torch.cat([part.frames + k for k, part in enumerate(parts)])
    centres = []
    for of_species in zip(*(part.centres for part in parts), strict=True):
        atoms = torch.cat([c.atoms + int(start) for c, start in zip(of_species, before, strict=True)])
        blocks = [
            [_joined(blocks, before) for blocks in zip(*rows, strict=True)]
            for rows in zip(*(c.blocks for c in of_species), strict=True)
        ]
        sums = [torch.cat(parts) for parts in zip(*(c.moments for c in of_species), strict=True)]
        centres.append(Centres(atoms, torch.cat([c.counts for c in of_species]), blocks, sums))
    return Geometry(frames, len(parts), centres, sum(part.truncated for part in parts))


def _joined(blocks: Sequence[PairBlock], before: np.ndarray) -> PairBlock:
    widest = max(block.owners.shape[1] for block in blocks)

    def cat(tensors: list[Tensor], axis: int = 0) -> Tensor:
        after = [0] * (2 * (tensors[0].ndim - 2 - axis))
        return torch.cat([pad(t, [*after, 0, widest - t.shape[1 + axis]]) for t in tensors], axis)

    owners = cat([block.owners + int(start) for block, start in zip(blocks, before, strict=True)])
    names = ("vectors", "directions", "omega", "slopes")
    geometric = (cat([getattr(block, name) for block in blocks]) for name in names)
    return PairBlock(owners, *geometric, cat([block.radial for block in blocks], 1))
