"""What ranks would say to each other in a step: counted from the decomposition of up to 1,024 of them, made on one process.

    python benchmarks/count_ranks.py                          all cases to docs/scaling/counts.csv
    python benchmarks/count_ranks.py --only interface         cases whose name contains this, to the terminal
    mpirun -n 4 python benchmarks/count_ranks.py --check      as many real ranks: what they send is what was counted

The engine's own code (hpcpot/parallel/domain.py) balances the atoms, hands them over and finds the ghosts; each rank is a
thread. A step refreshes the ghosts' positions and folds their forces back: 24 bytes each. Reductions are those of a run,
counted with --check, and do not depend on the number of ranks.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable
from pathlib import Path

import dynamics  # first: it sets the threads
import numpy as np
from ase import Atoms
from virtual_ranks import CountingRanks, VirtualRanks, run

from hpcpot.dynamics.start import extent, make_state
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import Ranks, start
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import load
from hpcpot.structure import crystals, files

ELEMENTS = ("Li", "Si")
CUTOFF, SKIN = 5.0, 0.6
"""Å, of lisi_mtp."""
COUNTS = Path(__file__).resolve().parent.parent / "docs" / "scaling" / "counts.csv"
RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


def crystal(*repeat: int) -> Callable[[int], Atoms]:
    return lambda ranks: crystals.build("Li13Si4", repeat, axes="cab")


def weak(*repeat: int) -> Callable[[int], Atoms]:
    """As many blocks of cells as ranks, side by side so that the whole is as much like a cube as can be."""

    def build(ranks: int) -> Atoms:
        blocks = [1, 1, 1]
        sides = crystals.build("Li13Si4", repeat, axes="cab").cell.lengths()
        while np.prod(blocks) < ranks:
            blocks[int(np.argmin(sides * blocks))] *= 2
        return crystals.build("Li13Si4", tuple(n * b for n, b in zip(repeat, blocks, strict=True)), axes="cab")

    return build


CASES = {
    "interface, 4,608": (lambda ranks: files.read("interface_si100"), RANKS),
    "Li13Si4, 104,448": (crystal(24, 16, 8), RANKS),
    "Li13Si4, 10,027,008": (crystal(96, 96, 32), (8, 64, 256, 1024)),
    "weak, 4,896 a rank": (weak(12, 6, 2), (1, 2, 4, 8, 64, 256, 1024)),
    "weak, 104,448 a rank": (weak(24, 16, 8), (1, 8, 64)),
}
"""Structure for a number of ranks, and these numbers."""


def rehearse(ranks: VirtualRanks, atoms: Atoms) -> tuple[int, ...]:
    """Owned atoms, ghosts, and messages and bytes of a step."""
    state = make_state(atoms if ranks.is_root else None, ELEMENTS, ranks)
    domain = Domain(state.cell, state.periodic, ranks, CUTOFF + SKIN, extent=extent(state, ranks))
    domain.balance(state)
    domain.migrate(state)
    domain.build_halo(state)
    ranks.counted.clear()
    forces = np.zeros((len(state.positions), 3))
    domain.halo(state)
    domain.fold(forces)
    ghosts = len(state.positions) - state.n_owned
    return state.n_owned, ghosts, ranks.counted["messages"], ranks.counted["bytes"], *domain.grid.tolist()


def count(atoms: Atoms, size: int) -> dict[str, object]:
    """A row of the table: of all ranks the most, the mean, and the grid."""
    rows = np.array(run(size, lambda ranks: rehearse(ranks, atoms)))
    row = {"atoms": len(atoms), "ranks": size, "grid": "x".join(map(str, rows[0, 4:]))}
    for name, values in zip(("owned", "ghosts", "messages", "bytes"), rows.T[:4], strict=True):
        row |= {f"most_{name}": int(values.max()), f"mean_{name}": round(float(values.mean()), 1)}
    return row


def check(ranks: Ranks) -> None:
    """Run a few steps on real ranks; compare what they send with what was counted.

    Raises:
        SystemExit: it differs.
    """
    real = CountingRanks(ranks.comm)
    potential = BlockPotential(load("lisi_mtp"))
    for name in ("interface, 4,608", "weak, 4,896 a rank"):
        build = CASES[name][0]
        made = dynamics.Dynamics.start(lambda: build(ranks.size), potential, real, SKIN, 0.5, 100.0, True)  # noqa: B023
        real.counted.clear()
        before, steps = made.engine.rebuilds, 4
        made.steps(steps)
        assert made.engine.rebuilds == before, "atoms at rest"
        mine = np.array([made.state.n_owned, real.counted["messages"] // steps, real.counted["bytes"] // steps])
        reductions = real.counted["reductions"] / steps
        all_ranks = np.array(ranks.all_gather(mine))
        if ranks.is_root:
            rows = np.array(run(ranks.size, lambda one: rehearse(one, build(ranks.size))))[:, [0, 2, 3]]  # noqa: B023
            if not np.array_equal(rows, all_ranks):
                raise SystemExit(f"{name} on {ranks.size} ranks = sent {all_ranks.tolist()}, counted {rows.tolist()}")
            total = all_ranks.sum(axis=0)
            print(
                f"{name}, {ranks.size} ranks: {total[1]} messages and {total[2]} bytes a step, as counted; "
                f"{reductions:g} reductions a step"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--check", action="store_true", help="count on real ranks, too")
    given = parser.parse_args()
    ranks = start()
    if given.check:
        check(ranks)
        return
    rows = []
    for name, (build, sizes) in CASES.items():
        for size in sizes if given.only in name else ():
            rows.append({"case": name} | count(build(size), size))
            print(rows[-1], file=sys.stderr, flush=True)
    if not given.only:
        COUNTS.parent.mkdir(exist_ok=True)
    with COUNTS.open("w", newline="") if not given.only else sys.stdout as out:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
