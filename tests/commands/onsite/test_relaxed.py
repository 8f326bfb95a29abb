"""Relaxed removals: fixed cell, all atoms or those near the site."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from hpcpot.commands.onsite.compute import relaxed_removals
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.potential.local_change import LocalChange
from hpcpot.potential.range import TrainedRange
from hpcpot.relaxation.engine import CONVERGED, RelaxationOptions, relax
from hpcpot.relaxation.guards import OutsideRange

OPTIONS = RelaxationOptions(cell="fixed", force=1e-4, steps=500)


@pytest.fixture(scope="module")
def frame() -> LocalChange:
    """Argon with a cutoff of 4.5 Å, small beside the cell of 21 Å."""
    atoms = bulk("Ar", "fcc", 5.3, cubic=True) * 4
    atoms.rattle(0.05, seed=1)
    return LocalChange(atoms, BlockPotential(LennardJones(("Ar",), np.array([[0.0104]]), np.array([[3.4]]), 4.5)))


def test_all_atoms(frame: LocalChange) -> None:
    site = 7
    after = frame.atoms[[k for k in range(len(frame.atoms)) if k != site]]
    whole = dict(relax([frame.atoms, after], frame.potential, OPTIONS, 4096))
    assert whole[0].status == whole[1].status == CONVERGED
    expected = whole[0].final.energy - whole[1].final.energy
    assert relaxed_removals(frame, np.array([site, site]), np.inf, OPTIONS) == pytest.approx([expected] * 2, abs=1e-7)


def test_near_atoms_in_a_part_or_the_whole_frame(frame: LocalChange, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster with frozen rim gives what the frame gives with all but the near atoms frozen."""
    from ase.constraints import FixAtoms

    from hpcpot.commands.onsite import compute

    sites, radius = np.array([0, 100]), 4.5
    part, centre = compute._surroundings(frame.atoms, 100, radius, frame.potential)
    assert not part.pbc.any() and len(part) < len(frame.atoms) * 2
    np.testing.assert_allclose(part.positions[centre] - part.positions.mean(axis=0), 0.0, atol=1.0)
    by_part = relaxed_removals(frame, sites, radius, OPTIONS)

    def whole(atoms, site, radius, potential):
        copy = atoms.copy()
        copy.set_constraint(FixAtoms(np.flatnonzero(atoms.get_distances(site, range(len(atoms)), mic=True) > radius)))
        return copy, site

    monkeypatch.setattr(compute, "_surroundings", whole)
    np.testing.assert_allclose(relaxed_removals(frame, sites, radius, OPTIONS), by_part, rtol=0, atol=1e-6)


def test_relaxation_lowers_the_cost_of_a_vacancy(frame: LocalChange) -> None:
    sites = np.array([5, 50])
    near = relaxed_removals(frame, sites, 4.5, OPTIONS)
    assert np.isfinite(near).all() and (np.abs(near - frame.removals(sites)) < 0.2).all()
    assert (near != frame.removals(sites)).all()


def test_what_does_not_converge_is_nan(frame: LocalChange) -> None:
    assert np.isnan(
        relaxed_removals(frame, np.array([5]), 4.5, RelaxationOptions(cell="fixed", force=1e-12, steps=2))
    ).all()


def test_what_ends_outside_the_trained_range_is_nan_or_an_error(frame: LocalChange) -> None:
    """Neighbours in argon are 3.75 Å apart here: a model that was trained down to 4 Å knows nothing of them."""
    within = TrainedRange(("Ar",), "tests", 1, 4.5, np.array([[3.0]]))
    beyond = TrainedRange(("Ar",), "tests", 1, 4.5, np.array([[4.0]]))
    site = np.array([5])
    assert np.isfinite(relaxed_removals(frame, site, 4.5, OPTIONS, within, stop=True)).all()
    assert np.isnan(relaxed_removals(frame, site, 4.5, OPTIONS, beyond)).all()
    with pytest.raises(
        OutsideRange, match=r"final structure = outside .*: Ar \d+ and Ar \d+ are 3.\d+ Å apart.* down to 4.00 Å"
    ):
        relaxed_removals(frame, site, 4.5, OPTIONS, beyond, stop=True)
