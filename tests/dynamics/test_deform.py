"""Cells that change and grips: pairs stay whole, forces and work add up, several ranks agree."""

import sys

import numpy as np
import pytest
import systems
from ase.build import bulk
from mpirun import run_ranks

from hpcpot.dynamics.cell import scale_cell, volume
from hpcpot.dynamics.controls import Barostat, Thermostat
from hpcpot.dynamics.deform import FIXED, MOVING, CellDeformation, Grips, grip_force, kept_frozen
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.dynamics.steppers.contract import Motion
from hpcpot.errors import SimulationError, StructureError
from hpcpot.parallel.ranks import SERIAL, Ranks, start
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import load
from hpcpot.structure.state import State
from hpcpot.units import AMU, BOLTZMANN, EV_PER_A3_IN_GPA


def stretched_stress(ranks: Ranks) -> np.ndarray:
    """Stress in GPa over 100 steps of pulling the triclinic mixture along y at 0.1/ps, x and z free: (100, 3, 3)."""
    state, engine = systems.simulation(
        systems.triclinic(), BlockPotential(systems.chebyshev()), ranks, temperature=300.0, skin=0.3
    )
    kT = BOLTZMANN * 300.0
    barostat = Barostat(Thermostat(kT, kT, 100.0, 100, 0), np.array([True, False, True]), 0.0, 500.0)
    deformation = CellDeformation(1, 1e-4)
    state.stage |= {"cell": state.cell, "rate_cell": state.cell}
    INTEGRATORS["npt_nose_hoover"].init(state, engine, barostat)
    rows = []
    for k in range(100):
        INTEGRATORS["npt_nose_hoover"].step(state, engine, 1.0, barostat)
        deformation.after_step(state, engine, 1.0, k + 1.0)
        rows.append(sum(engine.fluxes(state)) / volume(state) * EV_PER_A3_IN_GPA)
    assert engine.rebuilds > 2, "the run must be long enough to rebuild"
    return np.array(rows)


