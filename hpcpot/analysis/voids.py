"""Voids: free volume on a grid, its connected parts, and the history of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hpcpot.analysis.observable import Arrays, Frame, Rows, joined, part
from hpcpot.analysis.reference import fractional
from hpcpot.compiled import njit
from hpcpot.storage.tables import Columns
from hpcpot.structure.images import refuse_thin

KEPT = 250
"""Number of voids of a frame that are told apart, the largest ones; the others count in the free volume only."""
OTHERS = 255
"""Label of the points of voids beyond the KEPT largest."""


@dataclass(frozen=True)
class Voids:
    """The free volume of a frame.

    Attributes:
        labels: (nx, ny, nz) uint8; 0 where there are atoms, 1, 2, ... in the largest void, the next, ..., OTHERS.
        fraction: free part of the cell.
        volumes: (KEPT,) float64, Å³, 0 beyond the last. centres: (KEPT, 3) float64, fractional, 0 .. 1.
        spans: (KEPT, 3) bool, whether a void extends along a whole axis, and so through a periodic boundary to itself.
    """

    labels: np.ndarray
    fraction: float
    volumes: np.ndarray
    centres: np.ndarray
    spans: np.ndarray


def grid_shape(cell: np.ndarray, spacing: float) -> tuple[int, int, int]:
    """Points along each axis at most `spacing` (Å) apart. Frames on the same grid can be compared point by point."""
    return tuple(int(count) for count in np.maximum(1, np.ceil(np.linalg.norm(cell, axis=1) / spacing - 1e-9)))


def find(
    positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray, shape: tuple[int, int, int], radius: float
) -> Voids:
    """Find the voids of a frame: the volume covered by spheres of `radius` that contain no centre of an atom.

    A void thus reaches up to the centres of the atoms around it, and nothing narrower than 2 radius is one: choose the
    radius just larger than that of the largest hole of the intact material.

    Args:
        positions: (n, 3) float64, Å, wrapped or not. cell: (3, 3) float64, Å, rows. periodic: (3,) bool.
        shape: points of the grid along each axis, at the middles of equal cells.
        radius: Å.
    Raises:
        StructureError: positions or cell that are not finite, or a radius of many cells.
    """
    from scipy.ndimage import label  # late: takes 0.1 s to import

    fractions = fractional(positions, cell)
    refuse_thin(len(positions), cell, periodic, radius)
    fractions = np.where(periodic, fractions - np.floor(fractions), fractions)
    cell, periodic = np.asarray(cell, float), np.asarray(periodic, bool)
    near = np.zeros(shape, bool)
    _cover(near, fractions, cell, periodic, radius)
    free = ~near
    # On the way from a free point to one within the radius the last free point is at the edge, and nearer still.
    _cover(free, _places(_edge(free, periodic), shape), cell, periodic, radius)
    parts, count = label(free)
    names = _merged(parts, count, periodic)
    return _describe(free, names[parts], cell)


def outside(voids: Voids, periodic: np.ndarray) -> np.ndarray:
    """Find the grid points in the space around the material, which is no void: (nx, ny, nz) bool.

    They belong to voids that span an axis or touch an open face of the cell. With the points of the reference frame, a
    void of a later frame is outside if it contains any of them.
    """
    is_out = np.zeros(256, bool)
    is_out[1 : KEPT + 1] = voids.spans.any(axis=1)
    for axis in np.flatnonzero(~np.asarray(periodic, bool)):
        for end in (0, -1):
            is_out[np.unique(np.take(voids.labels, end, axis))] = True
    is_out[0] = False
    return is_out[voids.labels]


def link(labels: np.ndarray, later: np.ndarray) -> np.ndarray:
    """Match the voids of two frames by the number of points they share: (2, KEPT) int16.

    Row 0: index in the later frame of each void of the first; row 1: the reverse; -1 for none.
    """
    joint = np.bincount(labels.ravel().astype(np.int64) * 256 + later.ravel(), minlength=256 * 256)
    shared = joint.reshape(256, 256)[1 : KEPT + 1, 1 : KEPT + 1]
    return np.stack([np.where(s.any(axis=1), s.argmax(axis=1), -1) for s in (shared, shared.T)]).astype(np.int16)


def follow(links: list[np.ndarray], frame: int, void: int) -> list[int]:
    """Follow a void through the frames, backwards and forwards.

    Args:
        links: `link` of each frame 1, 2, ... with the one before.
        frame, void: a frame, and the index of the void there, 0 for the largest.
    Returns:
        Its index in each frame, -1 where it is absent.
    """
    path = [void]
    for _, back in reversed(links[:frame]):
        path.insert(0, int(back[path[0]]) if path[0] >= 0 else -1)
    for forth, _ in links[frame:]:
        path.append(int(forth[path[-1]]) if path[-1] >= 0 else -1)
    return path


class FreeVolume:
    """Observable: free volume and voids, and the history of the void that becomes the largest of all.

    Args:
        first: the reference frame; its space around the material counts as no void.
        spacing_A, radius_A: see `grid_shape` and `find`. shape: of the grid, instead of that for the first frame.
    """

    def __init__(self, first: Frame, spacing_A: float, radius_A: float, shape: tuple[int, int, int] | None = None):
        self._first, self._radius = first, radius_A
        self._shape = shape or grid_shape(first.cell, spacing_A)
        self._numbers, self._voids = Rows(), Rows()
        self._links: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []  # of the first frame that was sampled and of the last

    def sample(self, frame: Frame) -> None:
        voids = find(frame.positions, frame.cell, frame.periodic, self._shape, self._radius)
        touched = np.bincount(voids.labels[self._outside], minlength=256)[1 : KEPT + 1]
        self.add(frame, voids, touched > 0)

    def add(self, frame: Frame, voids: Voids, is_outside: np.ndarray) -> None:
        """Accumulate the voids of a frame. is_outside: (KEPT,) bool, those that are the space around the material."""
        volumes = np.where(is_outside, 0.0, voids.volumes)
        outside = voids.volumes[is_outside].sum() / abs(np.linalg.det(frame.cell))
        numbers = {
            "void_fraction": max(voids.fraction - outside, 0.0),
            "outside_fraction": outside,
            "voids": np.count_nonzero(volumes),
            "voids_A3": volumes.sum(),
            "largest_void_A3": volumes.max(),
        }
        self._numbers.add(frame, numbers)
        arrays = {"volumes": volumes, "centres": voids.centres, "spans": voids.spans, "cell": np.asarray(frame.cell)}
        self._voids.add(frame, arrays)
        if self._labels:
            self._links.append(link(self._labels[1], voids.labels))
        self._labels = [self._labels[0] if self._labels else voids.labels, voids.labels]

    def merge(self, other: FreeVolume) -> None:
        if self._labels and other._labels:
            self._links.append(link(self._labels[1], other._labels[0]))
        self._links += other._links
        labels = self._labels + other._labels
        self._labels = [labels[0], labels[-1]] if labels else []
        self._numbers.merge(other._numbers)
        self._voids.merge(other._voids)

    def result(self) -> dict[str, Columns]:
        return {"voids": self._numbers.columns() | self._hole()}

    def state(self) -> Arrays:
        grids = dict(zip(("first", "last"), self._labels, strict=False))
        links = {"all": np.array(self._links, np.int16).reshape(-1, 2, KEPT)}
        return joined(number=self._numbers.state(), void=self._voids.state(), link=links, label=grids)

    def restore(self, arrays: Arrays) -> None:
        self._numbers.restore(part(arrays, "number"))
        self._voids.restore(part(arrays, "void"))
        self._links = list(part(arrays, "link")["all"])
        grids = part(arrays, "label")
        self._labels = [grids[name] for name in ("first", "last") if name in grids]

    def _hole(self) -> Columns:
        """Volume, position and extent in each frame of the void that becomes the largest; {} without voids."""
        voids = self._voids.columns()
        if not len(self._voids) or not voids["volumes"].any():
            return {}
        frame = int(np.argmax(voids["volumes"].max(axis=1)))
        path = np.array(follow(self._links, frame, int(np.argmax(voids["volumes"][frame]))))
        row = np.arange(len(path))
        volume = np.where(path >= 0, voids["volumes"][row, path], 0.0)
        is_hole = volume > 0  # else there is none, or it is still open to the outside
        centre = np.where(is_hole[:, None], voids["centres"][row, path], np.nan)
        spans = voids["spans"][row, path] & is_hole[:, None]
        centre = np.einsum("fa,fab->fb", centre, voids["cell"])
        places = {f"hole_{name}_A": centre[:, k] for k, name in enumerate("xyz")}
        reach = {f"hole_spans_{name}": spans[:, k].astype(int) for k, name in enumerate("abc")}
        return {"hole_A3": volume, **places, **reach}

    @cached_property
    def _outside(self) -> np.ndarray:
        first = self._first
        voids = find(first.positions, first.cell, first.periodic, self._shape, self._radius)
        return outside(voids, first.periodic)


def _places(points: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Fractional coordinates of grid points, (k, 3), from their indices (k, 3)."""
    return (points + 0.5) / np.array(shape)


