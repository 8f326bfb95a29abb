"""Where the time of a step goes: FLOP, bytes and microseconds per atom-step of each phase, and how near the ceiling it is.

    python benchmarks/phases.py deep_potential                       float64, the 4,608 atoms of the interface
    python benchmarks/phases.py deep_potential --precision mixed
    python benchmarks/phases.py chebyshev [--model Li.nn Si.nn]      4,896 atoms of Li13Si4
    python benchmarks/phases.py moment_tensor [--model lisi_mtp]     the same
    python benchmarks/phases.py deep_potential --markdown            as the table of benchmarks/README.md

The functions that a step of a Deep Potential consists of are timed during molecular dynamics, and what they compute is
counted from the sizes of their arguments (costs.py). The other two are one pass of compiled code: it is compiled with its
first step, its first two, and so on, and a phase is the difference; its data stay in the first caches, so no bytes are
given. Ceilings are measured in the same run: matrix products of the shapes that occur, and the triad a = b + c d on arrays
that fit the cache, as a block's do. "of ceiling" is, for products, the time that these shapes take alone over the time they
took; else the larger of FLOP/s over those of the fastest product and bytes/s over those of the triad: code at 100 % cannot
be made faster but by computing less. Times of the run are those of the processor, whatever else runs beside it.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any
from unittest.mock import patch

import timing
import costs
import dynamics  # first: it sets the threads
import md_chebyshev
import md_moment_tensor
import numpy as np

from hpcpot.compiled import njit
from hpcpot.dynamics import engine
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential.blocks import BLOCK, BlockPotential
from hpcpot.potential.contract import Family, Potential
from hpcpot.potential.deep_potential import cpu as deep_potential_cpu
from hpcpot.potential.deep_potential import readout as readout_cpu
from hpcpot.potential.files import load
from hpcpot.potential.vectors import sweep
from hpcpot.provenance import cpu_model
from hpcpot.structure import crystals, files

CACHE, MEMORY = 96 * 1024, 128 * 1024 * 1024
"""Bytes of each of the three arrays of a triad."""
OUTSIDE = ("neighbours", "exchange", "integration")
Shape = tuple[int, int, int, str]
"""Of a product (n, k) (k, m), and its type."""


@dataclass
class Probe:
    """Times functions by phase; counts what they compute while `counts` is set.

    Attributes:
        seconds, flop, moved: by phase; moved in bytes. shapes: of matrix products, how often.
    """

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    flop: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    moved: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    shapes: Counter = field(default_factory=Counter)
    counts: bool = False

    def timed(self, phase: str, function: Callable, cost: Callable[..., costs.Cost]) -> Callable:
        def call(*arguments: Any, **options: Any) -> Any:
            began = process_time()
            result = function(*arguments, **options)
            self.seconds[phase] += process_time() - began
            if self.counts:
                flop, moved = cost(result, *arguments, **options)
                self.flop[phase] += flop
                self.moved[phase] += moved
                if cost is costs.product:
                    self.shapes[(*arguments[0].shape, arguments[1].shape[1], arguments[0].dtype.name)] += 1
            return result

        return call

    def deep_potential(self) -> ExitStack:
        """The functions of a Deep Potential, timed while the context lasts."""
        steps, stack = deep_potential_cpu, ExitStack()
        for owner, name, phase, cost in (
            (steps, "environment", "environment", costs.environment),
            (steps, "_pair_terms", "switch", costs.switch),
            (steps, "scatter", "scatter", costs.scatter),
            (readout_cpu, "tanh_layer", "tanh", costs.tanh),
            (readout_cpu, "tanh_layer_32", "tanh", costs.tanh),
            (np, "matmul", "network products", costs.product),
        ):
            stack.enter_context(patch.object(owner, name, self.timed(phase, getattr(owner, name), cost)))
        for owner, name, phase, cost in (
            (steps, "_moments", "moments", costs.moments),
            (steps, "_pair_forces", "pair forces", costs.pair_forces),
            (readout_cpu, "invariants", "invariants", costs.invariants),
            (readout_cpu, "gradient", "gradient of invariants", costs.gradient),
        ):
            factory = getattr(owner, name)
            made = lambda width, factory=factory, phase=phase, cost=cost: self.timed(phase, factory(width), cost)  # noqa: E731
            stack.enter_context(patch.object(owner, name, made))
        return stack


@njit(fastmath={"contract"})
def triad(a, b, d, repeats):
    for n in range(repeats):
        c = 1.0 / (n + 1)
        for i in range(len(a)):
            a[i] = b[i] + c * d[i]


def bandwidth(size: int) -> float:
    """Bytes/s of a triad on arrays of this many bytes."""
    a, b, d = (np.ones(size // 8) for _ in range(3))
    repeats = max(1, 2**28 // size)
    triad(a, b, d, 1)
    return 3.0 * size * repeats / median(timing.repeat(lambda: triad(a, b, d, repeats), 7))


def product_seconds(shape: Shape) -> float:
    """Of one matrix product alone."""
    (n, k, m, dtype), rng = shape, np.random.default_rng(0)
    a, b, out = rng.random((n, k)).astype(dtype), rng.random((k, m)).astype(dtype), np.empty((n, m), dtype)
    repeats = max(1, int(2e8 / (n * k * m)))

    def products() -> None:
        for _ in range(repeats):
            np.matmul(a, b, out=out)

    return median(timing.repeat(products, 7)) / repeats


@njit()
def nothing(group, own, constants, kind, sets):
    """A step that leaves all as it is."""


def split_sweep(probe: Probe, potential: Potential, run: dynamics.Dynamics, steps: int) -> None:
    """Time a sweep that ends after each of its steps; count what all of them compute."""
    state, pairs, parts = run.state, run.engine.pairs, potential._steps
    middle, before = parts._middle, 0.0
    named = [("gather", nothing), *middle.steps(True)]
    potential.compute(state.positions, pairs, state.species)
    for k, (phase, _) in enumerate([*named, ("scatter", nothing)], start=1):
        parts._kernels[True] = sweep.kernel(middle.size, parts.dtype, tuple(named[:k]), k > len(named))
        whole = lambda: potential.compute(state.positions, pairs, state.species)  # noqa: E731
        seconds = min(timing.repeat(whole, 15, clock=process_time)) * steps
        probe.seconds[phase] += seconds - before
        before = seconds
    for phase, flop in costs.sweep(potential.family, state.positions, pairs).items():
        probe.flop[phase] = flop


def model_of(given: argparse.Namespace) -> Family:
    """The model of the command line, or a random one."""
    if given.model:
        return load(given.model[0] if len(given.model) == 1 else given.model)
    return md_chebyshev.random_networks() if given.family == "chebyshev" else md_moment_tensor.random_potential(16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("family", choices=("deep_potential", "chebyshev", "moment_tensor"))
    parser.add_argument("--precision", choices=("float64", "mixed"), default="float64")
    parser.add_argument("--model", type=Path, nargs="+", help="networks of Li and Si, or one file; else random")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    probe, is_deep = Probe(), given.family == "deep_potential"
    if is_deep:
        potential = BlockPotential(load("lisi"), precision=given.precision)
        run = dynamics.Dynamics.start(lambda: files.read("interface_si100"), potential, SERIAL, 1.0, 0.5, 500.0, False)
    else:
        potential = BlockPotential(model_of(given), precision=given.precision)
        read = lambda: crystals.build("Li13Si4", (12, 6, 2), axes="cab")  # noqa: E731
        run = dynamics.Dynamics.start(read, potential, SERIAL, 0.6, 1.0, 300.0, False)
    run.steps(5)
    with probe.deep_potential() if is_deep else ExitStack(), patch.object(engine, "perf_counter", process_time):
        probe.counts = True
        run.engine.compute(run.state)
        probe.counts = False
        probe.seconds.clear()
        run.engine.seconds.clear()
        began = process_time()
        run.steps(given.steps)
        whole = process_time() - began
    spent = Counter(run.engine.seconds)  # 0 where there was none
    if not is_deep:
        split_sweep(probe, potential, run, given.steps)
        probe.shapes = Counter([(BLOCK, BLOCK, BLOCK, "float32" if given.precision == "mixed" else "float64")])
    seconds = dict(probe.seconds)
    seconds["NumPy between them"] = spent["potential"] - sum(seconds.values())
    seconds |= {"neighbours": spent["neighbours"], "exchange": spent["exchange"]}
    seconds["integration"] = whole - spent["potential"] - spent["neighbours"] - spent["exchange"]
    rows, ceilings = table(
        probe, seconds, run.state.n_atoms, given.steps, "float32" if given.precision == "mixed" else "float64"
    )
    (print_markdown if given.markdown else print_json)(
        given, rows, ceilings, whole / given.steps / run.state.n_atoms * 1e6
    )


def table(probe: Probe, seconds: dict[str, float], n_atoms: int, steps: int, dtype: str) -> tuple[list[dict], dict]:
    """Rows by phase, and the ceilings: FLOP/s of the fastest product of that type, bytes/s of the triads."""
    alone = {shape: product_seconds(shape) for shape in probe.shapes}
    fastest = max(2.0 * np.prod(shape[:3]) / alone[shape] for shape in alone if shape[3] == dtype)
    ceilings = {"product": fastest, "triad in cache": bandwidth(CACHE), "triad in memory": bandwidth(MEMORY)}
    ideal = sum(alone[shape] * times for shape, times in probe.shapes.items())
    flop = sum(2.0 * np.prod(shape[:3]) * times for shape, times in probe.shapes.items())
    rows = []
    for phase, spent in seconds.items():
        row: dict[str, Any] = {"phase": phase, "us": spent / steps / n_atoms * 1e6}
        if phase in probe.flop:
            row |= {"flop": probe.flop[phase] / n_atoms, "flops": probe.flop[phase] / n_atoms / row["us"] * 1e6}
            row["reached"] = row["flops"] / ceilings["product"]
            if phase in probe.moved:
                row |= {"bytes": probe.moved[phase] / n_atoms, "rate": probe.moved[phase] / n_atoms / row["us"] * 1e6}
                row["reached"] = max(row["reached"], row["rate"] / ceilings["triad in cache"])
            if phase == "network products":
                row["reached"] = row["flops"] * ideal / flop
        rows.append(row)
    return rows, ceilings


def print_json(given: argparse.Namespace, rows: list[dict], ceilings: dict, us: float) -> None:
    facts = {"family": given.family, "precision": given.precision, "ceilings_per_s": ceilings, "phases": rows}
    print(timing.line("phases", "us per atom-step", [us], **facts))


def print_markdown(given: argparse.Namespace, rows: list[dict], ceilings: dict, us: float) -> None:
    print(
        f"`python benchmarks/phases.py {given.family}{' --precision mixed' if given.precision == 'mixed' else ''}` on one core "
        f"of {cpu_model()}: {us:.1f} us per atom-step. Ceilings: {ceilings['product'] / 1e9:.0f} GFLOP/s of the fastest "
        f"product, triad {ceilings['triad in cache'] / 1e9:.0f} GB/s in cache, {ceilings['triad in memory'] / 1e9:.0f} GB/s in "
        "memory.\n"
    )
    print("| phase | us | share | kFLOP | KB | GFLOP/s | GB/s | of ceiling |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        head = f"| {row['phase']} | {row['us']:.2f} | {100 * row['us'] / us:.1f} % |"
        if "flop" not in row:
            print(f"{head} | | | | |")
            continue
        moved = (f"{row['bytes'] / 1e3:.1f}", f"{row['rate'] / 1e9:.0f}") if "bytes" in row else ("", "")
        print(
            f"{head} {row['flop'] / 1e3:.1f} | {moved[0]} | {row['flops'] / 1e9:.1f} | {moved[1]} "
            f"| {100 * row['reached']:.0f} % |"
        )


if __name__ == "__main__":
    main()
