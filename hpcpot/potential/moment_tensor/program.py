"""The steps of a moment tensor potential as straight-line programs, from the lists of its basis.

Unit vectors have z^2 = 1 - x^2 - y^2, so all moments of a radial function follow from those with z^0 and z^1: its
`reduced` moments sum_j f_mu(r_j) x^a y^b z^c, c <= 1, a + b + c <= L_mu (84 at level 16, where the lists have 130).
The energy and its gradient with respect to them are one program, in reverse mode. To first order a neighbour's share of
the energy is then sum_mu f_mu(r) P_mu(x, y, z), P_mu = p_0(x, y) + z p_1(x, y) with these gradients as coefficients: by
Horner's scheme in y of Horner's schemes in x, derivatives included.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hpcpot.potential.moment_tensor.basis import Basis
from hpcpot.potential.vectors.pairs import DISTANCE, INVERSE, OWN, X, Y, Z
from hpcpot.potential.vectors.tape import Tape, Value, for_stores

Power = tuple[int, int, int, int]
"""mu, a, b, c."""

WIDTH = 5
"""Most products that are computed side by side: enough to hide latencies, few enough for registers."""


@dataclass(frozen=True)
class Reduced:
    """The reduced moments of a basis.

    Attributes:
        highest: L_mu, of each radial function. row: number of each moment.
    """

    highest: tuple[int, ...]
    row: dict[Power, int] = field(hash=False)

    @classmethod
    def of(cls, basis: Basis) -> Reduced:
        """Those that the moments of a basis follow from."""
        ranks = basis.basics[:, 1:].sum(axis=1)
        highest = tuple(int(ranks[basis.basics[:, 0] == mu].max(initial=0)) for mu in range(basis.n_radial))
        powers = [
            (mu, a, b, c)
            for mu, top in enumerate(highest)
            for c in range(min(top, 1) + 1)
            for b in range(top - c + 1)
            for a in range(top - c - b + 1)
        ]
        return cls(highest, {power: row for row, power in enumerate(powers)})

    def __len__(self) -> int:
        return len(self.row)


class Spread:
    """Moments of any power of z from the reduced ones, and the way back of gradients, on a tape.

    Attributes:
        values, gradients: by power, or by the number of a moment that is none of the basics.
    """

    def __init__(self, basis: Basis):
        self.reduced, self.tape = Reduced.of(basis), Tape()
        self.basics: list[Power] = [tuple(row) for row in basis.basics.tolist()]
        self.values: dict[object, Value] = {}
        self.gradients: dict[object, Value] = {}
        self._derived: list[tuple[Power, Power, Power, Power]] = []

    def key(self, k: int) -> object:
        """A moment by its number in the basis."""
        return self.basics[k] if k < len(self.basics) else k

    def moment(self, k: int) -> Value:
        """Value of a moment by its number in the basis."""
        return self._basic(self.basics[k]) if k < len(self.basics) else self.values[k]

    def _basic(self, power: Power) -> Value:
        """sum_j f_mu x^a y^b z^c of any c."""
        if power not in self.values:
            mu, a, b, c = power
            if c < 2:
                self.values[power] = self.tape.load("moments", self.reduced.row[power])
            else:
                parts = ((mu, a, b, c - 2), (mu, a + 2, b, c - 2), (mu, a, b + 2, c - 2))
                whole, without_x, without_y = (self._basic(part) for part in parts)
                self.values[power] = whole - without_x - without_y
                self._derived.append((power, *parts))
        return self.values[power]

    def add(self, key: object, gradient: Value) -> None:
        """Add to the gradient with respect to a moment."""
        held = self.gradients.get(key)
        self.gradients[key] = gradient if held is None else held + gradient

    def collect(self) -> None:
        """Store the gradients with respect to the reduced moments."""
        for power, whole, without_x, without_y in reversed(self._derived):
            if power in self.gradients:
                gradient = self.gradients[power]
                self.add(whole, gradient)
                for part in (without_x, without_y):
                    held = self.gradients.get(part)
                    self.gradients[part] = gradient * -1.0 if held is None else held - gradient
        zero = self.tape.constant(0.0)
        for power, row in self.reduced.row.items():
            self.tape.store("gradients", row, self.gradients.get(power, zero))


def spread_basics(basis: Basis) -> Tape:
    """The basics of a basis to rows of "all"."""
    spread = Spread(basis)
    for k in range(len(spread.basics)):
        spread.tape.store("all", k, spread.moment(k))
    return spread.tape


def collect_basics(basis: Basis) -> Tape:
    """Gradients with respect to the basics, rows of "back", to those with respect to the reduced moments."""
    spread = Spread(basis)
    for k in range(len(spread.basics)):
        spread.moment(k)
        spread.add(spread.key(k), spread.tape.load("back", k))
    spread.collect()
    return spread.tape


def order_of_numbers(basis: Basis) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Order of the numbers that a ContractionProgram reads.

    Returns:
        by_scalar: moments and places in Basis.scalars. by_top: rows of Basis.products and places in scalars.
    """
    place = {k: s for s, k in enumerate(basis.scalars.tolist())}
    products = basis.products.tolist()
    used = {a for a, *_ in products} | {b for _, b, *_ in products}
    by_top = [(row, place[k]) for row, (_, _, _, k) in enumerate(products) if k in place and k not in used]
    lasting = {products[row][3] for row, _ in by_top}
    return [(k, s) for k, s in place.items() if k not in lasting], by_top


