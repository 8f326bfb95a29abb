"""ASE calculators: as reference potentials of the engine, and hpcpot's potentials for ASE."""

import numpy as np
import pytest
import systems
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.verlet import VelocityVerlet

from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import AsePotential, Calculator, evaluate


def copper():
    atoms = bulk("Cu", cubic=True) * 2
    atoms.rattle(0.05, seed=1)
    return atoms


def test_dynamics_are_those_of_ase():
    atoms = copper()
    potential = AsePotential(EMT(), atoms)
    state, engine = systems.simulation(atoms, potential, temperature=None)
    systems.advance(state, engine, "nve", 20, 2.0)
    atoms.calc = EMT()
    VelocityVerlet(atoms, 2.0 * units.fs).run(20)
    moved = (state.positions[: state.n_owned] + state.images @ state.cell)[np.argsort(state.ids)] - atoms.positions
    np.testing.assert_allclose(moved - np.round(moved / atoms.cell[0, 0]) * atoms.cell[0, 0], 0.0, atol=1e-8)


def test_a_potential_by_way_of_ase_is_itself():
    """Energies, forces and virial pass through the ASE calculator and back."""
    atoms = systems.crystal(2)
    model = systems.chebyshev()
    around = AsePotential(Calculator(model), atoms)
    direct, through = (
        systems.simulation(atoms, potential, temperature=None)[0] for potential in (BlockPotential(model), around)
    )
    for state in (direct, through):
        order = np.argsort(state.ids)
        state.forces, state.energies = state.forces[order], state.energies[order]
    np.testing.assert_allclose(through.forces, direct.forces, atol=1e-9)
    np.testing.assert_allclose(through.energies, direct.energies, atol=1e-9)
    symmetric = 0.5 * (direct.virial + direct.virial.T)
    np.testing.assert_allclose(through.virial, symmetric, atol=1e-8)
    assert through.energies.sum() == pytest.approx(direct.energies.sum(), abs=1e-9)


def skewed():
    atoms = systems.mixed(bulk("Si", "diamond", 5.4), 1)
    atoms.symbols = ["Li", "Si"]
    return atoms


def test_calculator_stress_and_results():
    atoms = skewed()
    atoms.calc = Calculator(systems.deep_potential())
    result = evaluate(atoms, atoms.calc.potential)
    assert atoms.get_potential_energy() == pytest.approx(result.energies.sum(), abs=1e-12)
    np.testing.assert_allclose(atoms.get_stress(voigt=False), -result.virial / atoms.get_volume(), atol=1e-12)
    np.testing.assert_allclose(atoms.get_potential_energies(), result.energies)
    numerical = atoms.calc.calculate_numerical_stress(atoms, d=1e-5, voigt=True)
    np.testing.assert_allclose(atoms.get_stress(), numerical, atol=1e-7)


def test_calculator_of_a_free_cluster_has_no_stress():
    atoms = systems.cluster()
    atoms.set_cell(np.zeros((3, 3)))
    atoms.calc = Calculator(systems.chebyshev())
    atoms.get_forces()
    assert "stress" not in atoms.calc.results
