"""Random cells with symmetry: structures for each second of one core.

    python benchmarks/random_cells.py                          the five Li-Si compositions of the published search
    python benchmarks/random_cells.py --count 200 --rounds 3

All distances of some cells are checked first. The number is that of the slowest of the five, in structures for each second
of processor time; what is compiled and looked up once is not counted.
"""

from __future__ import annotations

import argparse
from time import process_time

import timing  # first: it sets the threads
import numpy as np

from hpcpot import config
from hpcpot.data import FOLDER
from hpcpot.structure.random.cells import RandomCells, generate
from hpcpot.structure.random.recipe import random_cells
from hpcpot.structure.random.settings import SCHEMA

APART = 2.28


def check(cells: RandomCells) -> None:
    """Refuse a structure with two atoms too close, by brute force."""
    for index in range(5):
        atoms = generate(cells, 1, index)
        apart = atoms.repeat(3).get_all_distances()
        if apart[np.triu_indices(len(apart), 1)].min() < APART - 1e-6:
            raise SystemExit(f"{cells.name}: structure {index} has atoms closer than {APART} Å")


def ours(cells: RandomCells, count: int, seed: int) -> float:
    began = process_time()
    for index in range(count):
        generate(cells, seed, index)
    return count / (process_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    recipe = config.load(FOLDER / "configs" / "build_random_lisi.yaml", SCHEMA)
    rates = {}
    for cells in random_cells(recipe.random):
        check(cells)
        ours(cells, arguments.count, 0)  # looks up which groups can hold the atoms
        rates[cells.name] = [ours(cells, arguments.count, 1 + turn) for turn in range(arguments.rounds)]
    facts = {name: [round(rate) for rate in of_one] for name, of_one in rates.items()}
    slowest = min(rates.values(), key=lambda each: float(np.median(each)))
    print(timing.line("random_cells", "structures/s/core", slowest, count=arguments.count, **facts))


if __name__ == "__main__":
    main()