class ContractionProgram(Spread):
    """Energy of an atom and its gradient, from its reduced moments.

    Reads rows of "moments"; numbers of "scalars", the coefficients of the scalars that are moments or on the way to
    others, in the order of `by_scalar`; of "tops", coefficient times factor of each product of `by_top`, which are those
    that go into a scalar only. Writes the gradient to "gradients" and the energy to "energy".

    Attributes:
        by_scalar, by_top: see `order_of_numbers`.
    """

    def __init__(self, basis: Basis):
        super().__init__(basis)
        self.by_scalar, self.by_top = order_of_numbers(basis)
        products = basis.products.tolist()
        lasting = {products[row][3] for row, _ in self.by_top}
        inner: dict[int, list[tuple[int, int, int]]] = {}
        for a, b, factor, k in products:
            if k not in lasting:
                inner[k] = [*inner.pop(k, ()), (a, b, factor)]  # in the order in which they become complete
        self._scaled: dict[tuple[int, int], Value] = {}
        batches = self._forward(inner)
        self._tops([products[row] for row, _ in self.by_top])
        self._backward(batches)

    def _tensor(self, k: int, batch: dict[int, int]) -> tuple:
        """Which tensor a moment is a component of."""
        if k < len(self.basics):
            mu, *powers = self.basics[k]
            return 0, mu, sum(powers)
        return 1, batch.get(k, -1), 0

    def _forward(self, inner: dict[int, list]) -> list[list[tuple]]:
        """Products of moments that others are made of, those of one tensor side by side.

        Returns:
            batches of (k, operand, operand), an operand being the key of a moment or (moment, factor).
        """
        demand = Counter((m, f) for rows in inner.values() for a, b, f in rows if f != 1 and a != b for m in (a, b))
        groups: list[list[int]] = []
        batch: dict[int, int] = {}
        last = None
        for k, rows in inner.items():
            pairs = {tuple(sorted((self._tensor(a, batch), self._tensor(b, batch)))) for a, b, _ in rows}
            key = (len(rows), tuple(sorted(pairs)))
            if key != last or len(groups[-1]) >= WIDTH:
                groups.append([])
                last = key
            groups[-1].append(k)
            batch[k] = len(groups) - 1
        batches = []
        for group in groups:
            rows = [(k, a, b, f) for k in group for a, b, f in inner[k]]
            second = len({row[2] for row in rows}) >= len({row[1] for row in rows})
            rows.sort(key=lambda row: (row[2 if second else 1], row[0]))
            terms = []
            for k, a, b, f in rows:
                left, right = (a, 1), (b, 1)
                if f != 1 and demand[a, f] >= demand[b, f]:
                    left = (a, f)
                elif f != 1:
                    right = (b, f)
                product = self._times(*left) * self._times(*right)
                self.values[k] = self.values[k] + product if k in self.values else product
                terms.append((k, left, right))
            batches.append(terms)
        return self._by_tensors(batches)

    def _by_tensors(self, batches: list[list[tuple]]) -> list[list[tuple]]:
        """The terms again, in batches of one pair of tensors, for the way back."""
        result: list[list[tuple]] = []
        batch: dict[int, int] = {}
        last = None
        by_k: dict[int, list[tuple]] = {}
        for terms in batches:
            for term in terms:
                by_k.setdefault(term[0], []).append(term)
        for k, terms in by_k.items():
            pairs = {tuple(sorted((self._tensor(a, batch), self._tensor(b, batch)))) for _, (a, _), (b, _) in terms}
            key = tuple(sorted(pairs))
            if key != last:
                result.append([])
                last = key
            result[-1] += terms
            batch[k] = len(result) - 1
        return result

    def _times(self, k: int, factor: int) -> Value:
        """Value of a moment times a small integer, computed once."""
        if factor == 1:
            return self.moment(k)
        if (k, factor) not in self._scaled:
            self._scaled[k, factor] = self.moment(k) * float(factor)
        return self._scaled[k, factor]

    def _tops(self, products: list[list[int]]) -> None:
        """The energy: scalars on the way, and w_n m_a m_b of all products that are the last."""
        tape, energy = self.tape, self.tape.constant(0.0)
        for n, (k, _) in enumerate(self.by_scalar):
            coefficient = tape.scalar("scalars", n)
            energy = energy + coefficient * self.moment(k)
            self.add(self.key(k), coefficient)
        uses = Counter(m for a, b, *_ in products for m in (a, b))
        by_first: dict[int, list[tuple[int, int]]] = {}
        for n, (a, b, *_) in enumerate(products):
            first, second = (a, b) if uses[a] >= uses[b] else (b, a)
            by_first.setdefault(first, []).append((second, n))
        for first, others in by_first.items():
            value, gradient = self.moment(first), None
            for second, n in others:
                weight = tape.scalar("tops", n)
                if second == first:
                    part = weight * value
                    energy = energy + part * value
                    self.add(self.key(first), part + part)
                else:
                    part = weight * self.moment(second)
                    gradient = part if gradient is None else gradient + part
            if gradient is not None:
                energy = energy + value * gradient
                self.add(self.key(first), gradient)
                for second, n in others:
                    if second != first:
                        self.add(self.key(second), tape.scalar("tops", n) * value)
        tape.store("energy", 0, energy)

    def _backward(self, batches: list[list[tuple]]) -> None:
        for batch in reversed(batches):
            terms = [term for term in batch if term[0] in self.gradients]
            if len({left for _, left, _ in terms}) > len({right for _, _, right in terms}):
                terms = [(k, right, left) for k, left, right in terms]
            terms.sort(key=lambda term: (term[2], term[0]))
            for k, left, right in terms:
                part = self.gradients[k] * self._times(*left)
                self.add(self._operand(right), part + part if left == right else part)
            for k, left, right in terms:
                if left != right:
                    self.add(self._operand(left), self.gradients[k] * self._times(*right))
        for k, factor in self._scaled:
            if ("scaled", k, factor) in self.gradients:
                self.add(self.key(k), self.gradients["scaled", k, factor] * float(factor))
        self.collect()

    def _operand(self, operand: tuple[int, int]) -> object:
        """Key of the gradient of an operand."""
        k, factor = operand
        return self.key(k) if factor == 1 else ("scaled", k, factor)


