"""Molecular dynamics with the shipped Deep Potential: microseconds of core time per atom-step.

    python benchmarks/md_deep_potential.py                     the 4,608-atom Si/Li interface, one core
    mpirun -n 2 python benchmarks/md_deep_potential.py         two ranks; --repeat 1 1 4 for 18,432 atoms

Before anything is timed, the energies and forces of 64 atoms are compared with the reference kernels.
"""

from __future__ import annotations

import argparse

import timing  # first: it sets the threads
import numpy as np

from hpcpot.md.engine import Engine
from hpcpot.md.integrators import INTEGRATORS
from hpcpot.md.motion import draw_velocities
from hpcpot.md.thermostat import Thermostat
from hpcpot.md.start import extent, make_state
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import start
from hpcpot.potential.base import Potential
from hpcpot.potential.calculator import evaluate
from hpcpot.potential.files import load
from hpcpot.structure import crystals, files
from hpcpot.units import BOLTZMANN

SKIN = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=20, help="steps of each repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--repeat", type=int, nargs=3, default=(1, 1, 1), help="copies of the interface along each axis")
    parser.add_argument("--nve", action="store_true", help="NVE from the structure's own velocities, no thermostat")
    arguments = parser.parse_args()
    ranks = start()
    model = load("lisi")
    potential = Potential(model)
    if ranks.is_root:
        check(model, potential)
    atoms = files.read("interface_si100") * tuple(arguments.repeat) if ranks.is_root else None
    state = make_state(atoms, potential.elements, ranks)
    domain = Domain(state.cell, state.periodic, ranks, potential.cutoff + SKIN, extent=extent(state, ranks))
    engine = Engine(potential, domain, ranks, SKIN)
    engine.start(state)
    first_energy = float(ranks.sum(np.array([state.energies.sum()]))[0])
    kT = 500.0 * BOLTZMANN
    if not arguments.nve:
        draw_velocities(state, engine, kT, 1, True)
    thermostat, integrator = Thermostat(kT, kT, 50.0, 0, 1), INTEGRATORS["nve" if arguments.nve else "nvt_nose_hoover"]
    integrator.init(state, engine, thermostat)

    def steps() -> None:
        for _ in range(arguments.steps):
            integrator.step(state, engine, 0.5, thermostat)

    seconds = timing.repeat(steps, arguments.repeats)
    phases = {name: round(engine.seconds[name] / sum(engine.seconds.values()), 4) for name in engine.seconds}
    if ranks.is_root:
        scale = 1e6 * ranks.size / arguments.steps / state.n_atoms
        values = [s * scale for s in seconds]
        print(timing.line("md_deep_potential", "us core time per atom-step", values, precision="float64",
                          atoms=state.n_atoms, ranks=ranks.size, phases=phases, first_potential_energy_eV=first_energy))  # fmt: skip


def check(model: object, potential: Potential) -> None:
    """Fast and reference kernels agree on a small mixed cell."""
    atoms = crystals.build("Si", (2, 2, 2))
    atoms.symbols[::3] = "Li"
    atoms.rattle(0.1, seed=1)
    fast, exact = evaluate(atoms, potential), evaluate(atoms, Potential(model, "reference"))
    np.testing.assert_allclose(fast.energies, exact.energies, rtol=0, atol=1e-7)
    np.testing.assert_allclose(fast.forces, exact.forces, rtol=0, atol=1e-6)


if __name__ == "__main__":
    main()
