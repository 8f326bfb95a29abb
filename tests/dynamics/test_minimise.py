"""Minimisers find the minimum that ASE finds, on any number of ranks."""

import sys

import numpy as np
import pytest
import systems
from ase.build import bulk
from ase.optimize import BFGS
from mpirun import run_ranks

from hpcpot.dynamics.controls import Tolerances
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.dynamics.minimise import LARGEST_MOVE
from hpcpot.parallel.ranks import SERIAL, Ranks, start
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import Calculator
from hpcpot.potential.files import load
from hpcpot.structure.state import State

TIGHT = Tolerances(0.0, 1e-4)


def perturbed():
    atoms = bulk("Si", "diamond", 5.46, cubic=True) * 2
    atoms.symbols[[3, 20, 41]] = "Li"
    atoms.rattle(0.1, seed=4)
    return atoms


def minimise(
    name: str, ranks: Ranks = SERIAL, tolerances: Tolerances = TIGHT, steps: int = 2000
) -> tuple[State, float]:
    """The state at the minimum, and its energy."""
    state, engine = systems.simulation(perturbed(), BlockPotential(load("lisi")), ranks, temperature=None, skin=0.5)
    integrator = INTEGRATORS[name]
    integrator.init(state, engine, tolerances)
    while not state.scalars["converged"] and state.step < steps:
        integrator.step(state, engine, 1.0, tolerances)
    return state, float(ranks.sum(np.array([state.energies.sum()]))[0])


@pytest.fixture(scope="module")
def by_ase():
    atoms = perturbed()
    atoms.calc = Calculator("lisi")
    BFGS(atoms, logfile=None).run(fmax=1e-5, steps=1000)
    return atoms.get_potential_energy()


@pytest.mark.parametrize("name", ["cg", "fire"])
def test_minimum_is_that_of_ase(name, by_ase):
    state, energy = minimise(name)
    assert energy == pytest.approx(by_ase, abs=1e-6)
    assert state.scalars["converged"] and np.linalg.norm(state.forces) < 1e-4
    assert (state.velocities == 0.0).all()


@pytest.mark.mpi
def test_minimum_is_that_of_ase_on_three_ranks(by_ase, tmp_path):
    run_ranks(3, __file__, tmp_path / "energies.npy")
    np.testing.assert_allclose(np.load(tmp_path / "energies.npy"), by_ase, rtol=0, atol=1e-6)


def test_tolerances_stop_it_when_lammps_would():
    """The first iteration that gains less than the tolerance is the last."""
    state, engine = systems.simulation(perturbed(), BlockPotential(load("lisi")), temperature=None)
    tolerances = Tolerances(1e-7, 0.0)
    integrator, energies = INTEGRATORS["cg"], [state.energies.sum()]
    integrator.init(state, engine, tolerances)
    while not state.scalars["converged"]:
        integrator.step(state, engine, 1.0, tolerances)
        energies.append(state.energies.sum())
    gains = -np.diff(energies)
    assert (gains > 0.0).all(), "every line search goes down"
    small = gains < 1e-7 * np.abs(energies[1:])
    assert small[-1] and not small[:-1].any()


def test_frozen_atoms_stay_and_the_rest_moves_no_farther_than_allowed():
    state, engine = systems.simulation(perturbed(), BlockPotential(load("lisi")), temperature=None)
    state.frozen = state.ids < 10
    engine.count_mobile(state)
    for name in ("cg", "fire"):
        INTEGRATORS[name].init(state, engine, TIGHT)
        before = state.positions[: state.n_owned].copy()
        INTEGRATORS[name].step(state, engine, 1.0, TIGHT)
        moved = np.abs(state.positions[: state.n_owned] - before).max(axis=1)
        assert (moved[state.frozen] == 0.0).all() and 0.0 < moved.max() <= LARGEST_MOVE * (1.0 + 1e-12)


def test_a_minimum_is_left_alone():
    state, engine = systems.simulation(
        bulk("Ar", "fcc", 5.4, cubic=True) * 3, BlockPotential(systems.argon()), temperature=None
    )
    before = state.positions[: state.n_owned].copy()
    for name in ("cg", "fire"):
        INTEGRATORS[name].init(state, engine, Tolerances(1e-7, 1e-7))
        INTEGRATORS[name].step(state, engine, 1.0, Tolerances(1e-7, 1e-7))
        assert state.scalars["converged"]
    np.testing.assert_allclose(state.positions[: state.n_owned], before, atol=1e-9)


if __name__ == "__main__":
    ranks = start()
    found = [minimise(name, ranks)[1] for name in ("cg", "fire")]
    if ranks.is_root:
        np.save(sys.argv[1], found)