class ParameterProgram(ContractionProgram):
    """The same, which writes the values of all scalars to "values", too."""

    def __init__(self, basis: Basis):
        super().__init__(basis)
        values = {s: self.moment(k) for k, s in self.by_scalar}
        for row, s in self.by_top:
            a, b, factor, _ = basis.products[row].tolist()
            part = self._times(a, factor) * self.moment(b)
            values[s] = values[s] + part if s in values else part
        for s, value in values.items():
            self.tape.store("values", s, value)


FUNCTIONS = OWN
"""First of the rows f_mu of each mu, then f_mu' of each. The slopes take the place of the first three f_mu."""


def rows_of(n_radial: int) -> int:
    """Rows of a neighbour; three at least for the slopes."""
    return FUNCTIONS + max(2 * n_radial, 3)


def slopes(reduced: Reduced) -> Tape:
    """Gradient of the energy with respect to one neighbour: reads "gradients" and the rows of "neighbor", and writes there.

    g = f' P u + f (grad P - (u . grad P) u) / r, summed over mu.
    """
    tape, n_radial = Tape(), len(reduced.highest)
    own = lambda row: tape.load("neighbor", row)  # noqa: E731
    x, y, z, inverse = own(X), own(Y), own(Z), own(INVERSE)
    along, g = None, [None, None, None]
    for mu, top in enumerate(reduced.highest):
        value, *gradient = _polynomial(tape, reduced, mu, top, x, y, z)
        along = _sum(along, own(FUNCTIONS + n_radial + mu) * value)
        for c, part in enumerate(gradient):
            if part is not None:
                g[c] = _sum(g[c], own(FUNCTIONS + mu) * part)
    radial = None
    for part, direction in zip(g, (x, y, z), strict=True):
        if part is not None:
            radial = _sum(radial, part * direction)
    if radial is not None:
        along = along - radial * inverse
    for c, direction in enumerate((x, y, z)):
        part = along * direction
        tape.store("neighbor", FUNCTIONS + c, part if g[c] is None else part + g[c] * inverse)
    return tape


