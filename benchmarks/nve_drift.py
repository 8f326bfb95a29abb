"""Energy drift of NVE in float64 and in mixed precision: meV per atom and ns, over the same run.

    python benchmarks/nve_drift.py [--steps 20000]      LiSi, 512 atoms at 500 K, 0.5 fs; under mpirun on more ranks

The drift is the slope of a straight line through the total energy, the fluctuation its spread around it.
"""

from __future__ import annotations

import argparse

import timing  # first: it sets the threads
import dynamics
import numpy as np

from hpcpot.dynamics.motion import draw_velocities
from hpcpot.parallel.ranks import start
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import load
from hpcpot.structure import crystals
from hpcpot.units import BOLTZMANN, FS_PER_NS

TIMESTEP, TEMPERATURE, EVERY = 0.5, 500.0, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=20000)
    given = parser.parse_args()
    ranks = start()
    for precision in ("float64", "mixed"):
        potential = BlockPotential(load("lisi"), precision=precision)
        read = lambda: crystals.build("LiSi", (2, 2, 4))  # noqa: E731
        run = dynamics.Dynamics.start(read, potential, ranks, 1.0, TIMESTEP, TEMPERATURE, True)
        draw_velocities(
            run.state, run.engine, 2.0 * TEMPERATURE * BOLTZMANN, 1, True
        )  # half of it becomes potential energy
        times, energies = [], []
        for step in range(0, given.steps, EVERY):
            run.steps(EVERY)
            total = float(ranks.sum(np.array([run.state.energies.sum()]))[0]) + run.engine.kinetic_energy(run.state)
            times.append((step + EVERY) * TIMESTEP)
            energies.append(total / run.state.n_atoms)
        slope, offset = np.polyfit(times, energies, 1)
        spread = np.std(np.array(energies) - slope * np.array(times) - offset)
        temperature = run.engine.temperature(run.engine.kinetic_energy(run.state), run.state)
        if ranks.is_root:
            print(
                timing.line(
                    "nve_drift",
                    "meV/atom/ns",
                    [1e3 * slope * FS_PER_NS],
                    precision=precision,
                    atoms=run.state.n_atoms,
                    steps=given.steps,
                    timestep_fs=TIMESTEP,
                    temperature_K=round(temperature),
                    ranks=ranks.size,
                    fluctuation_meV_per_atom=float(f"{1e3 * spread:.2g}"),
                )
            )


if __name__ == "__main__":
    main()
