"""Plan of a run for --dry-run: grid, atoms per rank and memory."""

from __future__ import annotations

import numpy as np

from hpcpot.dynamics.engine import Engine
from hpcpot.potential.contract import Potential
from hpcpot.structure.state import State


def plan(state: State, engine: Engine) -> str:
    """Distribute the atoms and describe the result; the same on all ranks."""
    engine.rebuild(state)
    ranks, potential = engine.ranks, engine.potential
    sizes = np.array(
        ranks.all_gather([state.n_owned, len(state.positions) - state.n_owned, len(engine.pairs.neighbors)])
    )
    memory = ranks.max(np.array([memory_bytes(potential, *sizes[ranks.rank])]))[0]
    grid = " x ".join(str(g) for g in engine.domain.grid)
    lines = [
        f"grid: {grid} ranks, halo {engine.domain.width:g} Å",
        f"atoms per rank: {sizes[:, 0].min()} to {sizes[:, 0].max()}, ghosts {sizes[:, 1].min()} to {sizes[:, 1].max()}",
        f"pairs per atom: {sizes[:, 2].sum() / max(state.n_atoms, 1):.1f} within cutoff + skin",
        f"estimated memory: {memory / 2**20:.0f} MiB on the fullest rank, besides Python and its libraries",
    ]
    if potential.kernel_set == "gpu":
        needed = ranks.max(np.array([potential.device_bytes(int(sizes[ranks.rank, 0]), engine.pairs.candidates.room)]))[
            0
        ]
        lines.append(f"estimated memory of the GPU: {needed / 2**20:.0f} MiB for the fullest rank")
    return "\n".join(lines)


def memory_bytes(potential: Potential, n_owned: int, n_ghosts: int, n_pairs: int) -> int:
    """Estimate the bytes of arrays on a rank: atoms, pairs, one block of moments with its readout, and the tables."""
    per_owned = 8 * (5 * 3 + 4) + 4 * 4
    per_ghost = 8 * 2 * 3 + 4
    working = potential.working_bytes(n_owned, n_owned + n_ghosts, n_pairs)
    return n_owned * per_owned + n_ghosts * per_ghost + n_pairs * 4 + working