def shares(reduced: Reduced) -> Tape:
    """(cutoff - r)^2 P_mu of one neighbour, each in the place of f_mu; reads "gradients", "radial" and "neighbor"."""
    tape = Tape()
    own = lambda row: tape.load("neighbor", row)  # noqa: E731
    left = tape.scalar("radial", 2) - own(DISTANCE)
    square = left * left
    for mu, top in enumerate(reduced.highest):
        value, *_ = _polynomial(tape, reduced, mu, top, own(X), own(Y), own(Z))
        tape.store("neighbor", FUNCTIONS + mu, square * value)
    tape.code = for_stores(tape.code, {"neighbor"})
    return tape


def _polynomial(tape: Tape, reduced: Reduced, mu: int, top: int, x: Value, y: Value, z: Value) -> tuple:
    """P_mu and its derivatives by x, y, z (None where zero)."""
    value, by_x, by_y = _in_x_y(tape, reduced, mu, top, 0, x, y)
    if top == 0:
        return value, None, None, None
    upper, upper_x, upper_y = _in_x_y(tape, reduced, mu, top, 1, x, y)
    return value + z * upper, _sum(by_x, _times(z, upper_x)), _sum(by_y, _times(z, upper_y)), upper


def _in_x_y(tape: Tape, reduced: Reduced, mu: int, top: int, c: int, x: Value, y: Value) -> tuple:
    """p_c(x, y) = sum_b y^b sum_a B_ab x^a and its derivatives."""
    value = by_x = by_y = None
    for b in range(top - c, -1, -1):
        inner = inner_x = None
        for a in range(top - c - b, -1, -1):
            inner_x = inner if inner_x is None else inner_x * x + inner
            coefficient = tape.load("gradients", reduced.row[mu, a, b, c])
            inner = coefficient if inner is None else inner * x + coefficient
        if value is None:
            value = inner
        else:
            by_y = value if by_y is None else by_y * y + value
            by_x = inner_x if by_x is None else by_x * y + inner_x
            value = value * y + inner
    return value, by_x, by_y


def _sum(a: Value | None, b: Value | None) -> Value | None:
    return b if a is None else a if b is None else a + b


def _times(a: Value, b: Value | None) -> Value | None:
    return None if b is None else a * b
