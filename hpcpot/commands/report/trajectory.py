"""The section of a trajectory: what a run did, how well it kept its energy, and its frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcpot.analysis.line import fit_line
from hpcpot.commands.report import figure, panels
from hpcpot.errors import OutputError
from hpcpot.montecarlo.averages import of_rows
from hpcpot.provenance import ABSENT
from hpcpot.report.atoms import chosen, view
from hpcpot.report.figures import WIDTH
from hpcpot.report.interactive import Chart, chart
from hpcpot.report.section import Quantity, ReportSection
from hpcpot.report.window import VACUUM, around
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.structure.cell import heights
from hpcpot.units import FS_PER_PS
from hpcpot.wording import plural

if TYPE_CHECKING:
    from ase import Atoms
    from matplotlib.figure import Figure

DRIFT = 1.0
"""meV/atom/ns of the conserved energy beyond which a page warns."""
GRADE = 2.0
"""Extrapolation grade beyond which a frame is worth labelling, and a page warns."""
JUDGED = 1.0
"""ps of the last stage below which neither energy nor pressure is judged: vibrations do not average out."""
DEVIATIONS = 3.0
"""Standard errors beyond which a trend is told."""
INNER = (0.5, 99.5)
"""Percent of the atoms between which the length of a structure lies."""


def read(path: Path, views: int = 1) -> ReportSection:
    """Read a trajectory, which may still be growing.

    Raises:
        OutputError: it cannot be read, or nothing is in it yet.
    """
    with TrajectoryReader(path) as reader:
        series, has_frames = reader.observables(), "position" in reader.elements
        count = len(reader) if has_frames else 0
        if not count and not len(series.get("step", ())):
            raise OutputError(f"{path} = nothing written yet: a page needs a row at least; wait for the first.")
        section = ReportSection("md", path, title(reader, count, series))
        section.provenance = reader.provenance()
        section.facts = facts(section)
        frames: list[Atoms] = []
        if count:
            numbers, times = chosen(count, len(reader.numbers), views), reader.times() / FS_PER_PS
            frames = [reader.frame(int(k)) for k in numbers]
            titles = [f"{times[k]:g} ps" for k in numbers]
            section.views.append(view(frames, titles, count, panels.color))
            section.charts.append(densities(frames, times[numbers]))
            section.charts += lengths(frames, times[numbers])
        else:
            section.warnings.append("no positions in it, so no view of atoms: run with output.position_every")
        add_series(section, series, len(reader.numbers))
    return section


def title(reader: TrajectoryReader, count: int, series: dict[str, np.ndarray]) -> str:
    """Number of atoms and frames, and the last time."""
    times = [*(series["time"][-1:] if "time" in series else ()), *(reader.times()[-1:] if count else ())]
    return f"{plural(len(reader.numbers), 'atom')}, {plural(count, 'frame')}, to {max(times) / FS_PER_PS:g} ps"


def facts(section: ReportSection) -> dict[str, str]:
    """Where and by what it was run."""
    if not section.provenance:
        return {}
    last = section.provenance[-1]
    names = {"potential_fingerprint": "potential", "ranks": "ranks", "device": "device", "cpu": "processor"}
    return {words: str(last[name]) for name, words in names.items() if last.get(name, ABSENT) != ABSENT}


def add_series(section: ReportSection, series: dict[str, np.ndarray], n_atoms: int) -> None:
    """Add what the run observed: figures of all of it, numbers and warnings of its last stage."""
    if not series or len(series["step"]) < 2:
        return
    series = series | {"time": series["time"] / FS_PER_PS}
    names = [name for name in panels.OF_PAGE if name in series and np.isfinite(series[name]).any()]
    section.charts.append(against_time(series, names, n_atoms))
    stage = series.get("stage", np.zeros(len(series["step"])))
    last = {name: values[stage == stage[-1]] for name, values in series.items()}
    if "temperature" in last:
        section.quantities["temperature"] = _mean(last["temperature"], "K")
    if "pressure" in last:
        section.quantities["pressure"] = _mean(last["pressure"], "GPa")
    add_uncertainty(section, last)
    if np.ptp(last["time"]) >= JUDGED:
        add_trends(section, last, n_atoms)


def add_trends(section: ReportSection, last: dict[str, np.ndarray], n_atoms: int) -> None:
    """Add how energies and pressure changed in the last stage, with warnings of a drift."""
    times, span = last["time"], float(np.ptp(last["time"]))
    if "conserved_energy" in last:
        slope, error = (1000.0 * value for value in trend(times, 1000.0 * last["conserved_energy"] / n_atoms))
        section.quantities["drift of the conserved energy"] = Quantity(slope, "meV/atom/ns", error)
        if abs(slope) > max(DRIFT, DEVIATIONS * error):
            section.warnings.append(
                f"the conserved energy drifts by {slope:+.3g} ± {error:.1g} meV/atom/ns; see md.timestep_fs"
            )
    if "potential_energy" in last:
        change, error = (1000.0 * span * value / n_atoms for value in trend(times, last["potential_energy"]))
        section.quantities["change of the potential energy"] = Quantity(change, "meV/atom", error)
    if "pressure" in last:
        change, error = (span * value for value in trend(times, last["pressure"]))
        section.quantities["change of the pressure"] = Quantity(change, "GPa", error)
        if abs(change) > DEVIATIONS * error:
            section.warnings.append(
                f"the pressure is not at rest: it changes by {change:+.2g} ± {error:.1g} GPa in the last stage"
            )


def trend(times: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Slope of the means of ten stretches of time, and its standard error; nan of fewer than three rows."""
    parts = np.array_split(np.arange(len(times)), min(10, len(times)))
    x, y = (np.array([array[part].mean() for part in parts]) for array in (times, values))
    if len(parts) < 3 or not np.isfinite(y).all() or np.ptp(x) == 0.0:
        return float("nan"), float("nan")
    fitted = fit_line(x, y)
    return fitted.slope, fitted.error