def test_virials_of_atoms_are_of_the_configuration_of_the_forces():
    """The cell is stretched after the forces of a step: the sum of the virials is nevertheless that of its forces."""
    state, engine = systems.simulation(systems.triclinic(), BlockPotential(systems.chebyshev()), temperature=300.0)
    state.stage |= {"cell": state.cell, "rate_cell": state.cell, "first_step": np.array(0)}
    motion = Motion(INTEGRATORS["nve"], None, 1.0, CellDeformation(1, 1e-2))
    for _ in range(3):
        motion.step(state, engine)
        positions, cell = state.positions[: state.n_owned].copy(), state.cell.copy()
        virials = engine.atom_virials(state)
        np.testing.assert_allclose(virials.sum(axis=0), state.virial, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(state.positions[: state.n_owned], positions)
        np.testing.assert_array_equal(state.cell, cell)
        np.testing.assert_array_equal(engine.domain.cell, cell)


@pytest.mark.mpi
def test_stress_does_not_depend_on_ranks(tmp_path):
    serial = stretched_stress(SERIAL)
    for n in (2, 3):
        run_ranks(n, __file__, tmp_path / "stress.npy")
        np.testing.assert_allclose(np.load(tmp_path / "stress.npy"), serial, rtol=0, atol=1e-8)


@pytest.mark.parametrize("make", [systems.crystal, systems.triclinic])
@pytest.mark.parametrize("factors", [(0.93, 1.0, 1.02), (1.06, 0.97, 1.0), (1.02, 1.02, 1.02)])
def test_forces_in_a_stretched_cell_are_those_of_new_pairs(make, factors):
    """Ghosts follow the cell, and pairs are rebuilt as soon as the cell's motion makes them incomplete."""
    state, engine = systems.simulation(make(), BlockPotential(systems.chebyshev()), temperature=None, skin=0.4)
    for _ in range(3):
        scale_cell(state, engine, np.array(factors) ** (1.0 / 3.0))
        state.positions[: state.n_owned] += 0.03
        engine.evaluate(state)
    forces = state.forces[np.argsort(state.ids)]
    engine.rebuild(state)
    engine.compute(state)
    np.testing.assert_allclose(forces, state.forces[np.argsort(state.ids)], atol=1e-10)


def test_small_stretches_do_not_rebuild():
    state, engine = systems.simulation(
        systems.crystal(), BlockPotential(systems.chebyshev()), temperature=None, skin=0.6
    )
    for _ in range(20):
        scale_cell(state, engine, np.array([1.002, 0.999, 0.999]))
        engine.evaluate(state)
    assert engine.rebuilds == 1


def test_virial_is_the_work_of_a_stretch():
    """dE = -virial d(strain)."""
    state, engine = systems.simulation(
        systems.triclinic(), BlockPotential(systems.chebyshev(), "reference"), temperature=None
    )
    virial = np.diag(state.virial).copy()
    for axis in range(3):
        energies = []
        for factor in (1.0 - 1e-5, (1.0 + 1e-5) / (1.0 - 1e-5)):
            factors = np.ones(3)
            factors[axis] = factor
            scale_cell(state, engine, factors)
            engine.evaluate(state)
            energies.append(state.energies.sum())
        scale_cell(state, engine, 1.0 / np.where(np.arange(3) == axis, 1.0 + 1e-5, 1.0))
        assert -(energies[1] - energies[0]) / 2e-5 == pytest.approx(virial[axis], rel=1e-4, abs=1e-3)


def npt_run(
    state: State, engine: object, temperature: float, pressure: float, steps: int, dt: float, is_isotropic: bool
) -> np.ndarray:
    """After each step: conserved energy in eV per atom, pressure in GPa, volume in Å³, sum W w^2 of the cell in kT."""
    kT = BOLTZMANN * temperature
    thermostat, axes, mass = Thermostat(kT, kT, 100.0, 1, 0), np.ones(3, bool), (state.n_atoms + 1) * kT * 1000.0**2
    barostat = Barostat(thermostat, axes, pressure / EV_PER_A3_IN_GPA, 1000.0, is_isotropic)
    integrator, rows = INTEGRATORS["npt_nose_hoover"], []
    integrator.init(state, engine, barostat)
    for _ in range(steps):
        integrator.step(state, engine, dt, barostat)
        total = state.energies.sum() + engine.kinetic_energy(state) + integrator.conserved(state, engine, barostat)
        inside = np.trace(sum(engine.fluxes(state))) / 3.0 / volume(state) * EV_PER_A3_IN_GPA
        of_cell = mass * (state.scalars["barostat_rates"] ** 2).sum() / kT
        rows.append((total / state.n_atoms, inside, volume(state), of_cell))
    return np.array(rows)


COUPLINGS = pytest.mark.parametrize("is_isotropic", [False, True], ids=["axes", "isotropic"])


@COUPLINGS
def test_npt_conserves_its_quantity(is_isotropic):
    """Under 2 GPa its fluctuation scales with the square of the time step: the equations conserve it exactly."""
    fluctuation = []
    for dt in (0.5, 1.0):
        atoms = bulk("Si", "diamond", 5.46, cubic=True) * 2
        state, engine = systems.simulation(atoms, BlockPotential(load("lisi")), temperature=300.0)
        first = volume(state)
        conserved = npt_run(state, engine, 300.0, 2.0, int(100 / dt), dt, is_isotropic)[:, 0]
        assert abs(volume(state) / first - 1.0) > 1e-4
        fluctuation.append(np.std(conserved))
    assert fluctuation[0] < 1e-4
    assert fluctuation[1] / fluctuation[0] == pytest.approx(4.0, rel=0.2)


@pytest.fixture(scope="module")
def argon_under_pressure() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Argon at 60 K and 0.1 GPa with both couplings: the last cell, means of what `npt_run` gives, and their errors."""
    found = []
    for is_isotropic in (False, True):
        state, engine = systems.simulation(
            bulk("Ar", "fcc", 5.3, cubic=True) * 3, BlockPotential(systems.argon()), temperature=60.0
        )
        rows = npt_run(state, engine, 60.0, 0.1, 5000, 2.0, is_isotropic)[1000:]
        assert np.ptp(rows[:, 2]) > 1.0
        blocks = rows.reshape(8, -1, 4).mean(axis=1)
        found.append((state.cell, blocks.mean(axis=0), blocks.std(axis=0, ddof=1) / np.sqrt(8)))
    return found


@COUPLINGS
def test_npt_reaches_its_pressure(is_isotropic, argon_under_pressure):
    """Within the statistical error; and a coupled cell stays cubic."""
    cell, mean, error = argon_under_pressure[is_isotropic]
    assert error[1] < 0.01 and abs(mean[1] - 0.1) < 4.0 * error[1]
    assert (np.ptp(np.diag(cell)) < 1e-10) == is_isotropic


@COUPLINGS
def test_the_lengths_of_the_cell_have_kT_for_each_that_is_free(is_isotropic, argon_under_pressure):
    """Equipartition: <sum W w^2> = 3 kT of three lengths, and kT of three that change together."""
    _, mean, error = argon_under_pressure[is_isotropic]
    assert error[3] < 0.6 and abs(mean[3] - (1.0 if is_isotropic else 3.0)) < 3.0 * error[3]


def test_both_couplings_find_the_same_volume(argon_under_pressure):
    """The mean of a cubic crystal does not depend on how its fluctuations are coupled."""
    (_, first, its_error), (_, second, other_error) = argon_under_pressure
    error = np.hypot(its_error[2], other_error[2])
    assert error < 0.002 * first[2] and abs(first[2] - second[2]) < 4.0 * error


def cluster(**grips: object) -> tuple[State, object, Grips]:
    state, engine = systems.simulation(
        systems.cluster(), BlockPotential(systems.chebyshev()), temperature=300.0, skin=0.5
    )
    return state, engine, Grips(**{"axis": 2, "rate": 1e-4, "force": None, "fraction": 0.2, "regions": None} | grips)


def test_atoms_of_grips_are_no_frozen_atoms_of_the_structure():
    state, engine, grips = cluster()
    middle = np.argsort(state.positions[: state.n_owned, 2])[state.n_owned // 2]
    state.frozen[middle] = True
    grips.begin(state, engine)
    assert state.frozen.sum() > 2 and np.flatnonzero(kept_frozen(state)).tolist() == [middle]
    grips.end(state)
    assert np.flatnonzero(state.frozen).tolist() == [middle]


def test_grips_hold_and_move_their_atoms():
    state, engine, grips = cluster()
    grips.begin(state, engine)
    grip, z = state.per_atom["grip"], state.positions[: state.n_owned, 2]
    length = np.ptp(z)
    np.testing.assert_array_equal(grip == FIXED, z <= z.min() + 0.2 * length)
    np.testing.assert_array_equal(grip == MOVING, z >= z.max() - 0.2 * length)
    start_at = dict(zip(state.ids.tolist(), state.positions[: state.n_owned].copy(), strict=True))
    for _ in range(30):
        grips.before_step(state, engine, 1.0)
        INTEGRATORS["nve"].step(state, engine, 1.0, None)
    moved = np.array([x - start_at[i] for i, x in zip(state.ids.tolist(), state.positions, strict=False)])
    grip = state.per_atom["grip"]
    np.testing.assert_array_equal(moved[grip == FIXED], 0.0)
    np.testing.assert_allclose(
        moved[grip == MOVING], [[0.0, 0.0, 30 * 1e-4 * length]] * (grip == MOVING).sum(), atol=1e-12
    )
    assert engine.degrees_of_freedom(state) == 3 * (grip == 0).sum()
    grips.end(state)
    assert not state.frozen.any()


def test_work_of_the_grip_is_the_energy_gained():
    """Energy of the mobile atoms changes by the integral of the grip's force over its way."""
    state, engine, grips = cluster(rate=2e-4)
    grips.begin(state, engine)
    energy = [state.energies.sum() + engine.kinetic_energy(state)]
    force, way = [grip_force(state, engine)[2]], [0.0]
    for _ in range(200):
        grips.before_step(state, engine, 0.5)
        INTEGRATORS["nve"].step(state, engine, 0.5, None)
        energy.append(state.energies.sum() + engine.kinetic_energy(state))
        force.append(grip_force(state, engine)[2])
        way.append(float(state.stage["grip_displacement"]))
    work, gained = np.trapezoid(force, way), energy[-1] - energy[0]
    assert abs(gained) > 0.05
    assert work == pytest.approx(gained, rel=0.02)


def test_force_moves_a_rigid_grip_as_newton_says():
    """Its acceleration is (pull - reaction) / mass, and its kinetic energy with the rest's is the pull's work."""
    state, engine, grips = cluster(rate=None, force=3.0)
    grips.begin(state, engine)
    mass = AMU * state.masses[state.species[: state.n_owned]][state.per_atom["grip"] == MOVING].sum()
    assert float(state.stage["grip_mass"]) == pytest.approx(mass)
    first = grip_force(state, engine)[2]
    total = []
    for k in range(200):
        grips.before_step(state, engine, 0.5)
        if k == 0:
            assert float(state.stage["grip_velocity"]) == pytest.approx(0.5 * (3.0 - first) / mass)
        INTEGRATORS["nve"].step(state, engine, 0.5, None)
        kinetic = 0.5 * mass * float(state.stage["grip_velocity"]) ** 2
        work = 3.0 * float(state.stage["grip_displacement"])
        total.append(state.energies.sum() + engine.kinetic_energy(state) + kinetic - work)
    assert 3.0 * float(state.stage["grip_displacement"]) > 0.1
    assert np.ptp(total) < 0.02


def test_grips_without_atoms_or_with_common_ones_are_refused():
    somewhere, nowhere = [[None, None]] * 3, [[None, None], [None, None], [500.0, None]]
    for regions, words in (
        ((somewhere, nowhere), "grips.moving = no atom in its region along z"),
        ((nowhere, somewhere), "grips.fixed = no atom in its region along z"),
        ((somewhere, somewhere), "64 atoms in both"),
    ):
        state, engine, grips = cluster(regions=regions)
        with pytest.raises(StructureError, match=words):
            grips.begin(state, engine)


def test_a_leap_of_the_cell_is_refused():
    state, engine = systems.simulation(systems.crystal(), BlockPotential(systems.chebyshev()), temperature=None)
    for factor in (1.5, np.nan, 0.5):
        with pytest.raises(
            SimulationError, match="cell along y = changes by a factor of .* lengthen md.barostat_time_fs"
        ):
            scale_cell(state, engine, np.array([1.0, factor, 1.0]))


if __name__ == "__main__":
    ranks = start()
    found = stretched_stress(ranks)
    if ranks.is_root:
        np.save(sys.argv[1], found)
