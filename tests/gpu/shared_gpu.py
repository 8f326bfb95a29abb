"""Some steps on the ranks of this run, whose forces come from one device; rank 0 saves the atoms by id."""

import sys

import numpy as np
import systems
from gpu.on_cpu import OnCpu

from hpcpot.gpu.device import Gpu, count
from hpcpot.parallel.ranks import start
from hpcpot.potential.moments.gpu.potential import GpuPotential


def main(path: str) -> None:
    ranks = start()
    potential = GpuPotential(systems.chebyshev(), Gpu(0) if count()[0] else OnCpu())
    state, engine = systems.simulation(systems.vacuum(), potential, ranks, temperature=2000.0, skin=0.3)
    systems.advance(state, engine, "nvt_langevin", 15, 1.0, 2000.0)
    assert engine.rebuilds > 2
    blocks = np.array([0, *[state.n_atoms] * ranks.size])
    arrays = {"positions": state.positions[: state.n_owned] + state.images @ state.cell, "forces": state.forces}
    found = {name: engine.domain.by_id(state, values, blocks) for name, values in arrays.items()}
    if ranks.is_root:
        np.savez(path, **found)


if __name__ == "__main__":
    main(sys.argv[1])