def add_uncertainty(section: ReportSection, last: dict[str, np.ndarray]) -> None:
    """Add the largest extrapolation grade, or deviation of a committee."""
    if "max_extrapolation_grade" in last:
        grade = last["max_extrapolation_grade"]
        section.quantities["largest extrapolation grade"] = Quantity(float(np.nanmax(grade)))
        share = float(np.mean(grade > GRADE))
        if share > 0.0:
            section.warnings.append(f"extrapolation: the grade is above {GRADE:g} in {share:.1%} of the rows")
    if "max_force_deviation" in last:
        section.quantities["largest force deviation"] = Quantity(float(np.nanmax(last["max_force_deviation"])), "eV/Å")


def _mean(values: np.ndarray, unit: str) -> Quantity:
    mean = of_rows(values)
    return Quantity(mean.value, unit, mean.error)


def against_time(series: dict[str, np.ndarray], names: list[str], n_atoms: int) -> Chart:
    """Chart of the series, two panels a row."""
    rows = -(-len(names) // 2)

    def draw(canvas: Figure) -> None:
        for axes, name in zip(np.ravel(canvas.subplots(rows, 2, squeeze=False)), [*names, None], strict=False):
            if name is None:
                axes.set_axis_off()
            else:
                panels.OF_PAGE[name](axes, series, name, n_atoms)

    return chart("What the run observed.", WIDTH, 1.9 * rows, draw)


def densities(frames: list[Atoms], times: np.ndarray) -> Chart:
    """Chart of the density profiles of the first and the last frame."""
    kept = [0, len(frames) - 1] if len(frames) > 1 else [0]
    window = around([frames[k] for k in kept])
    along = figure.axes_of_view(window)[1]
    curves = [figure.density(frames[k], window, along) for k in kept]

    def draw(canvas: Figure) -> None:
        axes = canvas.subplots()
        panels.densities(axes, curves, [float(times[k]) for k in kept])
        axes.set_xlabel(f"{'xyz'[along]} (Å)")

    return chart("Densities in the first and the last frame.", WIDTH, 2.2, draw)


def lengths(frames: list[Atoms], times: np.ndarray) -> list[Chart]:
    """Chart of the length of a slab or particle along the longest edge, that of 99 % of the atoms; none without vacuum."""
    window = around(frames)
    along = figure.axes_of_view(window)[1]
    values = [np.ptp(np.percentile(window.coordinates(frame)[:, along], INNER)) for frame in frames]
    if len(frames) < 3 or values[0] > heights(frames[0])[along] - VACUUM:
        return []

    def draw(canvas: Figure) -> None:
        axes = canvas.subplots()
        axes.plot(times, values, color=panels.INK, lw=0.9)
        axes.set(xlabel="time (ps)", ylabel=f"length along {'xyz'[along]} (Å)")

    return [chart("Length that holds 99 % of the atoms, in the frames shown.", WIDTH, 2.0, draw)]
