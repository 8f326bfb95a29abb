"""Tables and figures of the observables under `observe` in the config of an analysis."""

from __future__ import annotations

from hpcpot.analysis.frames import Observables
from hpcpot.analysis.observable import Drawable, tables_of
from hpcpot.commands.analyze.parts import NAMED
from hpcpot.commands.analyze.settings import AnalyzeSettings
from hpcpot.report.figures import WIDTH, sheet
from hpcpot.storage.tables import Columns

FILES = ("observed_*.csv", "observed_*.png", "observed_*.pdf")


def tables(observables: Observables) -> dict[str, Columns]:
    """Tables of the listed observables, by the names of their files."""
    return {
        f"observed_{table}": columns
        for name, observable in observables.items()
        if name.startswith(NAMED)
        for table, columns in tables_of(name.removeprefix(NAMED), observable).items()
    }


def draw(settings: AnalyzeSettings, observables: Observables) -> None:
    """Draw those that have a figure."""
    for name, observable in observables.items():
        if name.startswith(NAMED) and isinstance(observable, Drawable):
            stem = f"observed_{name.removeprefix(NAMED)}"
            paths = [settings.output.folder / f"{stem}.{kind}" for kind in settings.output.figures]
            with sheet(0.6 * WIDTH, 2.6, *paths) as figure:
                observable.draw(figure)
