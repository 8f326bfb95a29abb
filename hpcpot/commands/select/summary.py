"""What a selection is like: subsets by size and composition, similarities, duplicates; tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcpot.commands.select import groups
from hpcpot.commands.select.groups import Diagram
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.statistics import aligned
from hpcpot.report import figures as drawing
from hpcpot.selection.farthest import Subset
from hpcpot.selection.points import Comparable, blocks
from hpcpot.selection.similar import EDGES, Duplicates
from hpcpot.storage.tables import Columns, Tables, write_csv
from hpcpot.wording import plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (drawing.WIDTH, 2.8)
DIAGRAM_SIZE = (drawing.WIDTH, 3.2)
"""Inches, of the figures."""
FIRST_SIZE = 25
"""Least size of a subset whose compositions are listed; the others are twice as large each."""
AXIS = "similarity_to_"
"""Names of the columns of mean similarities begin so."""
COLORS = ("#c8553d", "#3b6fb0", "#bbbbbb")
"""Of the distance, the coverage, and random subsets."""
KINDS = ("#3b6fb0", "#c8553d", "#5a9e6f", "#8c6bb1", "#c9a227", "#4c8c99", "#a05195", "#7f7f7f")
"""Of the most frequent compositions or groups of a diagram; the others have none."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What there is to tell of a selection; no diagram or duplicates where none were asked for."""

    dataset: DataSet
    chosen: Subset
    by_chance: Mapping[int, Subset]
    diagram: Diagram | None = None
    duplicates: Duplicates | None = None


def text(seen: Seen) -> str:
    """The compositions as a table, and a line for the selection, each random one, and the duplicates."""
    columns = compositions(seen)
    rows = [list(columns), *([str(value) for value in row] for row in zip(*columns.values(), strict=True))]
    lines = [_line(f"{len(seen.chosen.order)} of {len(seen.dataset)} selected", seen.chosen)]
    lines += [_line(f"as many at random, seed {seed}", subset) for seed, subset in seen.by_chance.items()]
    if seen.duplicates is not None:
        number = plural(len(seen.duplicates.rows), "structure")
        lines.append(f"duplicates: {number} nearer than {seen.duplicates.within:g} to an earlier one")
    return "\n".join([aligned(rows), *lines])


def _line(words: str, subset: Subset) -> str:
    covered = f"{100.0 * subset.covered[-1]:.1f} % nearer than {subset.within:g}"
    return f"{words}: {covered}, the farthest at {subset.distances[-1]:.4f}"


def write(path: Path, seen: Seen, facts: Mapping[str, Any]) -> list[Path]:
    """Write the tables, each as CSV and all as HDF5, and the figures, beside a data set; returns all paths.

    Raises:
        DependencyError: matplotlib is not installed. OutputError: a file cannot be written.
    """
    tables, paths = dict(tables_of(seen)), [path]
    for name, columns in tables.items():
        paths.append(path.with_name(f"{path.stem}_{name}.csv"))
        write_csv(paths[-1], columns)
    paths.append(path.with_name(f"{path.stem}_tables.h5"))
    with Tables(paths[-1], dict(facts)) as file:
        for name, columns in tables.items():
            file.add(name, columns)
        file.commit()
    drawing.require_matplotlib(otherwise="; the data set and the tables are complete")
    paths += _figure(path, "", SIZE, partial(draw_panels, chosen=seen.chosen, by_chance=seen.by_chance))
    if seen.diagram is not None:
        draw = partial(draw_diagram, table=tables["diagram"], pairs=tables["pairs"])
        paths += _figure(path, "_diagram", DIAGRAM_SIZE, draw)
    return paths


def _figure(path: Path, name: str, size: tuple[float, float], draw: Callable[[Figure], None]) -> list[Path]:
    outputs = [path.with_name(f"{path.stem}{name}{suffix}") for suffix in (".png", ".pdf")]
    with drawing.sheet(*size, *outputs) as figure:
        draw(figure)
    return outputs


def write_matrix(path: Path, seen: Seen, points: Comparable, facts: Mapping[str, Any]) -> Path:
    """Write the similarities of all pairs, a few rows at a time, and whose they are.

    Raises:
        OutputError: the file cannot be written.
    """
    with Tables(path, dict(facts)) as file:
        file.add("structures", {"source": seen.dataset.sources, "group": seen.dataset.groups})
        file.reserve("similarities", (points.count, points.count), "f8")
        for rows, block in blocks(points, np.arange(points.count)):
            for row, values in zip(rows, block, strict=True):
                file.set("similarities", int(row), values)
        file.commit()
    return path


def tables_of(seen: Seen) -> Iterator[tuple[str, Columns]]:
    """The tables by name."""
    yield "sizes", sizes(seen)
    yield "compositions", compositions(seen)
    if seen.diagram is not None:
        yield "diagram", similarities(seen, seen.diagram)
        yield "pairs", cumulative(seen.diagram)
    if seen.duplicates is not None:
        yield "duplicates", twice(seen.dataset, seen.duplicates)


def sizes(seen: Seen) -> Columns:
    """A row for each size: the structure that is taken then, and what the subset is like, also by chance."""
    dataset, chosen = seen.dataset, seen.chosen
    columns = {
        "size": np.arange(1, len(chosen.order) + 1),
        "source": dataset.sources[chosen.order],
        "group": dataset.groups[chosen.order],
        "farthest_distance": chosen.distances,
        "covered_percent": 100.0 * chosen.covered,
    }
    for seed, subset in seen.by_chance.items():
        columns[f"farthest_distance_random_{seed}"] = subset.distances
        columns[f"covered_percent_random_{seed}"] = 100.0 * subset.covered
    return columns


