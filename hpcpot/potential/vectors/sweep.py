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
from hpcpot.potential.vectors import emit, pairs, polynomials, tape
from hpcpot.potential.vectors.pairs import DISTANCE, OWN, X

SOURCES = tuple(source_hash(module.__file__) for module in (emit, pairs, polynomials, tape))
"""Of what generates code: compiled code is kept by it."""

NEARBY = 512
"""Atoms, one after the other in memory, among which groups are formed, so that what neighbours share stays in cache."""

MOST_COUNTED = 4096
"""Neighbours by which centres are sorted; more count as these."""

GROUP_BYTES = 2**20
"""About what buffers of one group take."""

FULL = 0.8
"""About how much of the sets of neighbours is filled."""

SHELLS = 16
"""Of the square of the distance, in whose order neighbours of one species are, so that those of a set are about as far."""

FAR = 1e9
"""Å, where there is no atom."""


class Order(NamedTuple):
    """Pairs made ready for a sweep, once for each list.

    Attributes:
        groups: (g, lanes) int64, centres of one species; where there is none, the second number past all atoms.
        species: (g,) int64.
        first: (g, species + 1) int64; sets first[g, s] to first[g, s + 1] are the neighbours of group g of species s.
        neighbors: (sets, lanes) int32; where a centre has no more, the number past all atoms.
    """

    groups: np.ndarray
    species: np.ndarray
    first: np.ndarray
    neighbors: np.ndarray


class Group(NamedTuple):
    """Buffers of one group; see `pairs`.

    Attributes:
        held, which: sets of neighbours. stops: (species + 1,) int64, sets stops[s] to stops[s + 1] are of species s.
        centres: (lanes,) int64. energy: (1, lanes) eV. virials: (9, lanes) eV.
    """

    held: np.ndarray
    which: np.ndarray
    stops: np.ndarray
    centres: np.ndarray
    energy: np.ndarray
    virials: np.ndarray


class Limits(NamedTuple):
    """What a sweep takes of a potential.

    Attributes:
        cutoff2, closest2: (1,) Å², of the cutoff and the closest distance, in the kernel's precision.
        base: (species,) float64, eV, which is added to the energy of each centre.
    """

    cutoff2: np.ndarray
    closest2: np.ndarray
    base: np.ndarray


class Middle(Protocol):
    """The steps of a family.

    Attributes:
        size: rows of a set of neighbours. constants: numbers of the model, a tuple of arrays.
        inner: Å, groups have centres with as many neighbours up to there, which cost more than others; 0 where there are none.
        base: (species,) float64, eV, added to the energies of centres.
    """

    size: int
    inner: float
    constants: tuple
    base: np.ndarray

    def steps(self, forces: bool) -> tuple[tuple[str, Callable], ...]:
        """Give compiled f(group, own, constants, kind, sets) with their names, in order.

        They put the energies of the group's centres, which are of species `kind`, into group.energy; with `forces` their
        gradients with respect to the neighbours into rows OWN ... OWN + 2.
        """

    def own(self, most: int) -> tuple:
        """Buffers of its own for groups with up to `most` sets of neighbours."""


