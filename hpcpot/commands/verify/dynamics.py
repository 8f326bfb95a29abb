"""Conservation of energy: a run at constant energy, and the drift of its energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from hpcpot.commands.verify.outcome import Outcome
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import nve
from hpcpot.dynamics.motion import draw_velocities
from hpcpot.dynamics.start import make_state
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential.contract import Potential
from hpcpot.units import BOLTZMANN, FS_PER_PS

SKIN = 1.0
DRIFT, SCATTER = 0.1, 1.0
"""meV/atom/ps; meV/atom."""
SEED = 5
SETTLING = 4
"""The first of this many parts of a run is left out."""


@dataclass(frozen=True)
class NveRun:
    """Energies along a run. times: (steps + 1,) fs; totals: meV/atom, from 0; temperatures: K."""

    times: np.ndarray
    totals: np.ndarray
    temperatures: np.ndarray


def run(atoms: Atoms, potential: Potential, temperature: float, timestep: float, steps: int) -> NveRun:
    """Run velocity Verlet from a crystal at rest, with velocities of twice the temperature, half of which becomes potential.

    Args:
        temperature: K. timestep: fs.
    """
    state = make_state(atoms, potential.elements, SERIAL)
    engine = Engine(potential, Domain(state.cell, state.periodic, SERIAL, potential.reach + SKIN), SERIAL, SKIN)
    engine.start(state)
    draw_velocities(state, engine, 2.0 * BOLTZMANN * temperature, SEED, True)
    nve.init(state, engine, None)
    totals, temperatures = [], []
    for step in range(steps + 1):
        if step:
            nve.step(state, engine, timestep, None)
        kinetic = engine.kinetic_energy(state)
        totals.append(float(state.energies.sum()) + kinetic)
        temperatures.append(engine.temperature(kinetic, state))
    values = 1000.0 * (np.array(totals) - totals[0]) / len(atoms)
    return NveRun(timestep * np.arange(steps + 1), values, np.array(temperatures))


def check(done: NveRun, where: str) -> list[Outcome]:
    """Check the drift of the total energy and its scatter about the line, once the crystal has equilibrated."""
    begin = len(done.times) // SETTLING
    times, totals = done.times[begin:] / FS_PER_PS, done.totals[begin:]
    slope, offset = np.polyfit(times, totals, 1)
    scatter = float(np.std(totals - slope * times - offset))
    where = f"{where}, {done.temperatures[begin:].mean():.0f} K, {done.times[-1] / FS_PER_PS:g} ps"
    return [
        Outcome("NVE: drift of the energy", abs(float(slope)), "meV/atom/ps", high=DRIFT, where=where),
        Outcome("NVE: scatter of the energy", scatter, "meV/atom", high=SCATTER, where=where),
    ]
