"""Nose-Hoover chain and barostat step by step against LAMMPS (tests/data/README.md)."""

import json

import numpy as np
import pytest
from repository import DATA

from hpcpot.dynamics.cell import scale_cell, stretch, volume
from hpcpot.dynamics.controls import Barostat, Thermostat
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.structure.state import State
from hpcpot.units import AMU

GOLDEN = json.loads((DATA / "md" / "golden.json").read_text())
CONSTANTS = GOLDEN["constants"]
KT, BAR, DT = CONSTANTS["boltz"] * 80.0, 1.0 / CONSTANTS["nktv2p"], GOLDEN["timestep"] * 1000.0


def start(kernels: str) -> tuple[State, Engine]:
    """108 Ar; LAMMPS's own constants enter through kT and the mass, its picoseconds through fs."""
    n, mass, cell = 108, GOLDEN["mass"] * CONSTANTS["mvv2e"] * 1e6 / AMU, np.diag(GOLDEN["cell0"])
    state = State(
        cell,
        np.ones(3, bool),
        ("Ar",),
        np.array([mass]),
        np.array(GOLDEN["x0"]),
        np.zeros(n, np.int32),
        np.arange(n),
        np.array(GOLDEN["v0"]) / 1000.0,
        np.zeros((n, 3), np.int32),
        np.zeros(n, bool),
        n,
        n,
    )
    model = LennardJones(("Ar",), np.array([[GOLDEN["epsilon"]]]), np.array([[GOLDEN["sigma"]]]), GOLDEN["rc"])
    engine = Engine(BlockPotential(model, kernels), Domain(cell, state.periodic, SERIAL, 8.0), SERIAL, 1.0)
    engine.start(state)
    return state, engine


def compare(state: State, run: dict) -> None:
    """Positions, counted from LAMMPS's corner of the box, velocities, cell and energy."""
    back, lengths = np.argsort(state.ids), np.diag(state.cell)
    np.testing.assert_allclose(lengths, run["cell"], rtol=0, atol=1e-9)
    moved = state.positions[:108][back] + np.array(run["boxlo"]) - np.array(run["x"])
    moved -= np.round(moved / lengths) * lengths
    np.testing.assert_allclose(moved, 0.0, atol=1e-9)
    np.testing.assert_allclose(state.velocities[back] * 1000.0, run["v"], rtol=0, atol=1e-9)
    assert state.energies.sum() == pytest.approx(run["pe"], abs=1e-9)


@pytest.mark.parametrize("kernels", ["reference", "cpu"])
def test_nose_hoover_chain_follows_lammps(kernels):
    state, engine = start(kernels)
    thermostat, integrator = Thermostat(KT, KT, 200.0, 100, 0), INTEGRATORS["nvt_nose_hoover"]
    integrator.init(state, engine, thermostat)
    for _ in range(100):
        integrator.step(state, engine, DT, thermostat)
    compare(state, GOLDEN["runs"]["nvt"])
    assert integrator.conserved(state, engine, thermostat) == pytest.approx(GOLDEN["runs"]["nvt"]["ecouple"], abs=1e-8)


@pytest.mark.parametrize("kernels", ["reference", "cpu"])
@pytest.mark.parametrize(("name", "drag", "rate"), [("npt_xz", 0.0, 0.0), ("npt_xz_drag_deform_y", 1.0, 1e-5)])
def test_barostat_follows_lammps(name, drag, rate, kernels):
    """x and z at 1 bar, y fixed or pulled. LAMMPS counts P V0 (L_y / L_y0)^2 / 2 less, for the axis without a target."""
    state, engine = start(kernels)
    run, first = GOLDEN["runs"][name], state.cell
    barostat = Barostat(Thermostat(KT, KT, 200.0, 100, 0, drag=drag), np.array([True, False, True]), BAR, 2000.0)
    integrator, first_volume = INTEGRATORS["npt_nose_hoover"], volume(state)
    integrator.init(state, engine, barostat)
    for k in range(100):
        integrator.step(state, engine, DT, barostat)
        scale_cell(state, engine, np.array([1.0, (1.0 + rate * DT * (k + 1)) / stretch(state.cell, first)[1], 1.0]))
    compare(state, run)
    coupling = (
        integrator.conserved(state, engine, barostat) - 0.5 * BAR * first_volume * stretch(state.cell, first)[1] ** 2
    )
    assert coupling == pytest.approx(run["ecouple"], abs=1e-8)
    momentum, virial = engine.fluxes(state)
    pressure = np.diag(momentum + virial) / volume(state) / BAR
    np.testing.assert_allclose(pressure, [run["pxx"], run["pyy"], run["pzz"]], rtol=0, atol=1e-6)
