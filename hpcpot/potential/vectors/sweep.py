"""One pass from positions to forces for a family of potentials on the CPU, a few atoms side by side.

What a group of atoms needs stays in the first caches: its neighbours within the cutoff, what the family makes of them,
forces. A group has centres of one species with about as many neighbours; a family gives the steps in the middle.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, reduce
from typing import Any, NamedTuple, Protocol

import numpy as np

from hpcpot.compiled import njit, source_hash
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.contract import CLOSEST, DTYPES, Result, refuse_contact
from hpcpot.potential.vectors import emit, pairs, tape
from hpcpot.potential.vectors.pairs import DISTANCE, OWN, X

SOURCES = tuple(source_hash(module.__file__) for module in (emit, pairs, tape))
"""Of what generates code: compiled code is kept by it."""

NEARBY = 512
"""Atoms, one after the other in memory, among which groups are formed, so that what neighbours share stays in cache."""

MOST_COUNTED = 4096
"""Neighbours by which centres are sorted; more count as these."""

GROUP_BYTES = 2**20
"""About what buffers of one group take."""


class Order(NamedTuple):
    """Pairs made ready for a sweep, once for each list.

    Attributes:
        groups: (g, lanes) int64, centres of one species; -1 where there is none. species: (g,) int64.
        first: (g, lanes, species + 1) int64; neighbors[first[..., s] : first[..., s + 1]] of a centre are of species s.
        neighbors: (pairs + 3,) int32, those of one centre after the other in the order of the groups, so that they are read
            as one stream; the last three are of none.
    """

    groups: np.ndarray
    species: np.ndarray
    first: np.ndarray
    neighbors: np.ndarray


class Group(NamedTuple):
    """Buffers of one group; see `pairs`.

    Attributes:
        near, which, held: neighbours. ends: (species, lanes), how many of a lane's neighbours are of a species or those before.
        centres: (lanes,) int64, a number past all atoms where a lane has none.
        energy: (1, lanes) eV. virials: (9, lanes) eV.
    """

    near: np.ndarray
    which: np.ndarray
    held: np.ndarray
    ends: np.ndarray
    centres: np.ndarray
    energy: np.ndarray
    virials: np.ndarray


class Limits(NamedTuple):
    """What a sweep takes of a potential.

    Attributes:
        cutoff2, closest2: (1,) Å², of the cutoff, float64, and of the closest distance, in the kernel's precision. cutoff: Å.
        base: (species,) float64, eV, which is added to the energy of each centre.
    """

    cutoff2: np.ndarray
    closest2: np.ndarray
    cutoff: float
    base: np.ndarray


class Middle(Protocol):
    """The steps of a family.

    Attributes:
        size: rows of a set of neighbours. constants: numbers of the model, a tuple of arrays.
        base: (species,) float64, eV, added to the energies of centres.
    """

    size: int
    constants: tuple
    base: np.ndarray

    def steps(self, forces: bool) -> tuple[tuple[str, Callable], ...]:
        """Give compiled f(group, own, constants, kind, sets) with their names, in order.

        They put the energies of the group's centres, which are of species `kind`, into group.energy; with `forces` their
        gradients with respect to the neighbours into rows OWN ... OWN + 2.
        """

    def own(self, most: int) -> tuple:
        """Buffers of its own for groups with up to `most` neighbours."""


class Sweep:
    """A potential's energies and forces, all atoms at once; see blocks.BlockPotential."""

    def __init__(self, family: Any, precision: str, middle: Middle):
        self.family, self.dtype, self._middle = family, np.dtype(DTYPES[precision]).name, middle
        self._lanes = emit.lanes_of(self.dtype)
        self._bounds = Limits(
            np.array([family.cutoff**2]), np.array([CLOSEST**2], self.dtype), float(family.cutoff), middle.base
        )
        self._kernels: dict[bool, Callable] = {}
        self._ready: tuple[Pairs, np.ndarray, Order, int] | None = None
        self._room = np.zeros((0, 4))
        self._buffers: tuple[int, Group, tuple] | None = None

    def compute(
        self, positions: np.ndarray, pairs: Pairs, species: np.ndarray, forces: bool, atom_virials: bool
    ) -> Result:
        """See contract.Potential."""
        n, m = len(pairs.first) - 1, len(positions)
        padded, pushes = self._rows_of_four(m, forces)
        _pad(positions, padded, pushes)
        order, most = self._order(padded, pairs, species)
        group, own = self._group(most)
        energies, virial = np.empty(n), np.zeros(9)
        shared = np.zeros((m if forces and atom_virials else 0, 3, 3))
        if forces not in self._kernels:
            self._kernels[forces] = kernel(self._middle.size, self.dtype, self._middle.steps(forces), forces)
        run, constants, bounds = self._kernels[forces], self._middle.constants, self._bounds
        if not run(padded, order, bounds, group, own, constants, energies, pushes, virial, shared):
            self._refuse_contact(positions, pairs, species)
        if not forces:
            return Result(energies, None, None, 0)
        of_atoms = np.empty((m, 3))
        _unpad(pushes, of_atoms)
        return Result(energies, of_atoms, -virial.reshape(3, 3), 0, shared if atom_virials else None)

    def working_bytes(self, n: int, m: int, n_pairs: int) -> int:
        """See contract.Potential: rows of four, the pairs in order and forces; a group's buffers are small."""
        of_centre = 8 * (len(self.family.elements) + 4)
        return m * (9 * 8 + 3 * 8 + 4) + n * of_centre + n_pairs * 4 + GROUP_BYTES

    def work(self, i: int, present: int) -> int:
        """See moments.steps.Steps."""
        return 1

    def _rows_of_four(self, m: int, forces: bool) -> tuple[np.ndarray, np.ndarray]:
        """Arrays for positions (m, 4) and, with a row for no atom, forces (m + 1, 4): the same from call to call."""
        if len(self._room) < 2 * m + 1:
            self._room = aligned((2 * m + m // 8 + 1, 4), "float64")
        return self._room[:m], self._room[m : 2 * m + 1 if forces else m + 1]

    def _order(self, padded: np.ndarray, pairs: Pairs, species: np.ndarray) -> tuple[Order, int]:
        """The pairs in order, anew for other pairs or species, and the most neighbours of a centre."""
        if self._ready is None or self._ready[0] is not pairs or not np.array_equal(self._ready[1], species):
            types, cutoff2 = len(self.family.elements), self._bounds.cutoff2[0]
            order = _order(padded, pairs.first, pairs.neighbors, species, types, cutoff2, self._lanes)
            most = int(np.diff(pairs.first).max(initial=0))
            self._ready = pairs, species.copy(), Order(*order), most
        return self._ready[2:]

    def _group(self, most: int) -> tuple[Group, tuple]:
        """Buffers, made anew when a list has a centre with more neighbours than ever before."""
        if self._buffers is None or self._buffers[0] < most:
            places = most + 4  # the filter writes four at a time
            group = Group(
                near=aligned((self._lanes, places, 4), self.dtype),
                which=np.zeros((self._lanes, places), np.int32),
                held=aligned((places * self._middle.size, self._lanes), self.dtype),
                ends=aligned((len(self.family.elements), self._lanes), self.dtype),
                centres=np.zeros(self._lanes, np.int64),
                energy=aligned((1, self._lanes), self.dtype),
                virials=aligned((9, self._lanes), self.dtype),
            )
            self._buffers = most, group, self._middle.own(places)
        return self._buffers[1:]

    def _refuse_contact(self, positions: np.ndarray, pairs: Pairs, species: np.ndarray) -> None:
        """Raise for the closest pair.

        Raises:
            SimulationError: always.
        """
        elements = self.family.elements
        distances = np.linalg.norm(pairs.vectors(positions), axis=1)
        p = int(np.argmin(distances)) if np.isfinite(distances).all() else int(np.argmin(np.isfinite(distances)))
        centre = int(np.searchsorted(pairs.first, p, side="right")) - 1
        refuse_contact(elements[species[centre]], [elements[species[pairs.neighbors[p]]]], distances[p : p + 1])


def aligned(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Array of zeros that begins at a cache line."""
    size = int(np.prod(shape))
    held = np.zeros(size + 64, dtype)
    start = -held.ctypes.data % 64 // held.itemsize
    return held[start : start + size].reshape(shape)


@njit()
def _pad(positions, padded, pushes):
    """Positions as rows of four numbers, the last 0; no forces yet."""
    for k in range(len(positions)):
        padded[k, 0], padded[k, 1], padded[k, 2], padded[k, 3] = positions[k, 0], positions[k, 1], positions[k, 2], 0.0
    pushes[:] = 0.0


@njit()
def _unpad(pushes, forces):
    for k in range(len(forces)):
        forces[k, 0], forces[k, 1], forces[k, 2] = pushes[k, 0], pushes[k, 1], pushes[k, 2]


@njit(error_model="numpy")
def _order(positions, row, neighbors_in, species, types, cutoff2, lanes):
    """Order's arrays: centres in groups by species, place in memory and neighbours within the cutoff."""
    n = len(row) - 1
    keys, population = np.empty(n, np.int64), np.zeros(types, np.int64)
    for i in range(n):
        within, of_first = 0, 0
        x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
        for p in range(np.uint64(row[i]), np.uint64(row[i + 1])):  # without branches, which would be guesses
            j = np.uint32(neighbors_in[p])
            dx, dy, dz = positions[j, 0] - x, positions[j, 1] - y, positions[j, 2] - z
            is_within = dx * dx + dy * dy + dz * dz < cutoff2
            within += is_within
            of_first += is_within & (species[j] == 0)
        counts = min(within, MOST_COUNTED - 1) * MOST_COUNTED + min(of_first, MOST_COUNTED - 1)
        keys[i] = (species[i] * (n // NEARBY + 1) + i // NEARBY) * MOST_COUNTED * MOST_COUNTED + counts
        population[species[i]] += 1
    n_groups = 0
    for s in range(types):
        n_groups += (population[s] + lanes - 1) // lanes
    groups, kinds = np.full((n_groups, lanes), -1, np.int64), np.empty(n_groups, np.int64)
    first, neighbors = np.zeros((n_groups, lanes, types + 1), np.int64), np.zeros(len(neighbors_in) + 3, np.int32)
    g, lane, before, slot = -1, lanes, -1, np.uint64(0)
    for i in np.argsort(keys, kind="mergesort"):
        if lane == lanes or species[i] != before:
            g, lane, before = g + 1, 0, species[i]
            kinds[g] = before
        groups[g, lane] = i
        first[g, lane, 0] = slot
        for s in range(types):
            for p in range(np.uint64(row[i]), np.uint64(row[i + 1])):  # one behind the last is written, then over
                j = np.uint32(neighbors_in[p])
                neighbors[slot] = j
                slot += np.uint64(species[j] == s)
            first[g, lane, s + 1] = slot
        lane += 1
    return groups, kinds, first, neighbors


@cache
def kernel(size: int, dtype: str, steps: tuple[tuple[str, Callable], ...], forces: bool) -> Callable:
    """The compiled sweep of a family.

    Args:
        size: rows of a set of neighbours. steps: see Middle. forces: whether they give gradients, and forces are wanted.
    """
    middle = reduce(in_turn, (step for _, step in steps))
    lanes, key = emit.lanes_of(dtype), (size, SOURCES)
    within = emit.kernel(("positions", "neighbors", "cutoff2", "near", "which"), dtype, pairs.write_filter, key)
    geometry = emit.kernel(("near", "closest2", "held"), dtype, pairs.write_geometry, key)
    names = ("held", "which", "forces", "centres", "virials")
    scatter = emit.kernel(names, dtype, pairs.scatter_writer(size), key)

    @njit(error_model="numpy")
    def gather(positions, order, bounds, g, group):
        """Neighbours of a group: how many sets, or -1 where two atoms are too close."""
        types, most, sets = len(group.ends), group.which.shape[1], 0
        for lane in range(lanes):
            i = order.groups[g, lane]
            count = 0
            if i >= 0:
                for s in range(types):
                    count = within(
                        (positions, order.neighbors, bounds.cutoff2, group.near, group.which),
                        (i, order.first[g, lane, s], order.first[g, lane, s + 1], lane * most, count),
                    )
                    group.ends[s, lane] = count
            else:
                i = len(positions)
            group.centres[lane] = i
            sets = max(sets, count)
        for lane in range(lanes):
            count = int(group.ends[types - 1, lane])
            if order.groups[g, lane] < 0:  # without neighbours, but species change where they do in the first lane
                count = 0
                group.ends[:, lane] = group.ends[:, 0]
            for q in range(count, sets):
                group.near[lane, q, 0], group.near[lane, q, 1], group.near[lane, q, 2] = bounds.cutoff, 0.0, 0.0
                group.which[lane, q] = group.centres[lane]
        return -1 if geometry((group.near, bounds.closest2, group.held), (sets, most, size)) else sets

    @njit(error_model="numpy", nogil=True)
    def run(positions, order, bounds, group, own, constants, energies, pushes, virial, shared):
        """Energies and forces of all centres; False as soon as two atoms are too close."""
        for g in range(len(order.groups)):
            sets = gather(positions, order, bounds, g, group)
            if sets < 0:
                return False
            middle(group, own, constants, order.species[g], sets)
            for lane in range(lanes):
                if order.groups[g, lane] >= 0:
                    energies[order.groups[g, lane]] = group.energy[0, lane] + bounds.base[order.species[g]]
            if forces:
                scatter((group.held, group.which, pushes, group.centres, group.virials), (sets, group.which.shape[1]))
                for k in range(9):
                    for lane in range(lanes):
                        virial[k] += group.virials[k, lane]
                if len(shared):
                    _share(group, sets, size, shared)
        return True

    return run


def in_turn(first: Callable, second: Callable) -> Callable:
    """Two steps as one."""

    @njit(error_model="numpy")
    def both(group, own, constants, kind, sets):
        first(group, own, constants, kind, sets)
        second(group, own, constants, kind, sets)

    return both


@njit(error_model="numpy")
def _share(group, sets, size, shared):
    """Half of each pair's virial to both of its atoms."""
    for lane in range(len(group.centres)):
        i = group.centres[lane]
        if i == len(shared):
            continue
        for q in range(sets):
            j = group.which[lane, q]
            base = q * size
            for a in range(3):
                d = -0.5 * group.held[base + X + a, lane] * group.held[base + DISTANCE, lane]
                for b in range(3):
                    part = d * group.held[base + OWN + b, lane]
                    shared[i, a, b] += part
                    shared[j, a, b] += part
