"""Fills a results section of fracture.md from a trajectory: analyses it, copies figures and tables, writes the section.

    python docs/fracture.py bulk_28900 fracture_bulk_28900.h5md [--ranks 2]

The analysis itself is left beside the trajectory, in <trajectory>_analysis.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from hpcpot.commands.analyze.command import load
from hpcpot.commands.analyze.settings import AnalyzeSettings
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.wording import plural

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/fracture.md"
CONFIGS = {
    "bulk_28900": "analyze_fracture.yaml",
    "bulk_104448": "analyze_fracture.yaml",
    "particle_li13si4": "analyze_particle.yaml",
    "particle_lisi": "analyze_particle.yaml",
    "particle_lisi3": "analyze_particle.yaml",
}
"""Section of the page, and the config in configs/ that analyses its run."""
FIGURES = {
    "stress_strain": "Stress against strain, and what Young's modulus owes to the end of its window.",
    "maps": "Von Mises shear strain in cross-sections through the middle.",
    "snapshots": "The rear half of the atoms, coloured by shear strain.",
    "voids": "Voids.",
    "atoms": "Strain of the atoms, and broken bonds.",
}
TABLES = ("summary", "modulus")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=CONFIGS)
    parser.add_argument("trajectory", type=Path)
    parser.add_argument("--ranks", default="1")
    options = parser.parse_args(arguments)
    config, override = ROOT / "configs" / CONFIGS[options.case], f"trajectory={options.trajectory.resolve()}"
    settings = load(str(config), [override])
    command = [sys.executable, "-m", "hpcpot", "analyze", str(config), "--set", override, "--overwrite"]
    subprocess.run([*command, "--ranks", options.ranks], check=True)
    figures = collect(settings.output.folder, options.case)
    text = "\n".join(["", *facts(settings), "", *table(settings), "", *figures, ""])
    before, rest = PAGE.read_text(encoding="utf-8").split(f"<!-- {options.case} -->", 1)
    after = rest.split("<!-- end -->", 1)[1]
    PAGE.write_text(f"{before}<!-- {options.case} -->{text}<!-- end -->{after}", encoding="utf-8")


def collect(folder: Path, case: str) -> list[str]:
    """Copy figures and small tables; lines of Markdown that show the figures."""
    target, lines = PAGE.with_suffix(""), []
    target.mkdir(exist_ok=True)
    for name, caption in FIGURES.items():
        if (folder / f"{name}.png").exists():
            shutil.copy(folder / f"{name}.png", target / f"{case}_{name}.png")
            lines += [f"![{caption}]({target.name}/{case}_{name}.png)", "", caption, ""]
    for name in TABLES:
        shutil.copy(folder / f"{name}.csv", target / f"{case}_{name}.csv")
    return lines


def facts(settings: AnalyzeSettings) -> list[str]:
    """What made the trajectory."""
    with TrajectoryReader(settings.trajectory) as reader:
        runs, atoms = reader.provenance(), len(reader.numbers)
    last = runs[-1]
    parts = "one run" if len(runs) == 1 else f"{len(runs)} runs, each from the checkpoint of the one before"
    return [
        f"{atoms:,} atoms, {plural(int(last['ranks']), 'rank')}, {parts}; hpcpot {last['hpcpot']}, {last['cpu']}, potential "
        f"{str(last['potential_fingerprint'])[:12]}. The trajectory holds the resolved config."
    ]


def table(settings: AnalyzeSettings) -> list[str]:
    """Numbers beside the published ones, as Markdown."""
    folder, published = settings.output.folder, settings.published
    summary = {row["quantity"]: float(row["value"]) for row in rows_of(folder / "summary.csv")}
    slopes = [float(row["slope_GPa"]) for row in rows_of(folder / "modulus.csv")]
    curve = np.genfromtxt(folder / "stress_strain.csv", delimiter=",", names=True)
    low, high = settings.curve.fit_window
    failure, end = summary["failure_strain"], curve["strain"][-1]
    fails = f"not up to {end:.2f}" if np.isnan(failure) else f"{failure:.3f}"
    modulus = f"{summary['youngs_modulus_GPa']:.2f} ± {summary['youngs_modulus_error_GPa']:.2f}"
    rows = [
        (f"Young's modulus, strain {low:g} to {high:g} (GPa)", modulus, published.modulus_GPa),
        (f"in {len(slopes) - 1} windows around it (GPa)", f"{min(slopes):.1f} to {max(slopes):.1f}", None),
        ("ultimate strength, mean over 0.5 ps (GPa)", f"{summary['ultimate_strength_GPa']:.2f}", None),
        ("at strain", f"{summary['strain_at_ultimate_strength']:.3f}", None),
    ]
    for strain, stress in published.points or []:
        if strain <= end + 1e-3:
            here = curve["smoothed_stress_GPa"][np.argmin(np.abs(curve["strain"] - strain))]
            rows.append((f"stress at strain {strain:g} (GPa)", f"{here:.2f}", stress))
    rows += [
        ("strain at failure (stress below 0.2 of the strength)", fails, None),
        ("toughness, up to failure or the end (GJ/m³)", f"{summary['toughness_GPa']:.3f}", None),
        *of_frames(folder),
    ]
    lines = [f"| {name} | {here} | {'' if other is None else f'{other:g}'} |" for name, here, other in rows]
    return [f"| | here | {published.label} |", "|---|---|---|", *lines]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def of_frames(folder: Path) -> list[tuple[str, str, None]]:
    """Holes and bonds."""
    frames = np.genfromtxt(folder / "frames.csv", delimiter=",", names=True)
    rows = [("bonds broken at the end", f"{frames['broken_bonds'][-1]:.1%}", None)]
    if "hole_A3" in frames.dtype.names and frames["hole_A3"].any():
        opens = frames["strain"][np.argmax(frames["hole_A3"] > 0)]
        rows.append(("the hole that becomes largest is first seen at strain", f"{opens:.2f}", None))
        rows.append(("its volume at the end (nm³)", f"{frames['hole_A3'][-1] / 1000:.2f}", None))
        through = np.any([frames[f"hole_spans_{axis}"] > 0 for axis in "abc"], axis=0)
        if through.any():
            rows.append(("it runs through the cell from strain", f"{frames['strain'][np.argmax(through)]:.2f}", None))
    return rows


if __name__ == "__main__":
    main()