def _edge(far: np.ndarray, periodic: np.ndarray) -> np.ndarray:
    """Indices of the true points with a false neighbour along an axis, (k, 3)."""
    inner = far.copy()
    for axis in range(3):
        for step in (1, -1):
            beside = np.roll(far, step, axis)
            if not periodic[axis]:
                beside[(slice(None),) * axis + (0 if step == 1 else -1,)] = True
            inner &= beside
    return np.argwhere(far & ~inner)


@njit()
def _cover(grid, fractions, cell, periodic, radius):
    """Set the grid points closer than `radius` to any of the given positions."""
    shape = np.array(grid.shape)
    inverse = np.linalg.inv(cell)
    reach, scaled, low, high = np.empty(3), np.empty((3, 3)), np.empty(3, np.int64), np.empty(3, np.int64)
    for a in range(3):
        reach[a] = radius * np.sqrt((inverse[:, a] ** 2).sum()) * shape[a]
        scaled[a] = cell[a] / shape[a]
    for n in range(len(fractions)):
        centre = fractions[n] * shape - 0.5
        for a in range(3):
            lowest, highest = np.ceil(centre[a] - reach[a]), np.floor(centre[a] + reach[a])
            if not periodic[a]:  # as floats: a centre may be farther away than integers go
                lowest, highest = min(max(0.0, lowest), float(shape[a])), max(min(shape[a] - 1.0, highest), -1.0)
            low[a], high[a] = int(lowest), int(highest)
        for x in range(low[0], high[0] + 1):
            for y in range(low[1], high[1] + 1):
                for z in range(low[2], high[2] + 1):
                    d2 = 0.0
                    for c in range(3):
                        d = (
                            (x - centre[0]) * scaled[0, c]
                            + (y - centre[1]) * scaled[1, c]
                            + (z - centre[2]) * scaled[2, c]
                        )
                        d2 += d * d
                    if d2 < radius * radius:
                        grid[x % shape[0], y % shape[1], z % shape[2]] = True


