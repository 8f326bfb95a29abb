"""Derivatives of atomic energies with respect to the parameters of a moment tensor potential, a few atoms side by side.

To first order E_i = sum_j f_mu(r_j) P_mu(u_j) (see program), and the radial functions are linear in their coefficients:
dE_i/dweight of b = sum_j P_mu(u_j) (cutoff - r_j)^2 T_b(x_j). The derivative with respect to the coefficient of a basis
function is its value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from hpcpot.compiled import njit, source_hash
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.moment_tensor import cpu, loops
from hpcpot.potential.moment_tensor.basis import Basis
from hpcpot.potential.moment_tensor.cpu import ContractionBuffers, MomentTensorMiddle, is_straight, listed_contraction
from hpcpot.potential.moment_tensor.layout import Neighbors, neighbors_of
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.moment_tensor.program import FUNCTIONS, ParameterProgram, Reduced, rows_of, shares
from hpcpot.potential.moments.environment_cpu import environment
from hpcpot.potential.vectors import emit, sweep
from hpcpot.potential.vectors.emit import Data, RowEmitter, has_wide_vectors
from hpcpot.potential.vectors.pairs import DISTANCE, INVERSE, X, Y, Z, counted, integer, register
from hpcpot.potential.vectors.sweep import Limits, Sweep, aligned
from hpcpot.potential.vectors.tape import Instruction, for_stores, fused


class ParameterRows:
    """dE_i/dparameters of atoms.

    Attributes:
        size: parameters: the radial coefficients, the coefficients of the basis, the energies of the species.
    """

    def __init__(self, family: MomentTensor):
        self.family = family
        self.size = family.radial.size + len(family.coefficients) + len(family.elements)
        middle, lanes = MomentTensorMiddle(family, "float64"), emit.lanes_of("float64")
        self._constants, self._sweep = middle.constants, Sweep(family, "float64", middle)
        self._limits = Limits(np.array([family.cutoff**2]), np.zeros(1), middle.base)
        self._of_neighbors, self._of_groups = kernels(family.basis.key, family.radial.shape[3])
        self._sums = aligned((family.radial[0].size, lanes), "float64")
        self._values = aligned((len(family.scalars), lanes), "float64") if is_straight(family.basis) else None
        self._room = np.empty(0)

    def of(self, positions: np.ndarray, pairs: Pairs, species: np.ndarray, centres: np.ndarray) -> np.ndarray:
        """Rows (centres, size) float64 of some centres (n,) int32, of any species."""
        rows = np.zeros((len(centres), self.size))
        for i in range(len(self.family.elements)):
            mine = np.flatnonzero(species[centres] == i)
            rows[mine] = self.of_species(i, self.near(positions, pairs, species, centres[mine]))
        return rows

    def near(self, positions: np.ndarray, pairs: Pairs, species: np.ndarray, centres: np.ndarray) -> Neighbors:
        """Neighbours of centres (n,) int32 of one species."""
        types = len(self.family.elements)
        return neighbors_of(environment(positions, pairs, species, centres, self.family.cutoff, None, types))

    def of_species(self, i: int, near: Neighbors) -> np.ndarray:
        """Rows (n, size) float64 of all atoms of species i, from their neighbours."""
        rows = np.zeros((len(near.order), self.size))
        rows[:, self.own(i)] = self.varying(i, near)
        rows[:, i - len(self.family.elements)] = 1.0
        return rows

    def own(self, i: int) -> np.ndarray:
        """Places in a row where it varies between atoms of species i, (v,) int64; all others but the energy of i are 0."""
        family = self.family
        n_radial = family.radial[i].size
        coefficients = family.radial.size + np.arange(len(family.coefficients))
        return np.concatenate([i * n_radial + np.arange(n_radial), coefficients])

    def varying(self, i: int, near: Neighbors) -> np.ndarray:
        """What `of_species` has in these places, (n, v) float64."""
        family = self.family
        rows = np.empty((len(near.order), family.radial[i].size + len(family.coefficients)))
        group, own = self._sweep.group(_most_sets(near, len(family.elements)))
        self._of_neighbors(near, family.scaling, group, own, self._constants, i, *self._own_buffers(own), rows)
        return rows

    def side_by_side(
        self, positions: np.ndarray, pairs: Pairs, species: np.ndarray, most: int
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """What `varying` has for all centres of some pairs, up to about `most` of one species at a time.

        Yields:
            The species; centres (c,) int64, where there is none a number past all atoms; columns (v, c) float64, of NaN
            beside a position that is not finite, in a buffer that the next ones take.
        """
        family, scaling = self.family, self.family.scaling
        padded, _, order, (group, own) = self._sweep.arranged(positions, pairs, species, False)
        lanes, size = order.groups.shape[1], self._sums.shape[0] + len(family.coefficients)
        together, values = max(most // lanes, 1), self._own_buffers(own)
        if len(self._room) < size * together * lanes:
            self._room = aligned((size * together * lanes,), "float64")
        for i in range(len(family.elements)):
            first, last = np.searchsorted(order.species, (i, i + 1))
            for start in range(first, last, together):
                stop = min(start + together, last)
                columns = self._room[: size * (stop - start) * lanes].reshape(size, -1)
                self._of_groups(
                    padded, order, self._limits, start, stop, scaling, group, own, self._constants, *values, columns
                )
                yield i, order.groups[start:stop].ravel(), columns

    def _own_buffers(self, own: ContractionBuffers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where the values of the basis functions of a group are, in which rows, and the sums of radial coefficients."""
        if self._values is None:
            return own.all, self.family.scalars, self._sums
        return self._values, np.arange(len(self._values)), self._sums


