"""One analysis: reads the trajectory, shares its frames out over the ranks, writes tables, figures and atoms."""

from __future__ import annotations

import argparse
import json
import os
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter

import numpy as np

from hpcpot import config, provenance
from hpcpot.analysis.frames import Observables, sample_frames
from hpcpot.commands.analyze import drawing, export, observed, pull
from hpcpot.commands.analyze.parts import PARTS, Sampling
from hpcpot.commands.analyze.pull import Pull
from hpcpot.commands.analyze.settings import SCHEMA, AnalyzeSettings
from hpcpot.commands.analyze.store import FrameStore
from hpcpot.commands.analyze.tensile import Tensile, measure
from hpcpot.errors import OutputError
from hpcpot.outputs import refuse_existing
from hpcpot.parallel.ranks import Ranks, start
from hpcpot.report.figures import require_matplotlib
from hpcpot.storage.reader import TRAJECTORIES, TrajectoryReader
from hpcpot.storage.tables import Columns, Tables, write_csv
from hpcpot.wording import duration, plural

TABLES = "analysis.h5"


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot analyze CONFIG|TRAJECTORY`; returns the exit code."""
    ranks = start()
    settings = ranks.root_only(lambda: load(arguments.source, arguments.overrides))
    ranks.root_only(lambda: prepare(settings, arguments.overwrite))
    began = perf_counter()
    with ranks.root_only(lambda: TrajectoryReader(settings.trajectory), share=False) or TrajectoryReader(
        settings.trajectory
    ) as reader:
        analyze(settings, ranks, reader)
    if ranks.is_root:
        print(f"written: {settings.output.folder}, in {duration(perf_counter() - began)}")
    return 0


def load(source: str, overrides: list[str]) -> AnalyzeSettings:
    """The settings of a config file, or the defaults for a trajectory."""
    if source.endswith(TRAJECTORIES):
        return config.load(None, SCHEMA, [f"trajectory={json.dumps(source)}", *overrides])
    return config.load(source, SCHEMA, overrides)


def prepare(settings: AnalyzeSettings, overwrite: bool) -> None:
    """Make the folder, and refuse what cannot be written, before the work that is to be written there.

    Raises:
        OutputError: the folder cannot be written to, or holds an analysis that is not to be replaced.
    """
    folder = settings.output.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} = cannot be made ({error.strerror}): must be a folder; change output.folder."
        ) from error
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{folder} = not writable: must be a folder that you may write to; change output.folder.")
    for path in earlier(folder):
        refuse_existing(path, overwrite)
    if settings.output.figures:
        require_matplotlib("output.figures", ", or set output.figures: null")


def earlier(folder: Path) -> list[Path]:
    """What an earlier analysis has left in a folder."""
    return [
        path
        for pattern in (TABLES, *drawing.FILES, *observed.FILES, *export.FILES)
        for path in sorted(folder.glob(pattern))
    ]


def analyze(settings: AnalyzeSettings, ranks: Ranks, reader: TrajectoryReader) -> None:
    """All parts that the settings ask for, on all ranks."""

    def say(text: str) -> None:
        if ranks.is_root:
            print(text, flush=True)

    found = ranks.root_only(lambda: pull.find(reader, settings))
    sampling = Sampling(reader, found, settings)
    ranks.root_only(sampling.check)
    drawn = ranks.root_only(lambda: pull.chosen(found, settings))
    say(head(reader, found, ranks))
    has_curve = "curve" in (settings.parts or ())
    tensile = ranks.root_only(lambda: measure(reader, found, settings)) if has_curve else None
    if tensile:
        say(tensile.text())
    with ranks.root_only(lambda: open_tables(settings, ranks), share=False) or nullcontext() as tables:
        store = FrameStore(tables, found, drawn, say)
        observables = sample_frames(ranks, found.frames, sampling.read, sampling.make, sampling.is_due, store)
        ranks.root_only(lambda: finish(settings, reader, found, observables, store, tensile, tables), share=False)


def head(reader: TrajectoryReader, found: Pull, ranks: Ranks) -> str:
    frames, steps = plural(len(found.frames), "frame"), f"step {found.steps[0]} to {found.steps[-1]}"
    if found.stage is None:
        return f"{len(reader.numbers)} atoms: {frames}, {steps}, on {plural(ranks.size, 'rank')}"
    return (
        f"{len(reader.numbers)} atoms, stage {found.stage}: {frames}, {steps}, strain along {'xyz'[found.axis]} to "
        f"{found.strains[-1]:.4f}, on {plural(ranks.size, 'rank')}"
    )


def open_tables(settings: AnalyzeSettings, ranks: Ranks) -> Tables:
    return Tables(settings.output.folder / TABLES, {**provenance.collect(ranks.size), "config": config.dump(settings)})


def frames_table(found: Pull, observables: Observables) -> Columns:
    """A row a frame: how far it is strained, and the numbers of the parts."""
    table = {"frame": np.array(found.frames), "step": found.steps, "time_ps": found.times, "strain": found.strains}
    for name in PARTS:
        if name in observables and name != "stress":
            numbers = observables[name].result()[name]
            table |= {column: values for column, values in numbers.items() if column not in ("step", "time_ps")}
    return table


def finish(
    settings: AnalyzeSettings,
    reader: TrajectoryReader,
    found: Pull,
    observables: Observables,
    store: FrameStore,
    tensile: Tensile | None,
    tables: Tables,
) -> None:
    """On rank 0, after the last frame: tables, figures, atoms for OVITO."""
    folder, frames = settings.output.folder, frames_table(found, observables)
    found_tables = {"frames": frames, **(tensile.tables() if tensile else {}), **observed.tables(observables)}
    for name, columns in found_tables.items():
        tables.add(name, columns)
    stress = tables.all("regions/stress") if "stress" in observables else None
    for path in earlier(folder):
        path.unlink()  # else figures and atoms of other strains would stay beside the new ones
    tables.commit()
    for name, columns in found_tables.items():
        write_csv(folder / f"{name}.csv", columns)
    if settings.output.figures:
        drawing.draw(settings, reader, found, frames, tensile, store.drawn, stress)
        observed.draw(settings, observables)
    for row, arrays in store.drawn.items():
        atoms, strain = reader.frame(found.frames[row]), float(found.strains[row])
        for kind in settings.output.export or []:
            export.write(folder, kind, atoms, arrays, strain, int(found.steps[row]))
