"""Means and errors of a run for each mu or target, and its last structures."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from ase import Atoms

from hpcpot.commands.gcmc import figure
from hpcpot.commands.gcmc.blocks import EQUILIBRATION
from hpcpot.commands.gcmc.settings import GcmcSettings
from hpcpot.farm.results import Results
from hpcpot.montecarlo.averages import of_rows
from hpcpot.montecarlo.proposals import KINDS
from hpcpot.report import figures as drawing
from hpcpot.storage.tables import Columns, write_csv, written_aside


def write(results: Results, settings: GcmcSettings) -> str:
    """Write the summary, the structures and the figure; returns the table that is printed."""
    output = settings.output
    columns = table(results, settings)
    write_csv(output.summary, columns)
    _write_structures(results, output.structures)
    lines = [
        text(columns, settings),
        f"summary: {output.summary}; last structures: {output.structures}",
        drawing.drawn(len(results.keys()), output.results.with_suffix(".png"), partial(figure.write, results, columns)),
    ]
    return "\n".join(lines)


def table(results: Results, settings: GcmcSettings) -> Columns:
    """A row for each state: without equilibration where there is more."""
    names = (
        "state",
        "phase",
        "trials",
        "mu",
        "number",
        "energy",
        "pressure",
        "volume",
        "tried",
        "accepted",
        "last_number",
    )
    rows = {name: np.asarray(results.read(name)) for name in names}
    gcmc, made = settings.gcmc, []
    for state in np.unique(rows["state"]):
        mine = rows["state"] == state
        if (mine & (rows["phase"] != EQUILIBRATION)).any():
            mine &= rows["phase"] != EQUILIBRATION
        of = {name: values[mine] for name, values in rows.items()}
        means = {name: of_rows(of[name], of["trials"]) for name in ("number", "energy")}
        means |= {name: of_rows(of[name]) for name in ("pressure", "volume")}
        row = {"state": int(state), "mu_eV": float(of["mu"][-1])}
        if gcmc.targets:
            row["target"] = gcmc.targets[int(state)]
        row["last_number"] = int(of["last_number"][-1])
        for name, unit in (("number", ""), ("energy", "_eV"), ("pressure", "_GPa"), ("volume", "_A3")):
            row |= {f"{name}{unit}": means[name].value, f"{name}_error{unit}": means[name].error}
        if gcmc.metal_mu_eV is not None:
            row["voltage_V"] = gcmc.metal_mu_eV - row["mu_eV"]
        row["trials"] = int(of["trials"].sum())
        for k, kind in enumerate(KINDS):
            tried = of["tried"][:, k].sum()
            row[f"accepted_{kind}"] = of["accepted"][:, k].sum() / tried if tried else np.nan
        made.append(row)
    return {name: np.array([row[name] for row in made]) for name in made[0]}


def text(columns: Columns, settings: GcmcSettings) -> str:
    """The table as it is printed: a line for each mu or target."""
    lines = [
        f"{'mu/eV':>10} {'N':>10} {'+-':>8} {'last N':>7} {'U/eV':>14} {'P/GPa':>9} {'V/A3':>11} "
        f"{'insertions':>11} {'deletions':>10} {'moves':>8}"
    ]
    for k in range(len(columns["mu_eV"])):
        row = {name: values[k] for name, values in columns.items()}
        lines.append(
            f"{row['mu_eV']:>10.4f} {row['number']:>10.3f} {row['number_error']:>8.3f} {row['last_number']:>7d} "
            f"{row['energy_eV']:>14.4f} {row['pressure_GPa']:>9.3f} {row['volume_A3']:>11.2f} "
            f"{row['accepted_insertion']:>11.4f} {row['accepted_deletion']:>10.4f} {row['accepted_move']:>8.4f}"
        )
    lines.append(f"N: {settings.gcmc.element} that are not frozen; errors by blocks")
    return "\n".join(lines)


def _write_structures(results: Results, path: Path) -> None:
    """The last structure of each state."""
    from ase.io import extxyz  # late: takes half a second, of SciPy and space groups

    columns = {name: results.read(name) for name in ("state", "species", "positions", "cell", "mu", "last_energy")}
    last = {int(state): row for row, state in enumerate(columns["state"])}
    with written_aside(path) as file:
        for state, row in sorted(last.items()):
            atoms = Atoms(columns["species"][row], columns["positions"][row], cell=columns["cell"][row], pbc=True)
            atoms.info |= {"state": state, "mu_eV": float(columns["mu"][row])}
            extxyz.write_extxyz(file, [atoms])
