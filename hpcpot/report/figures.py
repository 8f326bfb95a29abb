"""Style and files of all figures, and the error without matplotlib."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hpcpot.errors import DependencyError, OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLE = {
    "font.size": 8,
    "axes.titlesize": 8,
    "font.family": "DejaVu Sans",
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}

WIDTH = 7.2
"""Inches, two columns of a journal."""


def require_matplotlib(where: str = "figure", otherwise: str = "") -> None:
    """Raise DependencyError without matplotlib. Args: otherwise: alternative to installing it, for the message."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            f"{where} = no matplotlib ({error}): it draws the figure; pip install matplotlib{otherwise}."
        ) from error


@contextmanager
def sheet(width: float, height: float, *outputs: Path) -> Iterator[Figure]:
    """Open a figure, in inches, to draw into in the common style; it is then written to each of the files.

    Raises:
        OutputError: one cannot be written.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), dpi=200, layout="constrained")
        yield figure
        for output in outputs:
            save(figure, output)


def save(figure: Figure, output: Path) -> None:
    """Write a figure.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        figure.savefig(output)
    except OSError as error:
        raise OutputError(
            f"{output} = cannot be written ({error.strerror}): must be in a folder that you may write to, with space."
        ) from error


def letter(panels: Iterable[Axes]) -> None:
    """Label panels a, b, c, ..."""
    for name, axes in zip("abcdefghijklmnopqrstuvwxyz", panels, strict=False):
        axes.set_title(name, loc="left", fontweight="bold", pad=3)