@cache
def kernels(lists: tuple, polynomials: int) -> tuple[Callable, Callable]:
    """The compiled rows of a basis, by Basis.key: the places that vary, of atoms of one species.

    Returns:
        What puts them into rows, from Neighbors; what puts them into columns, from groups of a sweep.
    """
    basis, lanes = Basis.of_key(lists), emit.lanes_of("float64")
    n_radial, key = basis.n_radial, (lists, polynomials, cpu.SOURCES, source_hash(__file__))
    reduced, size = Reduced.of(basis), rows_of(n_radial)
    (_, functions), (_, summed) = cpu.steps(lists, polynomials, "float64", True)[:2]
    contract = _contraction(lists, key)
    share = emit.kernel(("held", "gradients", "radial"), "float64", loops.sets_writer(reduced, shares(reduced)), key)
    names = ("held", "radial", "sums")
    project = emit.kernel(names, "float64", _polynomials_writer(n_radial, polynomials), key)

    gather = sweep.gatherer(size, "float64")

    @njit(error_model="numpy")
    def of_group(group, own, constants, kind, sets, values, sums):
        functions(group, own, constants, kind, sets)
        summed(group, own, constants, kind, sets)
        contract(group, own, constants, kind, sets, values)
        share((group.held, own.gradients, constants.radial), (sets,))
        for s in range(len(group.stops) - 1):
            first = s * n_radial * polynomials
            project((group.held, constants.radial, sums), (group.stops[s], group.stops[s + 1], first))

    @njit(error_model="numpy", nogil=True)
    def of_neighbors(near, scaling, group, own, constants, kind, values, places, sums, rows):
        for start in range(0, len(near.order), lanes):
            centres = near.order[start : start + lanes]
            sets = _gather(near, centres, constants.radial[2], size, group)
            of_group(group, own, constants, kind, sets, values, sums)
            for lane in range(len(centres)):
                row = rows[centres[lane]]
                for k in range(len(sums)):
                    row[k] = scaling * sums[k, lane]
                for k in range(len(places)):
                    row[len(sums) + k] = values[places[k], lane]

    @njit(error_model="numpy", nogil=True)
    def of_groups(positions, order, limits, start, stop, scaling, group, own, constants, values, places, sums, columns):
        for g in range(start, stop):
            sets, first = gather(positions, order, limits, g, group), (g - start) * lanes
            if sets < 0:
                columns[:, first : first + lanes] = np.nan
                continue
            of_group(group, own, constants, order.species[g], sets, values, sums)
            for k in range(len(sums)):
                for lane in range(lanes):
                    columns[k, first + lane] = scaling * sums[k, lane]
            for k in range(len(places)):
                for lane in range(lanes):
                    columns[len(sums) + k, first + lane] = values[places[k], lane]

    return of_neighbors, of_groups


