"""Chains of trials: averages that are known exactly, energies by increments, and the same chain however it is evaluated."""

from __future__ import annotations

import numpy as np
import pytest
import systems
from ase import Atoms
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from montecarlo.chains import LOG_Z_20, MASS, Field, cell, chain, numbers, rules

from hpcpot.errors import ConfigError, SimulationError, StructureError
from hpcpot.montecarlo import acceptance
from hpcpot.montecarlo.chain import Chain, Ensemble
from hpcpot.montecarlo.particles import Particles
from hpcpot.montecarlo.proposals import CHANGE, DELETION, INSERTION, MOVE, SWAP
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import AsePotential
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.units import BOLTZMANN

ALL_KINDS = np.array([0.4, 0.6, 0.8, 1.0])
SIGMAS = 4.5


def near(mean: float, exact: float, error: float) -> None:
    assert abs(mean - exact) < SIGMAS * error, f"{mean} +- {error}, exactly {exact}"


@pytest.mark.parametrize("constant", [0.0, -5.4])
def test_ideal_gas_with_a_constant_energy_of_each_atom(constant):
    """<N> = variance = z V = 20, whatever the atom's own energy where mu has the same zero; LAMMPS gives 6.5 there."""
    kT = BOLTZMANN * 1000.0
    log_z = acceptance.log_activity(-0.9202995329991616 + constant, 1000.0, MASS)
    made = chain(Field(lambda r: np.full(len(r), constant)), cell(20, 20, 20), log_z)
    assert log_z == pytest.approx(LOG_Z_20 + constant / kT)
    mean, error, variance = numbers(made, 10000)
    near(mean, 20.0, error)
    assert variance == pytest.approx(20.0, rel=0.4)
    accepted = made.sums.accepted[:2].sum() / made.sums.tried[:2].sum()
    assert accepted == pytest.approx(0.911165, abs=0.025)
    assert made.energy == pytest.approx(constant * made.n, abs=1e-9)


def cosine(r: np.ndarray) -> np.ndarray:
    return 2.0 * BOLTZMANN * 1000.0 * np.cos(2.0 * np.pi * r[:, 0] / 10.0)


@pytest.mark.parametrize("tries", [1, 8])
def test_gas_in_a_field(tries):
    """<N> = z V I0(2)."""
    made = chain(Field(cosine), cell(10, 10, 10), float(np.log(5.0 / 1000.0)), tries=tries)
    mean, error, _ = numbers(made, 10000 if tries == 1 else 5000)
    near(mean, 11.3979, error)


def rods(vectors: np.ndarray) -> np.ndarray:
    """Infinite for two rods that overlap along x, wherever they are across; nothing for images of one across."""
    dx = np.abs(vectors[:, 0])
    return np.where((dx > 1e-9) & (dx < 0.5), np.inf, 0.0)


def test_hard_rods_on_a_ring():
    """Z_N = L (L - N d)^(N-1) / N!, in a cell 0.1 wide."""
    made = chain(Field(pair=rods, cutoff=0.55), cell(10, 0.1, 0.1), float(np.log(20.0 / 0.1**2)))
    mean, error, _ = numbers(made, 6000)
    near(mean, 12.7154, error)


def two_spheres(z: float, volume: float, diameter: float) -> float:
    """<N> of at most two hard spheres in a cell wider than twice their diameter."""
    weights = np.array([1.0, z * volume, 0.5 * z**2 * volume * (volume - 4.0 / 3.0 * np.pi * diameter**3)])
    return float(weights @ [0.0, 1.0, 2.0] / weights.sum())


@pytest.mark.parametrize(
    "how",
    [{}, {"tries": 4}, {"cavity": 2.0, "spacing": 0.7}, {"cavity": 1.2, "spacing": 0.5}],
    ids=["plain", "multiple try", "cavity", "smaller cavity"],
)
def test_minimum_distance_multiple_try_and_cavities(how):
    volume = 4.5**3
    made = chain(Field(), cell(4.5, 4.5, 4.5), float(np.log(2.0 / volume)), closest=2.0, maximum=2, **how)
    mean, error, _ = numbers(made, 6000)
    near(mean, two_spheres(2.0 / volume, volume, 2.0), error)


