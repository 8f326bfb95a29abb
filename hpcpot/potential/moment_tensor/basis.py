"""The basis functions of moment tensor potentials: which moments there are and how they contract to scalars.

A basis function is a contraction of one to four moments M_{mu,nu} (radial function mu, tensor of rank nu) that leaves
no index free. It is a graph: a node for each moment, K_ab edges for the indices that a and b share. A graph with free
indices is a tensor on the way to such scalars. The level of M_{mu,nu} is 2 + 4 mu + nu, that of a product the sum.

The lists and their order are those of the files of MLIP-2 (untrained_mtps), whose rules were inferred from the files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations, combinations_with_replacement, permutations, product
from math import factorial, prod

import numpy as np

from hpcpot.potential.moments.sets import monomials

MOST_MOMENTS, MOST_MU, MOST_NU = 4, 5, 10
"""Moments in a product, and largest mu and nu of a moment."""


@dataclass(frozen=True)
class Basis:
    """The contraction lists of a moment tensor potential.

    Attributes:
        basics: (n, 4) int64, rows mu, a, b, c: M = sum_j f_mu(r_j) x^a y^b z^c over unit vectors.
        products: (m, 4) int64, rows a, b, factor, k: moment k += factor * moment a * moment b, in order; moments are
            numbered from the basics on.
        scalars: (s,) int64, the moments that are basis functions.
    """

    basics: np.ndarray
    products: np.ndarray
    scalars: np.ndarray

    @property
    def key(self) -> tuple:
        """The lists as tuples, to look things up by."""
        return tuple(tuple(map(tuple, rows.tolist())) for rows in (self.basics, self.products)), tuple(
            self.scalars.tolist()
        )

    @classmethod
    def of_key(cls, key: tuple) -> Basis:
        """The basis of a key."""
        (basics, products), scalars = key
        return cls(np.array(basics), np.array(products, np.int64).reshape(-1, 4), np.array(scalars))

    @property
    def n_moments(self) -> int:
        return max(int(self.products[:, 3].max(initial=-1)) + 1, len(self.basics))

    @property
    def n_radial(self) -> int:
        return int(self.basics[:, 0].max()) + 1


@dataclass(frozen=True, order=True)
class Contraction:
    """A product of moments with some indices shared, some free, its nodes in their canonical order.

    Attributes:
        mu: of each node, ascending.
        rows: nu_1, K_12, K_13, ..., nu_2, K_23, ...: what the order of nodes makes smallest, and graphs are sorted by.
    """

    mu: tuple[int, ...]
    rows: tuple[int, ...]

    @property
    def nu(self) -> tuple[int, ...]:
        return self._matrix[1]

    @property
    def shared(self) -> tuple[tuple[int, ...], ...]:
        """K, symmetric, 0 on the diagonal."""
        return self._matrix[0]

    @property
    def free(self) -> tuple[int, ...]:
        """Free indices of each node."""
        return tuple(nu - sum(row) for nu, row in zip(self.nu, self.shared, strict=True))

    @property
    def _matrix(self) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
        return _unpacked(len(self.mu), self.rows)


@cache
def basis(level: int) -> Basis:
    """The lists of a level, 2 to 28."""
    scalars = list(_scalars(level))
    tensors = _Tensors()
    for graph in scalars:
        tensors.need(graph)
    composite = sorted((graph for graph in tensors.trees if len(graph.mu) > 1), key=tensors.order)
    nodes = sorted({(mu, 0) for graph in scalars for mu in graph.mu} | {n for g in composite for n in _nodes(g)})
    highest = {mu: max(nu for other, nu in nodes if other == mu) for mu, _ in nodes}
    for mu, most in highest.items():
        for nu in range(most + 1):
            tensors.place(Contraction((mu,), (nu,)))
    basics = [(mu, *powers) for mu, most in highest.items() for powers in monomials(most).tolist()]
    rows = [row for graph in composite for row in tensors.products(graph)]
    return Basis(
        np.array(basics, np.int64),
        np.array(rows, np.int64).reshape(-1, 4),
        np.array([tensors.components[graph][()] for graph in scalars], np.int64),
    )


def _scalars(level: int) -> Iterator[Contraction]:
    """All inequivalent complete contractions up to a level, in order."""
    for count in range(1, MOST_MOMENTS + 1):
        for mu in combinations_with_replacement(range(MOST_MU + 1), count):
            left = level - sum(2 + 4 * m for m in mu)
            if left >= 0:
                pairs = list(combinations(range(count), 2))
                edges = (dict(zip(pairs, sums, strict=True)) for sums in _sums_up_to(left // 2, len(pairs)))
                graphs = {_canonical(mu, shared, (0,) * count)[0] for shared in edges}
                yield from sorted(graph for graph in graphs if max(graph.nu) <= MOST_NU)


def _sums_up_to(most: int, length: int) -> Iterator[tuple[int, ...]]:
    if length == 0:
        yield ()
        return
    for first in range(most + 1):
        for rest in _sums_up_to(most - first, length - 1):
            yield (first, *rest)


def _canonical(mu: tuple[int, ...], edges: dict, free: tuple[int, ...]) -> tuple[Contraction, tuple[int, ...]]:
    """The graph with its nodes in canonical order, and which of the given nodes comes first, second, ..."""
    count = len(mu)
    shared = [[edges.get((min(a, b), max(a, b)), 0) if a != b else 0 for b in range(count)] for a in range(count)]
    nu = [f + sum(row) for f, row in zip(free, shared, strict=True)]
    best = None
    for order in permutations(range(count)):
        if any(mu[a] > mu[b] for a, b in zip(order, order[1:], strict=False)):
            continue
        rows = tuple(n for i, a in enumerate(order) for n in (nu[a], *(shared[a][b] for b in order[i + 1 :])))
        if best is None or rows < best[0]:
            best = rows, order
    return Contraction(tuple(mu[a] for a in best[1]), best[0]), best[1]


@cache
def _unpacked(count: int, rows: tuple[int, ...]) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
    shared, nu, position = [[0] * count for _ in range(count)], [], 0
    for a in range(count):
        nu.append(rows[position])
        for b in range(a + 1, count):
            shared[a][b] = shared[b][a] = rows[position + b - a]
        position += count - a
    return tuple(map(tuple, shared)), tuple(nu)


def _nodes(graph: Contraction) -> Iterator[tuple[int, int]]:
    return zip(graph.mu, graph.nu, strict=True)


def _part(graph: Contraction, kept: tuple[int, ...]) -> tuple[Contraction, tuple[int, ...]]:
    """The graph of some nodes, their edges to others free; and where each canonical node was in `graph`."""
    edges = {(i, j): graph.shared[a][b] for (i, a), (j, b) in combinations(enumerate(kept), 2)}
    cut = tuple(graph.free[a] + sum(graph.shared[a][b] for b in range(len(graph.mu)) if b not in kept) for a in kept)
    subgraph, order = _canonical(tuple(graph.mu[a] for a in kept), edges, cut)
    return subgraph, tuple(kept[i] for i in order)


class _Tensors:
    """Tensors that the scalars need, how each is a product of two smaller ones, and the numbers of their components.

    Attributes:
        trees: graph -> the nodes of its two factors; none for a single node.
        components: graph -> {powers of the free indices of each node that has some: number of the moment}.
    """

    def __init__(self) -> None:
        self.trees: dict[Contraction, tuple[tuple[int, ...], ...]] = {}
        self.components: dict[Contraction, dict[tuple, int]] = {}
        self.depths: dict[Contraction, int] = {}
        self.count = 0

    def need(self, graph: Contraction) -> None:
        if graph in self.trees:
            return
        self.trees[graph] = halves = _split(graph)
        parts = [_part(graph, half)[0] for half in halves]
        for part in parts:
            self.need(part)
        self.depths[graph] = 1 + max((self.depths[part] for part in parts), default=-1)

    def order(self, graph: Contraction) -> tuple:
        """Factors before products: by depth, number of nodes, mu, rows."""
        return self.depths[graph], len(graph.mu), graph

    def place(self, graph: Contraction) -> None:
        """Give numbers to the components of a tensor; of two that are equal by symmetry one number."""
        numbers: dict[tuple, int] = {}
        swap = self._swap(graph)
        for powers in product(*(monomials_of(free) for free in graph.free if free)):
            other = tuple(powers[i] for i in swap)
            if other not in numbers:
                numbers[powers] = self.count
                self.count += 1
            else:
                numbers[powers] = numbers[other]
        self.components[graph] = numbers

    def _swap(self, graph: Contraction) -> tuple[int, ...]:
        """The order of a tensor's free indices, by node, when two like nodes of its last pair change places."""
        nodes = [a for a, free in enumerate(graph.free) if free]
        pair = max(self.trees[graph], key=len, default=()) if len(graph.mu) == 3 else tuple(range(len(graph.mu)))
        if len(pair) == 2:
            (p, q), image = pair, {pair[0]: pair[1], pair[1]: pair[0]}
            outer = [a for a in range(len(graph.mu)) if a not in pair]
            like = graph.mu[p] == graph.mu[q] and graph.nu[p] == graph.nu[q]
            if like and graph.free[p] and all(graph.shared[a][p] == graph.shared[a][q] for a in outer):
                return tuple(nodes.index(image.get(a, a)) for a in nodes)
        return tuple(range(len(nodes)))

    def products(self, graph: Contraction) -> list[tuple[int, int, int, int]]:
        """The rows that compute a tensor from its factors, whose components have numbers."""
        self.place(graph)
        halves = self.trees[graph]
        parts = [_part(graph, half) for half in halves]
        across = [(a, b) for a in halves[0] for b in halves[1] if graph.shared[a][b]]
        sums = list(product(*(monomials_of(graph.shared[a][b]) for a, b in across)))
        free = [a for a in range(len(graph.mu)) if graph.free[a]]
        rows: list[tuple[int, int, int, int]] = []
        seen = set()
        for powers, k in self.components[graph].items():
            if k in seen:
                continue
            seen.add(k)
            terms: dict[tuple[int, int], int] = {}
            for chosen in sums:
                held = {a: list(p) for a, p in zip(free, powers, strict=True)}
                numbers = []
                for (part, nodes), side in zip(parts, (0, 1), strict=True):
                    numbers.append(self.components[part][self._powers(part, nodes, held, across, chosen, side)])
                key = (min(numbers), max(numbers))
                terms[key] = terms.get(key, 0) + prod(_multinomial(p) for p in chosen)
            rows += [(a, b, factor, k) for (a, b), factor in sorted(terms.items())]
        return rows

    @staticmethod
    def _powers(part: Contraction, nodes: tuple[int, ...], held: dict, across: list, chosen: tuple, side: int) -> tuple:
        """Powers of the free indices of a factor: those that the product keeps, and those that are summed over."""
        result = []
        for node, free in zip(nodes, part.free, strict=True):
            if free:
                powers = list(held.get(node, (0, 0, 0)))
                for edge, extra in zip(across, chosen, strict=True):
                    if edge[side] == node:
                        powers = [p + e for p, e in zip(powers, extra, strict=True)]
                result.append(tuple(powers))
        return tuple(result)


def _split(graph: Contraction) -> tuple[tuple[int, ...], ...]:
    """The two factors that share the fewest indices: the first of these among one node and the rest, then two pairs."""
    count = len(graph.mu)
    if count == 1:
        return ()
    everything = tuple(range(count))
    choices = [((a,), tuple(b for b in everything if b != a)) for a in (everything if count > 2 else (0,))]
    if count == 4:
        choices += [((0, b), tuple(c for c in (1, 2, 3) if c != b)) for b in (1, 2, 3)]
    return min(choices, key=lambda halves: sum(graph.shared[a][b] for a in halves[0] for b in halves[1]))


@cache
def monomials_of(degree: int) -> tuple[tuple[int, int, int], ...]:
    """Exponents of the monomials of one degree, in the order of `monomials`."""
    return tuple(tuple(row) for row in monomials(degree).tolist() if sum(row) == degree)


def _multinomial(powers: tuple[int, int, int]) -> int:
    return factorial(sum(powers)) // prod(factorial(p) for p in powers)
