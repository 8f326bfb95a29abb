"""Steps on the device, run on the CPU, against those of the integrators on the host."""

from __future__ import annotations

from types import SimpleNamespace

import ase
import numpy as np
import pytest
from systems import chebyshev, cluster, crystal, deep_potential, moment_tensor, simulation, slab, triclinic

from hpcpot.dynamics.controls import Thermostat
from hpcpot.dynamics.deform import CellDeformation
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.dynamics.steppers import available, choose
from hpcpot.dynamics.steppers.contract import Motion
from hpcpot.dynamics.steppers.graph import GraphSteps
from hpcpot.errors import SimulationError
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.moments.gpu.potential import GpuPotential
from hpcpot.units import BOLTZMANN

NVE = Motion(INTEGRATORS["nve"], None, 1.0)


def begun(potential, integrator, atoms=None, temperature=900.0, **options):
    chosen = INTEGRATORS[integrator]
    options |= {"temperature": temperature, "keeps_momentum": chosen.keeps_momentum}
    state, engine = simulation(atoms or crystal(2), potential, **options)
    thermostat = Thermostat(BOLTZMANN * 900.0, BOLTZMANN * 400.0, 20.0, 60, 5, 0, 0.1) if "nvt" in integrator else None
    chosen.init(state, engine, thermostat)
    return state, engine, thermostat


