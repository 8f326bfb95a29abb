"""How evenly the potential's work is shared in fractured cells: most over mean of the ranks' seconds.

    mpirun -n 4 python benchmarks/load_balance.py [MODEL ...]

Silicon of 14^3 cells with a half, a corner, a hole or an inclined band of atoms taken out. Each rank's processor time is
taken while the others wait, so that more ranks than cores do not disturb. One JSON line; the value is of the worst cell.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import process_time

import timing  # first: it sets the threads
import numpy as np
from ase import Atoms
from ase.build import bulk

from hpcpot.md.engine import Engine
from hpcpot.md.start import extent, make_state
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import Ranks, start
from hpcpot.potential.base import Potential
from hpcpot.potential.files import load

SHAPES = {
    "half": lambda s: s[:, 0] < 0.5,
    "corner": lambda s: (s[:, 0] < 0.5) | (s[:, 1] < 0.35),
    "hole": lambda s: np.linalg.norm(s - 0.5, axis=1) > 0.45,
    "inclined": lambda s: np.abs(s[:, 0] - 0.2 - 0.6 * s[:, 1]) > 0.25,
}
SKIN = 1.0
REPEATS = 5


def fractured(shape: str) -> Atoms:
    atoms = bulk("Si", "diamond", 5.46, cubic=True) * 14
    atoms.rattle(0.05, seed=1)
    return atoms[SHAPES[shape](atoms.get_scaled_positions())]


def processor_seconds(work: Callable[[], object]) -> float:
    began = process_time()
    work()
    return process_time() - began


def measure(shape: str, potential: Potential, ranks: Ranks) -> dict[str, object]:
    """Grid, and most over mean of atoms, pairs and seconds."""
    state = make_state(fractured(shape) if ranks.is_root else None, potential.elements, ranks)
    width = potential.cutoff + SKIN
    engine = Engine(
        potential, Domain(state.cell, state.periodic, ranks, width, extent=extent(state, ranks)), ranks, SKIN
    )
    engine.start(state)
    seconds = 0.0
    for rank in range(ranks.size):
        ranks.barrier()
        if rank == ranks.rank:
            seconds = min(processor_seconds(lambda: potential.compute(engine.pairs, state.species)) for _ in range(REPEATS))
    ranks.barrier()
    shares = np.array(ranks.all_gather([state.n_owned, len(engine.pairs.neighbors), seconds]))
    atoms, pairs, spent = (round(float(share.max() / share.mean()), 3) for share in shares.T)
    return {"grid": engine.domain.grid.tolist(), "atoms": atoms, "pairs": pairs, "seconds": spent}


def main() -> None:
    ranks = start()
    models = sys.argv[1:] or ["lisi"]
    potential = Potential(load(models if len(models) > 1 else models[0]))
    found = {shape: measure(shape, potential, ranks) for shape in SHAPES}
    if ranks.is_root:
        worst = max(row["seconds"] for row in found.values())
        print(timing.line("load_balance", "most over mean of seconds", [worst], ranks=ranks.size, cells=found))


if __name__ == "__main__":
    main()
