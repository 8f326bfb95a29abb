"""SOAP power spectra compiled, one core, with tabulated radial functions.

The innermost sums are vector code: radial functions stand in rows of as many as fill a register, the last filled up with 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from hpcpot.compiled import FASTMATH, njit, source_hash
from hpcpot.descriptors.soap.radial import Table
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.moments.tables import hermite
from hpcpot.potential.vectors import emit
from hpcpot.potential.vectors import pairs as vector_pairs
from hpcpot.potential.vectors.emit import Data, RowEmitter
from hpcpot.potential.vectors.pairs import counted, integer, register

SOURCES = tuple(source_hash(path) for path in (__file__, emit.__file__, vector_pairs.__file__))
"""What the vector code depends on, besides its sizes."""

TOGETHER = 8
"""Sums of rows that are held in registers at once."""


class PowerSpectrum:
    """The compiled kernel of some sizes, and its tables.

    Args:
        table: radial functions. n_species: of the elements.
    """

    def __init__(self, table: Table, n_species: int):
        self.table = table
        count, _, degrees, n_max = table.nodes.shape
        self._nodes = np.zeros((count, 3, degrees, rows_of(n_max) * emit.lanes_of("float64")))
        self._nodes[..., :n_max] = table.nodes
        self._factors = factors(n_max, degrees - 1, n_species)
        self._run = kernel(n_max, degrees - 1, n_species)

    def add(self, points: np.ndarray, near: Pairs, species: np.ndarray, targets: np.ndarray, sums: np.ndarray) -> None:
        """See descriptor.Descriptor."""
        table = self.table
        self._run(
            (points, near.first, near.neighbors, species),
            (self._nodes, table.centre, self._factors),
            (table.step, table.reach, table.width),
            targets,
            sums,
        )


def factors(n_max: int, l_max: int, n_species: int) -> np.ndarray:
    """Factor of each number of a vector, (size,) float64: sqrt(2) where (s, n) and (s', n') differ, else 1."""
    whole = np.full((n_max, n_max), np.sqrt(2.0))
    half = (whole + (1.0 - np.sqrt(2.0)) * np.eye(n_max))[np.triu_indices(n_max)]
    blocks = [half if s == t else whole.ravel() for s in range(n_species) for t in range(s, n_species)]
    return np.concatenate([np.tile(block, l_max + 1) for block in blocks])


def rows_of(n_max: int) -> int:
    """Rows that the radial functions fill."""
    return -(-n_max // emit.lanes_of("float64"))


@cache
def kernel(n_max: int, l_max: int, n_species: int) -> Callable:
    """The loop over atoms: sums[targets[i]] += vector of atom i.

    The numbers of a vector go by pairs of species s <= s', then l, then pairs of radial functions (n <= n' where s = s').
    """
    wide, lanes, degrees, n_harmonics = rows_of(n_max), emit.lanes_of("float64"), l_max + 1, (l_max + 1) ** 2
    key = (n_max, l_max, SOURCES)
    add_neighbor = emit.kernel(("nodes", "basis", "harmonics", "c"), "float64", _neighbor_writer(wide, l_max), key)
    multiply = emit.kernel(("c", "square"), "float64", _square_writer(wide, n_max), key)

    @njit(fastmath=FASTMATH, error_model="numpy", nogil=True)
    def run(atoms, constants, lengths, targets, sums):
        points, first, neighbors, species = atoms
        nodes, centre, factors = constants
        step, reach, width = lengths
        last, begin = len(nodes) - 2.0, reach - width
        a_lm, b_lm = recursion(l_max)
        basis, y = np.empty(6), np.empty(n_harmonics)
        c, square = np.empty((n_species, n_harmonics, wide * lanes)), np.empty((n_max, wide * lanes))
        present, row = np.empty(n_species, np.bool_), np.empty(len(factors))
        for i in range(len(first) - 1):
            c[:] = 0.0
            present[:] = False
            present[species[i]] = True
            for n in range(n_max):
                c[species[i], 0, n] = centre[n]
            for p in range(first[i], first[i + 1]):
                j = neighbors[p]
                dx, dy, dz = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1], points[j, 2] - points[i, 2]
                r = np.sqrt(dx * dx + dy * dy + dz * dz)
                if r >= reach:
                    continue
                t = r / step
                k = int(min(max(0.0, t), last))  # nan: 0, and the polynomials are nan
                basis[0], basis[1], basis[2], basis[3], basis[4], basis[5] = hermite(t - k)
                if r > begin:
                    weight = 0.5 + 0.5 * np.cos(np.pi * (r - begin) / width)
                    for q in range(6):
                        basis[q] *= weight
                inverse = 1.0 / max(r, 1e-300)  # at r = 0 functions of l > 0 are 0
                harmonics(dx * inverse, dy * inverse, dz * inverse, l_max, a_lm, b_lm, y)
                s = species[j]
                present[s] = True
                add_neighbor((nodes, basis, y, c), (k * 3 * degrees * wide, s * n_harmonics * wide))
            place, norm = 0, 0.0
            for s in range(n_species):
                for t in range(s, n_species):
                    if not (present[s] and present[t]):
                        size = (n_max * (n_max + 1) // 2 if s == t else n_max * n_max) * degrees
                        row[place : place + size] = 0.0
                        place += size
                        continue
                    for degree in range(degrees):
                        start = degree * degree * wide
                        multiply(
                            (c, square),
                            (s * n_harmonics * wide + start, t * n_harmonics * wide + start, np.int64(2 * degree + 1)),
                        )
                        for a in range(n_max):
                            for b in range(a if s == t else 0, n_max):
                                row[place] = square[a, b]
                                place += 1
            for q in range(len(row)):
                row[q] *= factors[q]
                norm += row[q] * row[q]
            scale = 1.0 / max(np.sqrt(norm), 1e-300)
            to = targets[i]
            for q in range(len(row)):
                sums[to, q] += scale * row[q]

    return run


def _neighbor_writer(wide: int, l_max: int) -> Callable[[RowEmitter, Data, list], None]:
    """Radial functions of a neighbour, times its spherical harmonics, added to the coefficients of its species.

    Numbers: first row of the nodes before it, of the coefficients of its species.
    """

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b = rows.builder
        node, to = numbers
        factors = [rows.scalar(data["basis"], q) for q in range(6)]
        for degree in range(l_max + 1):
            values = []
            for w in range(wide):
                value = rows.constant(0.0)
                for q in range(6):
                    place = b.add(node, integer((q * (l_max + 1) + degree) * wide + w))
                    value = rows.fma(factors[q], rows.load(data["nodes"], place), value)
                values.append(value)
            with counted(b, integer(degree**2), integer((degree + 1) ** 2)) as lm:
                y = rows.scalar(data["harmonics"], lm)
                for w in range(wide):
                    place = b.add(to, b.add(b.mul(lm, integer(wide)), integer(w)))
                    rows.store(data["c"], place, rows.fma(y, values[w], rows.load(data["c"], place)))

    return write


def _square_writer(wide: int, n_max: int) -> Callable[[RowEmitter, Data, list], None]:
    """square[n, n'] = sum over k < count of c[first + k, n] c[second + k, n'].

    Numbers: first and second in rows, count.
    """

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b = rows.builder
        first, second, count = numbers
        together = max(1, TOGETHER // wide)
        for start in range(0, n_max, together):
            chosen = range(start, min(start + together, n_max))
            sums = {(n, w): register(b, rows.constant(0.0)) for n in chosen for w in range(wide)}
            with counted(b, integer(0), count) as k:
                row = b.mul(k, integer(wide))
                others = [rows.load(data["c"], b.add(b.add(second, row), integer(w))) for w in range(wide)]
                place = b.mul(b.add(first, row), integer(rows.lanes))
                for n in chosen:
                    mine = rows.scalar(data["c"], b.add(place, integer(n)))
                    for w in range(wide):
                        b.store(rows.fma(mine, others[w], b.load(sums[n, w])), sums[n, w])
            for (n, w), total in sums.items():
                rows.store(data["square"], n * wide + w, b.load(total))

    return write


@njit()
def recursion(l_max):
    """Factors of `harmonics`: two (l_max + 1, l_max + 1) float64, by l and m; P_mm of all stand at a_mm."""
    a_lm, b_lm = np.zeros((l_max + 1, l_max + 1)), np.zeros((l_max + 1, l_max + 1))
    for m in range(l_max + 1):
        a_lm[m, m] = 1.0 if m == 0 else a_lm[m - 1, m - 1] * np.sqrt((2 * m + 1) / (2 * m) * (2.0 if m == 1 else 1.0))
        for k in range(m + 1, l_max + 1):
            a_lm[k, m] = np.sqrt((4.0 * k * k - 1.0) / (k * k - m * m))
            b_lm[k, m] = np.sqrt(((k - 1.0) ** 2 - m * m) / (4.0 * (k - 1.0) ** 2 - 1.0))
    return a_lm, b_lm


@njit(fastmath=FASTMATH, error_model="numpy", inline="always")
def harmonics(x, y, z, l_max, a_lm, b_lm, values):
    """Real spherical harmonics times sqrt(4 pi) of a unit vector; Y_lm, -l <= m <= l, at values[l (l + 1) + m].

    Y_lm = P_lm(z) Re (x + iy)^m, with P_mm constant and P_lm = a_lm (z P_(l-1)m - b_lm P_(l-2)m); of -m the imaginary
    part.
    """
    real, imaginary = 1.0, 0.0
    for m in range(l_max + 1):
        before, p = 0.0, a_lm[m, m]
        for k in range(m, l_max + 1):
            if k > m:
                before, p = p, a_lm[k, m] * (z * p - b_lm[k, m] * before)
            values[k * (k + 1) + m] = p * real
            if m > 0:
                values[k * (k + 1) - m] = p * imaginary
        real, imaginary = x * real - y * imaginary, x * imaginary + y * real
