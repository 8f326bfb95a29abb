"""From one rank to two: parallel efficiency, time outside the potential, and memory; runs the benchmarks of dynamics in turn.

    python benchmarks/scaling.py                interface (4,608 atoms) and Li13Si4 (104,448) on one and two ranks
    python benchmarks/scaling.py --million      1,002,456 atoms of Li13Si4 on two ranks, a few steps

Efficiency is the core time per atom-step on one rank over that on two; strong: the same atoms, weak: twice as many on two
ranks. The ceiling is the same for two runs of one rank side by side, each with a rank's share of the atoms, that do not know
of each other: what the machine's memory, caches and clocks leave of two cores. All take turns, and of each run the fastest
repeat counts: what else a machine does only slows it, and two ranks more than one, since they wait for each other.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import timing

from hpcpot.parallel.launch import environment

HERE = Path(__file__).resolve().parent
DEEP, MIXED, CHEBYSHEV = ["md_deep_potential.py"], ["md_deep_potential.py", "--precision", "mixed"], ["md_chebyshev.py"]
TENSOR = ["md_moment_tensor.py", "--model", "lisi_mtp"]
BLOCK = ["--repeat", "24", "16", "8"]
FEW = ["--steps", "28", "--repeats", "24"]
"""Atoms that are soon done: of many repeats one is likely not to be disturbed."""
HALF = ["--repeat", "24", "8", "8"]
CASES = {
    "interface, Deep Potential": (DEEP, ["--steps", "40"], [], []),
    "interface, Deep Potential, mixed": (MIXED, ["--steps", "40"], [], []),
    "interface, Deep Potential, weak": (DEEP, ["--steps", "40"], ["--repeat", "1", "2", "1"], []),
    "Li13Si4 104,448, Deep Potential": (
        DEEP,
        ["--crystal", "Li13Si4", "--repeat", "16", "8", "24", "--steps", "3"],
        [],
        ["--repeat", "16", "4", "24"],
    ),
    "Li13Si4 104,448, Chebyshev": (CHEBYSHEV, [*BLOCK, "--steps", "14"], [], HALF),
    "Li13Si4 4,896, Chebyshev, weak": (CHEBYSHEV, FEW, ["--repeat", "12", "12", "2"], []),
    "Li13Si4 104,448, moment tensor": (TENSOR, [*BLOCK, "--steps", "14"], [], HALF),
    "Li13Si4 4,896, moment tensor, weak": (TENSOR, FEW, ["--repeat", "12", "12", "2"], []),
}
"""Script, arguments, what is changed on two ranks, and on each of two side by side (the interface's have all atoms)."""
MILLION = [*CHEBYSHEV, "--repeat", "54", "39", "14", "--steps", "3", "--repeats", "2"]


def run(ranks: int, command: list[str]) -> list[dict]:
    """The lines of a benchmark on so many ranks."""
    launcher = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    line = [*launcher, sys.executable, str(HERE / command[0]), *command[1:]]
    done = subprocess.run(line, capture_output=True, text=True, env=environment(os.environ))
    if done.returncode:
        raise RuntimeError(f"{' '.join(line)} = exit code {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return [json.loads(text) for text in done.stdout.replace("}{", "}\n{").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument(
        "--model", nargs=2, help="networks of Li and Si for the Chebyshev cases; random ones when left out"
    )
    parser.add_argument("--only", default="", help="cases whose name contains this")
    given = parser.parse_args()
    networks = ["--model", *given.model] if given.model else []
    if given.million:
        found = run(2, [*MILLION, *networks])[0]
        print(
            json.dumps(
                {
                    name: found[name]
                    for name in (
                        "value",
                        "unit",
                        "atoms",
                        "ranks",
                        "peak_memory_MB",
                        "peak_memory_KB_per_atom",
                        "phases",
                    )
                }
            )
        )
        return
    for name, (script, arguments, on_two, on_each) in CASES.items():
        if given.only in name:
            command = [*script, "--repeats", "3", *arguments, *(networks if script == CHEBYSHEV else [])]
            turns = [
                (run(1, command)[0], run(2, [*command, *on_two])[0], run(2, [*command, *on_each, "--apart"]))
                for _ in range(given.turns)
            ]
            print(summary(name, turns), flush=True)


def summary(name: str, turns: list[tuple[dict, dict, list[dict]]]) -> str:
    """One JSON line: efficiency of each turn and its ceiling, and what the fastest run of each rank count spent."""
    efficiencies = [100.0 * one["least"] / two["least"] for one, two, _ in turns]
    ceilings = [100.0 * one["least"] / statistics.mean(each["least"] for each in apart) for one, _, apart in turns]
    facts = {"ceiling_percent": [round(ceiling, 1) for ceiling in ceilings]}
    for ranks, runs in (("one", [one for one, *_ in turns]), ("two", [two for _, two, _ in turns])):
        typical = min(runs, key=lambda found: found["value"])
        outside = 100.0 * (1.0 - typical["phases"]["potential"])
        facts[f"{ranks}_us"] = [found["least"] for found in runs]
        facts |= {
            f"{ranks}_outside_percent": round(outside, 1),
            f"{ranks}_phases": typical["phases"],
            f"{ranks}_KB_per_atom": typical["peak_memory_KB_per_atom"],
            f"{ranks}_atoms": typical["atoms"],
        }
    return timing.line(name, "% of one rank's speed, on two", efficiencies, **facts)


if __name__ == "__main__":
    main()
