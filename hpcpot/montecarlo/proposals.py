"""Trials drawn for a state: what each would change, from the seed and the number of the trial alone.

The same trial asks for the same random numbers whatever came before it, so trials may be drawn ahead for the present
state, and those behind the first that is accepted drawn once more for the new one: the chain is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hpcpot.compiled import njit
from hpcpot.dynamics.random import Stream, uniform
from hpcpot.montecarlo.changes import NONE, Changes
from hpcpot.montecarlo.grid import is_free
from hpcpot.montecarlo.particles import Particles

INSERTION, DELETION, MOVE, CHANGE, SWAP = range(5)
KINDS = ("insertion", "deletion", "move", "change", "swap")
STREAM = np.uint64(Stream.MONTE_CARLO)
KIND, FIRST, SECOND, ACCEPT, TRY, PLACES = (np.uint64(k) for k in (0, 1, 2, 3, 4, 8))
"""Uses of the random numbers of a trial; those from PLACES on are coordinates."""
THREE = np.uint64(3)
ATTEMPTS = 24
PICKS = np.uint64(2**32)
"""Attempts to draw an atom: so many, with random numbers so far from each other."""
ONE_POINT = np.ones(3, np.int64)


class Rules(NamedTuple):
    """How trials are drawn.

    Attributes:
        seed: uint64. cumulative: (4,) float64, probabilities of exchange, move, change and swap, summed up.
        element: species that is inserted and deleted. pair: (2,) int64, species of changes and swaps.
        movable: (species,) bool, those that are displaced. displacement: Å, the farthest.
        closest: Å, minimum distance of an atom from others, both where it comes from and where it goes.
        tries: points of an insertion. minimum, maximum: atoms of `element`.
        cavity: Å, radius of cavities; 0: none. spacing: Å, of the grid that looks for them.
    """

    seed: np.uint64
    cumulative: np.ndarray
    element: int
    pair: np.ndarray
    movable: np.ndarray
    displacement: float
    closest: float
    tries: int
    minimum: int
    maximum: int
    cavity: float
    spacing: float


@dataclass
class Proposals:
    """Trials of the present state.

    Attributes:
        first: number of the first. kinds: (trials,) int64, index in KINDS.
        changes: `tries` for each trial in turn; of a deletion the first is the deletion itself, the others insert the atom
            elsewhere. usable: (trials, tries) bool, false for what is not to be evaluated: refused.
        shares: (trials,) float64, of the volume in which atoms are inserted.
    """

    first: int
    kinds: np.ndarray
    changes: Changes
    usable: np.ndarray
    shares: np.ndarray


def draw(particles: Particles, rules: Rules, exchanged: int, first: int, count: int) -> Proposals:
    """Draw trials first .. first + count - 1 for the present state.

    Args:
        exchanged: atoms of the exchanged element that are not frozen.
    """
    rows = count * rules.tries
    kinds, usable, shares = np.empty(count, np.int64), np.empty((count, rules.tries), bool), np.empty(count)
    changes = Changes(np.empty((rows, 2), np.int32), np.empty((rows, 2, 3)), np.empty((rows, 2), np.int32))
    n, counts = particles.n, ONE_POINT
    if rules.cavity:
        counts = np.maximum(1, np.ceil(particles.grid.heights / rules.spacing)).astype(np.int64)
    _draw(
        *(
            np.uint64(first),
            exchanged,
            particles.positions[:n],
            particles.species[:n],
            particles.held[:n],
            particles.grid,
            rules,
        ),
        *(counts, kinds, changes.removed, changes.places, changes.species, usable, shares),
    )
    return Proposals(first, kinds, changes, usable, shares)


@njit()
def random_number(seed, trial, number):
    """A uniform number of a trial."""
    return uniform(seed, trial, STREAM, number)


@njit()
def _may_go(atom, species, held, first, second, movable):
    kind = species[atom]
    return (not held[atom]) and (kind in (first, second) or (first < 0 and movable[kind]))


@njit()
def _pick(seed, trial, use, species, held, first, second, movable):
    """An atom that is not held, of one of two species (-1: of any movable one); -1 where there is none.

    Any atom is drawn until it is such a one; after some attempts these are counted instead, and one of them is drawn.
    """
    n = len(species)
    for attempt in range(min(ATTEMPTS, n)):
        u = random_number(seed, trial, use + np.uint64(attempt) * PICKS)
        atom = min(int(u * n), n - 1)
        if _may_go(atom, species, held, first, second, movable):
            return atom
    count = 0
    for atom in range(n):
        count += _may_go(atom, species, held, first, second, movable)
    u = random_number(seed, trial, use + np.uint64(ATTEMPTS) * PICKS)
    rest = min(int(u * count), count - 1)
    for atom in range(n):
        if _may_go(atom, species, held, first, second, movable):
            if rest == 0:
                return atom
            rest -= 1
    return -1


@njit()
def _anywhere(seed, trial, number, grid, place):
    """A uniform point of the cell."""
    place[:] = 0.0
    for axis in range(3):
        u = random_number(seed, trial, number + np.uint64(axis))
        for c in range(3):
            place[c] += u * grid.cell[axis, c]


@njit()
def cavities(offset, radius, positions, but, grid, counts, is_cavity):
    """Points of a grid, (a + offset_a) / counts_a of the cell's vectors, that are farther than a radius from all atoms.

    Args:
        offset: (3,) float64, between 0 and 1. but: atom that does not count, or -1. is_cavity: (points,) bool, filled.
    Returns:
        their number.
    """
    is_cavity[:] = True
    low, high, middle = np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3)
    for atom in range(len(positions)):
        if atom == but:
            continue
        for axis in range(3):
            f = 0.0
            for c in range(3):
                f += positions[atom, c] * grid.inverse[c, axis]
            middle[axis] = f
            part = radius / grid.heights[axis]
            low[axis] = int(np.ceil((f - part) * counts[axis] - offset[axis]))
            high[axis] = int(np.floor((f + part) * counts[axis] - offset[axis]))
        for a in range(low[0], high[0] + 1):
            da = (a + offset[0]) / counts[0] - middle[0]
            for b in range(low[1], high[1] + 1):
                db = (b + offset[1]) / counts[1] - middle[1]
                for c in range(low[2], high[2] + 1):
                    dc = (c + offset[2]) / counts[2] - middle[2]
                    distance2 = 0.0
                    for axis in range(3):
                        d = da * grid.cell[0, axis] + db * grid.cell[1, axis] + dc * grid.cell[2, axis]
                        distance2 += d * d
                    if distance2 < radius * radius:
                        is_cavity[((a % counts[0]) * counts[1] + b % counts[1]) * counts[2] + c % counts[2]] = False
    count = 0
    for k in range(len(is_cavity)):
        count += is_cavity[k]
    return count


@njit()
def _in_cavity(seed, trial, positions, grid, rules, counts, is_cavity, place):
    """A uniform point of the cavities; their share of the volume, 0 without any."""
    offset = np.empty(3)
    for axis in range(3):
        offset[axis] = random_number(seed, trial, PLACES + np.uint64(axis))
    count = cavities(offset, rules.cavity, positions, -1, grid, counts, is_cavity)
    if count == 0:
        return 0.0
    rest = min(int(random_number(seed, trial, FIRST) * count), count - 1)
    for k in range(len(is_cavity)):
        if is_cavity[k]:
            if rest == 0:
                a, b, c = k // (counts[1] * counts[2]), k // counts[2] % counts[1], k % counts[2]
                for axis in range(3):
                    place[axis] = (
                        (a + offset[0]) / counts[0] * grid.cell[0, axis]
                        + (b + offset[1]) / counts[1] * grid.cell[1, axis]
                        + (c + offset[2]) / counts[2] * grid.cell[2, axis]
                    )
                break
            rest -= 1
    return count / len(is_cavity)


@njit()
def _cavity_around(atom, positions, grid, rules, counts, is_cavity):
    """Share of cavities without an atom, by a grid through it."""
    offset = np.empty(3)
    for axis in range(3):
        f = 0.0
        for c in range(3):
            f += positions[atom, c] * grid.inverse[c, axis]
        offset[axis] = f * counts[axis] - np.floor(f * counts[axis])
    return cavities(offset, rules.cavity, positions, atom, grid, counts, is_cavity) / len(is_cavity)


@njit()
def _insert(trial, row, n_exchanged, positions, grid, rules, counts, is_cavity, places, added, usable, shares, t):
    """Draw the points of an insertion."""
    if n_exchanged >= rules.maximum:
        return
    for k in range(rules.tries):
        place = places[row + k, 0]
        if rules.cavity > 0.0:
            shares[t] = _in_cavity(rules.seed, trial, positions, grid, rules, counts, is_cavity, place)
            if shares[t] == 0.0:
                return
        else:
            _anywhere(rules.seed, trial, PLACES + THREE * np.uint64(k), grid, place)
        added[row + k, 0] = rules.element
        usable[t, k] = is_free(place, rules.closest, positions, grid, -1)


@njit()
def _delete(
    trial, row, n_exchanged, atom, positions, grid, rules, counts, is_cavity, removed, places, added, usable, shares, t
):
    """Remove an atom, and draw further points at which it could have been inserted."""
    if atom < 0 or n_exchanged <= rules.minimum or not is_free(positions[atom], rules.closest, positions, grid, atom):
        return
    if rules.cavity > 0.0:
        if not is_free(positions[atom], rules.cavity, positions, grid, atom):
            return
        shares[t] = _cavity_around(atom, positions, grid, rules, counts, is_cavity)
    for k in range(rules.tries):
        removed[row + k, 0], usable[t, k] = atom, True
        if k > 0:
            place = places[row + k, 0]
            _anywhere(rules.seed, trial, PLACES + THREE * np.uint64(k), grid, place)
            added[row + k, 0] = rules.element
            usable[t, k] = is_free(place, rules.closest, positions, grid, atom)


@njit()
def _displace(trial, row, atom, positions, species, grid, rules, removed, places, added, usable, t):
    """Move an atom to a uniform point of a sphere around it."""
    if atom < 0 or not is_free(positions[atom], rules.closest, positions, grid, atom):
        return
    radius = rules.displacement * random_number(rules.seed, trial, PLACES) ** (1.0 / 3.0)
    up = 2.0 * random_number(rules.seed, trial, PLACES + np.uint64(1)) - 1.0
    angle = 2.0 * np.pi * random_number(rules.seed, trial, PLACES + np.uint64(2))
    side = np.sqrt(max(1.0 - up * up, 0.0))
    place = places[row, 0]
    place[0] = positions[atom, 0] + radius * side * np.cos(angle)
    place[1] = positions[atom, 1] + radius * side * np.sin(angle)
    place[2] = positions[atom, 2] + radius * up
    removed[row, 0], added[row, 0] = atom, species[atom]
    usable[t, 0] = is_free(place, rules.closest, positions, grid, atom)


@njit()
def _keeps_bounds(old, new, n_exchanged, rules):
    """Whether the number of the exchanged element stays within its bounds where an atom changes its species."""
    if new == rules.element:
        return n_exchanged < rules.maximum
    return old != rules.element or n_exchanged > rules.minimum


@njit()
def _draw(
    first, n_exchanged, positions, species, held, grid, rules, counts, kinds, removed, places, added, usable, shares
):
    """See `draw`."""
    seed, movable = rules.seed, rules.movable
    usable[:], shares[:], removed[:], added[:] = False, 1.0, NONE, NONE
    is_cavity = np.empty(counts[0] * counts[1] * counts[2], np.bool_)
    for t in range(len(kinds)):
        trial, row = first + np.uint64(t), t * rules.tries
        u = random_number(seed, trial, KIND)
        a, b = rules.pair[0], rules.pair[1]
        if u < rules.cumulative[0]:
            if u < 0.5 * rules.cumulative[0]:
                kinds[t] = INSERTION
                _insert(
                    *(trial, row, n_exchanged, positions, grid, rules, counts, is_cavity),
                    *(places, added, usable, shares, t),
                )
            else:
                kinds[t] = DELETION
                atom = _pick(seed, trial, FIRST, species, held, rules.element, rules.element, movable)
                _delete(
                    *(trial, row, n_exchanged, atom, positions, grid, rules, counts, is_cavity),
                    *(removed, places, added, usable, shares, t),
                )
        elif u < rules.cumulative[1]:
            kinds[t] = MOVE
            atom = _pick(seed, trial, FIRST, species, held, -1, -1, movable)
            _displace(trial, row, atom, positions, species, grid, rules, removed, places, added, usable, t)
        elif u < rules.cumulative[2]:
            kinds[t] = CHANGE
            atom = _pick(seed, trial, FIRST, species, held, a, b, movable)
            if atom >= 0:
                removed[row, 0], places[row, 0] = atom, positions[atom]
                added[row, 0] = b if species[atom] == a else a
                usable[t, 0] = _keeps_bounds(species[atom], added[row, 0], n_exchanged, rules)
        else:
            kinds[t] = SWAP
            atom = _pick(seed, trial, FIRST, species, held, a, a, movable)
            other = _pick(seed, trial, SECOND, species, held, b, b, movable)
            if atom >= 0 and other >= 0:
                removed[row, 0], removed[row, 1], usable[t, 0] = atom, other, True
                places[row, 0], places[row, 1], added[row, 0], added[row, 1] = positions[atom], positions[other], b, a