def compositions(seen: Seen) -> Columns:
    """A row for each composition: structures of it in all, and in subsets of several sizes, also by chance."""
    formulas, chosen = groups.compositions(seen.dataset), seen.chosen
    names = sorted(set(formulas.tolist()))
    count = len(chosen.order)
    listed = [FIRST_SIZE * 2**k for k in range(30) if FIRST_SIZE * 2**k < count]
    columns = {"composition": np.array(names), "all": _counts(formulas, names)}
    columns |= {f"first_{size}": _counts(formulas[chosen.order[:size]], names) for size in (*listed, count)}
    return columns | {f"random_{seed}": _counts(formulas[by.order], names) for seed, by in seen.by_chance.items()}


def _counts(formulas: np.ndarray, names: list[str]) -> np.ndarray:
    return np.array([np.count_nonzero(formulas == name) for name in names])


def similarities(seen: Seen, diagram: Diagram) -> Columns:
    """A row for each structure: its mean similarities, and its place in the selection, 0 if it is not in it."""
    place = np.zeros(len(seen.dataset), np.int64)
    place[seen.chosen.order] = np.arange(1, len(seen.chosen.order) + 1)
    columns = {
        "source": seen.dataset.sources,
        "group": seen.dataset.groups,
        "composition": groups.compositions(seen.dataset),
    }
    columns |= {f"{AXIS}{name}": diagram.similarities[:, k] for k, name in enumerate(diagram.names)}
    return columns | {"curve": np.array(diagram.kinds)[diagram.labels], "place": place}


def cumulative(diagram: Diagram) -> Columns:
    """A row for each similarity, a column for each composition or group: the share of its pairs that are less similar.

    Groups of one structure have no pairs, and no numbers.
    """
    occupied = np.flatnonzero(diagram.pairs.any(axis=0))
    first = int(occupied[0]) if len(occupied) else 0
    columns = {"similarity": EDGES[first:]}
    for name, counts in zip(diagram.kinds, diagram.pairs, strict=True):
        total = counts.sum()
        share = np.concatenate([[0.0], np.cumsum(counts)]) / total if total else np.full(len(EDGES), np.nan)
        columns[name] = share[first:]
    return columns


def twice(dataset: DataSet, same: Duplicates) -> Columns:
    """A row for each structure that is nearly the same as an earlier one."""
    return {
        "source": dataset.sources[same.rows],
        "group": dataset.groups[same.rows],
        "nearest_source": dataset.sources[same.of],
        "nearest_group": dataset.groups[same.of],
        "distance": same.distances,
    }


def draw_panels(figure: Figure, chosen: Subset, by_chance: Mapping[int, Subset]) -> None:
    """Draw the largest distance and the coverage against the size."""
    left, right = figure.subplots(1, 2)
    panels = (
        (left, lambda subset: subset.distances, "largest distance to the subset", COLORS[0]),
        (right, lambda subset: 100.0 * subset.covered, f"nearer than {chosen.within:g} (%)", COLORS[1]),
    )
    for axes, values, label, color in panels:
        plot = partial(axes.plot, np.arange(1, len(chosen.order) + 1))
        for number, subset in enumerate(by_chance.values()):
            plot(values(subset), color=COLORS[2], lw=0.8, label="at random" if number == 0 else None)
        plot(values(chosen), color=color, label="selected")
        axes.set(xlabel="structures", ylabel=label, ylim=(0, None))
        axes.legend(fontsize=7)
    left.axhline(chosen.within, color="black", lw=0.5, ls=":")
    drawing.letter((left, right))


def draw_diagram(figure: Figure, table: Columns, pairs: Columns) -> None:
    """Draw each structure by its mean similarities, the selected ones ringed, and the similar pairs of each group.

    Args:
        table, pairs: see `similarities` and `cumulative`.
    """
    left, right = figure.subplots(1, 2)
    names = [name.removeprefix(AXIS) for name in table if name.startswith(AXIS)]
    places = np.transpose([table[f"{AXIS}{name}"] for name in names])
    kinds, labels, counts = np.unique(table["curve"], return_inverse=True, return_counts=True)
    shown = np.argsort(-counts, kind="stable")[: len(KINDS)]
    draw = partial(left.scatter, s=6, lw=0, rasterized=True)
    draw(*places[~np.isin(labels, shown)].T, color=COLORS[2])
    for kind, color in zip(shown, KINDS, strict=False):
        name = str(kinds[kind])
        draw(*places[labels == kind].T, color=color, alpha=0.8, label=name)
        if not np.isnan(pairs[name][0]):
            right.plot(pairs["similarity"], pairs[name], color=color, lw=1.0, label=name)
    left.scatter(*places[table["place"] > 0].T, s=9, facecolor="none", edgecolor="black", lw=0.4, label="selected")
    left.set(xlabel=f"mean similarity to {names[0]}", ylabel=f"mean similarity to {names[-1]}")
    left.legend(fontsize=6, markerscale=1.5)
    right.set(xlabel="similarity of two structures", ylabel="share of pairs below", ylim=(0, 1))
    if right.get_legend_handles_labels()[0]:
        right.legend(fontsize=6)
    drawing.letter((left, right))