def test_detailed_balance_of_neighbouring_numbers():
    """p(N + 1) / p(N) = z V / (N + 1) of the ideal gas, where only the two numbers are allowed."""
    made = chain(Field(), cell(20, 20, 20, symbols="Li7", positions=np.zeros((7, 3))), LOG_Z_20, minimum=7, maximum=8)
    mean, error, _ = numbers(made, 6000)
    near(mean - 7.0, 20.0 / 8 / (1.0 + 20.0 / 8), error)


def test_two_elements_of_the_ideal_gas():
    """Changes of element: a share z2 / (z1 + z2) of the second, whatever the rest."""
    atoms = cell(9, 9, 9, symbols="Li6", positions=np.arange(18.0).reshape(6, 3) % 9)
    particles = Particles(atoms, Field())
    made = Chain(particles, rules(cumulative=np.array([0, 0, 1.0, 1.0])), Ensemble(1000.0, 0.0, float(np.log(3.0))))
    mean, error, _ = numbers(made, 6000)
    near(mean, 6.0 / 4.0, error)


def test_changes_of_element_keep_the_bounds():
    atoms = cell(9, 9, 9, symbols="Li4Si4", positions=np.arange(24.0).reshape(8, 3) % 9)
    changes = rules(cumulative=np.array([0, 0, 1.0, 1.0]), minimum=3, maximum=5)
    made = Chain(Particles(atoms, Field()), changes, Ensemble(1000.0))
    seen = set()
    for _ in range(200):
        made.run(1)
        seen.add(made.n)
    assert seen == {3, 4, 5}


@pytest.mark.parametrize(
    "family", [systems.moment_tensor(), systems.deep_potential(), systems.chebyshev()], ids=["mtp", "dp", "chebyshev"]
)
@pytest.mark.parametrize("tries", [1, 3])
def test_energies_by_increments_are_those_computed_anew(family, tries):
    """All kinds of trials, in a cell shorter than the cutoff."""
    made = chain(
        *(BlockPotential(family), systems.crystal(1), -6.0, 30000.0), cumulative=ALL_KINDS, closest=1.2, tries=tries
    )
    made.run(150)
    assert made.sums.accepted.all(), made.sums.accepted
    anew = made.particles.computed()
    assert np.abs(made.particles.energies[: made.particles.n] - anew).max() < 1e-9
    assert made.energy == pytest.approx(float(anew.sum()), abs=1e-9 * len(anew))
    assert made.particles.check() < 1e-9


def test_increments_in_a_skewed_cell_with_vacuum():
    atoms = systems.triclinic()
    made = chain(BlockPotential(systems.moment_tensor()), atoms, -6.0, 30000.0, cumulative=ALL_KINDS, closest=1.2)
    made.run(100)
    assert made.particles.check() < 1e-9


def test_the_chain_does_not_depend_on_how_many_trials_are_drawn_ahead():
    states = []
    for ahead in (1, 5, 64):
        made = chain(
            *(BlockPotential(systems.moment_tensor()), systems.crystal(1), -6.0, 30000.0),
            cumulative=ALL_KINDS,
            closest=1.2,
            tries=2,
        )
        made.ahead = ahead
        made.run(60)
        made.run(60)
        states.append(made)
    for other in states[1:]:
        assert other.n == states[0].n and (other.sums.accepted == states[0].sums.accepted).all()
        n = states[0].particles.n
        np.testing.assert_allclose(other.particles.positions[:n], states[0].particles.positions[:n], atol=1e-12)
        assert other.energy == pytest.approx(states[0].energy, abs=1e-9)
    assert states[2].particles.evaluations > states[0].particles.evaluations


def test_a_deletion_that_lammps_gets_wrong_with_the_energy_of_a_lone_atom():
    """A lone atom's own energy goes with it."""
    potential = BlockPotential(systems.moment_tensor())
    atoms = cell(30, 30, 30, symbols="LiSi", positions=[[1, 1, 1], [16, 16, 16]])
    particles = Particles(atoms, potential)
    before = particles.energies[:2].copy()
    made = Chain(particles, rules(), Ensemble(1000.0, -200.0))
    made.run(20)
    assert made.n == 0 and made.energy == pytest.approx(before[1], abs=1e-12)


