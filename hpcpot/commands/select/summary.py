"""What a selection is like: distances and coverage against its size, beside random ones, and its compositions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.formula import Formula

from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.statistics import aligned
from hpcpot.report import figures as drawing
from hpcpot.selection.farthest import Subset
from hpcpot.storage.tables import Columns, write_csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (drawing.WIDTH, 2.8)
"""Inches, of the figure."""
FIRST_SIZE = 25
"""Least size of a subset whose compositions are listed; the others are twice as large each."""
COLORS = ("#c8553d", "#3b6fb0", "#bbbbbb")
"""Of the distance, the coverage, and random subsets."""


def text(dataset: DataSet, chosen: Subset, by_chance: Mapping[int, Subset]) -> str:
    """The compositions as a table, and a line for the selection and for each random one."""
    columns = compositions(dataset, chosen)
    rows = [list(columns), *([str(value) for value in row] for row in zip(*columns.values(), strict=True))]
    lines = [_line(f"{len(chosen.order)} of {len(dataset)} selected", chosen)]
    lines += [_line(f"as many at random, seed {seed}", subset) for seed, subset in by_chance.items()]
    return "\n".join([aligned(rows), *lines])


def _line(words: str, subset: Subset) -> str:
    covered = f"{100.0 * subset.covered[-1]:.1f} % nearer than {subset.within:g}"
    return f"{words}: {covered}, the farthest at {subset.distances[-1]:.4f}"


def write(path: Path, dataset: DataSet, chosen: Subset, by_chance: Mapping[int, Subset]) -> list[Path]:
    """Write the tables and the figure beside a data set; returns their paths.

    Raises:
        DependencyError: matplotlib is not installed. OutputError: a file cannot be written.
    """
    tables = {"sizes": sizes(dataset, chosen, by_chance), "compositions": compositions(dataset, chosen)}
    paths = []
    for name, columns in tables.items():
        paths.append(path.with_name(f"{path.stem}_{name}.csv"))
        write_csv(paths[-1], columns)
    return [path, *paths, draw(chosen, by_chance, path.with_suffix(".png"))]


def sizes(dataset: DataSet, chosen: Subset, by_chance: Mapping[int, Subset]) -> Columns:
    """A row for each size: the structure that is taken then, and what the subset is like, also by chance."""
    columns = {
        "size": np.arange(1, len(chosen.order) + 1),
        "source": dataset.sources[chosen.order],
        "group": dataset.groups[chosen.order],
        "farthest_distance": chosen.distances,
        "covered_percent": 100.0 * chosen.covered,
    }
    for seed, subset in by_chance.items():
        columns[f"farthest_distance_random_{seed}"] = subset.distances
        columns[f"covered_percent_random_{seed}"] = 100.0 * subset.covered
    return columns


def compositions(dataset: DataSet, chosen: Subset) -> Columns:
    """A row for each composition: structures of it in all, and in subsets of several sizes."""
    formulas = np.array([_formula(dataset.elements, counts) for counts in dataset.counts])
    names = sorted(set(formulas.tolist()))
    count = len(chosen.order)
    listed = [FIRST_SIZE * 2**k for k in range(30) if FIRST_SIZE * 2**k < count]
    columns = {"composition": np.array(names), "all": _counts(formulas, names)}
    return columns | {f"first_{size}": _counts(formulas[chosen.order[:size]], names) for size in (*listed, count)}


def _formula(elements: tuple[str, ...], counts: np.ndarray) -> str:
    present = {element: int(count) for element, count in zip(elements, counts, strict=True) if count}
    return str(Formula.from_dict(present).reduce()[0])


def _counts(formulas: np.ndarray, names: list[str]) -> np.ndarray:
    return np.array([np.count_nonzero(formulas == name) for name in names])


def draw(chosen: Subset, by_chance: Mapping[int, Subset], output: Path) -> Path:
    """Draw the largest distance and the coverage against the size.

    Raises:
        DependencyError: matplotlib is not installed. OutputError: the figure cannot be written.
    """
    drawing.require_matplotlib(otherwise="; the data set and the tables are complete")
    with drawing.sheet(*SIZE, output) as figure:
        draw_panels(figure, chosen, by_chance)
    return output


def draw_panels(figure: Figure, chosen: Subset, by_chance: Mapping[int, Subset]) -> None:
    """Draw the panels."""
    left, right = figure.subplots(1, 2)
    panels = (
        (left, lambda subset: subset.distances, "largest distance to the subset", COLORS[0]),
        (right, lambda subset: 100.0 * subset.covered, f"nearer than {chosen.within:g} (%)", COLORS[1]),
    )
    for axes, values, label, color in panels:
        plot = partial(axes.plot, np.arange(1, len(chosen.order) + 1))
        for number, subset in enumerate(by_chance.values()):
            plot(values(subset), color=COLORS[2], lw=0.8, label="at random" if number == 0 else None)
        plot(values(chosen), color=color, label="farthest points")
        axes.set(xlabel="structures", ylabel=label, ylim=(0, None))
        axes.legend(fontsize=7)
    left.axhline(chosen.within, color="black", lw=0.5, ls=":")
    drawing.letter((left, right))
