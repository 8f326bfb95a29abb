"""Nose-Hoover chain step by step against LAMMPS (tests/data/README.md)."""

import json
from pathlib import Path

import numpy as np
import pytest

from hpcpot.md.engine import Engine
from hpcpot.md.integrators import INTEGRATORS, Thermostat
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential.base import Potential
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.structure.state import State
from hpcpot.units import AMU

GOLDEN = json.loads((Path(__file__).resolve().parent.parent / "data" / "md" / "golden.json").read_text())


@pytest.mark.parametrize("kernels", ["reference", "cpu"])
def test_nose_hoover_chain_follows_lammps(kernels):
    """100 steps of 108 Ar; LAMMPS's own constants enter through kT and the mass, its picoseconds through fs."""
    n, run, constants = 108, GOLDEN["runs"]["nvt"], GOLDEN["constants"]
    mass = GOLDEN["mass"] * constants["mvv2e"] * 1e6 / AMU
    cell = np.diag(GOLDEN["cell0"])
    state = State(
        cell, np.ones(3, bool), ("Ar",), np.array([mass]), np.array(GOLDEN["x0"]), np.zeros(n, np.int32), np.arange(n),
        np.array(GOLDEN["v0"]) / 1000.0, np.zeros((n, 3), np.int32), np.zeros(n, bool), n, n,
    )  # fmt: skip
    model = LennardJones(("Ar",), np.array([[GOLDEN["epsilon"]]]), np.array([[GOLDEN["sigma"]]]), GOLDEN["rc"])
    engine = Engine(Potential(model, kernels), Domain(cell, state.periodic, SERIAL, 8.0), SERIAL, 1.0)
    engine.start(state)
    kT = constants["boltz"] * 80.0
    thermostat = Thermostat(kT, kT, 200.0, 100, 0)
    integrator = INTEGRATORS["nvt_nose_hoover"]
    integrator.init(state, engine, thermostat)
    for _ in range(100):
        integrator.step(state, engine, GOLDEN["timestep"] * 1000.0, thermostat)
    back = np.argsort(state.ids)
    moved = state.positions[:n][back] - np.array(run["x"])
    moved -= np.round(moved / np.diag(cell)) * np.diag(cell)
    np.testing.assert_allclose(moved, 0.0, atol=1e-9)
    np.testing.assert_allclose(state.velocities[back] * 1000.0, run["v"], rtol=0, atol=1e-9)
    assert state.energies.sum() == pytest.approx(run["pe"], abs=1e-9)
    assert integrator.conserved(state, engine, thermostat) == pytest.approx(run["ecouple"], abs=1e-8)
