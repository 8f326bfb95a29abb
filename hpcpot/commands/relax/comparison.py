"""Relaxed structures before and after: of one all that is known, of several a line each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.cell import Cell

from hpcpot.errors import DependencyError
from hpcpot.farm.results import Results
from hpcpot.structure.symmetry import space_group_of
from hpcpot.units import EV_PER_A3_IN_GPA
from hpcpot.wording import plural

MOST = 20
"""Structures that get a line."""
TOLERANCE_A = 0.01
"""How far atoms may be from symmetric places: those of a relaxation by its default force tolerance are nearer."""
GROUPLESS = "none"
"""In place of a space group where the cell is not periodic along all axes."""


def text(results: Results, keys: Sequence[str]) -> str:
    """Energy, cell and space group, before and after, of the done rows among some."""
    done = dict(zip(results.keys(), results.labels(), strict=True))
    mine = [key for key in keys if key in done]
    if len(mine) == 1:
        return _table(results.row(mine[0]))
    lines = [_line(results.row(key), done[key]) for key in mine[:MOST]]
    head = f"{'eV/atom':>12} {'after':>12} {'Å³/atom':>10} {'after':>10}  {'group':<13} {'after':<13} structure"
    left = len(mine) - MOST
    more = [f"... and {plural(left, 'more structure')}: `hpcpot results {results.path.name} --export csv`"]
    return "\n".join([head, *lines, *(more if left > 0 else [])]) if lines else ""


def _table(row: dict[str, Any]) -> str:
    """Rows of a quantity, its value before and after, and the change."""
    n = len(row["species"])
    has_cell = bool(np.all(row["periodic"]))
    before, after = (_cell_values(row, prefix) for prefix in ("initial_", ""))
    quantities = [
        ("energy (eV)", row["initial_energy"], row["energy"], 6),
        ("energy (eV/atom)", row["initial_energy"] / n, row["energy"] / n, 6),
        *((name, before[name], after[name], digits) for name, digits in DIGITS.items() if has_cell),
    ]
    lines = [f"{'':<22} {'before':>14} {'after':>14} {'change':>12}"]
    for name, first, last, digits in quantities:
        lines.append(f"{name:<22} {first:>14.{digits}f} {last:>14.{digits}f} {last - first:>+12.{digits}f}")
    groups = [space_group(row, prefix) for prefix in ("initial_", "")]
    lines.append(f"{'space group':<22} {groups[0]:>14} {groups[1]:>14}")
    lines.append(f"{'largest force (eV/Å)':<22} {'':>14} {row['largest_force']:>14.4f}")
    if has_cell:
        pressure = -np.trace(row["stress"]) / 3.0 * EV_PER_A3_IN_GPA
        lines.append(f"{'pressure (GPa)':<22} {'':>14} {pressure:>14.4f}")
    return "\n".join([*lines, f"{row['status']} after {plural(int(row['steps']), 'step')}"])


DIGITS = {
    **dict.fromkeys(("a (Å)", "b (Å)", "c (Å)"), 4),
    **dict.fromkeys(("alpha (°)", "beta (°)", "gamma (°)"), 3),
    "volume (Å³/atom)": 4,
}
"""Quantities of a cell, and their decimal places."""


def _cell_values(row: dict[str, Any], prefix: str) -> dict[str, float]:
    cell = row[f"{prefix}cell"]
    volume = abs(np.linalg.det(cell)) / len(row["species"])
    return dict(zip(DIGITS, [*Cell(cell).cellpar(), volume], strict=True))


def _line(row: dict[str, Any], label: str) -> str:
    n = len(row["species"])
    energies = [row["initial_energy"] / n, row["energy"] / n]
    volumes = [abs(np.linalg.det(row[f"{prefix}cell"])) / n for prefix in ("initial_", "")]
    groups = [space_group(row, prefix) for prefix in ("initial_", "")]
    status = "" if row["status"] == "converged" else f" ({row['status']})"
    return (
        f"{energies[0]:>12.5f} {energies[1]:>12.5f} {volumes[0]:>10.3f} {volumes[1]:>10.3f}  "
        f"{groups[0]:<13} {groups[1]:<13} {label}{status}"
    )


def space_group(row: dict[str, Any], prefix: str) -> str:
    """Symbol and number of the space group of a row, as `Fd-3m (227)`; what lacks where there is none."""
    if not np.all(row["periodic"]):
        return GROUPLESS
    atoms = Atoms(row["species"], row[f"{prefix}positions"], cell=row[f"{prefix}cell"], pbc=True)
    try:
        symbol, number = space_group_of(atoms, TOLERANCE_A)
    except DependencyError:
        return "no spglib"
    return f"{symbol} ({number})" if number else GROUPLESS
