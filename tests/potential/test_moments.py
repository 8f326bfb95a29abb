"""The shared kernels on any moment set, also of families that have a faster way of their own."""

import numpy as np
import pytest
import systems

from hpcpot.potential.base import CLOSEST, Potential
from hpcpot.potential.calculator import evaluate
from hpcpot.potential.moments import cpu
from hpcpot.potential.moments.steps import Steps

FAMILIES = {
    "rank 1, weighted": systems.deep_potential(),
    "ranks 0 and 3, by neighbour": systems.chebyshev(),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_tabulated_moments_agree_with_the_reference(family):
    atoms, exact, shared = systems.crystal(2), Potential(family, "reference"), Potential(family)
    tables = [cpu.tabulate(moment_set, len(family.elements), CLOSEST) for moment_set in family.moment_sets()]
    shared._model = Steps(family, cpu, tables, family.readout)
    expected, found = evaluate(atoms, exact), evaluate(atoms, shared)
    np.testing.assert_allclose(found.energies, expected.energies, rtol=0, atol=1e-7)
    np.testing.assert_allclose(found.forces, expected.forces, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.virial, expected.virial, rtol=0, atol=1e-5)
