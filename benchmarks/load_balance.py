"""How evenly the potential's work is shared in fractured cells: most over mean of the ranks' seconds.

    mpirun -n 4 python benchmarks/load_balance.py [--structure FILE] [--model FILE ...]

Silicon of 14^3 cells with a half, a corner, a hole or an inclined band of atoms taken out; or a structure file, or the
last frame of a trajectory. Each rank's processor time is taken while the others wait, so that more ranks than cores do
not disturb: of the potential, and of all that a step of dynamics does with it (pairs rebuilt every 10th). One JSON line;
the value is the potential's in the worst cell.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from time import process_time

import timing  # first: it sets the threads
import numpy as np
from ase import Atoms
from ase.build import bulk

from hpcpot.commands.recipes.command import read_cell
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.start import extent, make_state
from hpcpot.neighbors import pairs as neighbors
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import Ranks, start
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.contract import Potential
from hpcpot.potential.files import load

SHAPES = {
    "half": lambda s: s[:, 0] < 0.5,
    "corner": lambda s: (s[:, 0] < 0.5) | (s[:, 1] < 0.35),
    "hole": lambda s: np.linalg.norm(s - 0.5, axis=1) > 0.45,
    "inclined": lambda s: np.abs(s[:, 0] - 0.2 - 0.6 * s[:, 1]) > 0.25,
}
SKIN = 0.6
STEPS_PER_REBUILD = 10
REPEATS = 5


def fractured(shape: str) -> Atoms:
    atoms = bulk("Si", "diamond", 5.46, cubic=True) * 14
    atoms.rattle(0.05, seed=1)
    return atoms[SHAPES[shape](atoms.get_scaled_positions())]


def processor_seconds(work: Callable[[], object]) -> float:
    began = process_time()
    work()
    return process_time() - began


def measure(atoms: Atoms | None, potential: Potential, ranks: Ranks) -> dict[str, object]:
    """Grid, and most over mean of atoms, pairs and seconds.

    Args:
        atoms: on rank 0.
    """
    state = make_state(atoms, potential.elements, ranks)
    width = potential.cutoff + SKIN
    engine = Engine(
        potential, Domain(state.cell, state.periodic, ranks, width, extent=extent(state, ranks)), ranks, SKIN
    )
    engine.start(state)
    work = {
        "seconds": lambda: potential.compute(state.positions, engine.pairs, state.species),
        "of_neighbours": lambda: neighbors.build(state.positions, state.n_owned, width),
    }
    spent = dict.fromkeys(work, 0.0)
    for rank in range(ranks.size):
        ranks.barrier()
        if rank == ranks.rank:
            spent = {name: min(processor_seconds(one) for _ in range(REPEATS)) for name, one in work.items()}
    ranks.barrier()
    step = spent["seconds"] + spent["of_neighbours"] / STEPS_PER_REBUILD
    shares = np.array(ranks.all_gather([state.n_owned, len(engine.pairs.neighbors), spent["seconds"], step]))
    atoms, pairs, seconds, of_step = (round(float(share.max() / share.mean()), 3) for share in shares.T)
    return {"grid": engine.domain.grid.tolist(), "atoms": atoms, "pairs": pairs, "seconds": seconds, "of_step": of_step}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--structure", type=Path, help="a structure file, or a trajectory (.h5md)")
    parser.add_argument("--model", nargs="+", default=["lisi"], help="file, or one for each element")
    arguments = parser.parse_args()
    ranks, models = start(), arguments.model
    potential = BlockPotential(load(models if len(models) > 1 else models[0]))
    cells = {shape: lambda shape=shape: fractured(shape) for shape in SHAPES}
    if arguments.structure is not None:
        cells = {arguments.structure.name: lambda: read_cell(arguments.structure)}
    found = {name: measure(make() if ranks.is_root else None, potential, ranks) for name, make in cells.items()}
    if ranks.is_root:
        worst = max(row["seconds"] for row in found.values())
        print(timing.line("load_balance", "most over mean of seconds", [worst], ranks=ranks.size, cells=found))


if __name__ == "__main__":
    main()
