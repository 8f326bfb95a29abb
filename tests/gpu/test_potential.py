"""The CUDA kernels of all families, run on the CPU, against the reference kernels and those for the CPU."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from systems import (
    argon,
    chebyshev,
    cluster,
    crystal,
    deep_potential,
    deep_potential_with_first_skip,
    deep_potential_with_narrow_switch,
    moment_tensor,
    slab,
    triclinic,
)

from hpcpot.dynamics.start import make_state
from hpcpot.errors import ConfigError
from hpcpot.neighbors.pairs import Pairs, build
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.contract import Result
from hpcpot.potential.moments.gpu.potential import GpuPotential

SKIN = 0.6
FAMILIES = {
    "deep potential": deep_potential(),
    "one-sided": deep_potential(one_sided=True),
    "first skip": deep_potential_with_first_skip(),
    "narrow switch": deep_potential_with_narrow_switch(),
    "chebyshev": chebyshev(),
    "chebyshev, legacy domain": chebyshev(domain="legacy"),
}


def pairs_of(atoms, cutoff, elements):
    state = make_state(atoms, elements, SERIAL)
    domain = Domain(state.cell, state.periodic, SERIAL, cutoff + SKIN)
    domain.migrate(state)
    domain.build_halo(state)
    return state.positions, build(state.positions, state.n_owned, cutoff + SKIN), state.species


def agree(got: Result, wanted: Result, energy: float, force: float) -> None:
    np.testing.assert_allclose(got.energies, wanted.energies, rtol=0, atol=energy)
    np.testing.assert_allclose(got.forces, wanted.forces, rtol=0, atol=force)
    np.testing.assert_allclose(got.virial, wanted.virial, rtol=0, atol=force * 3.0 * len(got.energies))
    np.testing.assert_allclose(got.atom_virials, wanted.atom_virials, rtol=0, atol=force * 10.0)
    assert got.truncated == wanted.truncated


@pytest.mark.parametrize("name", FAMILIES)
def test_gpu_cpu_and_reference_agree(name, device):
    family = FAMILIES[name]
    domain = pairs_of(crystal(2), family.cutoff, family.elements)
    got = GpuPotential(family, device).compute(*domain, atom_virials=True)
    agree(got, BlockPotential(family).compute(*domain, atom_virials=True), 1e-9, 1e-8)
    agree(got, BlockPotential(family, "reference").compute(*domain, atom_virials=True), 1e-7, 1e-6)
    assert np.abs(got.forces).max() > 0.1


@pytest.mark.parametrize("atoms", [slab(), triclinic(), cluster()], ids=["slab", "triclinic", "cluster"])
def test_any_cell(atoms, device):
    family = deep_potential()
    domain = pairs_of(atoms, family.cutoff, family.elements)
    wanted = BlockPotential(family).compute(*domain, atom_virials=True)
    agree(GpuPotential(family, device).compute(*domain, atom_virials=True), wanted, 1e-9, 1e-8)


@pytest.mark.parametrize("name", ["deep potential", "chebyshev"])
def test_mixed_precision(name, device):
    family = FAMILIES[name]
    domain = pairs_of(crystal(2), family.cutoff, family.elements)
    got = GpuPotential(family, device, "mixed").compute(*domain, atom_virials=True)
    wanted = BlockPotential(family, "reference").compute(*domain, atom_virials=True)
    agree(got, wanted, 1e-5, 1e-5)
    assert np.abs(got.forces - wanted.forces).max() > 1e-9, "this is float64"


def test_moment_tensor(device):
    """Whose radial functions are polynomials on the CPU, and tables here."""
    family = moment_tensor()
    domain = pairs_of(crystal(2), family.cutoff, family.elements)
    wanted = BlockPotential(family).compute(*domain, atom_virials=True)
    assert np.abs(wanted.forces).max() > 10.0
    agree(GpuPotential(family, device).compute(*domain, atom_virials=True), wanted, 1e-9, 1e-8)


def test_lennard_jones(device):
    family, atoms = argon(), bulk("Ar", "fcc", 5.3, cubic=True) * 2
    atoms.rattle(0.1, seed=2)
    domain = pairs_of(atoms, family.cutoff, family.elements)
    wanted = BlockPotential(family).compute(*domain, atom_virials=True)
    agree(GpuPotential(family, device).compute(*domain, atom_virials=True), wanted, 1e-10, 1e-9)


@pytest.mark.parametrize("name", ["deep potential", "chebyshev", "first skip"])
def test_no_neighbours_one_neighbour_and_one_species(name, device):
    family = FAMILIES[name]
    gpu, cpu = GpuPotential(family, device), BlockPotential(family)
    positions = np.array([[0.0, 0, 0], [2.3, 0, 0], [50.0, 0, 0]])
    alone = positions, Pairs(np.array([0, 1, 2, 2]), np.array([1, 0], np.int32))
    for species in (np.zeros(3, np.int32), np.ones(3, np.int32), np.array([0, 1, 1], np.int32)):
        wanted = cpu.compute(*alone, species, atom_virials=True)
        agree(gpu.compute(*alone, species, atom_virials=True), wanted, 1e-9, 1e-8)
    nothing = np.zeros((0, 3)), Pairs(np.zeros(1, np.int64), np.zeros(0, np.int32))
    assert gpu.compute(*nothing, np.zeros(0, np.int32)).forces.shape == (0, 3)


def test_neighbours_beyond_the_slots_are_dropped_as_on_the_cpu(device):
    family = replace(deep_potential(), slots=np.array([9, 12]))
    domain = pairs_of(crystal(2), family.cutoff, family.elements)
    got = GpuPotential(family, device).compute(*domain, atom_virials=True)
    wanted = BlockPotential(family).compute(*domain, atom_virials=True)
    assert 0 < wanted.truncated <= 64
    agree(got, wanted, 1e-9, 1e-8)


@pytest.mark.parametrize("name", ["deep potential", "chebyshev", "first skip"])
def test_in_parts_where_memory_is_short_with_the_same_bits(name, monkeypatch, device):
    family = FAMILIES[name]
    domain = pairs_of(crystal(2), family.cutoff, family.elements)
    whole = GpuPotential(family, device).compute(*domain)
    monkeypatch.setattr("hpcpot.potential.moments.gpu.potential.MOST_ROWS", 7)
    parts = GpuPotential(family, device).compute(*domain)
    np.testing.assert_allclose(parts.energies, whole.energies, rtol=0, atol=1e-12)
    np.testing.assert_allclose(parts.forces, whole.forces, rtol=0, atol=1e-10)


def test_momentum_is_conserved_exactly_and_forces_repeat_bit_by_bit(device):
    family = deep_potential()
    domain = pairs_of(crystal(2), family.cutoff, family.elements)
    gpu = GpuPotential(family, device, "mixed")
    first, second = gpu.compute(*domain), gpu.compute(*domain)
    np.testing.assert_array_equal(first.forces, second.forces)
    assert (first.forces.sum(axis=0) == 0.0).all()


def test_mixed_precision_is_refused_where_kernels_have_none(device):
    with pytest.raises(ConfigError, match="mixed: the gpu kernels of this Lennard-Jones potential have float64 only"):
        GpuPotential(argon(), device, "mixed")
    with pytest.raises(
        ConfigError, match="mixed: the gpu kernels of this Deep Potential have float64 only; set float64"
    ):
        GpuPotential(deep_potential_with_first_skip(), device, "mixed")
