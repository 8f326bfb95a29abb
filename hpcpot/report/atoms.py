"""Frames of a trajectory for a view that turns, with a slider; as many atoms and frames as a page has room for."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii

from hpcpot.report.window import around

MOST_ATOMS = 20_000
"""Of a larger frame every second, third, ... atom is shown."""
ROOM = 2.4e6
"""Bytes of all views of a page, before they are written as text, which makes them a third longer."""
MOST_FRAMES = 200
RADIUS = 0.8
"""Radius of an atom over its covalent radius."""
STEPS = 65535
"""Positions are rounded to this part of the box of all frames: 0.004 Å of 250 Å."""


@dataclass(frozen=True)
class AtomsView:
    """Atoms of some frames.

    Attributes:
        elements: symbols; colors: of each, as #rrggbb; radii: Å.
        species: (n,) int, index of the element. places: (frames, n, 3) float64, Å. titles: of the frames.
        origins: (frames, 3) float64, Å, corner of the cell; cells: (frames, 3, 3) float64, Å, rows.
        caption: what is shown, and what is left out.
    """

    elements: list[str]
    colors: list[str]
    radii: list[float]
    species: np.ndarray
    places: np.ndarray
    titles: list[str]
    origins: np.ndarray
    cells: np.ndarray
    caption: str

    def data(self) -> dict[str, Any]:
        """Everything for the page's script; positions as 16 bits of the box of all frames, in base64."""
        low, high = self.places.min(axis=(0, 1)), self.places.max(axis=(0, 1))
        span = np.maximum(high - low, 1e-9)
        rounded = np.rint((self.places - low) / span * STEPS).astype("<u2")
        return {
            "elements": self.elements,
            "colors": self.colors,
            "radii": self.radii,
            "species": base64.b64encode(self.species.astype(np.uint8).tobytes()).decode(),
            "places": base64.b64encode(rounded.tobytes()).decode(),
            "low": low.round(4).tolist(),
            "span": span.round(4).tolist(),
            "titles": self.titles,
            "origins": self.origins.round(3).tolist(),
            "cells": self.cells.round(3).tolist(),
        }


def chosen(n_frames: int, n_atoms: int, views: int = 1) -> np.ndarray:
    """Numbers of the frames to show, evenly spaced from first to last, so that all views fit: (k,) int."""
    each = 6 * min(n_atoms, MOST_ATOMS)
    most = int(np.clip(ROOM / max(views, 1) / each, 2, MOST_FRAMES))
    return np.unique(np.linspace(0, n_frames - 1, min(most, n_frames)).round().astype(int))


def view(
    frames: Sequence[Atoms], titles: list[str], n_frames: int, color: Callable[[str], tuple[float, float, float]]
) -> AtomsView:
    """Make a view of frames of one trajectory, which has `n_frames`.

    Args:
        color: red, green and blue of an element.
    """
    window, count = around(list(frames)), len(frames[0])
    every = -(-count // MOST_ATOMS)
    numbers, species = np.unique(frames[0].numbers[::every], return_inverse=True)
    elements = [chemical_symbols[number] for number in numbers]
    first = np.where(window.periodic, window.starts / window.lengths, 0.0)
    places = [window.fractions(frame)[::every] @ frame.cell.array for frame in frames]
    left = "" if len(frames) == n_frames else f" of {n_frames}"
    thin = "" if every == 1 else f", {len(species)} of {count} atoms, one in {every}"
    return AtomsView(
        elements,
        ["#" + "".join(f"{round(255 * part):02x}" for part in color(element)) for element in elements],
        [float(round(RADIUS * covalent_radii[number], 3)) for number in numbers],
        species,
        np.array(places),
        titles,
        np.array([first @ frame.cell.array for frame in frames]),
        np.array([frame.cell.array for frame in frames]),
        f"{len(frames)}{left} frames{thin}; drag to turn, scroll to zoom",
    )
