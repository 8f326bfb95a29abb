"""ASE calculators: as reference potentials of the engine, and hpcpot's potentials for ASE."""

from dataclasses import replace

import numpy as np
import pytest
import systems
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.verlet import VelocityVerlet

from hpcpot.dataset.dataset import from_frames
from hpcpot.dataset.predict import predict
from hpcpot.errors import ModelError, SimulationError, StructureError
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import AsePotential, Calculator, evaluate
from hpcpot.potential.local_change import LocalChange


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


def position(value):
    return lambda atoms: atoms.positions.__setitem__((3, 1), value)


def cell(*rows):
    return lambda atoms: atoms.set_cell(np.array(rows, float))


IMPOSSIBLE = [
    (position(np.nan), r"positions of atom 3 \(Si\) = .*nan.*: must be finite"),
    (position(-np.inf), r"positions of atom 3 \(Si\) = .*inf.*: must be finite"),
    (position(1e12), r"positions of atom 3 \(Si\) = .*below 1e\+10 Å"),
    (position(1e308), r"positions of atom 3 \(Si\) = .*below 1e\+10 Å"),
    (cell([np.nan, 0, 0], [0, 5, 0], [0, 0, 5]), "cell = .*nan.*: must be finite"),
    (cell([1e12, 0, 0], [0, 5, 0], [0, 0, 5]), r"cell = .*below 1e\+10 Å"),
    (cell([0, 0, 0], [0, 0, 0], [0, 0, 0]), "cell vector a = 0 on a periodic axis"),
    (cell([5, 0, 0], [0, 5, 0], [0, 5, 0]), "cell = .*: must have a volume"),
    (cell([0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]), "an atom and its own image = 0.1 Å along cell vector a"),
    (cell([0.6, 0, 0], [0, 0.6, 0], [0, 0, 0.6]), "cell = 0.216 Å³ for 8 atoms: atoms must stay 0.5 Å apart"),
    (cell([9, 0, 0], [0, 9, 0], [1e6, 0, 9]), r"cell = 8.1e-05 Å thin: .* images within .* take .* GB"),
    (lambda atoms: atoms.arrays["numbers"].__setitem__(3, 0), "species of atom 3 = number 0: must be an element"),
    (lambda atoms: atoms.__delitem__(slice(None)), "structure = 0 atoms"),
    (lambda atoms: atoms.set_masses([0.0] * 8), r"mass of atom 0 \(Si\) = 0.0 amu: must be positive"),
    (lambda atoms: atoms.set_masses([1.0] * 7 + [np.nan]), r"mass of atom 7 \(Si\) = nan amu"),
    (lambda atoms: atoms.set_velocities(np.full((8, 3), 1e6)), r"velocities of atom 0 \(Si\) = .*and below 3.05e\+04"),
]
"""What no program can compute, and the error for it."""


@pytest.mark.parametrize(("spoil", "message"), IMPOSSIBLE)
@pytest.mark.parametrize("model", [systems.chebyshev, systems.deep_potential, systems.moment_tensor])
def test_calculator_refuses_what_cannot_be(model, spoil, message):
    """A value that would crash compiled code, or give a number that means nothing, after one that was computed."""
    atoms = bulk("Si", cubic=True)
    atoms.calc = Calculator(model())
    atoms.get_potential_energy()
    spoil(atoms)
    with pytest.raises(StructureError, match=message):
        atoms.calc.calculate(atoms)


def test_calculator_takes_positions_of_any_kind_of_number():
    atoms = bulk("Si", cubic=True, a=5.5)
    whole, atoms.calc = np.round(atoms.positions), Calculator(systems.chebyshev())
    atoms.arrays["positions"] = whole.astype(np.int32)
    energy = atoms.get_potential_energy()
    atoms.arrays["positions"] = whole
    assert energy == atoms.calc.get_potential_energy(atoms.copy())


def test_calculator_of_what_is_no_model():
    with pytest.raises(ModelError, match="model = NoneType: must be a file"):
        Calculator(None)


def test_an_ase_potential_refuses_what_cannot_be():
    atoms = copper()
    atoms.positions[5, 0] = np.nan
    with pytest.raises(StructureError, match=r"positions of atom 5 \(Cu\)"):
        AsePotential(EMT(), atoms)


def test_atoms_that_are_too_close_are_named():
    atoms = bulk("Si", cubic=True)
    atoms.positions[5] = atoms.positions[2] + [0.3, 0, 0]
    atoms.calc = Calculator("lisi_mtp")
    with pytest.raises(
        StructureError, match=r"distance of atoms 2 \(Si\) and 5 \(Si\) = 0\.3 Å: must be at least 0\.5 Å"
    ):
        atoms.get_forces()


def absurd(weight: float):
    """A model of finite parameters whose energies, or their sums, are not."""
    model = systems.deep_potential()
    *hidden, last = model.fittings[0]
    return replace(model, fittings=((*hidden, replace(last, weights=np.full_like(last.weights, weight))),) * 2)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("weight", [1.7e308, 1e290])
@pytest.mark.parametrize(
    ("ask", "of"),
    [
        (lambda atoms, model: evaluate(atoms, BlockPotential(model)), "the structure"),
        (lambda atoms, model: Calculator(model).get_forces(atoms), "the structure"),
        (
            lambda atoms, model: LocalChange(atoms, BlockPotential(model)).removals([0]),
            "a frame with or without an atom",
        ),
        (lambda atoms, model: predict(from_frames([atoms]), BlockPotential(model)), "0"),
    ],
)
def test_a_result_that_is_no_number_does_not_leave(ask, of, weight):
    with pytest.raises(SimulationError, match=f"of atom 0 of .*{of}.* = not finite, or beyond 1e.200: must be numbers"):
        ask(systems.crystal(2), absurd(weight))
