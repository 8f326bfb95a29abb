"""Annealing in memory: Langevin stages one after another, for building structures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ase
import ase.units
import numpy as np

from hpcpot.dynamics.controls import Thermostat
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.dynamics.motion import draw_velocities
from hpcpot.dynamics.start import extent, make_state
from hpcpot.dynamics.thermo import measure
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import Ranks
from hpcpot.potential.contract import Potential
from hpcpot.units import BOLTZMANN

SKIN = 1.0
SAMPLE_EVERY = 10


def anneal(
    atoms: ase.Atoms | None,
    potential: Potential,
    ranks: Ranks,
    stages: Sequence[dict],
    seed: int,
    report: Callable[[str], None] | None = None,
) -> ase.Atoms | None:
    """Run Langevin stages on an NVT cell.

    Args:
        atoms: on rank 0, None elsewhere; velocities are drawn at the first stage's temperature where it has none.
        stages: each {temperature_K, steps, timestep_fs, friction_time_fs}, and temperature_end_K where it changes
            steadily.
        report: called on rank 0 with a line ten times a stage.
    Returns:
        On rank 0 the atoms in their order, positions wrapped, with velocities; info["mean_temperature_K"] and
        info["mean_pressure_GPa"] are means over the second half of the last stage. None elsewhere.
    """
    state = make_state(atoms, potential.elements, ranks)
    domain = Domain(state.cell, state.periodic, ranks, potential.reach + SKIN, extent=extent(state, ranks))
    chosen = INTEGRATORS["nvt_langevin"]
    engine = Engine(potential, domain, ranks, SKIN, keeps_momentum=chosen.keeps_momentum)
    engine.start(state)
    if engine.kinetic_energy(state) == 0.0:
        draw_velocities(state, engine, BOLTZMANN * stages[0]["temperature_K"], seed, True)
    samples: list[tuple[float, float]] = []
    for number, stage in enumerate(stages):
        first, last = (
            BOLTZMANN * stage.get(name, stage["temperature_K"]) for name in ("temperature_K", "temperature_end_K")
        )
        thermostat = Thermostat(first, last, stage["friction_time_fs"], stage["steps"], seed + number, state.step)
        chosen.init(state, engine, thermostat)
        samples = []
        for step in range(1, stage["steps"] + 1):
            chosen.step(state, engine, stage["timestep_fs"], thermostat)
            due = step % max(stage["steps"] // 10, 1) == 0
            if due or step % SAMPLE_EVERY == 0 or step == stage["steps"]:
                seen = measure(state, engine, chosen, thermostat)
                samples.append((float(seen["temperature"]), float(seen["pressure"])))
            if report is not None and ranks.is_root and due:
                report(f"stage {number + 1}/{len(stages)} step {step}: {samples[-1][0]:.0f} K {samples[-1][1]:.2f} GPa")
    blocks = np.array([0, *[state.n_atoms] * ranks.size])
    domain.migrate(state)
    positions, velocities = (domain.by_id(state, a, blocks) for a in (state.positions, state.velocities))
    if not ranks.is_root:
        return None
    result = atoms.copy()
    result.positions = positions
    result.set_velocities(velocities / ase.units.fs)
    late = np.array(samples[len(samples) // 2 :] or [(np.nan, np.nan)])
    result.info["mean_temperature_K"], result.info["mean_pressure_GPa"] = late.mean(axis=0).tolist()
    return result
