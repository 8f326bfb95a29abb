"""The frames of a data set as the training of moment tensor potentials takes them: neighbours found once and for all.

Frames are worked on in chunks, each by one thread, and what chunks give is added in their order: the number of threads
does not change a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.predict import chunks, neighborhoods
from hpcpot.errors import DataError
from hpcpot.neighbors.batch import Batch
from hpcpot.potential import contract
from hpcpot.potential.moment_tensor.layout import Neighbors
from hpcpot.potential.moments.environment_cpu import environment
from hpcpot.training.moment_tensor.kernels import SitePairs

ROOM = 1024
"""Atoms of a chunk: of many groups of lanes, yet small beside a data set."""


@dataclass(frozen=True)
class Sites:
    """All atoms of one species in a chunk, n, with their p neighbours.

    Attributes:
        species: of these atoms.
        atoms: (n,) int64, index in the chunk. frames: (n,) int64, frame in the chunk.
        order: (n,) int64, atoms by their number of neighbours.
        first: (n + 1,) int64; neighbors: (p,) int64, atoms of the chunk; kinds: (p,) int32, their species.
        distances: (p,) float64, Å; directions: (p, 3) float64.
    """

    species: int
    atoms: np.ndarray
    frames: np.ndarray
    order: np.ndarray
    first: np.ndarray
    neighbors: np.ndarray
    kinds: np.ndarray
    distances: np.ndarray
    directions: np.ndarray

    @property
    def near(self) -> Neighbors:
        """Neighbours, for the kernels of one species."""
        return Neighbors(self.first, self.kinds, self.distances, self.directions, self.order)

    @property
    def pairs(self) -> SitePairs:
        """Pairs, for the kernels of pairs."""
        return SitePairs(self.atoms, self.frames, self.first, self.neighbors, self.distances, self.directions)

    def near_in(self, frame: int) -> Neighbors:
        """The same arrays, for the atoms of one frame of the chunk."""
        return self.near._replace(order=self.order[self.frames[self.order] == frame])


@dataclass(frozen=True)
class SiteChunk:
    """Some frames: their labels, and their atoms species by species."""

    data: DataSet
    sites: list[Sites]


def prepare(data: DataSet, cutoff: float) -> list[SiteChunk]:
    """The chunks of a data set.

    Raises:
        DataError: atoms closer than hpcpot.potential.contract.CLOSEST.
    """
    parts = []
    for rows in chunks(data.sizes, ROOM):
        part = data.select(rows)
        joined = neighborhoods(part, cutoff)
        points = joined.points(part.positions, part.cells)
        closest = joined.closest(points)
        if closest.min() < contract.CLOSEST:
            k = int(np.argmin(closest))
            raise DataError(
                f"shortest distance of {part.sources[k]} = {closest[k]:.3g} Å: atoms must be {contract.CLOSEST} Å apart, "
                "where potentials begin; leave the frame out (hpcpot dataset lists such frames)."
            )
        sites = [_of_species(part, joined, points, i, cutoff) for i in np.unique(part.species)]
        parts.append(SiteChunk(part, sites))
    return parts


def _of_species(part: DataSet, joined: Batch, points: np.ndarray, i: int, cutoff: float) -> Sites:
    atoms = np.flatnonzero(part.species == i).astype(np.int32)
    env = environment(points, joined.pairs, part.species[joined.owners], atoms, cutoff, None, len(part.elements))
    return Sites(
        int(i),
        atoms.astype(np.int64),
        part.frame_of[atoms],
        np.argsort(np.diff(env.first), kind="stable"),
        env.first,
        joined.owners[env.neighbors].astype(np.int64),
        env.neighbor_species.copy(),
        env.distances.copy(),
        env.directions.copy(),
    )


def shortest_distance(parts: Sequence[SiteChunk]) -> float:
    """Å, of all pairs within the cutoff."""
    return min((float(s.distances.min(initial=np.inf)) for part in parts for s in part.sites), default=np.inf)


def mean_neighbors(parts: Sequence[SiteChunk]) -> float:
    """Neighbours of an atom within the cutoff, on average."""
    atoms = sum(len(s.atoms) for part in parts for s in part.sites)
    return sum(len(s.kinds) for part in parts for s in part.sites) / max(atoms, 1)


def over(parts: Iterable[Any], work: Callable[[Any], Any], threads: int) -> list[Any]:
    """Results of `work` for each chunk, or for the number of each, in order."""
    if threads == 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))