def _merged(parts: np.ndarray, count: int, periodic: np.ndarray) -> np.ndarray:
    """New label of each part, (count + 1,), shared by parts that touch through a periodic boundary; 0 stays 0."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = [(np.take(parts, 0, axis), np.take(parts, -1, axis)) for axis in np.flatnonzero(periodic)]
    touching = [np.stack([a[(a > 0) & (b > 0)], b[(a > 0) & (b > 0)]]) for a, b in ends]
    pairs = np.unique(np.concatenate([np.zeros((2, 0), int), *touching], axis=1), axis=1)
    graph = coo_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(count + 1, count + 1))
    names = connected_components(graph, directed=False)[1]
    return np.where(names == names[0], 0, names + 1)  # the filled points, part 0, touch nothing


def _describe(free: np.ndarray, names: np.ndarray, cell: np.ndarray) -> Voids:
    """Order the voids by volume, ties by their first points, and measure them."""
    parts, counts = np.unique(names[free], return_counts=True)
    order = parts[np.argsort(-counts, kind="stable")]
    label_of = np.full(names.max() + 1, OTHERS, np.uint8)
    label_of[order[:KEPT]] = np.arange(1, min(len(order), KEPT) + 1)
    label_of[0] = 0
    labels = label_of[names]
    sizes = np.bincount(labels.ravel(), minlength=256)[1 : KEPT + 1]
    point = abs(np.linalg.det(cell)) / free.size
    centres, spans = np.zeros((KEPT, 3)), np.zeros((KEPT, 3), bool)
    for axis, count in enumerate(free.shape):
        planes = np.moveaxis(labels, axis, 0).reshape(count, -1)
        profile = np.stack([np.bincount(plane, minlength=256) for plane in planes])[:, 1 : KEPT + 1]
        spans[:, axis] = (profile > 0).all(axis=0) & (sizes > 0)
        turn = np.exp(2j * np.pi * (np.arange(count) + 0.5) / count) @ profile
        centres[:, axis] = np.where(sizes > 0, np.angle(turn) / (2 * np.pi) % 1.0, 0.0)
    return Voids(labels, float(free.mean()), sizes * point, centres, spans)
