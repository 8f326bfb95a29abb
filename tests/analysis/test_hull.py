"""The convex hull against pymatgen's, of two and of three elements."""

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from hpcpot.analysis.hull import EnergyHull
from hpcpot.errors import StructureError


@pytest.mark.parametrize("elements", [("Li", "Si"), ("Li", "Si", "O")])
def test_energies_above_the_hull_are_those_of_pymatgen(elements):
    rng = np.random.default_rng(len(elements))
    counts = np.vstack(
        [
            np.eye(len(elements), dtype=int),
            rng.integers(0, 9, (60, len(elements))) + np.eye(1, len(elements), dtype=int),
        ]
    )
    energies = rng.uniform(-5.0, -4.0, len(counts))
    compositions = [Composition(dict(zip(elements, map(int, row), strict=True))) for row in counts]
    entries = [PDEntry(c, e * c.num_atoms) for c, e in zip(compositions, energies, strict=True)]
    diagram = PhaseDiagram(entries)
    hull = EnergyHull(counts / counts.sum(axis=1)[:, None], energies)
    above = [e - hull.energy(x) for x, e in zip(hull.fractions, energies, strict=True)]
    np.testing.assert_allclose(above, [diagram.get_e_above_hull(entry) for entry in entries], rtol=0, atol=1e-9)
    assert {entries[k].composition.reduced_formula for k in np.flatnonzero(hull.stable())} == {
        entry.composition.reduced_formula for entry in diagram.stable_entries
    }


def test_a_composition_that_no_phases_make():
    with pytest.raises(StructureError, match=r"composition = fractions \[0.5, 0.5\]: must be a mixture"):
        EnergyHull(np.array([[1.0, 0.0]]), np.array([-1.0])).energy(np.array([0.5, 0.5]))
