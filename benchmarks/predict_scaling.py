"""Strong and weak scaling predicted from counted messages and measured times; tables and figure of docs/scaling.md.

    python benchmarks/predict_scaling.py                        tables, from docs/scaling/counts.csv and the defaults
    python benchmarks/predict_scaling.py --latency_us 5         another network; --help names all parameters
    python benchmarks/predict_scaling.py --figure docs/scaling/scaling.png
    python benchmarks/predict_scaling.py --measure              step_us, atom_us and ghost_us of this machine
    python benchmarks/predict_scaling.py --farm                 the farm, to 1,000 workers and 10 million items

A step of the slowest rank takes

    step + atom n + ghost g + m latency + bytes / bandwidth + reductions ceil(log2 ranks) latency
    + exchanges 2 (ranks - 1) gap / rebuild

with its n owned atoms, g ghosts and m messages sent; latency and bandwidth are of messages between nodes, whose
bandwidth its ranks share. The last term is the exchange with all other ranks when pairs are rebuilt, every `rebuild`
steps, of counts and then of rows. Nothing overlaps here; the engine waits for the messages of two directions at once.

The farm takes max(work / workers, items (item + chunk / items of a chunk)), the latter being what client and scheduler,
one process, do by themselves (benchmarks/farm_overhead.py).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log2
from pathlib import Path
from time import process_time

import dynamics  # first: it sets the threads
import numpy as np
from count_ranks import COUNTS, SKIN

from hpcpot.farm.chunks import CHUNK_MOST, seconds_of_chunk
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import load
from hpcpot.structure import crystals

STEP, ATOM, GHOST = 81.0, 0.72, 0.005
"""µs, as --measure said."""
ITEMS = {
    "removal, lisi_mtp": 0.039,
    "removal, Deep Potential": 1.28,
    "relaxation of 16 to 34 atoms, lisi_mtp": 3.2,
    "relaxation, Deep Potential": 21.8,
    "single point by DFT, 10 min": 6e5,
}
"""Core time of items, ms: benchmarks/onsite.py and relax.py; the last is an example."""
REDUCTIONS, EXCHANGES = 2, 1
"""Of a step, by count_ranks.py --check; of a rebuild: all that goes with an atom at once."""


@dataclass(frozen=True)
class Machine:
    """Parameters, µs and bytes/µs.

    Attributes:
        step, atom, ghost: of a step, of each owned atom, and of each ghost, without messages.
        latency: of a message. bandwidth: of a rank. gap: between two messages to many ranks. rebuild: steps.
    """

    step: float
    atom: float
    ghost: float
    latency: float
    bandwidth: float
    gap: float
    rebuild: float

    def step_time(self, row: dict[str, str]) -> float:
        """Microseconds of a step of the slowest rank of a row of the counts."""
        ranks, owned, ghosts, messages, sent = (
            float(row[name]) for name in ("ranks", "most_owned", "most_ghosts", "most_messages", "most_bytes")
        )
        work = self.step + self.atom * owned + self.ghost * ghosts
        talk = messages * self.latency + sent / self.bandwidth + REDUCTIONS * ceil(log2(ranks)) * self.latency
        return work + talk + EXCHANGES * 2 * (ranks - 1) * self.gap / self.rebuild


def measure() -> None:
    """Print what a step, an atom and a ghost take on one rank, in processor time.

    A ghost: of the exchange of one rank with itself. The rest: least squares of the relative errors over many sizes, each
    the least of several blocks with as many steps as are between two rebuilds.
    """
    rows, times, of_ghost = [], [], 0.0
    potential = BlockPotential(load("lisi_mtp"))
    for repeat in ((12, 6, 2), (1, 1, 1), (3, 1, 1), (3, 3, 1), (6, 3, 1), (6, 6, 1), (12, 6, 1), (12, 12, 2)):
        read = lambda: crystals.build("Li13Si4", repeat, axes="cab")  # noqa: B023, E731
        made = dynamics.Dynamics.start(read, potential, SERIAL, SKIN, 1.0, 300.0, False)
        state, domain = made.state, made.engine.domain
        n, ghosts = state.n_owned, len(state.positions) - state.n_owned
        if not rows:
            forces = np.zeros((n + ghosts, 3))
            of_ghost = least(lambda: (domain.halo(state), domain.fold(forces)), 100) / ghosts  # noqa: B023
        made.steps(14)
        rows.append([1.0, n])
        times.append(least(lambda: made.steps(14), max(4, min(60, 20_000 // n))) / 14)  # noqa: B023
        print(f"{n} atoms, {ghosts} ghosts: {times[-1]:.0f} µs a step, {times[-1] / n:.2f} an atom", flush=True)
        times[-1] -= of_ghost * ghosts
    matrix, measured = np.array(rows), np.array(times)
    fit, *_ = np.linalg.lstsq(matrix / measured[:, None], np.ones(len(measured)), rcond=None)
    errors = matrix @ fit / measured - 1.0
    print(
        f"step_us {fit[0]:.0f}, atom_us {fit[1]:.2f}, ghost_us {of_ghost:.3f}; errors up to {np.abs(errors).max():.0%}"
    )


def least(function: Callable[[], object], repeats: int) -> float:
    """Microseconds of processor time of the fastest of some calls."""
    spent = []
    for _ in range(repeats):
        began = process_time()
        function()
        spent.append(process_time() - began)
    return 1e6 * min(spent)


def efficiencies(rows: list[dict[str, str]], machine: Machine) -> list[tuple[int, float, float]]:
    """Ranks, µs of a step, and efficiency: time of all atoms on one rank, without ghosts, over that of all."""
    found = []
    for row in rows:
        time, ranks = machine.step_time(row), int(row["ranks"])
        alone = machine.atom * float(row["atoms"]) + machine.step * (ranks if row["case"].startswith("weak") else 1)
        found.append((ranks, time, alone / (ranks * time)))
    return found


def end(found: list[tuple[int, float, float]]) -> str:
    """Where efficiency falls below a half, between two counts on a logarithmic scale."""
    for (low, _, above), (high, _, below) in zip(found, found[1:], strict=False):
        if above >= 0.5 > below:
            share = (above - 0.5) / (above - below)
            return f"{low * (high / low) ** share:.0f}"
    return f"> {found[-1][0]}" if found[-1][2] >= 0.5 else f"< {found[0][0]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="measure this machine instead")
    parser.add_argument("--step_us", type=float, default=STEP, help="of a step, whatever its atoms")
    parser.add_argument("--atom_us", type=float, default=ATOM, help="of an owned atom")
    parser.add_argument("--ghost_us", type=float, default=GHOST, help="of a ghost")
    parser.add_argument("--latency_us", type=float, default=2.0, help="of a message, the calls from Python included")
    parser.add_argument("--bandwidth_GB_s", type=float, default=25.0, help="of a node's network")
    parser.add_argument("--ranks_per_node", type=int, default=64, help="which share it")
    parser.add_argument("--gap_us", type=float, default=0.3, help="between messages to many ranks")
    parser.add_argument("--rebuild", type=float, default=14.0, help="steps between rebuilds of the pairs")
    parser.add_argument("--most_ranks", type=int, default=1024)
    parser.add_argument("--farm", action="store_true", help="the farm instead")
    parser.add_argument("--chunk_ms", type=float, default=3.8, help="of client and scheduler for a chunk")
    parser.add_argument(
        "--item_ms", type=float, default=0.018, help="the same for each item, its row on the disk included"
    )
    parser.add_argument("--items", type=int, default=10_000_000)
    parser.add_argument("--figure", type=Path, help="file to draw into")
    given = parser.parse_args()
    if given.measure:
        measure()
        return
    if given.farm:
        farm(given.chunk_ms, given.item_ms, given.items)
        return
    machine = Machine(
        given.step_us,
        given.atom_us,
        given.ghost_us,
        given.latency_us,
        1e3 * given.bandwidth_GB_s / given.ranks_per_node,
        given.gap_us,
        given.rebuild,
    )
    with COUNTS.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if int(row["ranks"]) <= given.most_ranks]
    cases = {name: [row for row in rows if row["case"] == name] for name in dict.fromkeys(row["case"] for row in rows)}
    print(
        "| case | ranks | grid | most atoms | over mean | most ghosts | messages | KB | ms a step | efficiency | ns/day |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name, of_case in cases.items():
        for row, (ranks, time, share) in zip(of_case, efficiencies(of_case, machine), strict=True):
            print(
                f"| {name} | {ranks:,} | {row['grid']} | {int(row['most_owned']):,} | "
                f"{float(row['most_owned']) / float(row['mean_owned']):.2f} | {int(row['most_ghosts']):,} | "
                f"{row['most_messages']} | {float(row['most_bytes']) / 1e3:,.0f} | {time / 1e3:.2f} | {share:.0%} | "
                f"{86.4e9 / time / 1e6:.3g} |"
            )
    for name, of_case in cases.items():
        print(f"{name}: half efficiency at {end(efficiencies(of_case, machine))} ranks")
    if given.figure:
        draw({name: efficiencies(of_case, machine) for name, of_case in cases.items()}, given.figure)


def farm(chunk_ms: float, item_ms: float, items: int) -> None:
    """Print how long the farm takes for some kinds of items, and how busy the workers are."""
    sizes = (10, 100, 1000)
    print(f"| item | core time | {' | '.join(f'{n:,} workers' for n in sizes)} | half efficiency |")
    print("|---|---|---|---|---|---|")
    for name, ms in ITEMS.items():
        cells = []
        for n in sizes:
            fits = min(max(1e3 * seconds_of_chunk(n) / ms, 1.0), CHUNK_MOST)
            alone, client = items * ms / n, items * (item_ms + chunk_ms / fits)
            cells.append(f"{max(alone, client) / 3.6e6:,.2f} h, {min(1.0, alone / client):.0%}")
        half = next((n for n in range(1, 10**6) if _busy(n, ms, chunk_ms, item_ms) < 0.5), None)
        print(f"| {name} | {ms:g} ms | {' | '.join(cells)} | {f'{half:,} workers' if half else '> 1,000,000'} |")


def _busy(n: int, ms: float, chunk_ms: float, item_ms: float) -> float:
    fits = min(max(1e3 * seconds_of_chunk(n) / ms, 1.0), CHUNK_MOST)
    return min(1.0, ms / n / (item_ms + chunk_ms / fits))


def draw(cases: dict[str, list[tuple[int, float, float]]], path: Path) -> None:
    """Efficiency against ranks, strong and weak."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, kind in zip(figure.subplots(1, 2, sharey=True), ("strong", "weak"), strict=True):
        for name, found in cases.items():
            if name.startswith("weak") == (kind == "weak"):
                ranks, _, shares = zip(*found, strict=True)
                axes.plot(ranks, np.array(shares) * 100, "o-", ms=4, label=name.removeprefix("weak, "))
        axes.axhline(50, color="0.6", lw=0.8, ls="--")
        axes.set(xscale="log", xlabel="ranks", title=f"{kind} scaling", ylim=(0, 105))
        axes.set_xticks([1, 4, 16, 64, 256, 1024], ["1", "4", "16", "64", "256", "1,024"])
        axes.minorticks_off()
        axes.legend(frameon=False, fontsize=8, loc="lower left")
        axes.grid(alpha=0.25)
    figure.axes[0].set_ylabel("efficiency, %")
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
