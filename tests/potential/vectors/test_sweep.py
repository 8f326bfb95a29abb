"""The sweep over atoms: what its order of sums depends on."""

import numpy as np
import pytest
import systems

from hpcpot.potential.blocks import BlockPotential


@pytest.mark.parametrize("model", [systems.chebyshev, systems.moment_tensor])
def test_forces_do_not_depend_on_when_pairs_are_first_used(model):
    """A restart builds the pairs where its run did, and first uses them where the atoms are now."""
    family = model()
    first, later = BlockPotential(family), BlockPotential(family)
    atoms = systems.crystal(3)
    state, _ = systems.simulation(atoms, first, temperature=None)
    built, species = state.positions.copy(), state.species
    moved = built + np.random.default_rng(1).uniform(-0.25, 0.25, built.shape)
    n, reach = state.n_owned, family.cutoff + 1.0
    pairs, again = first.pairs(built, n, reach), later.pairs(built, n, reach)
    first.compute(built, pairs, species)
    went_on, restarted = first.compute(moved, pairs, species), later.compute(moved, again, species)
    np.testing.assert_array_equal(went_on.forces, restarted.forces)
    np.testing.assert_array_equal(went_on.energies, restarted.energies)
    np.testing.assert_array_equal(went_on.virial, restarted.virial)
