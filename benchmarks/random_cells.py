"""Random cells with symmetry: structures for each second of one core, beside pyxtal in turn.

    python benchmarks/random_cells.py                                     the five Li-Si compositions of the published search
    python benchmarks/random_cells.py --pyxtal /path/to/venv/bin/python   with cells of the same contents by pyxtal
    python benchmarks/random_cells.py --count 200 --rounds 3

All distances of the cells are checked first. pyxtal, in an environment of its own, gets the contents, groups and least
distances of the first structures, and volumes 1.2 times its own estimate until one fits, within --seconds for each
composition. The number is the least of the five, in structures for each second of processor time; what is compiled and
looked up once is not counted, of either.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from time import process_time

import timing  # first: it sets the threads
import numpy as np

from hpcpot import config
from hpcpot.data import FOLDER
from hpcpot.structure.random import groups
from hpcpot.structure.random.cells import RandomCells, generate
from hpcpot.structure.random.recipe import random_cells
from hpcpot.structure.random.settings import SCHEMA

APART = 2.28
PYXTAL = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
from pyxtal import pyxtal
from pyxtal.tolerance import Tol_matrix
apart, seconds, wanted = json.load(sys.stdin)
elements = sorted({symbol for species, _, _ in wanted for symbol in species})
pairs = [(a, b, apart) for k, a in enumerate(elements) for b in elements[: k + 1]]
least = Tol_matrix(*pairs, prototype="atomic")
def make(species, counts, group):
    crystal = pyxtal()
    try:
        crystal.from_random(3, group, species, counts, factor=1.2, tm=least)
    except Exception:
        return 0
    return int(crystal.valid)
make(*wanted[0])
began, made, tried = time.process_time(), 0, 0
for one in wanted:
    made, tried = made + make(*one), tried + 1
    if time.process_time() - began > seconds:
        break
print(json.dumps([made, tried, time.process_time() - began]))
"""


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


def theirs(python: str, cells: RandomCells, count: int, seed: int, seconds: float) -> list[float]:
    """Structures that pyxtal made, tries, and processor seconds; its counts are those of the conventional cell."""
    wanted = []
    for index in range(count):
        info = generate(cells, seed, index).info
        centred = round(1 / np.linalg.det(groups.space_group(info["group"]).primitive))
        counts = [info["formula_units"] * number * centred for number in cells.formula.values()]
        wanted.append([list(cells.formula), counts, info["group"]])
    done = subprocess.run(
        [python, "-c", PYXTAL], input=json.dumps([APART, seconds, wanted]), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=60.0, help="processor time for pyxtal in each turn")
    parser.add_argument("--pyxtal", metavar="PYTHON", help="Python of an environment with pyxtal")
    arguments = parser.parse_args()
    recipe = config.load(FOLDER / "configs" / "build_random_lisi.yaml", SCHEMA)
    rates, peers = {}, {}
    for cells in random_cells(recipe.random):
        check(cells)
        ours(cells, arguments.count, 0)  # looks up which groups can hold the atoms
        rates[cells.name], peers[cells.name] = [], []
        for turn in range(arguments.rounds):
            rates[cells.name].append(ours(cells, arguments.count, 1 + turn))
            if arguments.pyxtal:
                peers[cells.name].append(theirs(arguments.pyxtal, cells, arguments.count, 1 + turn, arguments.seconds))
    facts = {name: [round(rate) for rate in of_one] for name, of_one in rates.items()}
    if arguments.pyxtal:
        facts["pyxtal"] = {
            name: [round(made / seconds, 1) for made, _, seconds in turns] for name, turns in peers.items()
        }
        facts["pyxtal_made_of_tried"] = {name: [turn[:2] for turn in turns] for name, turns in peers.items()}
    slowest = min(rates.values(), key=lambda each: float(np.median(each)))
    print(timing.line("random_cells", "structures/s/core", slowest, count=arguments.count, **facts))


if __name__ == "__main__":
    main()
