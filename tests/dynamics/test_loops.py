"""Compiled loops of a step against the formulas that arrays of CuPy take."""

import numpy as np
import pytest

from hpcpot.dynamics import loops
from hpcpot.parallel import loops as exchange

N, M = 40, 70
RNG = np.random.default_rng(3)


@pytest.fixture
def atoms():
    species, frozen = RNG.integers(0, 2, M).astype(np.int32), RNG.random(N) < 0.2
    return RNG.normal(size=(M, 3)), RNG.normal(size=(N, 3)), RNG.normal(size=(M, 3)), species, frozen


def test_kicks_and_drifts_are_those_of_the_formulas_bit_by_bit(atoms):
    x, v, f, species, frozen = atoms
    by_species = np.array([0.3, 0.7])
    expected = v + np.where(frozen, 0.0, by_species[species[:N]])[:, None] * f[:N]
    loops.kick(v, f, species, frozen, by_species)
    np.testing.assert_array_equal(v, expected)
    expected = np.concatenate([x[:N] + 0.5 * v, x[N:]])
    loops.drift(x, v, 0.5)
    np.testing.assert_array_equal(x, expected)


def test_sums_and_largest_values_are_those_of_the_formulas(atoms):
    x, v, _, species, _ = atoms
    masses = np.array([7.0, 28.0])
    assert loops.kinetic(v, species, masses) == pytest.approx(np.einsum("i,ij,ij->", masses[species[:N]], v, v))
    built_at, motion = x[:N] + RNG.normal(size=(N, 3)), np.eye(3) + 0.1 * RNG.normal(size=(3, 3))
    x[N:] = 1e9  # ghosts do not count
    expected = ((x[:N] - built_at @ motion) ** 2).sum(axis=1).max()
    assert loops.farthest(x, built_at, motion) == pytest.approx(expected)


def test_ghosts_follow_their_owners_and_give_back_what_they_got(atoms):
    x, _, f, _, _ = atoms
    rows, shift = RNG.permutation(N)[: M - N], np.array([1.0, -2.0, 3.0])
    exchange.shifted(x, rows, shift, x[N:])
    np.testing.assert_array_equal(x[N:], x[rows] + shift)
    for values in (f, RNG.normal(size=(M, 9))):
        expected = values.copy()
        expected[rows] += values[N:]
        exchange.add(values, rows, values[N:])
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("width", [1, 3, 40, 10**6])
def test_the_order_in_space_is_that_of_bins_then_ids(width):
    bins, ids = RNG.integers(-width, width, (N, 3)), RNG.permutation(N)
    order = exchange.by_bin(bins, ids)
    assert len(order) == (N if width <= 3 else 0), "where bins are too many the caller sorts"
    if len(order):
        np.testing.assert_array_equal(order, np.lexsort([ids, bins[:, 2], bins[:, 1], bins[:, 0]]))
