"""Fills the tables of models.md: errors on held-out frames, and what the models make of crystals.

    python docs/models.py FOLDER DATA ...
    python docs/models.py FOLDER DATA ... --second

FOLDER holds lisi_dp_0.h5 ... lisi_dp_3.h5, lisi_chebyshev.h5, lisi_mtp.h5, for the second edition lisi_mtp.h5 and
lisi_mtp_20.h5; DATA are held-out frames. What `hpcpot test` and `hpcpot verify` write is left in the folder.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from hpcpot.commands.verify.crystal import BULK_MODULI, FORMATION_ENERGIES
from hpcpot.structure.crystals import CRYSTALS

PAGE = Path(__file__).with_name("models.md")
MODELS = {
    "Deep Potential 0": ("lisi_dp_0",),
    "committee of 4": tuple(f"lisi_dp_{k}" for k in range(4)),
    "Chebyshev": ("lisi_chebyshev",),
    "moment tensor": ("lisi_mtp",),
}
CLASSES = {
    "crystals, 60-1400 K, strained": ("*_cold", "si64_hot", "li54"),
    "crystals with defects": ("li_vacancy", "li_in_si", "si_divacancy", "si_interstitial", "si_removal", "si_vacancy"),
    "glasses": ("amorphous_*",),
    "interfaces of Si and Li": ("iface", "interface_*"),
    "surfaces": ("surface_*",),
    "alloys, molten above some 1000 K, 300-3000 K": ("li13si4", "li15si4", "li22si5", "li7si3", "lisi"),
    "melts and hot glasses, 500-4500 K": ("li12si7", "lisi3", "li54_melt", "si64_melt"),
    "all": ("all",),
}
"""Groups of `lisi_training` by what they are, as patterns of names."""
SECOND = {"first edition, level 16": ("lisi_mtp",), "second edition, level 20": ("lisi_mtp_20",)}
SECOND_CLASSES = {
    "crystals, 60-1400 K, strained": ("*_cold", "volumes_*"),
    "crystals with defects": (
        "li_vacancy",
        "li_in_si",
        "si_divacancy",
        "si_interstitial",
        "si_removal",
        "si_vacancy",
        "relaxed_defects",
    ),
    "glasses": ("amorphous_*",),
    "interfaces of Si and Li": ("interface_*",),
    "surfaces": ("surface_*",),
    "melts": ("melts",),
    "pulled apart": ("pulled",),
    "dense": ("dense",),
    "clusters": ("clusters",),
    "random cells": ("random_cells",),
    "all": ("all",),
}
"""Groups of the last test set."""
ELASTIC = ("C11_GPa", "C12_GPa", "C44_GPa")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--second", action="store_true", help="the section of the second edition")
    options = parser.parse_args(arguments)
    folder = options.folder
    if options.second:
        second(folder, options.data)
    else:
        first(folder, options.data)


def first(folder: Path, data_files: list[Path]) -> None:
    """Write the sections of the first edition."""
    lines = [
        "## Errors on frames that no training saw",
        "",
        "Frames were drawn within groups, so most have relatives from the same run in the training, and these frames were",
        "watched while settings were chosen: these are errors of interpolation. The VASP sets below are independent.",
        "",
    ]
    for data in data_files:
        lines += [*errors(folder, data, MODELS, CLASSES), ""]
    parity = folder / f"test_lisi_dp_0_{data_files[0].stem}.png"
    shutil.copy(parity, PAGE.with_name("models_parity.png"))
    write("errors", [*lines, "![Parity of energies, forces and stresses, Deep Potential 0](models_parity.png)"])
    write("crystals", ["## Crystals", "", *verified(folder, MODELS)])


def second(folder: Path, data: list[Path]) -> None:
    """Write the section of the second edition."""
    lines = []
    for one in data:
        lines += [*errors(folder, one, SECOND, SECOND_CLASSES), ""]
    write("second", [*lines, *verified(folder, SECOND)])


def verified(folder: Path, models: dict[str, tuple[str, ...]]) -> list[str]:
    """What models that are no committee make of crystals, and which checks they passed."""
    single = {name: files[0] for name, files in models.items() if len(files) == 1}
    for name in single.values():
        hpcpot("verify", folder / f"{name}.h5", "-o", folder / f"verify_{name}", "--overwrite", may_fail=True)
    return [*crystals(folder, single), "", *checks(folder, single)]


def hpcpot(*arguments: object, may_fail: bool = False) -> None:
    subprocess.run([sys.executable, "-m", "hpcpot", *map(str, arguments)], check=not may_fail)


def errors(
    folder: Path, data: Path, models: dict[str, tuple[str, ...]], classes: dict[str, tuple[str, ...]]
) -> list[str]:
    """Root mean square errors of each model: in each class of groups where the data have them, and in each group."""
    errors_of = {}
    for name, files in models.items():
        base = folder / f"test_{files[0] if len(files) == 1 else 'committee'}_{data.stem}"
        hpcpot("test", *(folder / f"{file}.h5" for file in files), data, "-o", base, "--overwrite")
        errors_of[name] = rows_of(Path(f"{base}_errors.csv"))
    groups = [row["group"] for row in next(iter(errors_of.values()))]
    parts = {
        name: [g for g in groups if any(fnmatch(g, pattern) for pattern in patterns)]
        for name, patterns in classes.items()
    }
    lines = [f"`{data.name}`, E in meV/atom, F in meV/Å:", ""]
    if not all(parts.values()):
        return lines + table(errors_of, {group: [group] for group in groups})
    return [
        *lines,
        *table(errors_of, parts),
        "",
        '<details markdown="1"><summary>Each group</summary>',
        "",
        *table(errors_of, {group: [group] for group in groups}),
        "",
        "</details>",
    ]


def table(errors_of: dict[str, list[dict[str, str]]], parts: dict[str, list[str]]) -> list[str]:
    """A row for each part of the data, which has some of the groups; a column for each model."""
    lines = [
        f"| | frames | {' | '.join(f'{name}: E | F' for name in errors_of)} |",
        "|---|---|" + "---|---|" * len(errors_of),
    ]
    for part, groups in parts.items():
        cells, frames = [], 0.0
        for rows in errors_of.values():
            mine = [row for row in rows if row["group"] in groups]
            frames, energy = pooled(mine, "frames", "energy_rmse_meV_per_atom")
            cells.append(f"{energy:.1f} | {1e3 * pooled(mine, 'atoms', 'force_rmse_eV_per_A')[1]:.0f}")
        lines.append(f"| {part} | {frames:.0f} | {' | '.join(cells)} |")
    return lines


def pooled(rows: list[dict[str, str]], count: str, error: str) -> tuple[float, float]:
    """Number of frames or atoms in all rows, and the root mean square over all of them."""
    counts = [float(row[count]) for row in rows]
    squares = sum(n * float(row[error]) ** 2 for n, row in zip(counts, rows, strict=True))
    return sum(counts), (squares / sum(counts)) ** 0.5


def crystals(folder: Path, models: dict[str, str]) -> list[str]:
    """Lattice constants, bulk moduli, elastic constants and formation energies beside those of PBE."""
    tables = by_model(folder, models, "_crystals", "crystal")
    lines = [f"| | PBE | {' | '.join(models)} |", "|---|---|" + "---|" * len(models)]

    def add(title: str, reference: str, crystal: str, text: Callable[[dict[str, str]], str]) -> None:
        cells = [text(rows[crystal]) if crystal in rows else "-" for rows in tables.values()]
        lines.append(f"| {title} | {reference} | {' | '.join(cells)} |")

    for crystal, known in CRYSTALS.items():
        axes = "/".join(dict.fromkeys(f"{x:.3f}" for x in known.lattice[:3]))
        add(f"{crystal}: lattice constants (Å)", axes, crystal, lengths)
    for crystal in CRYSTALS:
        known = BULK_MODULI.get(crystal)
        add(
            f"{crystal}: bulk modulus (GPa)",
            "" if known is None else f"{known:g}",
            crystal,
            lambda row: f"{float(row['eos_bulk_modulus_GPa']):.1f}",
        )
    for crystal in BULK_MODULI:
        add(
            f"{crystal}: C11, C12, C44 (GPa)",
            "",
            crystal,
            lambda row: ", ".join(f"{float(row[c]):.1f}" for c in ELASTIC),
        )
    elements = [crystal for crystal, known in CRYSTALS.items() if len({site[0] for site in known.sites}) == 1]
    for crystal in CRYSTALS:
        if crystal not in elements:
            known = FORMATION_ENERGIES.get(crystal)
            add(
                f"{crystal}: formation energy (eV/atom)",
                "" if known is None else f"{known:.3f}",
                crystal,
                lambda row: f"{float(row['formation_energy_eV_per_atom']):.3f}",
            )
    verdicts = by_model(folder, models, "", "name")
    for element in BULK_MODULI:
        key = f"{element}: vacancy formation energy"
        cells = [f"{float(rows[key]['value']):.2f}" if key in rows else "-" for rows in verdicts.values()]
        lines.append(f"| {key}, relaxed (eV) | | {' | '.join(cells)} |")
    return lines


def by_model(folder: Path, models: dict[str, str], table: str, key: str) -> dict[str, dict[str, dict[str, str]]]:
    """Rows of a table of `hpcpot verify` by model and by one of their columns."""
    return {
        name: {row[key]: row for row in rows_of(folder / f"verify_{file}{table}.csv")} for name, file in models.items()
    }


def lengths(row: dict[str, str]) -> str:
    """Different ones of a, b, c."""
    return "/".join(dict.fromkeys(f"{float(row[f'{axis}_A']):.3f}" for axis in "abc"))


def checks(folder: Path, models: dict[str, str]) -> list[str]:
    """How many checks of `hpcpot verify` passed, and which did not."""
    lines = []
    for name, file in models.items():
        rows = rows_of(folder / f"verify_{file}.csv")
        failed = [f"{row['name']} {float(row['value']):.3g} {row['unit']}" for row in rows if row["verdict"] == "FAIL"]
        told = f"; failed: {'; '.join(failed)}" if failed else ""
        lines.append(f"* {name}: {len(rows) - len(failed)} of {len(rows)} checks of `hpcpot verify` passed{told}.")
    return lines


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(section: str, lines: list[str]) -> None:
    before, rest = PAGE.read_text(encoding="utf-8").split(f"<!-- {section} -->", 1)
    after = rest.split("<!-- end -->", 1)[1]
    PAGE.write_text("\n".join([f"{before}<!-- {section} -->", *lines, f"<!-- end -->{after}"]), encoding="utf-8")


if __name__ == "__main__":
    main()
