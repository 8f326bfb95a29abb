"""What the analysis of all frames adds up to: rows on the disk, numbers of each frame, and one void followed."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np

from hpcpot.analysis import voids
from hpcpot.analysis.frames import Arrays
from hpcpot.commands.analyze.frame import FrameAnalysis
from hpcpot.commands.analyze.pull import Pull
from hpcpot.storage.tables import Columns, Tables
from hpcpot.wording import duration

STORED = {
    "shear": ("atoms/shear_strain", "f4", ""),
    "volumetric": ("atoms/volumetric_strain", "f4", ""),
    "d2min": ("atoms/d2min", "f4", "Angstrom2"),
    "valid": ("atoms/strain_is_valid", "?", ""),
    "coordination": ("atoms/coordination", "u1", ""),
    "broken": ("atoms/broken_bonds", "u1", ""),
    "stress": ("regions/stress", "f8", "GPa"),
}
"""Arrays of a frame that are written, a row a frame: path, type and unit."""

LINES = 20
"""Of progress, at most, and one at the end."""


class Ledger:
    """On rank 0 what comes of each frame; called with its number and arrays, in order."""

    def __init__(
        self, tables: Tables, pull: Pull, analysis: FrameAnalysis, drawn: list[int], say: Callable[[str], None]
    ):
        self._tables, self._pull, self._analysis, self._say = tables, pull, analysis, say
        self.kept: dict[int, Arrays] = {}
        self._drawn, self._began = drawn, perf_counter()
        self._rows: list[dict[str, float]] = []
        self._links: list[np.ndarray] = []
        self._labels: np.ndarray | None = None
        self._voids: list[tuple[np.ndarray, ...]] = []

    def __call__(self, frame: int, found: Arrays) -> None:
        row = len(self._rows)
        numbers = {
            "frame": frame,
            "step": self._pull.steps[row],
            "time_ps": self._pull.times[row],
            "strain": self._pull.strains[row],
        }
        if "shear" in found:
            numbers |= of_strain(found)
        if "broken" in found:
            numbers |= of_bonds(found, self._analysis)
        if "labels" in found:
            numbers |= self._note_voids(found)
        self._rows.append(numbers)
        self._store(row, found)
        if row in self._drawn:
            self.kept[row] = {name: found[name] for name in STORED if name in found}
        self._show_progress()

    def frames(self) -> Columns:
        """The numbers of all frames, with the volume and place of the void that becomes the largest of all."""
        columns = {name: np.array([row[name] for row in self._rows]) for name in self._rows[0]}
        return columns | self._followed()

    def _store(self, row: int, found: Arrays) -> None:
        for name, (path, kind, unit) in STORED.items():
            if name in found:
                if row == 0:
                    self._tables.reserve(path, (len(self._pull.frames), *found[name].shape), kind, unit)
                self._tables.set(path, row, found[name])

    def _note_voids(self, found: Arrays) -> dict[str, float]:
        inside = np.where(found["is_outside"], 0.0, found["volumes"])
        self._voids.append((inside, found["centres"], found["spans"]))
        if self._labels is not None:
            self._links.append(voids.overlaps(self._labels, found["labels"]))
        self._labels = found["labels"]
        outside = found["volumes"][found["is_outside"]].sum() / abs(np.linalg.det(self._pull.cells[len(self._rows)]))
        return {
            "void_fraction": max(found["fraction"] - outside, 0.0),
            "outside_fraction": outside,
            "voids": np.count_nonzero(inside),
            "voids_A3": inside.sum(),
            "largest_void_A3": inside.max(),
        }

    def _followed(self) -> Columns:
        largest = [volumes.max() for volumes, _, _ in self._voids]
        if not any(largest):
            return {}
        frame = int(np.argmax(largest))
        path = voids.follow(self._links, frame, int(np.argmax(self._voids[frame][0])))
        volume, centre, spans = np.zeros(len(path)), np.full((len(path), 3), np.nan), np.zeros((len(path), 3), bool)
        for row, (index, (volumes, centres, through)) in enumerate(zip(path, self._voids, strict=True)):
            if index >= 0 and volumes[index] > 0:  # else there is none, or it is still open to the outside
                volume[row], centre[row], spans[row] = volumes[index], centres[index], through[index]
        centre = np.einsum("fa,fab->fb", centre, self._pull.cells)
        places = {f"hole_{name}_A": centre[:, k] for k, name in enumerate("xyz")}
        return {"hole_A3": volume, **places} | {
            f"hole_spans_{name}": spans[:, k].astype(int) for k, name in enumerate("abc")
        }

    def _show_progress(self) -> None:
        done, count = len(self._rows), len(self._pull.frames)
        if done == count or done % max(count // LINES, 1) == 0:
            seconds = perf_counter() - self._began
            row = self._rows[-1]
            self._say(
                f"frame {done:>5}/{count}   strain {row['strain']:>7.4f}   {seconds / done:>6.2f} s/frame   "
                f"ETA {duration(seconds / done * (count - done))}"
            )


def of_strain(found: Arrays) -> dict[str, float]:
    """Mean and spread of the strain of the atoms for which it is defined."""
    valid = found["valid"]
    shear, volumetric, d2min = (found[name][valid] for name in ("shear", "volumetric", "d2min"))
    middle, high = np.percentile(shear, [50, 95]) if len(shear) else (0.0, 0.0)
    return {
        "shear_mean": mean(shear),
        "shear_median": middle,
        "shear_95": high,
        "volumetric_mean": mean(volumetric),
        "d2min_mean_A2": mean(d2min),
        "atoms_without_strain": int(len(valid) - valid.sum()),
    }


def of_bonds(found: Arrays, analysis: FrameAnalysis) -> dict[str, float]:
    """Share of the bonds that have broken, and mean coordination of each element by each."""
    first = analysis.bonds
    numbers = {"broken_bonds": found["broken"].sum() / max(first.coordination.sum(), 1)}
    for k, centre in enumerate(analysis.elements):
        means = found["coordination"][first.species == k].mean(axis=0)
        numbers |= {
            f"coordination_{centre}_{name}": value for name, value in zip(analysis.elements, means, strict=True)
        }
    return numbers


def mean(values: np.ndarray) -> float:
    """0 for no values."""
    return float(values.mean()) if len(values) else 0.0
