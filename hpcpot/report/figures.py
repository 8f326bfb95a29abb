"""Style and files of all figures, and the error without matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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


FEWEST = 5
"""Structures that a campaign draws a figure of unasked: what fewer are stands in its table, and drawing takes a second."""


def drawn(count: int, output: Path, write: Callable[[Path], Path]) -> str:
    """Draw a figure of so many structures, unless they are few and none of earlier ones is there; a line that says so."""
    if count < FEWEST and not output.exists():
        return f"figure: none, as there are fewer than {FEWEST} structures"
    return f"figure: {write(output)}"


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
    except (OverflowError, ValueError) as error:  # of Matplotlib, for which numbers end long before 1e308
        raise OutputError(
            f"{output} = cannot be drawn ({error}): values that an axis can show are required; look for absurd ones."
        ) from error


def letter(panels: Iterable[Axes]) -> None:
    """Label panels a, b, c, ..."""
    for name, axes in zip("abcdefghijklmnopqrstuvwxyz", panels, strict=False):
        axes.set_title(name, loc="left", fontweight="bold", pad=3)
