"""Blocks of molecular dynamics between trials, at the same temperature, with velocities drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hpcpot.dynamics.cell import AXES
from hpcpot.dynamics.controls import Barostat, Thermostat
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.dynamics.motion import draw_velocities
from hpcpot.montecarlo.particles import Particles
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import SERIAL
from hpcpot.structure.state import State
from hpcpot.units import BOLTZMANN, EV_PER_A3_IN_GPA

SKIN = 1.0
"""Å, of the neighbour lists."""
SEEDS = 2**32
"""Seeds of blocks that follow each other."""


@dataclass(frozen=True)
class DynamicsBlock:
    """A block of dynamics.

    Attributes:
        integrator: a row of INTEGRATORS with a thermostat. steps; timestep: fs. thermostat_time, barostat_time: fs.
        pressure: GPa, along all axes, of an integrator with a barostat, which changes them by one factor.
        maximum_temperature: K, above which the block ends with an error.
    """

    integrator: str
    steps: int
    timestep: float
    thermostat_time: float
    pressure: float
    barostat_time: float
    maximum_temperature: float


def advance(
    particles: Particles,
    block: DynamicsBlock,
    temperature: float,
    masses: np.ndarray,
    seed: int,
    number: int,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Move the atoms by a block of dynamics; False where a signal ended it, and the atoms are where they were.

    Args:
        masses: (species,) float64, amu. number: of the block, from which, with the seed, its random numbers are.
    Raises:
        SimulationError: as of the engine.
    """
    n = particles.n
    if np.count_nonzero(~particles.held[:n]) == 0:
        return True
    integrator = INTEGRATORS[block.integrator]
    potential, kT, seed = particles.potential, BOLTZMANN * temperature, (seed + number * SEEDS) % 2**63
    state = State(
        cell=particles.cell.copy(),
        periodic=np.ones(3, bool),
        elements=potential.elements,
        masses=masses,
        positions=particles.positions[:n].copy(),
        species=particles.species[:n].copy(),
        ids=np.arange(n),
        velocities=np.zeros((n, 3)),
        images=np.zeros((n, 3), np.int32),
        frozen=particles.held[:n].copy(),
        n_owned=n,
        n_atoms=n,
    )
    domain = Domain(state.cell, state.periodic, SERIAL, potential.reach + SKIN)
    engine = Engine(
        *(potential, domain, SERIAL, SKIN, False, block.maximum_temperature, integrator.keeps_momentum, stop)
    )
    engine.start(state)
    draw_velocities(state, engine, kT, seed, integrator.keeps_momentum)
    controls = Thermostat(kT, kT, block.thermostat_time, block.steps, seed)
    if integrator.has_barostat:
        axes, pressure = np.ones(len(AXES), bool), block.pressure / EV_PER_A3_IN_GPA
        controls = Barostat(controls, axes, pressure, block.barostat_time, True)
    integrator.init(state, engine, controls)
    for _ in range(block.steps):
        integrator.step(state, engine, block.timestep, controls)
        if engine.stop_requested:
            return False
    order = np.argsort(state.ids)
    particles.place(state.positions[:n][order], state.cell)
    return True
