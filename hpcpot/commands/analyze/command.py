"""One analysis: samples the frames of a trajectory on all ranks, and writes tables, figures and atoms."""

from __future__ import annotations

import argparse
import json
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter

import numpy as np

from hpcpot import config, provenance
from hpcpot.analysis.frames import Observables, sample_frames
from hpcpot.commands.analyze import drawing, export, observed, pull
from hpcpot.commands.analyze.parts import PARTS, SampledParts
from hpcpot.commands.analyze.pull import Pull
from hpcpot.commands.analyze.settings import SCHEMA, AnalyzeSettings
from hpcpot.commands.analyze.store import FrameStore
from hpcpot.commands.analyze.tensile import Tensile, measure
from hpcpot.outputs import make_folder, refuse_existing
from hpcpot.parallel.ranks import Ranks, start
from hpcpot.report.figures import require_matplotlib
from hpcpot.storage.foreign import ForeignTrajectory
from hpcpot.storage.reader import TRAJECTORIES, TrajectoryReader
from hpcpot.storage.tables import Columns, Tables, write_csv
from hpcpot.structure import formats
from hpcpot.structure.settings import options_of
from hpcpot.wording import duration, plural

TABLES = "analysis.h5"


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot analyze CONFIG|TRAJECTORY`; returns the exit code."""
    ranks = start()
    settings = ranks.root_only(lambda: load(arguments.source, arguments.overrides))
    ranks.root_only(lambda: prepare(settings, arguments.overwrite))
    began = perf_counter()
    with ranks.root_only(lambda: open_frames(settings), share=False) or open_frames(settings) as reader:
        analyze(settings, ranks, reader)
    if ranks.is_root:
        print(f"written: {settings.output.folder}, in {duration(perf_counter() - began)}")
    return 0


def open_frames(settings: AnalyzeSettings) -> TrajectoryReader | ForeignTrajectory:
    """Open the trajectory, of hpcpot or of another program.

    Raises:
        OutputError, StructureError: it cannot be read. ConfigError: see `ForeignTrajectory`.
    """
    path = settings.trajectory
    if path.suffix in TRAJECTORIES:
        return TrajectoryReader(path)
    return ForeignTrajectory(path, options_of(settings.frames, "frames"), settings.frames.interval_fs)


def load(source: str, overrides: list[str]) -> AnalyzeSettings:
    """Load the settings of a config file, or the defaults for a trajectory."""
    if source.endswith(TRAJECTORIES) or formats.is_structure(source):
        return config.load(None, SCHEMA, [f"trajectory={json.dumps(source)}", *overrides])
    return config.load(source, SCHEMA, overrides)


def prepare(settings: AnalyzeSettings, overwrite: bool) -> None:
    """Make the folder, and refuse what cannot be written, before the work starts.

    Raises:
        OutputError: the folder cannot be written to, or holds an analysis that must not be replaced.
    """
    make_folder(settings.output.folder, "output.folder")
    for path in earlier(settings.output.folder):
        refuse_existing(path, overwrite)
    if settings.output.figures:
        require_matplotlib("output.figures", ", or set output.figures: null")


def earlier(folder: Path) -> list[Path]:
    """List the files of an earlier analysis in a folder."""
    return [
        path
        for pattern in (TABLES, *drawing.FILES, *observed.FILES, *export.FILES)
        for path in sorted(folder.glob(pattern))
    ]


def analyze(settings: AnalyzeSettings, ranks: Ranks, reader: TrajectoryReader) -> None:
    """Run all parts that the settings ask for, on all ranks."""

    def say(text: str) -> None:
        if ranks.is_root:
            print(text, flush=True)

    pulled = ranks.root_only(lambda: pull.find(reader, settings))
    parts = SampledParts(reader, pulled, settings)
    ranks.root_only(parts.check)
    drawn = ranks.root_only(lambda: pull.chosen(pulled, settings))
    say(head(reader, pulled, ranks))
    has_curve = "curve" in (settings.parts or ())
    tensile = ranks.root_only(lambda: measure(reader, pulled, settings)) if has_curve else None
    if tensile:
        say(tensile.text())
    with ranks.root_only(lambda: open_tables(settings, ranks), share=False) or nullcontext() as tables:
        store = FrameStore(tables, pulled, drawn, say)
        observables = sample_frames(ranks, pulled.frames, parts.read, parts.make, parts.is_due, store)
        ranks.root_only(lambda: finish(settings, reader, pulled, observables, store, tensile, tables), share=False)


def head(reader: TrajectoryReader, pulled: Pull, ranks: Ranks) -> str:
    frames, steps = plural(len(pulled.frames), "frame"), f"step {pulled.steps[0]} to {pulled.steps[-1]}"
    if pulled.stage is None:
        return f"{len(reader.numbers)} atoms: {frames}, {steps}, on {plural(ranks.size, 'rank')}"
    return (
        f"{len(reader.numbers)} atoms, stage {pulled.stage}: {frames}, {steps}, strain along {'xyz'[pulled.axis]} to "
        f"{pulled.strains[-1]:.4f}, on {plural(ranks.size, 'rank')}"
    )


def open_tables(settings: AnalyzeSettings, ranks: Ranks) -> Tables:
    return Tables(settings.output.folder / TABLES, {**provenance.collect(ranks.size), "config": config.dump(settings)})


def frames_table(pulled: Pull, observables: Observables) -> Columns:
    """Tabulate the frames: strain, and the numbers of the parts."""
    table = {"frame": np.array(pulled.frames), "step": pulled.steps, "time_ps": pulled.times, "strain": pulled.strains}
    for name in PARTS:
        if name in observables and name != "stress":
            numbers = observables[name].result()[name]
            table |= {column: values for column, values in numbers.items() if column not in ("step", "time_ps")}
    return table


def finish(
    settings: AnalyzeSettings,
    reader: TrajectoryReader,
    pulled: Pull,
    observables: Observables,
    store: FrameStore,
    tensile: Tensile | None,
    tables: Tables,
) -> None:
    """Write tables, figures and atoms for OVITO, on rank 0 after the last frame."""
    folder, frames = settings.output.folder, frames_table(pulled, observables)
    all_tables = {"frames": frames, **(tensile.tables() if tensile else {}), **observed.tables(observables)}
    for name, columns in all_tables.items():
        tables.add(name, columns)
    stress = tables.all("regions/stress") if "stress" in observables else None
    for path in earlier(folder):
        path.unlink()  # else figures and atoms at other strains would remain
    tables.commit()
    for name, columns in all_tables.items():
        write_csv(folder / f"{name}.csv", columns)
    if settings.output.figures:
        drawing.draw(settings, reader, pulled, frames, tensile, store.drawn, stress)
        observed.draw(settings, observables)
    for row, arrays in store.drawn.items():
        atoms, strain = reader.frame(pulled.frames[row]), float(pulled.strains[row])
        for kind in settings.output.export or []:
            export.write(folder, kind, atoms, arrays, strain, int(pulled.steps[row]))
