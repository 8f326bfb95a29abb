"""Domain decomposition: who owns which atom, and the ghosts around them.

Space is cut in fractional coordinates by planes along each axis, so any cell works. On one rank the ghosts are the
rank's own periodic images; in a cell shorter than the halo an atom has several.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from hpcpot.errors import DomainError
from hpcpot.parallel import loops
from hpcpot.parallel.ranks import Message, Ranks
from hpcpot.structure.state import MIGRATED, State, library, to_host

GHOST_COST = 0.05
"""Cost of a ghost relative to an owned atom with a fast potential, when grids are compared."""

HISTOGRAM_BINS = 4096
"""Resolution of the cut planes: 1 / HISTOGRAM_BINS of the cell along each axis."""


@dataclass
class Swap:
    """One message of the halo exchange.

    Attributes:
        to, source: ranks, or -1 at the open end of an axis that is not periodic.
        send: indices of the atoms sent, owned or ghosts of an earlier swap.
        turns: (3,) cells by which the positions sent are moved. shift: (3,) Å, the same in the present cell.
        start, stop: where the ghosts received lie among this rank's atoms.
        room: (k, 3) float64, where on the host what is sent or received of the atoms of `send` is put: large arrays made
            anew cost more.
    """

    to: int
    source: int
    send: np.ndarray
    turns: np.ndarray
    shift: np.ndarray
    start: int
    stop: int
    room: np.ndarray


class Domain:
    """The slabs of space of all ranks and the exchange between them.

    Attributes:
        cuts: three arrays of grid[k] + 1 fractional coordinates, ascending from 0 to 1.
        grid: (3,) ranks along each axis. coordinates: (3,) this rank's place in it.
        width: Å, thickness of the halo: cutoff + skin.
        bounds: (3, 2) fractional, of this rank.
        filled: (3,) fraction of each height of the cell that atoms filled at the start, by which grids are compared.
    """

    def __init__(
        self,
        cell: np.ndarray,
        periodic: np.ndarray,
        ranks: Ranks,
        width: float,
        grid: tuple[int, int, int] | None = None,
        extent: np.ndarray | None = None,
    ):
        """Divide the cell into `grid`, which then stays, or into that of fewest ghosts until `balance` knows better.

        Args:
            extent: (3,) Å, how much of each perpendicular height of the cell atoms fill; default all of it.
        Raises:
            DomainError: the grid does not multiply to the number of ranks.
        """
        self.ranks, self.width, self.periodic = ranks, float(width), np.array(periodic, bool)
        self.swaps: list[Swap] = []
        self.set_cell(cell)
        filled = self.heights if extent is None else np.clip(extent, width, self.heights)
        self.filled = filled / self.heights
        self._grids = grids_of(ranks.size) if grid is None else [tuple(int(g) for g in grid)]
        first = min(self._grids, key=self._with_halo)
        if np.prod(first) != ranks.size or min(first) < 1:
            shape = " x ".join(str(g) for g in first)
            error = DomainError(
                f"parallel.grid = {shape}: must multiply to the {ranks.size} ranks of this run; "
                "set parallel.grid: auto or start with as many ranks."
            )
            ranks.agree(error)
        self.set_cuts([np.linspace(0.0, 1.0, g + 1) for g in first])

    def set_cell(self, cell: np.ndarray) -> None:
        """Take a changed cell; the cut planes, being fractional, and the shifts of ghosts follow."""
        self.cell = np.array(cell, float)
        self.inverse = np.linalg.inv(self.cell)
        self.heights = 1.0 / np.linalg.norm(self.inverse, axis=0)
        for swap in self.swaps:
            swap.shift = swap.turns @ self.cell

    def set_cuts(self, cuts: list[np.ndarray]) -> None:
        """Divide the cell at these fractional coordinates of each axis, which define the grid."""
        self.cuts = [np.array(c, float) for c in cuts]
        self.grid = np.array([len(c) - 1 for c in self.cuts])
        self.coordinates = np.array(np.unravel_index(self.ranks.rank, self.grid))
        self.bounds = np.array([[c[q], c[q + 1]] for c, q in zip(self.cuts, self.coordinates, strict=True)])

    def fractions(self, positions: np.ndarray) -> np.ndarray:
        """Fractional coordinates, (n, 3)."""
        return positions @ library(positions).asarray(self.inverse)

    def balance(self, state: State, work: np.ndarray | None = None) -> None:
        """Choose the grid, and put its cut planes where they divide the work for the owned atoms of all ranks evenly.

        Along each axis slabs get equal shares of the work. Where atoms fill the cell unevenly their blocks may not, so
        the most work in a block decides between grids, with what its ghosts cost. Work is in integers, so that nothing
        depends on how the atoms were divided before.

        Args:
            work: (n,) int64, of each owned atom, in any unit; None: the same for all.
        """
        s = to_host(self.fractions(state.positions[: state.n_owned]))
        s = np.where(self.periodic, s - np.floor(s), np.clip(s, 0.0, 1.0))
        bins = np.minimum((s * HISTOGRAM_BINS).astype(np.int64), HISTOGRAM_BINS - 1)
        counts = np.stack([np.bincount(bins[:, k], work, HISTOGRAM_BINS) for k in range(3)]).astype(np.int64)
        counts = self.ranks.sum(counts)
        choices = [[_even_cuts(counts[k], grid[k]) for k in range(3)] for grid in self._grids]
        blocks = [np.bincount(_blocks(s, cuts), work, self.ranks.size) for cuts in choices]
        largest = self.ranks.sum(np.array(blocks, np.int64)).max(axis=1)
        # A hundredth more or less is chance, and not worth another grid.
        uneven = np.round(largest * self.ranks.size / max(counts[0].sum(), 1), 2)
        ghosts = np.array([self._with_halo(grid)[0] for grid in self._grids])
        self.set_cuts(choices[int(np.argmin(np.round(uneven * (1.0 + GHOST_COST * ghosts), 6)))])

    def _with_halo(self, grid: tuple[int, int, int]) -> tuple[float, tuple[int, int, int]]:
        """Ratio of a rank's volume with its halo to that without, where atoms are; then the grid: ties go to the last axes."""
        sides = self.filled * self.heights / np.array(grid)
        return round(float(np.prod(1.0 + 2.0 * self.width / sides)), 6), grid

    def imbalance(self, work: np.ndarray) -> float:
        """Largest work of a rank over the mean, from the work for each owned atom; 1 is perfect balance."""
        of_rank = np.array([work.sum()])
        return float(self.ranks.max(of_rank)[0]) * self.ranks.size / max(float(self.ranks.sum(of_rank)[0]), 1.0)

    def migrate(self, state: State) -> None:
        """Wrap the owned atoms into the cell and hand each to the rank whose slab it is in; ghosts are dropped.

        Afterwards a rank's atoms lie in an order that depends on their positions and ids alone.
        """
        n, xp = state.n_owned, library(state.positions)
        state.positions, state.species = state.positions[:n].copy(), state.species[:n]
        turns = xp.where(xp.asarray(self.periodic), np.floor(self.fractions(state.positions)), 0.0)
        state.positions -= turns @ xp.asarray(self.cell)
        state.images = state.images + turns.astype(np.int32)
        if self.ranks.size > 1:
            self._hand_over(state)
        order = self._along_space(state)
        _each(state, lambda values: xp.ascontiguousarray(xp.take(values, order, axis=0)))

    def _hand_over(self, state: State) -> None:
        """Send the atoms that have left this rank's slab to their new owners, all that goes with an atom in one message."""
        xp, owner = library(state.positions), _blocks(self.fractions(state.positions), self.cuts)
        stays, leaving = xp.flatnonzero(owner == self.ranks.rank), xp.flatnonzero(owner != self.ranks.rank)
        leaving = leaving[xp.argsort(owner[leaving], kind="stable")]
        ends = to_host(xp.searchsorted(owner[leaving], xp.arange(1, self.ranks.size), side="left"))
        packed: list[np.ndarray] = []
        _each(state, lambda values: packed.append(_as_bytes(values[leaving])) or values)
        arrived, place = xp.concatenate(self.ranks.exchange(_cut(xp.concatenate(packed, axis=1), ends))), 0

        def join(values: np.ndarray) -> np.ndarray:
            nonlocal place
            start, place = place, place + _bytes_of_row(values)
            more = xp.ascontiguousarray(arrived[:, start:place]).view(values.dtype)
            return xp.concatenate([xp.take(values, stays, axis=0), more.reshape(-1, *values.shape[1:])])

        _each(state, join)
        state.n_owned = len(state.ids)

    def _along_space(self, state: State) -> np.ndarray:
        """Order of the atoms by bins of about 4 Å, then id: neighbours in space are neighbours in memory."""
        xp = library(state.positions)
        bins = np.floor(self.fractions(state.positions) * xp.asarray(self.heights / 4.0)).astype(np.int64)
        if xp is np and len(order := loops.by_bin(bins, state.ids)) == len(bins):
            return order
        return xp.lexsort(xp.stack([state.ids, bins[:, 2], bins[:, 1], bins[:, 0]]))

    def build_halo(self, state: State) -> None:
        """Find which atoms go where, and append the ghosts to positions and species."""
        self.swaps = []
        for axis in range(3):
            hops = self._hops(axis)
            present = len(state.positions)
            fresh = {1: (0, present), -1: (0, present)}
            for _ in range(hops):
                for direction in (1, -1):
                    fresh[direction] = self._add_swap(state, axis, direction, *fresh[direction])

    def _hops(self, axis: int) -> int:
        """Number of slabs along an axis that the halo reaches over where they are thinnest; the same on all ranks."""
        reach = self.width / self.heights[axis]
        thickness = np.diff(self.cuts[axis])
        count = len(thickness)
        if not self.periodic[axis]:
            return min(count - 1, self._cover(np.concatenate([thickness, np.full(count, np.inf)]), reach, count))
        whole = int(reach)
        return whole * count + self._cover(np.concatenate([thickness, thickness]), reach - whole, count)

    @staticmethod
    def _cover(thickness: np.ndarray, reach: float, count: int) -> int:
        """Largest number of consecutive slabs needed to cover `reach`, starting at any of the first `count`."""
        largest = 0
        for start in range(count):
            covered = np.cumsum(thickness[start : start + count])
            largest = max(largest, min(count, int(np.searchsorted(covered, reach - 1e-12)) + 1))
        return largest

    def _add_swap(self, state: State, axis: int, direction: int, start: int, stop: int) -> tuple[int, int]:
        """Send atoms start..stop that the next rank along `direction` needs; returns where its own ghosts lie now."""
        to, source = self._partner(axis, direction), self._partner(axis, -direction)
        turns = np.zeros(3)
        at_end = self.coordinates[axis] == (self.grid[axis] - 1 if direction > 0 else 0)
        if at_end:
            turns[axis] = -direction
        shift = turns @ self.cell
        xp = library(state.positions)
        send = self._near_face(state.positions[:stop], axis, direction, start) if to >= 0 else xp.zeros(0, np.int64)
        first, room = len(state.positions), np.empty((len(send), 3))
        ghosts = self._pass(to, source, _shifted(state.positions, send, shift, room), state.species[send])
        state.positions, state.species = (
            xp.concatenate(parts) for parts in zip((state.positions, state.species), ghosts, strict=True)
        )
        self.swaps.append(Swap(to, source, send, turns, shift, first, len(state.positions), room))
        return first, len(state.positions)

    def _near_face(self, positions: np.ndarray, axis: int, direction: int, start: int) -> np.ndarray:
        """Atoms from `start` on within the halo's width of the slab's face that `direction` points to, (k,) int64."""
        xp, inverse = library(positions), self.inverse[:, axis]
        reach = self.width / self.heights[axis] + 1e-9
        limit = self.bounds[axis, 1] - reach if direction > 0 else self.bounds[axis, 0] + reach
        if xp is np:
            return loops.near_face(positions, start, np.ascontiguousarray(inverse), limit, direction > 0)
        s = positions[start:] @ xp.asarray(inverse)
        return start + xp.flatnonzero(s >= limit if direction > 0 else s < limit)

    def _partner(self, axis: int, direction: int) -> int:
        place = self.coordinates.copy()
        place[axis] += direction
        if not 0 <= place[axis] < self.grid[axis]:
            if not self.periodic[axis]:
                return -1
            place[axis] %= self.grid[axis]
        return int(np.ravel_multi_index(tuple(place), self.grid))

    def _pass(self, to: int, source: int, *blocks: np.ndarray) -> list[np.ndarray]:
        """Send arrays of as many rows each; returns those that come from `source`."""
        if to == self.ranks.rank == source:
            return list(blocks)
        count, arrived = np.zeros(1, np.int64), []
        self.ranks.shift(np.array([len(blocks[0])], np.int64), to, source, count)
        for block in blocks:
            arrived.append(library(block).empty((int(count[0]), *block.shape[1:]), block.dtype))
            self.ranks.shift(block, to, source, arrived[-1])
        return arrived

    def halo(self, state: State) -> None:
        """Refresh the ghosts' positions from their owners."""
        for both in self._hops_done():
            if self._is_own(both[0]) and isinstance(state.positions, np.ndarray):
                for swap in both:
                    loops.shifted(state.positions, swap.send, swap.shift, state.positions[swap.start : swap.stop])
                continue
            self.ranks.shift_all(
                [
                    Message(
                        _shifted(state.positions, swap.send, swap.shift, swap.room),
                        swap.to,
                        swap.source,
                        state.positions[swap.start : swap.stop],
                    )
                    for swap in both
                ]
            )

    def fold(self, values: np.ndarray) -> None:
        """Add the ghosts' rows of a (m, ...) float64 array, contiguous, to their owners' rows."""
        xp = library(values)
        for both in reversed(self._hops_done()):
            received = [values[swap.start : swap.stop] for swap in both]
            if not self._is_own(both[0]):
                sent = received
                received = [
                    swap.room
                    if xp is np and values.shape[1:] == (3,)
                    else xp.empty((len(swap.send), *values.shape[1:]))
                    for swap in both
                ]
                self.ranks.shift_all(
                    [
                        Message(send, swap.source, swap.to, receive)
                        for swap, send, receive in zip(both, sent, received, strict=True)
                    ]
                )
            for swap, more in zip(reversed(both), reversed(received), strict=True):
                if not len(swap.send):
                    continue
                if xp is np:
                    loops.add(values.reshape(len(values), -1), swap.send, more.reshape(len(more), -1))
                else:
                    values[swap.send] += more

    def _hops_done(self) -> list[list[Swap]]:
        """The swaps in order, the two directions of a hop together: neither sends what the other has brought."""
        return [self.swaps[k : k + 2] for k in range(0, len(self.swaps), 2)]

    def _is_own(self, swap: Swap) -> bool:
        """Whether the ghosts of a swap are images of this rank's own atoms."""
        return swap.to == self.ranks.rank == swap.source

    def by_id(self, state: State, values: np.ndarray, blocks: np.ndarray) -> np.ndarray:
        """Rows of owned atoms, moved to where their ids belong: rank r gets ids blocks[r] .. blocks[r + 1] in order.

        Args:
            values: (n, ...) array, a row for each owned atom. blocks: (ranks + 1,) int64.
        """
        order = np.argsort(state.ids, kind="stable")
        ids = state.ids[order]
        ends = np.searchsorted(ids, blocks[1:-1])
        rows = np.concatenate(self.ranks.exchange(np.split(values[order], ends)))
        if self.ranks.size == 1:
            return rows
        return rows[np.argsort(np.concatenate(self.ranks.exchange(np.split(ids, ends))), kind="stable")]


