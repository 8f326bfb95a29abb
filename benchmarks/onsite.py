"""Removal energies with a shipped model: how many times faster than evaluating the whole frame again.

    python benchmarks/onsite.py                      200 Si of the 4,608-atom Si/Li interface, one core
    python benchmarks/onsite.py --model lisi_mtp     with another model than the Deep Potential

Sites are spread over bulk and interface. One removal is compared with the difference of two whole evaluations (1e-9 eV)
before anything is timed. The number is seconds of core time of a whole evaluation, neighbours and energies alone, over
those of a removal, in which the frame's neighbours and the energies before are included.
"""

from __future__ import annotations

import argparse
from time import process_time

import timing  # first: it sets the threads
import numpy as np

from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import evaluate
from hpcpot.potential.files import load
from hpcpot.potential.local_change import LocalChange
from hpcpot.structure import files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("--model", default="lisi", help="shipped model, or file")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    potential, atoms = BlockPotential(load(arguments.model)), files.read("interface_si100")
    silicon = np.flatnonzero(atoms.symbols == "Si")
    sites = np.random.default_rng(1).choice(silicon, arguments.sites, replace=False)
    local = LocalChange(atoms, potential).removals(sites)
    rest = atoms[[k for k in range(len(atoms)) if k != sites[0]]]
    error = local[0] - (evaluate(atoms, potential).energies.sum() - evaluate(rest, potential).energies.sum())
    if abs(error) > 1e-9:
        raise SystemExit(f"removal of atom {sites[0]} = {local[0]} eV: differs from the whole difference by {error} eV")
    times, each, wholes = [], [], []
    for _ in range(arguments.repeats):
        began = process_time()
        LocalChange(atoms, potential).energies(np.arange(len(atoms)))
        whole = process_time() - began
        began = process_time()
        LocalChange(atoms, potential).removals(sites)
        each.append((process_time() - began) / len(sites))
        wholes.append(whole)
        times.append(whole / each[-1])
    print(
        timing.line(
            "onsite",
            "times faster than a whole evaluation",
            times,
            model=arguments.model,
            atoms=len(atoms),
            sites=len(sites),
            ms_per_removal=round(1e3 * float(np.median(each)), 3),
            ms_per_whole=round(1e3 * float(np.median(wholes)), 1),
            error_eV=error,
        )
    )


if __name__ == "__main__":
    main()
