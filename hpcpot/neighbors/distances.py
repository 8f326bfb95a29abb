"""Histogram of the distances of all pairs of atoms, over a lattice of bins, without a list of the pairs."""

from __future__ import annotations

import numpy as np

from hpcpot.compiled import njit
from hpcpot.errors import StructureError
from hpcpot.neighbors.pairs import sort_into_bins
from hpcpot.structure.checks import FARTHEST
from hpcpot.structure.images import refuse_many_images

SPARE = 8
"""Bins behind the last one, which take the pairs beyond the reach in turn: one alone would wait for its own last count."""
FULL = 1.0
"""Atoms in a bin of the lattice, at least, on average, unless there is one bin."""


def histogram(
    positions: np.ndarray,
    cell: np.ndarray,
    periodic: np.ndarray,
    species: np.ndarray,
    n_species: int,
    reach: float,
    n_bins: int,
) -> np.ndarray:
    """Count the pairs of atoms by distance, through any number of periodic images.

    Each pair is counted once, i with j: bin k holds k <= r_ij * n_bins / reach < k + 1. An atom and its own image at -S and S
    are one pair.

    Args:
        positions: (n, 3) float64, Å, finite, wrapped or not. cell: (3, 3) float64, Å, rows. periodic: (3,) bool.
        species: (n,) int, 0 .. n_species - 1. reach: Å.
    Returns:
        (n_species, n_species, n_bins) int64, symmetric: pairs of species a and b.
    Raises:
        StructureError: positions that are not finite, such a reach; or see `refuse_many_images`.
    """
    if not 0.0 < reach <= FARTHEST:
        raise StructureError(
            f"reach of distances = {reach} Å: must be positive and at most {FARTHEST:.3g} Å; check the longest distance."
        )
    for name, values in (("positions", positions), ("cell", cell)):
        if not np.abs(values).max(initial=0.0) <= FARTHEST:  # also for nan, which must not reach the bins
            raise StructureError(
                f"{name} of a frame = not finite, or beyond {FARTHEST:.3g} Å: must be finite; check the run that wrote them."
            )
    refuse_many_images(len(positions), cell, periodic, reach)
    counts = np.zeros((n_species, n_species * (n_bins + SPARE)), np.int64)
    if len(positions) > 0:
        fractions = positions @ np.linalg.inv(cell)
        fractions -= np.where(periodic, np.floor(fractions), fractions.min(axis=0))
        thick = np.linalg.norm(np.linalg.inv(cell), axis=0)  # 1 Å in fractions
        extents = np.where(periodic, 1.0, np.maximum(fractions.max(axis=0), thick))
        shape = _shape(cell, extents, reach, len(positions))
        scale = shape / extents
        order, _, start, _ = sort_into_bins(fractions * scale, np.zeros(3), 1.0, shape)
        order = order[: len(positions)]
        _count(
            np.ascontiguousarray((fractions[order] @ cell).T),
            np.asarray(species, np.int32)[order],
            start,
            shape,
            _runs(cell / scale[:, None], shape, periodic, reach),
            np.asarray(cell, float),
            periodic,
            n_bins / reach,
            n_bins,
            counts,
        )
    both = counts.reshape(n_species, n_species, -1)[..., :n_bins]
    both = both + both.transpose(1, 0, 2)
    both[np.arange(n_species), np.arange(n_species)] //= 2
    return both


def _shape(cell: np.ndarray, extents: np.ndarray, reach: float, n: int) -> np.ndarray:
    """Bins along each axis, (3,) int64: of about half the reach, unless most would be empty."""
    heights = extents / np.linalg.norm(np.linalg.inv(cell), axis=0)
    size = max(0.5 * reach, 1e-6 * heights.max())
    while np.prod(np.floor(heights / size) + 1.0) * FULL > n + FULL and size < heights.max():
        size *= 1.2
    return np.maximum(1, np.floor(heights / size)).astype(np.int64)


