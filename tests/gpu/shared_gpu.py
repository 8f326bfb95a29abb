"""Some steps on the ranks of this run, which share one device; rank 0 saves the atoms by id.

shared_gpu.py PATH pinned|direct
"""

import sys

import numpy as np
import systems
from gpu.on_cpu import OnCpu

from hpcpot.dynamics.controls import Barostat, Thermostat
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.dynamics.steppers import available, choose
from hpcpot.dynamics.steppers.contract import Motion
from hpcpot.errors import ConfigError
from hpcpot.gpu.device import Gpu, count
from hpcpot.gpu.exchange import Exchange
from hpcpot.parallel.ranks import Ranks, start
from hpcpot.potential.moments.gpu.potential import GpuPotential
from hpcpot.units import BOLTZMANN

THERMOSTAT = Thermostat(BOLTZMANN * 2000.0, BOLTZMANN * 2000.0, 50.0, 15, 5)
CONTROLS = {
    "nvt_langevin": THERMOSTAT,
    "npt_nose_hoover": Barostat(THERMOSTAT, np.array([True, False, True]), 0.0, 300.0),
}


def main(path: str, how: str) -> None:
    ranks, device, found = start(), Gpu(0) if count()[0] else OnCpu(), {}
    if how == "direct" and ranks.size > 1:
        pretend(ranks, device)
    for integrator, controls in CONTROLS.items():
        state, engine = systems.simulation(
            systems.vacuum(), GpuPotential(systems.chebyshev(), device), ranks, temperature=2000.0, skin=0.3
        )
        engine.domain.ranks, chosen = Exchange(ranks, device, how), INTEGRATORS[integrator]
        assert engine.domain.ranks.is_direct == (how == "direct")
        engine.keeps_momentum = chosen.keeps_momentum
        chosen.init(state, engine, controls)
        motion = Motion(chosen, controls, 1.0)
        stepper = choose(available(engine.potential), state, engine, motion)
        assert stepper.name == ("graph" if chosen.in_graph and ranks.size == 1 else "device")
        stepper.advance(state, engine, motion, 15)
        assert engine.rebuilds > 2
        blocks = np.array([0, *[state.n_atoms] * ranks.size])
        arrays = {"positions": state.positions[: state.n_owned] + state.images @ state.cell, "forces": state.forces}
        found |= {f"{integrator} {name}": engine.domain.by_id(state, values, blocks) for name, values in arrays.items()}
    if ranks.is_root:
        np.savez(path, **found)


def pretend(ranks: Ranks, device: OnCpu) -> None:
    """MPI takes the stand-in's arrays, whose memory is the host's, as a GPU-aware one takes those of a GPU."""
    try:
        Exchange(ranks, device, "direct")
    except ConfigError:
        Ranks.takes_device_memory = lambda self: True


if __name__ == "__main__":
    main(*sys.argv[1:])
