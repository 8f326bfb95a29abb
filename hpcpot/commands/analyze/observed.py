"""Tables and figures of the observables that the config of an analysis lists."""

from __future__ import annotations

from hpcpot.analysis.frames import Observables
from hpcpot.analysis.observable import tables_of
from hpcpot.commands.analyze.parts import NAMED
from hpcpot.commands.analyze.settings import AnalyzeSettings
from hpcpot.report.figures import WIDTH, sheet
from hpcpot.storage.tables import Columns

FILES = ("observed_*.csv", "observed_*.png", "observed_*.pdf")


def tables(observables: Observables) -> dict[str, Columns]:
    """All tables of the listed observables, by the names that their files get."""
    return {
        f"observed_{table}": columns
        for name, observable in observables.items()
        if name.startswith(NAMED)
        for table, columns in tables_of(name.removeprefix(NAMED), observable).items()
    }


def draw(settings: AnalyzeSettings, observables: Observables) -> None:
    """The figures of those that have one."""
    for name, observable in observables.items():
        if name.startswith(NAMED) and hasattr(observable, "draw"):
            stem = f"observed_{name.removeprefix(NAMED)}"
            paths = [settings.output.folder / f"{stem}.{kind}" for kind in settings.output.figures]
            with sheet(0.6 * WIDTH, 2.6, *paths) as figure:
                observable.draw(figure)
