"""Fills the section of interface.md on the nanosecond with lisi_mtp from its trajectory: figure, tables, what made it.

    python docs/interface.py interface_si100_mtp.h5md [--window 50]
    python docs/interface.py norest.h5md --lengths                         the length of the lithium in each frame, no more

Of the frames of a window the observable `profile`, in bins of 1 Å, says where the fronts are. Extrapolation grades of all
atoms are evaluated anew in ten frames; those along the run are the trajectory's. Only the last stage is looked at.
"""

from __future__ import annotations

import argparse
import csv
import textwrap
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hpcpot.analysis import frames, profile
from hpcpot.analysis import registry as observables
from hpcpot.neighbors import batch
from hpcpot.potential import files, registry
from hpcpot.report.figures import WIDTH, letter, sheet
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.units import FS_PER_NS, FS_PER_PS
from hpcpot.wording import plural

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/interface.md"
MARK, MODEL = "nanosecond", "lisi_mtp"
BIN, GRADED, GRADES, ROWS = 1.0, 10, (1.0, 2.0, 10.0), 10
"""Å; frames whose grades are evaluated; grades above which atoms are counted; rows of the page's table, about."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trajectory", type=Path)
    parser.add_argument("--window", type=float, default=50.0, help="ps, of the frames of a profile")
    parser.add_argument("--lengths", action="store_true", help="print times and lengths, and leave the page alone")
    options = parser.parse_args(arguments)
    if options.lengths:
        print_lengths(options.trajectory)
        return
    target = PAGE.with_suffix("")
    target.mkdir(exist_ok=True)
    with TrajectoryReader(options.trajectory) as reader:
        seen = last_stage(reader.observables())
        ruler, start = profile.Ruler(profile.Slab(), reader.frame(0)), first_boundary(reader)
        rows = windows(reader, seen, options.window * FS_PER_PS)
        grades = graded(reader, ruler, rows)
        lines = [textwrap.fill(facts(reader, seen), 125), "", *fronts(rows, start), "", *known(grades)]
    save_rows(target / f"{MARK}.csv", rows)
    draw(target / f"{MARK}.png", rows, seen, start)
    caption = "Fronts, extrapolation grade, and potential energy against time."
    text = "\n".join(["", *lines, "", f"![{caption}]({target.name}/{MARK}.png)", "", caption, ""])
    before, rest = PAGE.read_text(encoding="utf-8").split(f"<!-- {MARK} -->", 1)
    after = rest.split("<!-- end -->", 1)[1]
    PAGE.write_text(f"{before}<!-- {MARK} -->{text}<!-- end -->{after}", encoding="utf-8")


def print_lengths(trajectory: Path) -> None:
    """Length along z of 99 % of the lithium, Å, in each frame."""
    with TrajectoryReader(trajectory) as reader:
        for k, time in enumerate(reader.times()):
            low, high = np.percentile(reader.frame(k).positions[reader.numbers == 3, 2], (0.5, 99.5))
            print(f"{time / FS_PER_PS:9.3f} ps {high - low:8.2f} Å")


def last_stage(observed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rows of the last stage, time (fs) from its beginning."""
    stage = observed.get("stage", np.zeros(len(observed["step"])))
    seen = {name: values[stage == stage[-1]] for name, values in observed.items()}
    return seen | {"begun": seen["time"][0], "time": seen["time"] - seen["time"][0]}


def first_boundary(reader: TrajectoryReader) -> float:
    """Å: midway between the highest Si and the lowest Li of the first frame."""
    atoms = reader.frame(0)
    places = profile.Ruler(profile.Slab(), atoms).places(atoms)
    is_silicon = atoms.symbols == "Si"
    return 0.5 * float(np.nanmax(places[is_silicon]) + np.nanmin(places[~is_silicon]))