def both(device, family, integrator, steps, atoms=None, parts=1, **options):
    """The same steps on the host with the kernels for the CPU, and on the device."""
    host = begun(BlockPotential(family), integrator, atoms, **options)
    for _ in range(steps):
        INTEGRATORS[integrator].step(host[0], host[1], 1.0, host[2])
    own = begun(GpuPotential(family, device), integrator, atoms, **options)
    stepper = GraphSteps(own[1].potential)
    motion = Motion(INTEGRATORS[integrator], own[2], 1.0)
    assert stepper.can(own[0], own[1], motion)
    for _ in range(parts):
        stepper.advance(own[0], own[1], motion, steps // parts)
    return host, own, stepper


def assert_same(host, own):
    (state, engine, _), (other, other_engine, _) = host, own
    assert other.step == state.step and other_engine.rebuilds == engine.rebuilds
    order, other_order = np.argsort(state.ids), np.argsort(other.ids)
    for name in ("positions", "velocities", "forces", "energies", "images"):
        a, b = getattr(state, name)[: state.n_owned][order], getattr(other, name)[: state.n_owned][other_order]
        np.testing.assert_allclose(b, a, rtol=0, atol=2e-9, err_msg=name)
    np.testing.assert_allclose(other.virial, state.virial, rtol=0, atol=1e-7)
    assert other.scalars.keys() == state.scalars.keys()
    for name, value in state.scalars.items():
        np.testing.assert_allclose(other.scalars[name], value, rtol=1e-8, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("integrator", ["nve", "nvt_nose_hoover", "nvt_langevin"])
def test_a_run_with_rebuilds_is_that_of_the_host(integrator, device):
    host, own, _ = both(device, chebyshev(), integrator, 36, parts=3)
    assert host[1].rebuilds > 1, "no rebuild on the way"
    assert_same(host, own)


def test_deep_potential_in_a_slab_with_frozen_atoms(device):
    family = deep_potential()

    def frozen(state, engine):
        state.frozen = state.ids % 3 == 0
        state.velocities[state.frozen] = 0.0
        engine.count_mobile(state)

    states = []
    for potential in (BlockPotential(family), GpuPotential(family, device)):
        state, engine, thermostat = begun(potential, "nvt_langevin", slab(), temperature=2500.0)
        frozen(state, engine)
        states.append((state, engine, thermostat))
    held = states[1][0].positions[: states[1][0].n_owned][np.argsort(states[1][0].ids)][::3]
    for _ in range(12):
        INTEGRATORS["nvt_langevin"].step(states[0][0], states[0][1], 1.0, states[0][2])
    GraphSteps(states[1][1].potential).advance(
        *states[1][:2], Motion(INTEGRATORS["nvt_langevin"], states[1][2], 1.0), 12
    )
    assert_same(*states)
    after = states[1][0].positions[: states[1][0].n_owned][np.argsort(states[1][0].ids)][::3]
    np.testing.assert_array_equal(after, held)


@pytest.mark.parametrize("atoms", [triclinic(), cluster()], ids=["triclinic", "cluster"])
def test_any_cell(device, atoms):
    host, own, _ = both(device, chebyshev(), "nve", 8, atoms, temperature=4000.0)
    assert host[1].rebuilds > 1
    assert_same(host, own)


def test_arrays_of_others_go_with_the_atoms(device):
    state, engine, _ = begun(GpuPotential(chebyshev(), device), "nve")
    state.per_atom["grip"] = state.ids.astype(np.int32) % 5
    GraphSteps(engine.potential).advance(state, engine, NVE, 20)
    assert engine.rebuilds > 1
    np.testing.assert_array_equal(state.per_atom["grip"], state.ids % 5)


def test_the_host_goes_on_with_pairs_and_ghosts_of_the_device(device):
    state, engine, _ = begun(GpuPotential(chebyshev(), device), "nve")
    GraphSteps(engine.potential).advance(state, engine, NVE, 25)
    assert engine.rebuilds > 1
    forces, positions = state.forces, state.positions.copy()
    engine.domain.halo(state)
    np.testing.assert_allclose(state.positions, positions, rtol=0, atol=1e-12)
    engine.compute(state)
    np.testing.assert_allclose(state.forces, forces, rtol=0, atol=1e-10)
    np.testing.assert_allclose(engine.atom_virials(state).sum(axis=0), state.virial, rtol=0, atol=1e-8)
    before = state.energies.sum()
    engine.rebuild(state)
    engine.compute(state)
    np.testing.assert_allclose(state.energies.sum(), before, rtol=0, atol=1e-9)


def test_one_graph_outlasts_rebuilds(device):
    _, own, stepper = both(device, chebyshev(), "nve", 36)
    assert own[1].rebuilds > 2
    assert stepper.captured == 1


def test_a_moment_tensor_potential_is_a_graph_too(device):
    host, own, stepper = both(device, moment_tensor(), "nve", 4, temperature=3000.0)
    assert stepper.captured == 1
    order, other_order = np.argsort(host[0].ids), np.argsort(own[0].ids)
    np.testing.assert_allclose(own[0].forces[other_order], host[0].forces[order], rtol=1e-5, atol=1e-5)


def test_small_cell_whose_ghosts_are_images_of_ghosts(device):
    host, own, _ = both(device, chebyshev(), "nve", 6, crystal(1))
    assert len(host[0].positions) > 20 * host[0].n_owned
    assert_same(host, own)


def test_a_stop_ends_it_early(device):
    state, engine, _ = begun(GpuPotential(chebyshev(), device), "nve")
    asked = iter([False, True, True, True, True, True, True])
    engine._stop = lambda: next(asked)
    GraphSteps(engine.potential).advance(state, engine, NVE, 1000)
    assert engine.stop_requested and 0 < state.step < 1000


def test_too_hot_and_lost_atoms_are_errors_as_on_the_host(device):
    state, engine, _ = begun(GpuPotential(chebyshev(), device), "nve")
    engine.maximum_temperature = 100.0
    with pytest.raises(SimulationError, match="temperature = .* K: must stay below md.maximum_temperature_K = 100"):
        GraphSteps(engine.potential).advance(state, engine, NVE, 5)
    state, engine, _ = begun(GpuPotential(chebyshev(), device), "nve")
    state.velocities[3] = [9.0, 0.0, 0.0]
    with pytest.raises(SimulationError, match="moved .* Å since its pairs were built: must stay below the cutoff"):
        GraphSteps(engine.potential).advance(state, engine, NVE, 5)


def test_contact_is_an_error(device):
    atoms = ase.Atoms("Si2", [[0.0, 0, 0], [1.1, 0, 0]], cell=[30, 30, 30], pbc=True)
    state, engine, _ = begun(GpuPotential(chebyshev(), device), "nve", atoms, temperature=None, skin=3.0)
    state.velocities[1] = [-0.25, 0.0, 0.0]
    with pytest.raises(SimulationError, match="distance Si-Si = 0.* Å: atoms must stay 0.5 Å apart"):
        GraphSteps(engine.potential).advance(state, engine, NVE, 40)
    assert engine.rebuilds == 1, "the device did not see it"


def test_the_graph_is_chosen_where_it_can(device):
    """The choice is by what the integrator's row, the deformation and the ranks say."""
    state, engine, _ = begun(GpuPotential(chebyshev(), device), "nve")
    steppers = available(engine.potential)
    chosen = {row.name: choose(steppers, state, engine, Motion(row, None, 1.0)).name for row in INTEGRATORS.values()}
    graph = dict.fromkeys(("nve", "nvt_nose_hoover", "nvt_langevin"), "graph")
    assert chosen == dict.fromkeys(INTEGRATORS, "device") | graph
    pulled = Motion(INTEGRATORS["nve"], None, 1.0, CellDeformation(0, 1e-3))
    assert choose(steppers, state, engine, pulled).name == "device"
    engine.ranks = SimpleNamespace(size=2)
    assert choose(steppers, state, engine, NVE).name == "device"
    on_host = available(BlockPotential(chebyshev()))
    assert [stepper.name for stepper in on_host] == ["host"] and choose(on_host, state, engine, pulled).name == "host"
