"""Contents of a data set, group by group."""

from __future__ import annotations

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.storage.tables import Columns
from hpcpot.units import EV_PER_A3_IN_GPA

ALL = "all"


def table(dataset: DataSet) -> Columns:
    """A row for each group, and one for all: frames, atoms to a frame, shares of elements, ranges of the labels."""
    groups = [str(group) for group in np.unique(dataset.groups)]
    rows = [np.flatnonzero(dataset.groups == group) for group in groups] + [np.arange(len(dataset))]
    return {"group": np.array([*groups, ALL])} | _columns([_row(dataset.select(members)) for members in rows])


def _row(part: DataSet) -> dict[str, float]:
    sizes, pressures = part.sizes, -np.trace(part.stresses, axis1=1, axis2=2) / 3 * EV_PER_A3_IN_GPA
    energies, forces = part.energies / sizes, np.linalg.norm(part.forces, axis=1)
    shares = part.counts.sum(axis=0) / part.first[-1]
    return {
        "frames": len(part),
        "atoms_least": int(sizes.min()),
        "atoms_most": int(sizes.max()),
        **{f"{element}_share": float(share) for element, share in zip(part.elements, shares, strict=True)},
        "volume_A3_per_atom": float(np.mean(part.volumes / sizes)) if part.periodic.all() else np.nan,
        "energy_eV_per_atom": _of(np.mean, energies),
        "energy_spread_eV_per_atom": _of(np.std, energies),
        "force_rms_eV_per_A": _of(lambda known: np.sqrt(np.mean(known**2) / 3), forces),
        "force_most_eV_per_A": _of(np.max, forces),
        "pressure_least_GPa": _of(np.min, pressures),
        "pressure_most_GPa": _of(np.max, pressures),
    }


def text(dataset: DataSet) -> str:
    """Format the table for printing."""
    columns = table(dataset)
    heads = [
        "group",
        "frames",
        "atoms",
        *(f"{element}/%" for element in dataset.elements),
        "V/(A3/at)",
        "E/(eV/at)",
        "spread",
        "F rms",
        "F most",
        "P/GPa",
    ]
    rows = [heads]
    for k, name in enumerate(columns["group"]):
        values = {key: column[k] for key, column in columns.items()}
        shares = [f"{100 * values[f'{element}_share']:.1f}" for element in dataset.elements]
        rows.append(
            [
                str(name),
                str(values["frames"]),
                span(values["atoms_least"], values["atoms_most"], "d"),
                *shares,
                number(values["volume_A3_per_atom"], ".2f"),
                number(values["energy_eV_per_atom"], ".4f"),
                number(values["energy_spread_eV_per_atom"], ".4f"),
                number(values["force_rms_eV_per_A"], ".3f"),
                number(values["force_most_eV_per_A"], ".2f"),
                span(values["pressure_least_GPa"], values["pressure_most_GPa"], ".1f"),
            ]
        )
    return aligned(rows)


def aligned(rows: list[list[str]], left: tuple[int, ...] = (0,)) -> str:
    """Rows in columns, some to the left, the others to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if k in left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def number(value: float, form: str) -> str:
    """A number, or - where there is none."""
    return format(value, form) if np.isfinite(value) else "-"


def span(low: float, high: float, form: str) -> str:
    """low..high, or one number where they are the same."""
    return number(low, form) if low == high or not np.isfinite(low) else f"{low:{form}}..{high:{form}}"


def _of(function, values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(function(known)) if len(known) else np.nan


def _columns(rows: list[dict[str, float]]) -> Columns:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
