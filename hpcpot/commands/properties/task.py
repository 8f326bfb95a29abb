"""The farm's task of `hpcpot properties`, and what is made of its rows."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from hpcpot.commands.properties import figure, tables
from hpcpot.commands.properties.settings import PropertiesSettings
from hpcpot.farm import structures
from hpcpot.farm.campaign import Stop
from hpcpot.farm.given import stem_of
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Results
from hpcpot.farm.task import Task
from hpcpot.properties.compute import columns, compute
from hpcpot.properties.phonons import require_phonopy
from hpcpot.report.figures import require_matplotlib
from hpcpot.storage.tables import write_csv
from hpcpot.structure.settings import options_of


def tree_of(names: Sequence[str]) -> dict:
    """The config of crystals that the command line names: the files, and where the results go by default."""
    return {"structures": {"files": list(names)}, "output": {"results": f"{stem_of(names)}_properties.h5"}}


def prepare(settings: PropertiesSettings, arguments: argparse.Namespace, stop: Stop, folder: Path = Path()) -> Task:
    """Read potential and structures.

    Args:
        folder: of the config, beside which structures are looked for.
    Raises:
        ConfigError, ModelError, DependencyError: before anything is done.
    """
    section, output = settings.properties, settings.output
    if "phonons" in section.compute:
        require_phonopy()
    if output.figure:
        require_matplotlib("output.figure", ", or set output.figure: false")
    potential = PotentialRef.of(settings.potential, True, settings.device)
    paths = structures.expand(settings.structures.files, folder)
    return Task(
        kind="properties",
        results=output.results,
        items=structures.items(paths, settings.structures.frames, options_of(settings.structures, "structures")),
        columns=columns(section),
        compute=partial(compute, potential=potential, section=section),
        identity={
            "potential": potential.fingerprint,
            "task": f"{vars(section)}\nprecision: {potential.precision}, kernels: {potential.kernels}",
        },
        cites=potential.cites,
        report=partial(report, output.figure),
    )


def report(has_figure: bool, results: Results, keys: Sequence[str]) -> None:
    """Print the table of some crystals, and write tables and figure beside the results."""
    crystals = tables.gather(results, keys)
    if not crystals:
        return
    print(tables.text(crystals))
    base = results.path.with_suffix("")
    written = []
    for name, table in tables.tables(crystals).items():
        path = base.with_name(f"{base.name}{name and '_'}{name}.csv")
        write_csv(path, table)
        written.append(path.name)
    if has_figure:
        written.append(figure.write(crystals, base.with_suffix(".png")).name)
    print(f"written beside {results.path}: {', '.join(written)}")
