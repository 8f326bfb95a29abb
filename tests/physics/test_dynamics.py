"""Conservation laws and ensembles, with statistics that say what they can."""

import ase
import numpy as np
import pytest
import systems
from ase.build import bulk

from hpcpot.dynamics.controls import Thermostat
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.dynamics.thermo import measure
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import load
from hpcpot.structure.state import State
from hpcpot.units import BOLTZMANN


def argon(temperature: float, repeat: int = 4) -> tuple[State, Engine]:
    atoms = bulk("Ar", "fcc", 5.4, cubic=True) * repeat
    return systems.simulation(atoms, BlockPotential(systems.argon()), temperature=temperature, skin=1.0)


def silicon() -> ase.Atoms:
    return bulk("Si", "diamond", 5.46, cubic=True) * 2


def energies(state: State, engine: Engine, integrator: str, steps: int, dt: float, temperature: float) -> np.ndarray:
    """Total and conserved energy, temperature after each step: (steps, 3)."""
    chosen = INTEGRATORS[integrator]
    engine.keeps_momentum = chosen.keeps_momentum
    thermostat = Thermostat(BOLTZMANN * temperature, BOLTZMANN * temperature, 100.0, steps, 3)
    chosen.init(state, engine, thermostat)
    rows = []
    for _ in range(steps):
        chosen.step(state, engine, dt, thermostat)
        seen = measure(state, engine, chosen, thermostat)
        rows.append((seen["total_energy"], seen["conserved_energy"], seen["temperature"]))
    return np.array(rows)


@pytest.mark.parametrize("make", [systems.deep_potential, systems.chebyshev])
def test_nve_fluctuation_scales_with_the_square_of_the_timestep(make):
    fluctuation = []
    for dt in (0.5, 1.0):
        state, engine = systems.simulation(systems.crystal(2), BlockPotential(make()), temperature=300.0)
        fluctuation.append(energies(state, engine, "nve", int(60 / dt), dt, 0.0)[:, 0].std())
    assert fluctuation[1] / fluctuation[0] == pytest.approx(4.0, rel=0.2)


def test_nve_keeps_energy_and_momentum():
    """No drift of the total energy beyond its statistical error over 1 ps with a step of 0.5 fs."""
    state, engine = systems.simulation(silicon(), BlockPotential(load("lisi")), temperature=300.0)
    total = energies(state, engine, "nve", 2000, 0.5, 0.0)[:, 0] / state.n_atoms
    blocks = total.reshape(10, -1).mean(axis=1)
    time = np.arange(10) * 100.0
    slope, offset = np.polyfit(time, blocks, 1)
    error = np.sqrt(((blocks - slope * time - offset) ** 2).sum() / 8 / ((time - time.mean()) ** 2).sum())
    assert abs(slope) < 3 * error
    assert error * 1e6 < 1e-3, "eV/atom/ns; tight enough to mean something in 1 ps of 64 atoms"
    momentum = (state.masses[state.species[: state.n_owned]][:, None] * state.velocities).sum(axis=0)
    assert np.abs(momentum).max() < 1e-12


@pytest.mark.parametrize(("integrator", "steps"), [("nvt_nose_hoover", 4000), ("nvt_langevin", 4000)])
def test_nvt_temperature_distribution(integrator, steps):
    """Mean T and variance 2 T^2 / g within 3 sigma, the statistical error from block averages."""
    target = 80.0
    state, engine = argon(2 * target if integrator == "nvt_langevin" else target, 3)
    energies(state, engine, integrator, 500, 4.0, target)
    temperature = energies(state, engine, integrator, steps, 4.0, target)[:, 2]
    freedom = engine.degrees_of_freedom(state)
    blocks = temperature.reshape(20, -1)
    error = blocks.mean(axis=1).std(ddof=1) / np.sqrt(20)
    assert abs(temperature.mean() - target) < 3 * error + 0.003 * target
    spread = ((blocks - target) ** 2).mean(axis=1)
    expected = 2 * target**2 / freedom
    assert abs(spread.mean() - expected) < 3 * spread.std(ddof=1) / np.sqrt(20)


@pytest.mark.parametrize("integrator", ["nvt_nose_hoover", "nvt_langevin"])
def test_conserved_quantity_of_thermostats(integrator):
    state, engine = systems.simulation(silicon(), BlockPotential(load("lisi")), temperature=600.0)
    rows = energies(state, engine, integrator, 400, 1.0, 300.0)
    moved, conserved = np.ptp(rows[:, 0]), np.ptp(rows[:, 1])
    assert moved > 0.1, "the thermostat must have exchanged heat"
    assert conserved < 0.02 * moved


def test_frozen_atoms_stay_and_do_not_count():
    state, engine = argon(60.0, 3)
    state.frozen = state.positions[: state.n_owned, 2] < 3.0
    state.velocities[state.frozen] = 0.0
    frozen_ids = set(state.ids[state.frozen])
    before = dict(zip(state.ids, state.positions, strict=False))
    engine.start(state)
    energies(state, engine, "nvt_langevin", 50, 2.0, 60.0)
    assert set(state.ids[state.frozen]) == frozen_ids and frozen_ids
    for k in range(state.n_owned):
        moved = np.abs(state.positions[k] - before[state.ids[k]]).max()
        assert (moved == 0.0) == (state.ids[k] in frozen_ids)
    assert engine.degrees_of_freedom(state) == 3 * (state.n_atoms - len(frozen_ids))


def test_pressure_of_the_ideal_gas():
    rng = np.random.default_rng(0)
    atoms = ase.Atoms(
        "Ar50", rng.permutation(np.mgrid[:5, :5, :5].reshape(3, -1).T)[:50] * 40.0, cell=[200] * 3, pbc=True
    )
    state, engine = systems.simulation(atoms, BlockPotential(systems.argon()), SERIAL, temperature=500.0)
    seen = measure(state, engine, INTEGRATORS["nve"], None)
    ideal = 2.0 / 3.0 * seen["kinetic_energy"] / 200.0**3 * 160.2176634
    assert seen["pressure"] == pytest.approx(ideal, rel=1e-9)
    assert seen["temperature"] == pytest.approx(500.0)