def windows(reader: TrajectoryReader, seen: dict[str, np.ndarray], width: float) -> list[dict[str, float]]:
    """A row for each whole window: time (ps) of its middle, fronts (Å) and means of what the run observed."""
    times, first, rows = reader.times() - seen["begun"], frames.read(reader, 0, ()), []
    for k in range(int((times[-1] + 1e-6) // width)):
        members = np.flatnonzero((times > k * width) & (times <= (k + 1) * width + 1e-6))
        observable = observables.make("profile", first, bin_A=BIN)
        for member in members:
            observable.sample(frames.read(reader, int(member), ()))
        front = observable.result()["interface"]
        inside = (seen["time"] > k * width) & (seen["time"] <= (k + 1) * width + 1e-6)
        grade = seen.get("max_extrapolation_grade", np.full(len(inside), np.nan))[inside]
        rows.append(
            {
                "time_ps": (k + 0.5) * width / FS_PER_PS,
                **{name: float(front[name][0]) for name in ("z_L_A", "z_R_A", "length_A")},
                "mean_max_grade": float(grade.mean()),
                "max_grade": float(grade.max()),
                "temperature_K": float(seen["temperature"][inside].mean()),
                "potential_energy_eV_atom": float(seen["potential_energy"][inside].mean()) / len(reader.numbers),
                "first_frame": int(members[0]),
                "last_frame": int(members[-1]),
            }
        )
    return rows


def graded(reader: TrajectoryReader, ruler: profile.Ruler, rows: list[dict[str, float]]) -> dict[str, np.ndarray]:
    """Extrapolation grades of the atoms of some frames, by region: silicon left of z_L, alloy, lithium right of z_R."""
    family = files.load(MODEL)
    grader, parts = registry.grader(family), {"silicon": [], "alloy": [], "lithium": []}
    for row in rows[:: -(-len(rows) // GRADED)]:
        atoms = reader.frame(row["last_frame"])
        near = batch.build(atoms.positions, atoms.cell.array, np.asarray(atoms.pbc), family.cutoff)
        species = np.array([family.elements.index(symbol) for symbol in atoms.symbols], np.int32)
        positions = atoms.positions[near.owners] + near.shifts @ atoms.cell.array
        grades, places = grader.grades(positions, near.pairs, species[near.owners]), ruler.places(atoms)
        parts["silicon"].append(grades[places < row["z_L_A"]])
        parts["alloy"].append(grades[(places >= row["z_L_A"]) & (places < row["z_R_A"])])
        parts["lithium"].append(grades[places >= row["z_R_A"]])
    return {name: np.concatenate(values) for name, values in parts.items()}


def facts(reader: TrajectoryReader, seen: dict[str, np.ndarray]) -> str:
    """What made the trajectory, and how well it kept its energy."""
    runs, atoms = reader.provenance(), len(reader.numbers)
    last, time = runs[-1], seen["time"]
    parts = "one run" if len(runs) == 1 else f"{len(runs)} runs, each from the checkpoint of the one before"
    slope = np.polyfit(time, seen["conserved_energy"] / atoms, 1)[0] * 1000.0 * FS_PER_NS
    return (
        f"{atoms:,} atoms for {time[-1] / FS_PER_PS:.0f} ps at {seen['temperature'].mean():.1f} K, "
        f"{plural(int(last['ranks']), 'rank')}, {parts}; hpcpot {last['hpcpot']}, {last['cpu']}. The conserved energy "
        f"drifts by {slope:.2g} meV/atom/ns."
    )


def fronts(rows: list[dict[str, float]], start: float) -> list[str]:
    """The fronts against time, as Markdown; moves from the boundary before the run."""
    lines = [
        "| time (ps) | z_L (Å) | z_R (Å) | lithiation length (Å) | left front moved (Å) | right front moved (Å) "
        "| largest grade, mean and most |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows[:: -(-len(rows) // ROWS)]:
        left, right = row["z_L_A"], row["z_R_A"]
        lines.append(
            f"| {row['time_ps']:.0f} | {left:.1f} | {right:.1f} | {right - left:.1f} | {start - left:.1f} "
            f"| {right - start:.1f} | {row['mean_max_grade']:.2f}, {row['max_grade']:.2f} |"
        )
    return lines


def known(grades: dict[str, np.ndarray]) -> list[str]:
    """How many atoms of each region have grades above some, as Markdown."""
    heads = "".join(f" above {limit:g} |" for limit in GRADES)
    lines = [f"| extrapolation grade | atoms | median | largest |{heads}", "|---|---|---|---|" + "---|" * len(GRADES)]
    for name, values in grades.items():
        if len(values):
            shares = "".join(f" {(values > limit).mean():.2%} |" for limit in GRADES)
            lines.append(f"| {name} | {len(values):,} | {np.median(values):.2f} | {values.max():.2f} |{shares}")
    return lines


def save_rows(path: Path, rows: Iterable[dict[str, float]]) -> None:
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(
            {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()} for row in rows
        )


def draw(path: Path, rows: list[dict[str, float]], seen: dict[str, np.ndarray], start: float) -> None:
    """Draw the fronts, the largest grade of each row and the potential energy against time."""
    column = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    time = seen["time"] / FS_PER_PS
    with sheet(WIDTH, 2.2, path) as figure:
        panels = figure.subplots(1, 3)
        for name, label in (("z_L_A", "z_L"), ("z_R_A", "z_R")):
            panels[0].plot(column["time_ps"], column[name], ".-", lw=0.8, ms=3, label=label)
        panels[0].axhline(start, color="0.6", lw=0.6, ls=":")
        panels[0].set(xlabel="time (ps)", ylabel="from the lowest Si (Å)")
        panels[0].legend()
        if "max_extrapolation_grade" in seen:
            panels[1].plot(time, seen["max_extrapolation_grade"], lw=0.3, color="0.6")
            panels[1].plot(column["time_ps"], column["mean_max_grade"], lw=1.0)
        panels[1].set(xlabel="time (ps)", ylabel="largest extrapolation grade")
        panels[2].plot(column["time_ps"], column["potential_energy_eV_atom"], ".-", lw=0.8, ms=3)
        panels[2].set(xlabel="time (ps)", ylabel="potential energy (eV/atom)")
        letter(panels)


if __name__ == "__main__":
    main()
