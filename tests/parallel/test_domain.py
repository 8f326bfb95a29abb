"""Cut planes, grids, halos and their errors on one rank; several ranks are in tests/md/test_ranks.py."""

import numpy as np
import pytest
import systems

from hpcpot.errors import DomainError
from hpcpot.md.start import make_state
from hpcpot.neighbors.pairs import build
from hpcpot.parallel.domain import Domain, _even_cuts, fewest_ghosts
from hpcpot.parallel.ranks import SERIAL


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
        own = np.sort(np.linalg.norm(pairs.vectors()[pairs.first[i] : pairs.first[i + 1]], axis=1))
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


def test_grid_cuts_the_long_axis():
    assert fewest_ghosts(4, np.array([20.0, 20.0, 200.0]), 7.0) == (1, 1, 4)
    assert fewest_ghosts(8, np.array([100.0, 100.0, 100.0]), 7.0) == (2, 2, 2)
    assert fewest_ghosts(1, np.array([5.0, 5.0, 5.0]), 7.0) == (1, 1, 1)


def test_grid_must_match_the_ranks():
    with pytest.raises(DomainError, match="parallel.grid = 1 x 2 x 2: must multiply to the 1 ranks"):
        Domain(np.eye(3) * 20, np.ones(3), SERIAL, 5.0, (1, 2, 2))
