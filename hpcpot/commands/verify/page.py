"""The section of a model's checks on a page of `hpcpot report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hpcpot.commands.verify.command import ENDINGS
from hpcpot.errors import OutputError
from hpcpot.report.figures import WIDTH
from hpcpot.report.interactive import Chart, chart
from hpcpot.report.section import Quantity, ReportSection
from hpcpot.storage.tables import Columns, read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def read(path: Path, views: int = 1) -> ReportSection:
    """Read the table of the checks, and those of the crystals beside it.

    Raises:
        OutputError: a table cannot be read, or has no check.
    """
    checks = read_table(path)
    if not len(checks.get("verdict", ())):
        raise OutputError(f"{path} = no check: must have one at least; run hpcpot verify again.")
    failed = checks["verdict"] == "FAIL"
    section = ReportSection("verify", path, f"{len(failed)} checks, {failed.sum()} failed")
    section.quantities["checks failed"] = Quantity(float(failed.sum()))
    section.warnings = [
        f"check failed: {name}, {value:.4g} {unit}" + (f" ({where})" if where else "")
        for name, value, unit, where in zip(
            *(checks[name][failed] for name in ("name", "value", "unit", "where")), strict=True
        )
    ]
    section.tables["checks"] = checks
    base = path.name.removesuffix(ENDINGS["checks"])
    for name in ("crystals", "eos"):
        beside = path.with_name(base + ENDINGS[name])
        if beside.is_file():
            section.tables[name] = read_table(beside)
    if len(section.tables.get("eos", {}).get("crystal", ())):
        section.charts.append(_states(section.tables["eos"]))
    return section


def _states(eos: Columns) -> Chart:
    """Energies against volume, of each crystal from its least."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for name in dict.fromkeys(eos["crystal"].tolist()):
            mine = eos["crystal"] == name
            energies = eos["energy_eV_per_atom"][mine]
            axes.plot(
                eos["volume_A3_per_atom"][mine], 1000 * (energies - energies.min()), "o-", ms=3, lw=0.9, label=name
            )
        axes.set(xlabel="volume (Å$^3$/atom)", ylabel="energy (meV/atom)")
        axes.legend(fontsize=6)

    return chart("Equations of state.", WIDTH, 3.0, draw)
