"""Removal energies from the neighbourhood alone equal the difference of two whole energies."""

from __future__ import annotations

import ase
import numpy as np
import pytest
import systems
from ase.build import bulk

from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import evaluate
from hpcpot.potential.contract import Potential
from hpcpot.potential.local_change import LocalChange
from hpcpot.structure import checks, files

MODELS = {"deep_potential": systems.deep_potential, "chebyshev": systems.chebyshev}
CELLS = {
    "crystal": lambda: systems.crystal(2),
    "slab": systems.slab,
    "vacuum": systems.vacuum,
    "triclinic": systems.triclinic,
    "cluster": systems.cluster,
    "shorter_than_cutoff": lambda: systems.mixed(bulk("Si", "diamond", 5.4) * (2, 1, 1), 8),
    "chain": lambda: ase.Atoms(
        "SiLiSi", [[0, 0, 0], [2.0, 0, 0], [3.0, 2.2, 0]], cell=[4.1, 0, 0], pbc=[True, False, False]
    ),
}


def full_difference(atoms: ase.Atoms, site: int, potential: Potential) -> float:
    left = atoms[[k for k in range(len(atoms)) if k != site]]
    return evaluate(atoms, potential).energies.sum() - evaluate(left, potential).energies.sum()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("model", MODELS)
def test_local_change_equals_full_difference(model: str, cell: str) -> None:
    potential = BlockPotential(MODELS[model]())
    atoms = checks.check(CELLS[cell](), potential.elements)
    sites = np.random.default_rng(1).integers(0, len(atoms), 6)
    local = LocalChange(atoms, potential).removals(sites)
    full = [full_difference(atoms, int(site), potential) for site in sites]
    np.testing.assert_allclose(local, full, rtol=0, atol=1e-9)
    assert np.ptp(full) > 1e-3  # sites differ, so that a mix-up would show


def test_shipped_model_on_the_interface() -> None:
    from hpcpot.potential.files import load

    potential = BlockPotential(load("lisi"))
    atoms = checks.check(files.read("interface_si100"), potential.elements)
    silicon = np.flatnonzero(atoms.numbers == 14)
    sites = np.concatenate([silicon[[5, 700]], silicon[np.argsort(atoms.positions[silicon, 2])[-2:]]])
    local = LocalChange(atoms, potential).removals(sites)
    np.testing.assert_allclose(local, [full_difference(atoms, int(s), potential) for s in sites], rtol=0, atol=1e-9)


def test_bulk_vacancy() -> None:
    """All sites of a crystal cost the same; -dE + e_bulk is the unrelaxed vacancy formation energy, 3.5 eV by DFT."""
    from hpcpot.potential.files import load

    potential = BlockPotential(load("lisi"))
    atoms = bulk("Si", "diamond", 5.46, cubic=True) * 3
    frame = LocalChange(atoms, potential)
    cost = frame.removals(np.arange(0, 216, 43))
    e_bulk = frame.energies(np.array([0]))[0]
    np.testing.assert_allclose(cost, cost[0], rtol=0, atol=1e-9)
    n = len(atoms)
    vacancy = evaluate(atoms[1:], potential).energies.sum() - (n - 1) / n * evaluate(atoms, potential).energies.sum()
    assert -cost[0] + e_bulk == pytest.approx(vacancy, abs=1e-8)
    assert 1.5 < vacancy < 4.5  # the shipped starter model is no good at vacancies


def test_order_repeats_and_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    potential = BlockPotential(systems.deep_potential())
    atoms = systems.crystal(2)
    sites = np.array([3, 17, 3, 40, 17, 3])
    together = LocalChange(atoms, potential).removals(sites)
    alone = [LocalChange(atoms, potential).removals(np.array([site]))[0] for site in sites]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-12)
    monkeypatch.setattr("hpcpot.potential.local_change.CENTRES", 1)
    np.testing.assert_allclose(LocalChange(atoms, potential).removals(sites), together, rtol=0, atol=1e-12)
