"""Rows of crystals as text and as tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.cell import Cell
from ase.data import chemical_symbols

from hpcpot.dataset.statistics import aligned, number
from hpcpot.farm.results import Results
from hpcpot.properties.crystal import VOIGT, moduli
from hpcpot.storage.tables import Columns
from hpcpot.units import EV_PER_A3_IN_GPA

Row = dict[str, Any]
IMAGINARY_THZ = -0.05
"""Frequency below which a mode is unstable; sums of forces that are not exactly 0 make the acoustic ones a little so."""
ROOM_K = 300.0
MOST = 6
"""Crystals side by side in the printed table."""


def gather(results: Results, keys: Sequence[str]) -> dict[str, Row]:
    """Done rows among some by their labels, in order; a label that comes twice gets the beginning of its key."""
    labels = dict(zip(results.keys(), results.labels(), strict=True))
    crystals: dict[str, Row] = {}
    for key in keys:
        if key in labels:
            label = labels[key] if labels[key] not in crystals else f"{labels[key]} {key[:6]}"
            crystals[label] = results.row(key)
    return crystals


def quantities(row: Row) -> dict[str, tuple[float | str, str]]:
    """Name -> value and unit of all that is one number."""
    n, cell = len(row["species"]), Cell(row["cell"]).cellpar()
    values: dict[str, tuple[float | str, str]] = {
        "formula": (Atoms(row["species"]).get_chemical_formula(empirical=True), ""),
        "space group": (row["space_group"], ""),
        **{f"{name}": (float(cell[k]), "Å") for k, name in enumerate("abc")},
        **{name: (float(cell[3 + k]), "°") for k, name in enumerate(("alpha", "beta", "gamma"))},
        "volume": (abs(float(np.linalg.det(row["cell"]))) / n, "Å³/atom"),
        "energy": (float(row["energy"]) / n, "eV/atom"),
    }
    if "eos_fit" in row:
        values["bulk modulus (equation of state)"] = (float(row["eos_fit"][2]) * EV_PER_A3_IN_GPA, "GPa")
        values["its pressure derivative"] = (float(row["eos_fit"][3]), "")
    if "elastic" in row:
        c = row["elastic"]
        named = {f"C{a}{b}": c[a - 1, b - 1] for a, b in ((1, 1), (1, 2), (1, 3), (3, 3), (4, 4), (6, 6))}
        values |= {name: (float(value), "GPa") for name, value in named.items()}
        names = ("bulk modulus (Hill)", "shear modulus", "Young's modulus", "Poisson's ratio", "anisotropy")
        units = ("GPa", "GPa", "GPa", "", "")
        values |= dict(zip(names, zip(moduli(c).values(), units, strict=True), strict=True))
    if "phonon_frequencies" in row:
        values |= _of_phonons(row)
    for k in range(len(row.get("vacancy_sites", ()))):
        symbol = chemical_symbols[row["species"][row["vacancy_sites"][k]]]
        name = f"vacancy of {symbol}" + ("" if len(row["vacancy_sites"]) == 1 else f", site {row['vacancy_sites'][k]}")
        values[name] = (float(row["vacancy_relaxed"][k]), "eV")
    for k in range(len(row.get("surface_planes", ()))):
        values[f"surface {plane_name(row['surface_planes'][k])}"] = (float(row["surface_relaxed"][k]), "J/m²")
    return values


def plane_name(plane: np.ndarray) -> str:
    """(1 1 0) as (110), with spaces where an index has several characters."""
    words = [str(index) for index in plane]
    return f"({('' if all(len(word) == 1 for word in words) else ' ').join(words)})"


def _of_phonons(row: Row) -> dict[str, tuple[float, str]]:
    frequencies, temperatures = row["phonon_frequencies"], row["thermal_temperatures"]
    if not frequencies.size:
        return dict.fromkeys(("lowest phonon", "highest phonon"), (float("nan"), "THz"))
    room = int(np.argmin(np.abs(temperatures - ROOM_K)))
    return {
        "lowest phonon": (float(frequencies.min()), "THz"),
        "highest phonon": (float(frequencies.max()), "THz"),
        "zero-point energy": (float(row["thermal_free_energy"][0]), "meV/atom"),
        f"heat capacity at {temperatures[room]:g} K": (float(row["thermal_heat_capacity"][room]), "k_B/atom"),
    }


def text(crystals: dict[str, Row]) -> str:
    """All quantities of the first crystals, a column each, and what could not be computed."""
    chosen = {label: quantities(row) for label, row in list(crystals.items())[:MOST]}
    names = dict.fromkeys(name for values in chosen.values() for name in values)
    units = {name: unit for values in chosen.values() for name, (_, unit) in values.items()}
    rows = [["", *chosen, ""]]
    rows += [
        [name, *(_shown(values.get(name, ("", ""))[0]) for values in chosen.values()), units[name]] for name in names
    ]
    lines = [aligned(rows, left=(0, len(rows[0]) - 1))]
    if len(crystals) > MOST:
        lines.append(f"... and {len(crystals) - MOST} more in the tables")
    for label, row in crystals.items():
        lines += [f"{label}: not computed: {problem}" for problem in row["problems"].splitlines()]
        if row.get("phonon_frequencies", np.zeros(0)).min(initial=0.0) < IMAGINARY_THZ:
            lines.append(f"{label}: imaginary phonons: the crystal is not at a minimum for this potential")
    return "\n".join(lines)


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else number(value, ".4f")


def tables(crystals: dict[str, Row]) -> dict[str, Columns]:
    """Tables by the ends of their names: of all crystals, and of each part, with the crystal in the first column."""
    made = {"": _whole(crystals)}
    parts = {
        "eos": ("eos_volumes", {"eos_volumes": "volume_A3_per_atom", "eos_energies": "energy_eV_per_atom"}),
        "dos": ("dos_frequencies", {"dos_frequencies": "frequency_THz", "dos": "density_per_THz"}),
        "thermal": (
            "thermal_temperatures",
            {
                "thermal_temperatures": "temperature_K",
                "thermal_free_energy": "free_energy_meV_per_atom",
                "thermal_entropy": "entropy_kB_per_atom",
                "thermal_heat_capacity": "heat_capacity_kB_per_atom",
            },
        ),
        "vacancies": (
            "vacancy_sites",
            {
                "vacancy_sites": "site",
                "vacancy_places": "equivalent_sites",
                "vacancy_unrelaxed": "unrelaxed_eV",
                "vacancy_relaxed": "relaxed_eV",
            },
        ),
        "surfaces": (
            "surface_unrelaxed",
            {"surface_unrelaxed": "unrelaxed_J_per_m2", "surface_relaxed": "relaxed_J_per_m2"},
        ),
    }
    for part, (counted, names) in parts.items():
        of_part = {label: row for label, row in crystals.items() if counted in row}
        if of_part:
            table = {"crystal": np.array([label for label, row in of_part.items() for _ in row[counted]], str)}
            if part == "surfaces":
                planes = [plane_name(plane) for row in of_part.values() for plane in row["surface_planes"]]
                table["plane"] = np.array(planes, str)
            table |= {name: np.concatenate([row[column] for row in of_part.values()]) for column, name in names.items()}
            made[part] = table
    if any("phonon_frequencies" in row for row in crystals.values()):
        made["phonons"] = _bands(crystals)
    return made


def _whole(crystals: dict[str, Row]) -> Columns:
    """A row for each crystal: all that is one number, and the elastic tensor."""
    all_values = {label: quantities(row) for label, row in crystals.items()}
    common = [name for name in next(iter(all_values.values())) if all(name in values for values in all_values.values())]
    table = {
        "crystal": np.array(list(crystals), str),
        "atoms": np.array([len(row["species"]) for row in crystals.values()]),
    }
    for name in common:
        if name in {f"C{a}{b}" for a in range(1, 7) for b in range(1, 7)} or name.startswith(("vacancy", "surface")):
            continue  # in full below, and in tables of their own
        unit = next(iter(all_values.values()))[name][1]
        column = f"{name} {UNITS[unit]}".strip().replace("'s", "").replace("(", "").replace(")", "").replace(" ", "_")
        table[column] = np.array([values[name][0] for values in all_values.values()])
    if all("elastic" in row for row in crystals.values()):
        tensors = np.array([row["elastic"] for row in crystals.values()])
        table |= {f"C{a + 1}{b + 1}_GPa": tensors[:, a, b] for a in range(len(VOIGT)) for b in range(a, len(VOIGT))}
    return table


UNITS = {
    "": "",
    "Å": "A",
    "°": "deg",
    "Å³/atom": "A3_per_atom",
    "eV/atom": "eV_per_atom",
    "GPa": "GPa",
    "THz": "THz",
    "meV/atom": "meV_per_atom",
    "k_B/atom": "kB_per_atom",
}
"""Units of the printed table -> ends of the names of columns."""


def _bands(crystals: dict[str, Row]) -> Columns:
    """A row for each point and branch, with the name of the point where it has one."""
    parts: dict[str, list] = {"crystal": [], "distance_per_A": [], "point": [], "branch": [], "frequency_THz": []}
    for label, row in crystals.items():
        frequencies = row["phonon_frequencies"]
        names = dict(json.loads(row["phonon_labels"] or "[]"))
        for distance, branches in zip(row["phonon_distances"], frequencies, strict=True):
            for branch, frequency in enumerate(branches):
                name = next((words for place, words in names.items() if abs(place - distance) < 1e-9), "")
                for column, value in zip(parts, (label, distance, name, branch, frequency), strict=True):
                    parts[column].append(value)
    return {name: np.array(values) for name, values in parts.items()}
