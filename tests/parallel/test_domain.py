"""Cut planes, grids, halos and their errors on one rank; several ranks are in tests/dynamics/test_ranks.py."""

import numpy as np
import pytest
import systems
from ase.build import bulk

from hpcpot.dynamics.start import make_state
from hpcpot.errors import DomainError
from hpcpot.neighbors.pairs import build
from hpcpot.parallel.domain import Domain, _even_cuts
from hpcpot.parallel.ranks import SERIAL, Ranks


@pytest.mark.parametrize("make", [systems.crystal, systems.slab, systems.triclinic, systems.cluster, systems.vacuum])
@pytest.mark.parametrize("width", [3.0, 9.0, 25.0])
def test_halo_holds_every_neighbour(make, width):
    """Pairs of owned atoms with ghosts are the pairs with all periodic images, several cells away where need be."""
    atoms = make()
    state = make_state(atoms, ("Li", "Si"), SERIAL)
    domain = Domain(state.cell, state.periodic, SERIAL, width)
    domain.migrate(state)
    domain.build_halo(state)
    pairs = build(state.positions, state.n_owned, width)
    wrapped = state.positions[: state.n_owned]
    reach = np.where(atoms.pbc, np.ceil(width / domain.heights) + 1, 0).astype(int)
    images = np.stack(np.meshgrid(*[np.arange(-q, q + 1) for q in reach], indexing="ij"), axis=-1).reshape(-1, 3)
    for i in (0, 7, state.n_owned - 1):
        all_images = wrapped[None] + (images @ state.cell)[:, None]
        distance = np.sort(np.linalg.norm(all_images - wrapped[i], axis=2).ravel())[1:]
        own = np.sort(np.linalg.norm(pairs.vectors(state.positions)[pairs.first[i] : pairs.first[i + 1]], axis=1))
        np.testing.assert_allclose(own, distance[distance < width], atol=1e-9)


def test_fold_is_the_transpose_of_halo():
    state = make_state(systems.triclinic(), ("Li", "Si"), SERIAL)
    domain = Domain(state.cell, state.periodic, SERIAL, 9.0)
    domain.migrate(state)
    domain.build_halo(state)
    rng = np.random.default_rng(0)
    x, f = rng.normal(size=(state.n_owned, 3)), rng.normal(size=state.positions.shape)
    spread = state.positions.copy()
    state.positions[: state.n_owned] = x
    for swap in domain.swaps:
        swap.shift = np.zeros(3)
    domain.halo(state)
    left = (state.positions * f).sum()
    domain.fold(f)
    assert (x * f[: state.n_owned]).sum() == pytest.approx(left, rel=1e-12)
    assert spread.shape == state.positions.shape


def test_wrapping_counts_crossings():
    state = make_state(systems.crystal(), ("Li", "Si"), SERIAL)
    state.positions = state.positions + np.array([100.0, -50.0, 3.0])
    unwrapped, ids = state.positions.copy(), state.ids.copy()
    domain = Domain(state.cell, state.periodic, SERIAL, 5.0)
    domain.migrate(state)
    s = domain.fractions(state.positions)
    assert (s >= 0).all() and (s < 1 + 1e-12).all()
    back = np.argsort(state.ids)
    np.testing.assert_allclose((state.positions + state.images @ state.cell)[back], unwrapped[ids], atol=1e-9)


def test_even_cuts_divide_the_atoms_and_not_the_space():
    counts = np.zeros(1000, np.int64)
    counts[:300] = 10
    np.testing.assert_allclose(_even_cuts(counts, 3), [0, 0.1, 0.2, 1.0])
    for counts in (np.zeros(1000, np.int64), np.eye(1, 1000, 999, dtype=np.int64)[0] * 50, np.full(1000, 3)):
        cuts = _even_cuts(counts, 7)
        assert len(cuts) == 8 and (np.diff(cuts) > 0).all() and cuts[0] == 0 and cuts[-1] == 1


class Root(Ranks):
    """Rank 0 of several, where the others have no atoms yet: what it sums is the sum."""

    def __init__(self, size: int):
        super().__init__()
        self.size = size

    def sum(self, values: np.ndarray) -> np.ndarray:
        return values


def test_grid_cuts_the_long_axis():
    grid = lambda size, lengths: Domain(np.diag(lengths), np.ones(3), Root(size), 7.0).grid.tolist()  # noqa: E731
    assert grid(4, [20.0, 20.0, 200.0]) == [1, 1, 4]
    assert grid(8, [100.0, 100.0, 100.0]) == [2, 2, 2]
    assert grid(1, [5.0, 5.0, 5.0]) == [1, 1, 1]


FRACTURED = {
    "whole": lambda s: np.ones(len(s), bool),
    "half": lambda s: s[:, 0] < 0.5,
    "inclined gap": lambda s: np.abs(s[:, 0] - 0.2 - 0.6 * s[:, 1]) > 0.25,
    "corner": lambda s: (s[:, 0] < 0.5) | (s[:, 1] < 0.35),
    "hole": lambda s: np.linalg.norm(s - 0.5, axis=1) > 0.45,
}


@pytest.mark.parametrize("shape", FRACTURED)
@pytest.mark.parametrize("size", [3, 4, 8])
def test_atoms_are_shared_evenly_in_a_fractured_cell(shape, size):
    """Most atoms on a rank over the mean; cut planes of the first grid alone leave 1.3 beside an inclined crack."""
    atoms = crystals_of_silicon(shape)
    state = make_state(atoms, ("Li", "Si"), SERIAL)
    domain = Domain(state.cell, state.periodic, Root(size), 8.0)
    domain.balance(state)
    assert domain.grid.prod() == size
    s = domain.fractions(state.positions) % 1.0
    place = [np.searchsorted(domain.cuts[k][1:-1], s[:, k], side="right") for k in range(3)]
    counts = np.bincount(np.ravel_multi_index(place, domain.grid), minlength=size)
    assert counts.max() / counts.mean() < (1.1 if size <= 4 else 1.3)
    if shape == "whole":
        assert domain.grid.tolist() == Domain(state.cell, state.periodic, Root(size), 8.0).grid.tolist()


def test_work_is_shared_evenly_where_atoms_cost_unlike():
    state = make_state(crystals_of_silicon("whole"), ("Li", "Si"), SERIAL)
    domain = Domain(state.cell, state.periodic, Root(2), 8.0, (1, 1, 2))
    s = domain.fractions(state.positions) % 1.0
    work = np.where(s[:, 2] < 0.5, 3, 1)
    domain.balance(state, work)
    below = work[s[:, 2] < domain.cuts[2][1]].sum()
    assert abs(below / work.sum() - 0.5) < 0.02
    assert domain.cuts[2][1] == pytest.approx(1 / 3, abs=0.02)


def crystals_of_silicon(shape):
    atoms = bulk("Si", "diamond", 5.4, cubic=True) * 14
    atoms.rattle(0.1, seed=1)
    return atoms[FRACTURED[shape](atoms.get_scaled_positions())]


def test_a_grid_that_was_asked_for_stays():
    state = make_state(crystals_of_silicon("inclined gap"), ("Li", "Si"), SERIAL)
    domain = Domain(state.cell, state.periodic, Root(4), 8.0, (2, 2, 1))
    domain.balance(state)
    assert domain.grid.tolist() == [2, 2, 1]


def test_grid_must_match_the_ranks():
    with pytest.raises(DomainError, match="parallel.grid = 1 x 2 x 2: must multiply to the 1 ranks"):
        Domain(np.eye(3) * 20, np.ones(3), SERIAL, 5.0, (1, 2, 2))
