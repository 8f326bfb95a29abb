"""The shared kernels on any moment set, also of families that have a faster way of their own."""

import numpy as np
import pytest
import systems

from hpcpot.neighbors import pairs as neighbors
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import evaluate
from hpcpot.potential.contract import CLOSEST
from hpcpot.potential.moments import cpu
from hpcpot.potential.moments.steps import Steps

FAMILIES = {"rank 1, weighted": systems.deep_potential(), "ranks 0 and 3, by neighbour": systems.chebyshev()}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_tabulated_moments_agree_with_the_reference(family):
    atoms, exact, shared = systems.crystal(2), BlockPotential(family, "reference"), BlockPotential(family)
    tables = [cpu.tabulate(moment_set, len(family.elements), CLOSEST) for moment_set in family.moment_sets()]
    shared._steps = Steps(family, cpu, tables, family.readout)
    expected, found = evaluate(atoms, exact), evaluate(atoms, shared)
    np.testing.assert_allclose(found.energies, expected.energies, rtol=0, atol=1e-7)
    np.testing.assert_allclose(found.forces, expected.forces, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.virial, expected.virial, rtol=0, atol=1e-5)


def test_work_of_atoms():
    """More where a Deep Potential's network is wider, which depends on the species around; else the same."""
    atoms = systems.crystal(2)
    atoms.symbols = np.where(np.arange(len(atoms)) < len(atoms) // 2, "Li", "Si")
    species = np.array([("Li", "Si").index(s) for s in atoms.symbols], np.int32)
    pairs = neighbors.build(atoms.positions, len(atoms), 3.0)
    present = pairs.neighbor_species(species)
    work = BlockPotential(systems.deep_potential()).work(pairs, species)
    for i in (0, 1):
        alone, both = work[(species == i) & (present == 1 << i)], work[(species == i) & (present == 3)]
        assert 0 < alone.max() == alone.min() < both.min() == both.max()
    assert (BlockPotential(systems.chebyshev()).work(pairs, species) == 1).all()