def test_an_atom_inside_the_minimum_distance_stays():
    """What no insertion could have made, no deletion and no move takes away; dynamics can make it."""
    atoms = cell(20, 20, 20, symbols="Li2Si", positions=[[5, 5, 5], [5, 5, 6.4], [12, 12, 12]])
    made = chain(
        Field(), atoms, -50.0, closest=1.6, cumulative=np.array([0.5, 1, 1, 1]), movable=np.array([True, False])
    )
    made.run(200)
    assert made.n == 2 and made.sums.accepted.sum() == 0


def test_frozen_atoms_are_not_touched():
    atoms = cell(20, 20, 20, symbols="Li3", positions=np.arange(9.0).reshape(3, 3) * 2)
    atoms.set_constraint(FixAtoms([1]))
    made = chain(Field(), atoms, -50.0, cumulative=ALL_KINDS)
    made.run(300)
    assert made.n == 0 and made.particles.n == 1 and made.particles.held[0]
    np.testing.assert_array_equal(made.particles.positions[0], atoms.positions[1])


def test_trials_that_cannot_be_are_counted():
    """A deletion without atoms, a swap without both elements."""
    made = chain(Field(), cell(5, 5, 5), -50.0, cumulative=ALL_KINDS, maximum=0)
    made.run(100)
    assert made.sums.trials == 100 == made.sums.tried.sum() and not made.sums.accepted.any()
    assert all(made.sums.tried[kind] for kind in (INSERTION, DELETION, MOVE, CHANGE, SWAP))


def test_it_ends_at_a_number_of_atoms():
    made = chain(Field(), cell(20, 20, 20), LOG_Z_20)
    done = made.run(10000, until=5)
    assert made.n == 5 and done == made.trial < 10000 and made.sums.trials == done


def test_potentials_and_cells_that_do_not_fit():
    atoms = Atoms("Cu4", np.arange(12.0).reshape(4, 3), cell=[20, 20, 20], pbc=True)
    with pytest.raises(ConfigError, match="an ASE calculator"):
        Particles(atoms, AsePotential(EMT(), atoms))
    far = Field()
    far.reach = 3.0
    with pytest.raises(ConfigError, match="up to 3 Å away"):
        Particles(cell(5, 5, 5), far)
    slab = cell(5, 5, 5)
    slab.pbc = [True, False, True]
    with pytest.raises(StructureError, match="not periodic along b"):
        Particles(slab, Field())


def test_energies_that_do_not_agree_end_the_run():
    particles = Particles(systems.crystal(1), BlockPotential(systems.moment_tensor()))
    particles.energies[0] += 1e-4
    with pytest.raises(SimulationError, match="by increments"):
        particles.check()
    particles.energies[:8] = particles.computed() + 1e-8
    assert particles.check() == pytest.approx(1e-8, rel=1e-3)
    assert particles.check() == 0.0


@pytest.mark.slow
def test_point_of_the_lennard_jones_fluid():
    """rc = 3 sigma, cut, T* = 2, mu* = -1.25 with Lambda = 1, box 5 sigma: LAMMPS gives <N> = 66.65 +- 0.08."""
    sigma = 3.0
    epsilon = BOLTZMANN * 1000.0 / 2.0
    model = LennardJones(("Ar",), np.array([[epsilon]]), np.array([[sigma]]), 3.0 * sigma)
    atoms = Atoms("Ar64", np.indices((4, 4, 4)).reshape(3, -1).T * 1.25 * sigma, cell=[5 * sigma] * 3, pbc=True)
    made = chain(
        *(BlockPotential(model), atoms, -1.25 / 2.0 - 3.0 * float(np.log(sigma))),
        cumulative=np.array([0.5, 1.0, 1.0, 1.0]),
        closest=0.5 * sigma,
        displacement=sigma,
        movable=np.array([True]),
        pair=np.array([0, 0]),
    )
    mean, error, _ = numbers(made, 250000)
    near(mean, 66.65, float(np.hypot(error, 0.08)))
    assert error < 1.0
    assert made.sums.energy / made.sums.number / epsilon == pytest.approx(-3.183, abs=0.05)
    assert (made.sums.accepted / np.maximum(made.sums.tried, 1))[:3] == pytest.approx([0.068, 0.068, 0.113], abs=0.01)
