"""Short runs of any integrator, for the checks of test_integrators.py; as a script, of all of them on several ranks."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import runs
import systems

sys.path.append(str(Path(__file__).with_name("outside")))
import rescaled_nve  # noqa: F401 -- adds a row

from hpcpot.dynamics.controls import Barostat, Thermostat, Tolerances
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import INTEGRATORS, Integrator
from hpcpot.parallel.ranks import SERIAL, Ranks, start
from hpcpot.potential.blocks import BlockPotential
from hpcpot.structure.state import State
from hpcpot.units import BOLTZMANN

STEPS, TIMESTEP, KT = 12, 2.0, 80.0 * BOLTZMANN


def controls_of(
    integrator: Integrator, steps: int = STEPS, is_isotropic: bool = False
) -> Thermostat | Barostat | Tolerances | None:
    """What the integrator is asked for, by what it says it has."""
    if integrator.is_minimiser:
        return Tolerances(0.0, 0.0)
    if not integrator.has_thermostat:
        return None
    thermostat = Thermostat(KT, KT, 50.0, steps, 5)
    if not integrator.has_barostat:
        return thermostat
    return Barostat(thermostat, np.array([True, False, True]), 1e-4, 500.0, is_isotropic)


def prepare(integrator: Integrator, ranks: Ranks = SERIAL) -> tuple[State, Engine]:
    """Argon at 80 K, before the integrator begins."""
    return systems.simulation(
        runs.argon(),
        BlockPotential(systems.argon()),
        ranks,
        temperature=80.0,
        skin=0.3,
        keeps_momentum=integrator.keeps_momentum,
    )


def begin(integrator: Integrator, ranks: Ranks = SERIAL, frozen: bool = False) -> tuple[State, Engine]:
    """Argon at 80 K with the integrator's numbers; the atoms of every fifth id are frozen on request."""
    state, engine = prepare(integrator, ranks)
    if frozen:
        state.frozen = state.ids % 5 == 0
        state.velocities[state.frozen] = 0.0
        engine.count_mobile(state)
    integrator.init(state, engine, controls_of(integrator))
    return state, engine


def go(integrator: Integrator, state: State, engine: Engine, steps: int = STEPS, timestep: float = TIMESTEP) -> None:
    for _ in range(steps):
        integrator.step(state, engine, timestep, controls_of(integrator))


def by_id(state: State) -> dict[str, np.ndarray]:
    """Cell, positions (unwrapped), velocities and forces of this rank's atoms in order of id."""
    order = np.argsort(state.ids)
    unwrapped = state.positions[: state.n_owned] + state.images @ state.cell
    arrays = {"positions": unwrapped, "velocities": state.velocities, "forces": state.forces}
    return {"cell": state.cell} | {name: values[order] for name, values in arrays.items()}


def of_all_ranks(state: State, ranks: Ranks) -> dict[str, np.ndarray]:
    """As `by_id`, of the atoms of all ranks, with the integrator's numbers."""
    ids = np.concatenate(ranks.all_gather(state.ids))
    own = np.argsort(state.ids)
    found = {name: values for name, values in by_id(state).items() if name != "cell"}
    whole = {name: np.concatenate(ranks.all_gather(values)) for name, values in found.items()}
    order = np.argsort(np.concatenate(ranks.all_gather(state.ids[own])))
    assert np.array_equal(np.sort(ids), np.arange(state.n_atoms))
    return {name: values[order] for name, values in whole.items()} | {"cell": state.cell} | state.scalars


if __name__ == "__main__":
    every_rank, results = start(), {}
    for row in INTEGRATORS.values():
        at, with_engine = begin(row, every_rank)
        go(row, at, with_engine)
        results |= {f"{row.name} {name}": values for name, values in of_all_ranks(at, every_rank).items()}
    if every_rank.is_root:
        np.savez(sys.argv[1], **results)