class Sweep:
    """A potential's energies and forces, all atoms at once; see blocks.BlockPotential."""

    def __init__(self, family: Any, precision: str, middle: Middle):
        self.family, self.dtype, self._middle = family, np.dtype(DTYPES[precision]).name, middle
        self._lanes = emit.lanes_of(self.dtype)
        self._bounds = Limits(np.array([family.cutoff**2], self.dtype), np.array([CLOSEST**2], self.dtype), middle.base)
        self._kernels: dict[bool, Callable] = {}
        self._ready: tuple[Pairs, np.ndarray, Order, int] | None = None
        self._room = np.zeros((0, 4))
        self._buffers: tuple[int, Group, tuple] | None = None

    def compute(
        self, positions: np.ndarray, pairs: Pairs, species: np.ndarray, forces: bool, atom_virials: bool
    ) -> Result:
        """See contract.Potential."""
        n, m = len(pairs.first) - 1, len(positions)
        padded, pushes, order, (group, own) = self.arranged(positions, pairs, species, forces)
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

    def arranged(
        self, positions: np.ndarray, pairs: Pairs, species: np.ndarray, forces: bool
    ) -> tuple[np.ndarray, np.ndarray, Order, tuple[Group, tuple]]:
        """What a pass goes over: positions and forces as rows of four, the pairs in order, buffers of any group."""
        padded, pushes = self._rows_of_four(len(positions) + 2, forces)
        _pad(positions, padded, pushes)
        order, most = self._order(padded, pairs, species)
        return padded, pushes, order, self.group(most)

    def working_bytes(self, n: int, m: int, n_pairs: int) -> int:
        """See contract.Potential: rows of four, the pairs in order and forces; a group's buffers are small."""
        return m * (9 * 8 + 3 * 8 + 4) + n * 16 + int(n_pairs * (4 / FULL + 2)) + GROUP_BYTES

    def _rows_of_four(self, m: int, forces: bool) -> tuple[np.ndarray, np.ndarray]:
        """Arrays (m, 4) for positions and forces: the same from call to call."""
        if len(self._room) < 2 * m:
            self._room = aligned((2 * m + m // 8, 4), "float64")
        return self._room[:m], self._room[m : 2 * m if forces else m]

    def _order(self, padded: np.ndarray, pairs: Pairs, species: np.ndarray) -> tuple[Order, int]:
        """The pairs in order, anew for other pairs or species, and the most sets of a group.

        The order of sums depends on it, and so it does not on when it is first asked for: a restart does that later.
        """
        if self._ready is None or self._ready[0] is not pairs or not np.array_equal(self._ready[1], species):
            types, cutoff2, inner2 = len(self.family.elements), self.family.cutoff**2, float(self._middle.inner) ** 2
            shells, m = np.empty(len(pairs.neighbors), np.uint16), len(padded) - 2
            places = padded if pairs.built_at is None else pairs.built_at
            groups, kinds = _groups(
                places, pairs.first, pairs.neighbors, species, types, inner2, cutoff2, self._lanes, m + 1, shells
            )
            first = _sets(groups, pairs.first, shells, types)
            neighbors = np.empty((first[-1, -1] if len(first) else 0, self._lanes), np.int32)
            _fill(groups, first, pairs.first, pairs.neighbors, shells, m, neighbors)
            most = int((first[:, -1] - first[:, 0]).max(initial=0))
            self._ready = pairs, species.copy(), Order(groups, kinds, first, neighbors), most
        return self._ready[2:]

    def group(self, most: int) -> tuple[Group, tuple]:
        """Buffers for groups with up to `most` sets of neighbours, made anew when those are more than ever before."""
        if self._buffers is None or self._buffers[0] < most:
            places = most + 1  # a set that is left out is written behind the last
            group = Group(
                held=aligned((places * self._middle.size, self._lanes), self.dtype),
                which=np.zeros(places, np.int64),
                stops=np.zeros(len(self.family.elements) + 1, np.int64),
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
    """Positions as rows of four numbers, the last 0, behind them those of no neighbour and no centre; no forces yet."""
    for k in range(len(positions)):
        padded[k, 0], padded[k, 1], padded[k, 2], padded[k, 3] = positions[k, 0], positions[k, 1], positions[k, 2], 0.0
    padded[len(positions)], padded[len(positions) + 1] = FAR, -FAR
    pushes[:] = 0.0


@njit()
def _unpad(pushes, forces):
    for k in range(len(forces)):
        forces[k, 0], forces[k, 1], forces[k, 2] = pushes[k, 0], pushes[k, 1], pushes[k, 2]


@njit(error_model="numpy")
def _groups(positions, row, neighbors, species, types, inner2, cutoff2, lanes, no_centre, shells):
    """Order's groups and their species: centres by species, place in memory and neighbours within both cutoffs.

    Of each neighbour SHELLS times its species and its shell are put into `shells`.
    """
    n = len(row) - 1
    keys, population, scale = np.empty(n, np.int64), np.zeros(types, np.int64), (SHELLS - 1) / cutoff2
    farthest = SHELLS - 1.0
    for i in range(n):
        inside, within, of_first = 0, 0, 0
        x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
        for p in range(np.uint64(row[i]), np.uint64(row[i + 1])):  # without branches, which would be guesses
            j = np.uint32(neighbors[p])
            dx, dy, dz = positions[j, 0] - x, positions[j, 1] - y, positions[j, 2] - z
            square = dx * dx + dy * dy + dz * dz
            is_within = square < cutoff2
            inside += square < inner2
            within += is_within
            of_first += is_within & (species[j] == 0)
            shell = scale * square
            shell = shell if shell < farthest else farthest
            shells[p] = np.uint32(species[j]) * np.uint32(SHELLS) + np.uint32(np.int32(shell))
        keys[i] = species[i] * (n // NEARBY + 1) + i // NEARBY
        for count in (inside, of_first, within):
            keys[i] = keys[i] * MOST_COUNTED + min(count, MOST_COUNTED - 1)
        population[species[i]] += 1
    n_groups = 0
    for s in range(types):
        n_groups += (population[s] + lanes - 1) // lanes
    groups, kinds = np.full((n_groups, lanes), no_centre, np.int64), np.empty(n_groups, np.int64)
    g, lane, before = -1, lanes, -1
    for i in np.argsort(keys, kind="mergesort"):
        if lane == lanes or species[i] != before:
            g, lane, before = g + 1, 0, species[i]
            kinds[g] = before
        groups[g, lane] = i
        lane += 1
    return groups, kinds


@njit(error_model="numpy")
def _sets(groups, row, shells, types):
    """Order.first: of each species as many sets as the lane with the most of its neighbours needs."""
    first, total = np.zeros((len(groups), types + 1), np.int64), 0
    for g in range(len(groups)):
        for i in groups[g]:
            if i < len(row) - 1:
                own = shells[row[i] : row[i + 1]]
                for s in range(types):
                    low, count = np.uint16(s * SHELLS), np.uint16(0)
                    for k in range(len(own)):
                        count += np.uint16(own[k] - low) < SHELLS
                    first[g, s + 1] = max(first[g, s + 1], count)
        first[g, 0] = total
        for s in range(types):
            total += first[g, s + 1]
            first[g, s + 1] = total
    return first


@njit(error_model="numpy")
def _fill(groups, first, row, neighbors_in, shells, nobody, neighbors):
    """Order.neighbors: of each species by shells, so that sets have no lane within the cutoff, or most."""
    types = first.shape[1] - 1
    slots = np.empty(types * SHELLS, np.int64)
    for g in range(len(groups)):
        neighbors[first[g, 0] : first[g, types]] = nobody
        for lane in range(np.uint64(groups.shape[1])):
            i = groups[g, lane]
            if i >= len(row) - 1:
                continue
            slots[:] = 0
            for p in range(np.uint64(row[i]), np.uint64(row[i + 1])):
                slots[np.uint64(shells[p])] += 1
            for s in range(types):
                slot = first[g, s]
                for shell in range(s * SHELLS, (s + 1) * SHELLS):
                    slots[shell], slot = slot, slot + slots[shell]
            for p in range(np.uint64(row[i]), np.uint64(row[i + 1])):
                shell = np.uint64(shells[p])
                neighbors[np.uint64(slots[shell]), lane] = neighbors_in[p]
                slots[shell] += 1


@cache
def kernel(size: int, dtype: str, steps: tuple[tuple[str, Callable], ...], forces: bool) -> Callable:
    """The compiled sweep of a family.

    Args:
        size: rows of a set of neighbours. steps: see Middle. forces: whether they give gradients, and forces are wanted.
    """
    middle = reduce(in_turn, (step for _, step in steps))
    lanes, key, gather = emit.lanes_of(dtype), (size, SOURCES), gatherer(size, dtype)
    names = ("held", "which", "neighbors", "forces", "centres", "virials")
    scatter = emit.kernel(names, dtype, pairs.scatter_writer(size), key)

    @njit(error_model="numpy", nogil=True)
    def run(positions, order, bounds, group, own, constants, energies, pushes, virial, shared):
        """Energies and forces of all centres; False as soon as two atoms are too close."""
        for g in range(len(order.groups)):
            sets = gather(positions, order, bounds, g, group)
            if sets < 0:
                return False
            middle(group, own, constants, order.species[g], sets)
            for lane in range(lanes):
                if order.groups[g, lane] < len(energies):
                    energies[order.groups[g, lane]] = group.energy[0, lane] + bounds.base[order.species[g]]
            if forces:
                scatter((group.held, group.which, order.neighbors, pushes, group.centres, group.virials), (sets,))
                for k in range(9):
                    for lane in range(lanes):
                        virial[k] += group.virials[k, lane]
                if len(shared):
                    _share(group, order.neighbors, sets, size, shared)
        return True

    return run


@cache
def gatherer(size: int, dtype: str) -> Callable:
    """The compiled way from the positions of a sweep to the sets of neighbours of a group; size: rows of a set."""
    names = ("positions", "neighbors", "centres", "cutoff2", "closest2", "held", "which")
    near = emit.kernel(names, dtype, pairs.write_gather, (size, SOURCES))

    @njit(error_model="numpy")
    def gather(positions, order, bounds, g, group):
        """Neighbours of a group: how many sets, or -1 where two atoms are too close."""
        group.centres[:] = order.groups[g]
        arrays = (positions, order.neighbors, group.centres, bounds.cutoff2, bounds.closest2, group.held, group.which)
        sets = 0
        for s in range(len(group.stops) - 1):
            sets = near(arrays, (order.first[g, s], order.first[g, s + 1], sets, size))
            if sets < 0:
                return -1
            group.stops[s + 1] = sets
        return sets

    return gather


def in_turn(first: Callable, second: Callable) -> Callable:
    """Two steps as one."""

    @njit(error_model="numpy")
    def both(group, own, constants, kind, sets):
        first(group, own, constants, kind, sets)
        second(group, own, constants, kind, sets)

    return both


@njit(error_model="numpy")
def _share(group, neighbors, sets, size, shared):
    """Half of each pair's virial to both of its atoms."""
    for lane in range(len(group.centres)):
        i = group.centres[lane]
        if i >= len(shared):
            continue
        for q in range(sets):
            j = neighbors[group.which[q], lane]
            if j == len(shared):
                continue
            base = q * size
            for a in range(3):
                d = -0.5 * group.held[base + X + a, lane] * group.held[base + DISTANCE, lane]
                for b in range(3):
                    part = d * group.held[base + OWN + b, lane]
                    shared[i, a, b] += part
                    shared[j, a, b] += part