def _runs(bin_vectors: np.ndarray, shape: np.ndarray, periodic: np.ndarray, reach: float) -> np.ndarray:
    """Bins that may hold atoms within the reach of those of another: (runs, 4) int64, moves along a and b, and c from .. to.

    Of two opposite moves there is one, so that each pair of bins is met once; the first run is along c alone, from 0.
    """
    heights = 1.0 / np.linalg.norm(np.linalg.inv(bin_vectors), axis=0)
    spans = np.minimum(np.ceil(reach / heights), np.where(periodic, np.inf, shape - 1)).astype(int)
    along = bin_vectors @ (bin_vectors[2] / np.linalg.norm(bin_vectors[2]))
    across = bin_vectors[:2] - along[:2, None] * bin_vectors[2] / along[2]
    slack = np.abs(along).sum()
    runs = []
    for a in range(spans[0] + 1):
        for b in range(-spans[1] if a else 0, spans[1] + 1):
            nearest = _nearest(across, a, b)
            if nearest < reach:
                half, middle = np.sqrt(reach**2 - nearest**2) + slack, a * along[0] + b * along[1]
                low, high = np.ceil((-half - middle) / along[2]), np.floor((half - middle) / along[2])
                low, high = max(int(low), -spans[2]), min(int(high), spans[2])
                runs.append((a, b, low if (a, b) != (0, 0) else 0, high))
    return np.array(runs, np.int64)


def _nearest(across: np.ndarray, a: int, b: int) -> float:
    """Shortest distance of two bins, seen along c, whose middles are a and b bins apart: Å."""
    if abs(a) <= 1 and abs(b) <= 1:
        return 0.0
    corners = np.array([(a + s, b + t) for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]) @ across
    edges = np.roll(corners, -1, axis=0) - corners
    squares = np.maximum((edges**2).sum(axis=1), 1e-300)
    t = np.clip(-(corners * edges).sum(axis=1) / squares, 0.0, 1.0)
    return float(np.linalg.norm(corners + t[:, None] * edges, axis=1).min())


@njit(error_model="numpy")
def _count(points, species, start, shape, runs, cell, periodic, per_length, n_bins, counts):
    """Args: points: (3, n), ordered by bin; counts: (s, s * (n_bins + SPARE)), at [of i, of j and distance]."""
    width, last, most = n_bins + SPARE, shape - 1, float(n_bins)
    offsets = np.empty(len(species), np.int32)
    for k in range(len(species)):
        offsets[k] = species[k] * width
    places = np.empty(len(species), np.int32)
    for ca in range(shape[0]):
        for cb in range(shape[1]):
            for cc in range(shape[2]):
                own = (ca * shape[1] + cb) * shape[2] + cc
                for run in range(len(runs)):
                    a, b = ca + runs[run, 0], cb + runs[run, 1]
                    turn_a, turn_b = a // shape[0], b // shape[1]
                    if (turn_a != 0 and not periodic[0]) or (turn_b != 0 and not periodic[1]):
                        continue
                    row = ((a - turn_a * shape[0]) * shape[1] + b - turn_b * shape[1]) * shape[2]
                    c, end = cc + runs[run, 2], cc + runs[run, 3]
                    while c <= end:
                        turn = c // shape[2]
                        low = c - turn * shape[2]
                        high = min(end - turn * shape[2], last[2])
                        c += high - low + 1
                        if turn != 0 and not periodic[2]:
                            continue
                        shift_x = turn_a * cell[0, 0] + turn_b * cell[1, 0] + turn * cell[2, 0]
                        shift_y = turn_a * cell[0, 1] + turn_b * cell[1, 1] + turn * cell[2, 1]
                        shift_z = turn_a * cell[0, 2] + turn_b * cell[1, 2] + turn * cell[2, 2]
                        is_own = row + low == own and turn_a == 0 and turn_b == 0 and turn == 0
                        first, stop = start[row + low], start[row + high + 1]
                        for i in range(start[own], start[own + 1]):
                            if is_own:
                                first = i + 1
                            x, y, z = points[0, i] - shift_x, points[1, i] - shift_y, points[2, i] - shift_z
                            xs, ys, zs = points[0, first:stop], points[1, first:stop], points[2, first:stop]
                            of = offsets[first:stop]
                            for k in range(len(xs)):
                                dx, dy, dz = xs[k] - x, ys[k] - y, zs[k] - z
                                t = np.sqrt(dx * dx + dy * dy + dz * dz) * per_length
                                places[k] = of[k] + (np.int32(t) if t < most else np.int32(n_bins + (k & (SPARE - 1))))
                            mine = counts[species[i]]
                            for k in range(len(xs)):
                                mine[places[k]] += 1
