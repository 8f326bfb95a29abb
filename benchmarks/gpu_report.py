"""Tables of what benchmarks/on_gpu.sh measured, as benchmarks/README.md has them.

python benchmarks/gpu_report.py results/gpu
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from hpcpot.storage.reader import TrajectoryReader
from hpcpot.units import FS_PER_PS

TARGETS = {
    ("md_deep_potential", 100_352, "float64"): 0.5,
    ("md_deep_potential", 100_352, "mixed"): 0.25,
    ("md_deep_potential", 4_608, "float64"): 1000 / 4_608,
    ("md_deep_potential", 4_608, "mixed"): 600 / 4_608,
    ("md_chebyshev", 104_448, "float64"): 0.15,
}
"""us per atom-step on one H100 or H200, by benchmark, atoms and precision; of the interface 1.0 and 0.6 ms a step."""

Rows = list[dict[str, Any]]


def read(folder: Path) -> Rows:
    """The JSON lines of all logs, in their order."""
    lines = [line for path in sorted(folder.glob("*.log")) for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines if line.startswith('{"benchmark"')]


def table(heads: list[str], rows: list[list[Any]]) -> str:
    lines = ["| " + " | ".join(str(cell) for cell in row) + " |" for row in (heads, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(heads), *lines[1:]])


def speeds(rows: Rows) -> str:
    """Whole steps. Core time of ranks that share a GPU is the time of a step over its atoms, times the ranks."""
    found = []
    for row in sorted(
        (r for r in rows if r["benchmark"].startswith("md_")), key=lambda r: (r["benchmark"], r["atoms"])
    ):
        us, least, most = (row[name] / row["ranks"] for name in ("value", "least", "most"))
        target = TARGETS.get((row["benchmark"], row["atoms"], row["precision"])) if row["ranks"] == 1 else None
        met = "" if target is None else f"{target:.3g}, {'met' if us <= target else f'{us / target:.2f} times as much'}"
        found.append(
            [
                row["benchmark"],
                f"{row['atoms']:,}",
                row["precision"],
                row["ranks"],
                f"{us:.4f} ({least:.4f} to {most:.4f})",
                f"{us * row['atoms'] / 1000:.3f}",
                met,
            ]
        )
    return table(["benchmark", "atoms", "precision", "ranks", "us per atom-step", "ms a step", "target"], found)


def kernels(rows: Rows) -> str:
    """One evaluation, kernel by kernel, and as a graph."""
    found = []
    for row in (r for r in rows if r["benchmark"] in ("gpu kernel", "gpu evaluation")):
        what = [row["family"], f"{row['atoms']:,}", row["precision"], row.get("kernel", "whole, as a graph")]
        us = row["value"] * (row["atoms"] if row["benchmark"] == "gpu evaluation" else 1)
        found.append(
            [
                *what,
                row.get("calls", 1),
                f"{us:.1f}",
                f"{row.get('share', 1):.0%}",
                f"{row['GFLOP_per_s']:.0f}",
                f"{row['of_gemm']:.0%}",
                f"{row['GB_per_s']:.0f}",
                f"{row['of_copy']:.0%}",
            ]
        )
    heads = [
        "family",
        "atoms",
        "precision",
        "kernel",
        "calls",
        "us a call",
        "share",
        "GFLOP/s",
        "of GEMM",
        "GB/s",
        "of copy",
    ]
    return table(heads, found)


def ceilings(rows: Rows) -> str:
    found = []
    for row in (r for r in rows if r["benchmark"] in ("gpu copy", "gpu product")):
        shape = " x ".join(map(str, row.get("shape", [])))
        found.append([row["benchmark"], row.get("precision", ""), shape, f"{row['value']:.0f} {row['unit']}"])
    return table(["ceiling", "precision", "shape", "median"], found)


def drifts(folder: Path) -> str:
    """Total energy of the NVE runs: slope and spread of a straight line; and how far the two are apart."""
    found, energies = [], {}
    for path in sorted(folder.glob("nve_*.h5md")):
        with TrajectoryReader(path) as reader:
            seen = reader.observables()
            times, total = seen["time"] / FS_PER_PS, seen["total_energy"] / len(reader.numbers)
        slope, offset = np.polyfit(times, total, 1)
        spread = np.std(total - slope * times - offset)
        energies[path.stem] = total
        found.append([path.stem, len(total), f"{1e3 * slope:.3g}", f"{1e3 * spread:.2g}"])
    text = table(["run", "rows", "drift, meV/atom/ps", "spread, meV/atom"], found)
    if len(energies) == 2:
        gpu, cpu = energies["nve_gpu"], energies["nve_cpu"]
        n = min(len(gpu), len(cpu))
        text += f"\n\nTotal energies differ by at most {1e3 * np.abs(gpu[:n] - cpu[:n]).max():.2g} meV/atom."
    return text


def main() -> None:
    folder = Path(sys.argv[1])
    rows = read(folder)
    for device in sorted({row["device"] for row in rows}):
        print(f"on {device}\n")
    tables = {"speed": speeds(rows), "ceilings": ceilings(rows), "kernels": kernels(rows), "drift": drifts(folder)}
    for title, text in tables.items():
        print(f"### {title}\n\n{text}\n")


if __name__ == "__main__":
    main()
