"""Storage of the arrays of frames, on disk and for figures."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np

from hpcpot.analysis.observable import Arrays
from hpcpot.commands.analyze.pull import Pull
from hpcpot.storage.tables import Tables
from hpcpot.wording import duration

STORED = {
    "strain/shear": ("atoms/shear_strain", "f4", ""),
    "strain/volumetric": ("atoms/volumetric_strain", "f4", ""),
    "strain/d2min": ("atoms/d2min", "f4", "Angstrom2"),
    "strain/valid": ("atoms/strain_is_valid", "?", ""),
    "bonds/coordination": ("atoms/coordination", "u1", ""),
    "bonds/broken": ("atoms/broken_bonds", "u1", ""),
    "stress/stress": ("regions/stress", "f8", "GPa"),
}
"""Arrays of observables to write, a row per frame: path, type and unit."""

LINES = 20
"""Largest number of lines of progress, besides one at the end."""


class FrameStore:
    """Callable on rank 0 with the row of a frame and its arrays; writes them, and holds those of frames to draw.

    Attributes:
        drawn: by row, arrays of the frames to draw and export, by their own names.
    """

    def __init__(self, tables: Tables, pull: Pull, drawn: list[int], say: Callable[[str], None]):
        self._tables, self._pull, self._say = tables, pull, say
        self._rows_drawn, self.drawn = drawn, {}
        self._reserved: set[str] = set()
        self._done, self._began = 0, perf_counter()

    def __call__(self, row: int, arrays: Arrays) -> None:
        for name, (path, kind, unit) in STORED.items():
            if name in arrays:
                self._reserve(path, arrays[name].shape, kind, unit)
                self._tables.set(path, row, arrays[name])
        if row in self._rows_drawn:
            self.drawn[row] = {name.split("/")[1]: arrays[name] for name in STORED if name in arrays}
        self._done += 1
        self._show_progress(row)

    def _reserve(self, path: str, shape: tuple[int, ...], kind: str, unit: str) -> None:
        if path not in self._reserved:
            fill = np.nan if kind.startswith("f") else None  # in frames without the arrays that it needs
            self._tables.reserve(path, (len(self._pull.frames), *shape), kind, unit, fill)
            self._reserved.add(path)

    def _show_progress(self, row: int) -> None:
        done, count = self._done, len(self._pull.frames)
        if done == count or done % max(count // LINES, 1) == 0:
            seconds = perf_counter() - self._began
            self._say(
                f"frame {done:>5}/{count}   strain {self._pull.strains[row]:>7.4f}   {seconds / done:>6.2f} s/frame   "
                f"ETA {duration(seconds / done * (count - done))}"
            )
