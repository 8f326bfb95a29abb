"""Twenty steps of several systems on the ranks of this run; rank 0 saves positions, forces and energies by atom id."""

import sys

import numpy as np
import systems

from hpcpot.parallel.ranks import start
from hpcpot.potential.blocks import BlockPotential

CASES = [
    ("crystal", systems.deep_potential, "nve"),
    ("crystal", systems.chebyshev, "nvt_nose_hoover"),
    ("vacuum", systems.deep_potential, "nvt_langevin"),
    ("slab", systems.deep_potential, "nvt_nose_hoover"),
    ("triclinic", systems.chebyshev, "nvt_langevin"),
    ("triclinic", systems.deep_potential, "nve"),
    ("cluster", systems.chebyshev, "nve"),
]


def main(path: str) -> None:
    ranks = start()
    found = {}
    for name, model, integrator in CASES:
        state, engine = systems.simulation(
            getattr(systems, name)(), BlockPotential(model()), ranks, temperature=2000.0, skin=0.3
        )
        systems.advance(state, engine, integrator, 20, 1.0, 2000.0)
        blocks = np.array([0, *[state.n_atoms] * ranks.size])
        turns = state.images @ state.cell
        moved = {
            "positions": state.positions[: state.n_owned] + turns,
            "forces": state.forces,
            "velocities": state.velocities,
            "energies": state.energies,
        }
        for key, values in moved.items():
            found[f"{name} {model.__name__} {integrator} {key}"] = engine.domain.by_id(state, values, blocks)
        found[f"{name} {model.__name__} {integrator} virial"] = ranks.sum(state.virial)
        assert engine.rebuilds > 2, "the trajectory must be long enough to rebuild"
        assert sum(ranks.all_gather(state.n_owned)) == state.n_atoms
    if ranks.is_root:
        np.savez(path, **found)


if __name__ == "__main__":
    main(sys.argv[1])