def _shifted(positions: np.ndarray, rows: np.ndarray, shift: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Rows of positions, moved by a shift: (k, 3), on the host in `out`."""
    xp = library(positions)
    if xp is not np:
        return positions[rows] + xp.asarray(shift)
    loops.shifted(positions, rows, shift, out)
    return out


def _each(state: State, move: Callable[[np.ndarray], np.ndarray]) -> None:
    """Apply `move` to every array that belongs to the owned atoms."""
    for name in MIGRATED:
        setattr(state, name, move(getattr(state, name)))
    for name, values in state.per_atom.items():
        state.per_atom[name] = move(values)


def grids_of(n_ranks: int) -> list[tuple[int, int, int]]:
    """All grids of n_ranks, ascending."""
    divisors = [d for d in range(1, n_ranks + 1) if n_ranks % d == 0]
    return [(a, b, n_ranks // a // b) for a, b in product(divisors, repeat=2) if n_ranks % (a * b) == 0]


def _blocks(s: np.ndarray, cuts: list[np.ndarray]) -> np.ndarray:
    """Rank in whose block each fractional coordinate lies, (n,)."""
    xp = library(s)
    block = xp.zeros(len(s), np.int64)
    for k, edges in enumerate(cuts):
        block *= len(edges) - 1
        if len(edges) > 2:
            block += xp.searchsorted(xp.asarray(edges[1:-1]), s[:, k], side="right")
    return block


def _bytes_of_row(values: np.ndarray) -> int:
    """Bytes of a row of an array (n, ...)."""
    return values.dtype.itemsize * int(np.prod(values.shape[1:], dtype=np.int64))


def _as_bytes(values: np.ndarray) -> np.ndarray:
    """An array (n, ...), contiguous, as rows of bytes: (n, bytes of a row) uint8."""
    return values.view(np.uint8).reshape(len(values), _bytes_of_row(values))


def _cut(values: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """Consecutive parts of an array that end at these rows, the last one at its end."""
    edges = [0, *ends.tolist(), len(values)]
    return [values[start:stop] for start, stop in zip(edges, edges[1:], strict=False)]


def _even_cuts(counts: np.ndarray, slabs: int) -> np.ndarray:
    """Cut planes at bin edges that divide the counts evenly, no slab thinner than a bin."""
    bins = len(counts)
    below = np.concatenate([[0], np.cumsum(counts)])
    cuts = np.searchsorted(below, below[-1] * np.arange(1, slabs) / slabs)
    cuts = np.clip(cuts, np.arange(1, slabs), bins - np.arange(slabs - 1, 0, -1))
    cuts = np.maximum.accumulate(cuts - np.arange(slabs - 1)) + np.arange(slabs - 1)
    return np.concatenate([[0.0], cuts / bins, [1.0]])