def _contraction(lists: tuple, key: tuple) -> Callable:
    """The compiled step f(group, own, constants, kind, sets, values): gradients, and the values of the basis."""
    if not is_straight(Basis.of_key(lists)):
        listed = listed_contraction(lists, "float64", True, key)

        @njit(error_model="numpy")
        def by_lists(group, own, constants, kind, sets, values):
            listed(group, own, constants, kind, sets)

        return by_lists
    names = ("moments", "gradients", "values", "scalars", "tops")

    def code() -> list[Instruction]:
        return fused(for_stores(ParameterProgram(Basis.of_key(lists)).tape.code, {"gradients", "values"}))

    straight = emit.straight(names, "float64", code, ("values", *key))

    @njit(error_model="numpy")
    def contract(group, own, constants, kind, sets, values):
        straight((own.moments, own.gradients, values, constants.scalars, constants.tops))

    return contract


def _most_sets(near: Neighbors, types: int) -> int:
    """Sets of neighbours that no group exceeds: for each species the most that a centre has."""
    centres = np.repeat(np.arange(len(near.first) - 1), np.diff(near.first))
    return sum(int(np.bincount(centres[near.kinds == s]).max(initial=0)) for s in range(types))


@njit(error_model="numpy")
def _gather(near, centres, cutoff, size, group):
    """Sets of neighbours side by side, each of one species; where a centre has no more, one at the cutoff. Returns how many."""
    held, lanes, sets = group.held, len(group.centres), 0
    for s in range(len(group.stops) - 1):
        start, most = sets, 0
        for lane in range(len(centres)):
            count = 0
            for p in range(near.first[centres[lane]], near.first[centres[lane] + 1]):
                count += near.kinds[p] == s
            most = max(most, count)
        sets = start + most
        group.stops[s + 1] = sets
        for lane in range(lanes):
            q = start
            if lane < len(centres):
                for p in range(near.first[centres[lane]], near.first[centres[lane] + 1]):
                    if near.kinds[p] == s:
                        base = q * size
                        held[base + X, lane] = near.directions[p, 0]
                        held[base + Y, lane] = near.directions[p, 1]
                        held[base + Z, lane] = near.directions[p, 2]
                        held[base + DISTANCE, lane], held[base + INVERSE, lane] = (
                            near.distances[p],
                            1.0 / near.distances[p],
                        )
                        q += 1
            for rest in range(q, sets):
                base = rest * size
                held[base + X, lane], held[base + Y, lane], held[base + Z, lane] = 0.0, 0.0, 0.0
                held[base + DISTANCE, lane], held[base + INVERSE, lane] = cutoff, 1.0 / cutoff
    return sets


def _polynomials_writer(n_radial: int, polynomials: int) -> Any:
    """Sums of what `shares` left, times T_b(x), over the neighbours of one species.

    Numbers: their first and last set, first row of the sums.
    """
    size, together = rows_of(n_radial), max(1, loops.SUMS[has_wide_vectors()] // polynomials)

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b = rows.builder
        start, stop, to = numbers
        low, stretch = (rows.scalar(data["radial"], k) for k in range(2))
        zero = rows.constant(0.0)
        for lowest in range(0, n_radial, together):
            chosen = range(lowest, min(lowest + together, n_radial))
            sums = {(mu, k): register(b, zero) for mu in chosen for k in range(polynomials)}
            with counted(b, start, stop) as q:
                first = b.mul(q, integer(size))
                held = lambda row: rows.load(data["held"], b.add(first, integer(row)))  # noqa: B023, E731
                parts = {mu: held(FUNCTIONS + mu) for mu in chosen}
                x = rows.sub(rows.mul(rows.sub(held(DISTANCE), low), stretch), rows.constant(1.0))
                t, after, twice = rows.constant(1.0), x, rows.add(x, x)
                for k in range(polynomials):
                    for mu in chosen:
                        b.store(rows.fma(parts[mu], t, b.load(sums[mu, k])), sums[mu, k])
                    t, after = after, rows.sub(rows.mul(twice, after), t)
            for (mu, k), place in sums.items():
                rows.store(data["sums"], b.add(to, integer(mu * polynomials + k)), b.load(place))

    return write
