"""Monte Carlo trials in the 4,608-atom Si/Li interface: how many times cheaper than a whole evaluation of it.

    python benchmarks/gcmc.py                      lisi_mtp; --model lisi_dp_0

Insertions and deletions of Li at 500 K, and displacements, as `hpcpot gcmc` does them. Before anything is timed the energies
kept by increments are compared with those computed anew (1e-9 eV/atom). The number is seconds of core time of a whole
evaluation, pairs, energies and forces, over those of a trial that reaches the potential: trials that end before, at the minimum
distance, do not count, though their time does.
"""

from __future__ import annotations

import argparse
from time import process_time

import timing  # first: it sets the threads
import numpy as np

from hpcpot.montecarlo.acceptance import log_activity
from hpcpot.montecarlo.chain import Chain, Ensemble, TrialSums
from hpcpot.montecarlo.particles import Particles
from hpcpot.montecarlo.proposals import Rules
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import evaluate
from hpcpot.potential.files import load
from hpcpot.structure import files

MASS = 6.94


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="lisi_mtp")
    parser.add_argument("--mu", type=float, default=-2.2, help="eV")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    potential, atoms = BlockPotential(load(arguments.model)), files.read("interface_si100")
    atoms.pbc = True
    rules = Rules(
        seed=np.uint64(1),
        cumulative=np.array([0.5, 1.0, 1.0, 1.0]),
        element=potential.elements.index("Li"),
        pair=np.array([0, 0]),
        movable=np.ones(len(potential.elements), bool),
        displacement=0.2,
        closest=1.6,
        tries=1,
        minimum=0,
        maximum=10**6,
        cavity=0.0,
        spacing=1.0,
    )
    chain = Chain(Particles(atoms, potential), rules, Ensemble(500.0, log_activity(arguments.mu, 500.0, MASS)))
    chain.run(arguments.trials)
    chain.adapt()
    drift = chain.particles.check()
    if drift > 1e-9:
        raise SystemExit(f"energy = {drift:.2g} eV/atom from that computed anew: must agree to 1e-9")
    evaluate(atoms, potential)
    times, each, all_trials, wholes = [], [], [], []
    for _ in range(arguments.repeats):
        began = process_time()
        evaluate(atoms, potential)
        wholes.append(process_time() - began)
        chain.sums = TrialSums()
        began = process_time()
        chain.run(arguments.trials)
        spent, sums = process_time() - began, chain.sums
        each.append(spent / (sums.trials - sums.hopeless.sum()))
        all_trials.append(spent / sums.trials)
        times.append(wholes[-1] / each[-1])
    print(
        timing.line(
            "gcmc",
            "times cheaper than a whole evaluation",
            times,
            model=arguments.model,
            atoms=chain.particles.n,
            ms_per_evaluated_trial=round(1e3 * float(np.median(each)), 3),
            ms_per_trial=round(1e3 * float(np.median(all_trials)), 3),
            ms_per_whole=round(1e3 * float(np.median(wholes)), 2),
            accepted=round(float(sums.accepted.sum() / sums.trials), 3),
            ahead=chain.ahead,
            drift_eV_per_atom=drift,
        )
    )


if __name__ == "__main__":
    main()
