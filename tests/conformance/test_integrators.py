"""What must hold of every integrator in the table, and of one that another package adds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import runs
from conformance import integrator_runs
from conformance.integrator_runs import STEPS, TIMESTEP, begin, by_id, controls_of, go, of_all_ranks, prepare
from mpirun import run_ranks

from hpcpot.dynamics import restart
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import INTEGRATORS, Integrator, register
from hpcpot.errors import ExtensionError
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import SERIAL
from hpcpot.structure.state import MIGRATED

ALL = pytest.mark.parametrize("integrator", INTEGRATORS.values(), ids=INTEGRATORS)
MOVING = [row for row in INTEGRATORS.values() if not row.is_minimiser]
OUTSIDE = Path(integrator_runs.__file__).with_name("outside")


@ALL
def test_beginning_moves_nothing(integrator):
    """A minimiser alone takes the velocities off."""
    before, _ = prepare(integrator)
    state, _ = begin(integrator)
    assert state.step == 0
    np.testing.assert_array_equal(state.cell, before.cell)
    for name in (*MIGRATED, "forces"):
        if name != "velocities":
            np.testing.assert_array_equal(getattr(state, name), getattr(before, name), err_msg=name)
    np.testing.assert_array_equal(state.velocities, 0.0 if integrator.is_minimiser else before.velocities)


@ALL
def test_a_step_counts_itself_and_keeps_numbers_and_arrays_as_they_are_saved(integrator):
    state, engine = begin(integrator)
    shapes = {name: np.shape(value) for name, value in state.scalars.items()}
    go(integrator, state, engine)
    assert state.step == STEPS
    assert {name: np.shape(value) for name, value in state.scalars.items()} == shapes
    assert all(np.asarray(value).dtype == np.float64 for value in state.scalars.values())
    assert all(len(values) == state.n_owned for values in state.per_atom.values())


@ALL
def test_frozen_atoms_stay(integrator):
    """In a cell that a barostat changes they keep their fractional coordinates."""
    state, engine = begin(integrator, frozen=True)
    before = by_id(state)
    go(integrator, state, engine)
    after, held = by_id(state), np.arange(state.n_atoms) % 5 == 0
    fractions = [found["positions"] @ np.linalg.inv(found["cell"]) for found in (before, after)]
    np.testing.assert_allclose(
        fractions[1][held], fractions[0][held], rtol=0, atol=1e-13 if integrator.has_barostat else 0
    )
    np.testing.assert_array_equal(after["velocities"][held], 0.0)
    assert (np.abs(fractions[1][~held] - fractions[0][~held]).max(axis=1) > 1e-8).all()


@ALL
def test_a_restart_goes_on_bit_by_bit(integrator, tmp_path):
    state, engine = begin(integrator)
    go(integrator, state, engine)
    restart.write(tmp_path / "c.h5", state, engine, "md", integrator.name, "")
    other, saved = restart.read(tmp_path / "c.h5", SERIAL, state.elements)
    domain = Domain(other.cell, other.periodic, SERIAL, engine.domain.width)
    domain.set_cuts(saved.layout.cuts)
    other_engine = Engine(engine.potential, domain, SERIAL, engine.skin, keeps_momentum=integrator.keeps_momentum)
    other_engine.resume(other, saved.layout.built_at, saved.layout.built_cell)
    go(integrator, state, engine, 3 * STEPS)
    go(integrator, other, other_engine, 3 * STEPS)
    assert engine.rebuilds > 1
    for name, values in of_all_ranks(state, SERIAL).items():
        np.testing.assert_array_equal(of_all_ranks(other, SERIAL)[name], values, err_msg=name)


@ALL
def test_momentum_is_kept_where_it_is_said(integrator):
    state, engine = begin(integrator)
    go(integrator, state, engine)
    momentum = state.masses[state.species[: state.n_owned]] @ state.velocities
    if integrator.keeps_momentum:
        np.testing.assert_allclose(momentum, 0.0, atol=1e-12)
    else:
        assert np.abs(momentum).max() > 1e-6


COUPLED = [
    pytest.param(row, is_isotropic, id=f"{row.name}{'-isotropic' * is_isotropic}")
    for row in MOVING
    for is_isotropic in ((False, True) if row.has_barostat else (False,))
]


@pytest.mark.parametrize(("integrator", "is_isotropic"), COUPLED)
def test_the_conserved_energy_is_constant_and_more_so_with_shorter_steps(integrator, is_isotropic):
    """The spread falls with the square of the time step; what thermostats take is in it.

    A changing cell carries pairs over the cutoff, where argon's energy jumps by more than the steps are wrong.
    """

    def spread(timestep: float) -> float:
        state, engine = begin(integrator)
        controls, energies = controls_of(integrator, is_isotropic=is_isotropic), []
        for _ in range(round(40.0 / timestep)):
            integrator.step(state, engine, timestep, controls)
            total = state.energies.sum() + engine.kinetic_energy(state)
            energies.append(total + integrator.conserved(state, engine, controls))
        return float(np.ptp(energies))

    long, short = spread(4.0), spread(1.0)
    assert long < 5e-6 * 108 and short < (1.0 if integrator.has_barostat else 0.2) * long


@pytest.mark.parametrize(
    "integrator", [row for row in INTEGRATORS.values() if row.has_barostat], ids=lambda row: row.name
)
@pytest.mark.parametrize("is_isotropic", [False, True])
def test_an_isotropic_barostat_changes_its_axes_by_one_factor(integrator, is_isotropic):
    state, engine = prepare(integrator)
    controls, before = controls_of(integrator, is_isotropic=is_isotropic), np.diag(state.cell)
    integrator.init(state, engine, controls)
    for _ in range(STEPS):
        integrator.step(state, engine, TIMESTEP, controls)
    x, y, z = np.diag(state.cell) / before
    assert y == 1.0 and abs(x - 1.0) > 1e-6
    assert (abs(x - z) < 1e-14) == is_isotropic


@pytest.mark.parametrize(
    "integrator", [row for row in INTEGRATORS.values() if row.is_minimiser], ids=lambda row: row.name
)
def test_a_minimiser_lowers_the_energy_and_the_forces(integrator):
    state, engine = begin(integrator)
    energy, force = state.energies.sum(), np.abs(state.forces).max()
    go(integrator, state, engine, 60, 5.0)
    assert state.energies.sum() < energy - 0.01 and np.abs(state.forces).max() < 0.5 * force


def test_velocity_verlet_goes_back_where_it_came_from():
    nve = INTEGRATORS["nve"]
    state, engine = begin(nve)
    before = by_id(state)
    go(nve, state, engine, 50)
    assert np.abs(by_id(state)["positions"] - before["positions"]).max() > 0.1
    state.velocities *= -1.0
    go(nve, state, engine, 50)
    np.testing.assert_allclose(by_id(state)["positions"], before["positions"], rtol=0, atol=1e-11)
    np.testing.assert_allclose(by_id(state)["velocities"], -before["velocities"], rtol=0, atol=1e-13)


@pytest.mark.mpi
def test_two_ranks_do_what_one_does(tmp_path):
    run_ranks(2, integrator_runs.__file__, tmp_path / "two.npz")
    with np.load(tmp_path / "two.npz") as two:
        for integrator in INTEGRATORS.values():
            state, engine = begin(integrator)
            go(integrator, state, engine)
            for name, values in of_all_ranks(state, SERIAL).items():
                # Along a line search a difference of rounding is squared away from the minimum and grows on the way.
                tolerance = 1e-8 if integrator.is_minimiser else 1e-10
                found = two[f"{integrator.name} {name}"]
                np.testing.assert_allclose(
                    found, values, rtol=tolerance, atol=tolerance, err_msg=f"{integrator.name} {name}"
                )


def test_a_name_is_taken_once():
    with pytest.raises(ExtensionError, match="integrator = nve: is in the table already; choose another name"):
        register(Integrator("nve", "elsewhere"))


def test_the_command_line_takes_an_integrator_of_another_package(tmp_path):
    config = runs.prepare(tmp_path, md__integrator="nvt_rescaled", md__steps=10, output__observables_every=1)

    def call(**more: str) -> subprocess.CompletedProcess:
        path = os.pathsep.join([str(OUTSIDE), os.environ.get("PYTHONPATH", "")])
        environment = runs.environment() | {"PYTHONPATH": path} | more
        return subprocess.run(runs.command(config), env=environment, capture_output=True, text=True, cwd=tmp_path)

    unknown = call()
    assert unknown.returncode == 1 and "md.integrator = nvt_rescaled" in unknown.stderr
    done = call(HPCPOT_PLUGINS="rescaled_nve")
    assert done.returncode == 0, done.stderr
    temperatures = runs.dataset(tmp_path / "run.h5md", "observables/temperature/value")
    np.testing.assert_allclose(temperatures[1:], 80.0, rtol=1e-12)
    absent = call(HPCPOT_PLUGINS="rescaled_nve, not_there")
    assert absent.returncode == 1 and "Traceback" not in absent.stderr
    assert "HPCPOT_PLUGINS = not_there: must be a module that Python can import" in absent.stderr
