"""The sections of analyses on a page of `hpcpot report`: tables, and the tensile test of a trajectory."""

from __future__ import annotations

import shlex
from dataclasses import fields
from pathlib import Path

import numpy as np

from hpcpot import config
from hpcpot.analysis.concentration import front_speeds
from hpcpot.analysis.tension import Curve, Modulus, Strength
from hpcpot.commands.analyze import command, figures, pull, tensile
from hpcpot.commands.analyze.settings import SCHEMA
from hpcpot.commands.analyze.tensile import QUANTITIES, Tensile
from hpcpot.errors import HpcpotError, OutputError
from hpcpot.report.curves import COUNTERS, charts_of, error_of, parted
from hpcpot.report.figures import WIDTH
from hpcpot.report.interactive import Chart, chart
from hpcpot.report.section import Quantity, ReportSection
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.storage.tables import Columns, read_tables
from hpcpot.units import FS_PER_PS
from hpcpot.wording import plural

TENSILE = ("stress_strain", "modulus", "summary")
"""Tables of a tensile test."""


def read(path: Path, views: int = 1) -> ReportSection:
    """Read a file of tables: of an analysis, of a test of a model, or of what a run observed.

    Raises:
        OutputError: it cannot be read.
    """
    facts, tables, arrays = read_tables(path)
    section = ReportSection(command_of(facts), path, plural(len(tables), "table"), provenance=[facts])
    if arrays:
        section.facts["arrays, in the file only"] = ", ".join(arrays)
    if set(TENSILE) <= tables.keys():
        test = restored(tables, facts, section)
        section.texts["Tensile test"] = test.text()
        section.quantities |= quantities(tables["summary"])
        section.charts.append(stress_strain(test))
    strained = "strain" in tables.get("frames", {}) and np.any(tables["frames"]["strain"])
    section.charts += of_frames(tables["frames"]) if strained else []
    for name, columns in tables.items():
        section.tables[name] = columns
        if name not in TENSILE and not (name == "frames" and strained):
            section.charts += charts_of(name, columns)
        if name.endswith("_interface"):
            section.quantities |= of_interface(columns, tables.get(name.removesuffix("interface") + "fronts", {}))
        if name.endswith(("_diffusion", "_peaks")):
            section.quantities |= of_row(columns)
    return section


def command_of(facts: dict) -> str:
    """Name of the command that wrote tables, as its provenance says it."""
    words = shlex.split(str(facts.get("command", "")))
    return words[1] if len(words) > 1 and words[0] == "hpcpot" else "analyze"


def restored(tables: dict[str, Columns], facts: dict, section: ReportSection) -> Tensile:
    """The results of a tensile test as its tables have them, without published points of a file."""
    settings = config.stored(facts["config"], section.path, SCHEMA)
    if settings.published.file is not None:  # no name in data becomes a path
        section.facts["published points"] = f"in {settings.published.file}, not drawn here"
        settings = config.change(settings, published={"file": None})
    names = [(field.name, field.name + tensile.UNITS_OF_MODULUS.get(field.name, "")) for field in fields(Modulus)]
    table = tables["modulus"]
    rows = [Modulus(**{name: table[column][k].item() for name, column in names}) for k in range(len(table["low"]))]
    numbers = dict(zip(tables["summary"]["quantity"], tables["summary"]["value"], strict=True))
    curve, frames = tables["stress_strain"], tables["frames"]
    compressive = bool(frames["strain"][-1] < 0.0)
    strength = Strength(
        numbers["ultimate_strength_GPa"],
        numbers["strain_at_ultimate_strength"],
        numbers["failure_strain"],
        numbers["toughness_GPa"],
    )
    stress_strain = Curve(curve["time_ps"] * FS_PER_PS, curve["strain"], curve["stress_GPa"], compressive)
    meaning, published = tensile.meaning(settings), tensile.read_published(settings)
    return Tensile(stress_strain, meaning, rows[0], rows[1:], strength, published)


def quantities(summary: Columns) -> dict[str, Quantity]:
    """The numbers of a tensile test, with their error where there is one."""
    values = dict(zip(summary["quantity"].tolist(), summary["value"].tolist(), strict=True))
    return {
        words: Quantity(values[name], unit, values.get(f"{name.removesuffix('_GPa')}_error_GPa", float("nan")))
        for name, (words, unit) in QUANTITIES.items()
        if name in values
    }


def of_interface(interface: Columns, fronts: Columns) -> dict[str, Quantity]:
    """The numbers of an interface: length at the end, speeds of the fronts, flux of the host."""
    row = {name: float(values[0]) for name, values in interface.items()}
    quantities = {
        "flux of the host": Quantity(row["host_flux_per_nm2_ns"], "1/(nm² ns)", row["host_flux_error_per_nm2_ns"]),
        "flux of the host, by crossings": Quantity(
            row["host_crossings_per_nm2_ns"], "1/(nm² ns)", row["host_crossings_error_per_nm2_ns"]
        ),
    }
    if len(fronts.get("length_A", ())):
        quantities["lithiation length"] = Quantity(float(fronts["length_A"][-1]), "Å")
        for side, (speed, error) in front_speeds(fronts).items():
            quantities[f"speed of the {side} front"] = Quantity(speed, "cm/s", error)
    return quantities


def of_row(columns: Columns) -> dict[str, Quantity]:
    """The numbers of a table of one row, with their errors."""
    if any(len(values) != 1 for values in columns.values()):
        return {}
    made = {}
    for name, values in columns.items():
        if "error" not in name.split("_") and name not in COUNTERS:
            words, unit = parted(name)
            error = error_of(name, columns)
            made[words] = Quantity(float(values[0]), unit, float("nan") if error is None else float(error[0]))
    return made


def stress_strain(test: Tensile) -> Chart:
    """Chart of the curve."""
    return chart(
        "Stress against strain with the fit, and the modulus by window.",
        WIDTH,
        2.9,
        lambda canvas: figures.stress_strain(canvas, test),
    )


def of_frames(frames: Columns) -> list[Chart]:
    """Figures of strained atoms and of voids, those whose columns are there."""
    charts = []
    if len(frames["strain"]) > 1:
        if "shear_mean" in frames or "broken_bonds" in frames:
            charts.append(
                chart("Strain of atoms, and broken bonds.", WIDTH, 2.3, lambda canvas: figures.atoms(canvas, frames))
            )
        if "void_fraction" in frames:
            charts.append(chart("Voids.", WIDTH, 2.6, lambda canvas: figures.voids(canvas, frames)))
    return charts


def add_tensile_test(path: Path, section: ReportSection) -> None:
    """Add the curve of a run that deforms the cell, evaluated as `hpcpot analyze TRAJECTORY` does."""
    with TrajectoryReader(path) as reader:
        try:
            stages = pull.stages_of_run(reader)
        except OutputError:  # nothing says that it deforms
            return
        if "position" not in reader.elements or not any(keys.get("deform") for keys in stages.values()):
            return
        settings = command.load(str(path), [])
        try:
            test = tensile.measure(reader, pull.find(reader, settings), settings)
        except HpcpotError as error:  # too short by now, or pulled by grips, whose radius a config must give
            section.warnings.append(f"no stress-strain curve: {error}")
            return
    section.kind = "fracture"
    section.texts["Tensile test"] = test.text()
    section.quantities |= quantities(test.tables()["summary"])
    section.charts.insert(0, stress_strain(test))
