"""Frames that are not worth a label: odd cells and close atoms, with the reason.

Source: dpgen 0.14.0, generator/run.py (`check_bad_box`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from ase import Atoms

from hpcpot.structure import overlap


@dataclass(frozen=True)
class BoxLimits:
    """What a frame may be; the cell is looked at where all three axes are periodic.

    With the edges a, b, c along which LAMMPS lays them, a = (ax, 0, 0), b = (bx, by, 0), c = (cx, cy, cz):

    Attributes:
        length_ratio: of the longest to the shortest edge, at most.
        height_ratio: of the longest edge to the least distance of opposite faces, at most.
        wrap_ratio: largest of |bx / ax|, |cy / by|, |cx / ax|, at most.
        tilt_ratio: largest of |bx / by|, |cy / cz|, |cx / cz|, at most.
        minimum_distance: Å, of any two atoms and periodic images, at least; 0: not looked at.
    """

    length_ratio: float = np.inf
    height_ratio: float = np.inf
    wrap_ratio: float = np.inf
    tilt_ratio: float = np.inf
    minimum_distance: float = 0.0


RATIOS = tuple(entry.name for entry in fields(BoxLimits) if entry.name.endswith("_ratio"))


def ratios(cell: np.ndarray) -> dict[str, float]:
    """The ratios of `BoxLimits`, however the cell lies in space.

    Args:
        cell: (3, 3) float64, Å, rows, with a volume.
    """
    lengths = np.linalg.norm(cell, axis=1)
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    lower = np.linalg.qr(cell.T, mode="r").T
    (ax, _, _), (bx, by, _), (cx, cy, cz) = np.abs(lower)
    return {
        "length_ratio": float(lengths.max() / lengths.min()),
        "height_ratio": float(lengths.max() / heights.min()),
        "wrap_ratio": float(max(bx / ax, cy / by, cx / ax)),
        "tilt_ratio": float(max(bx / by, cy / cz, cx / cz)),
    }


def why_bad(atoms: Atoms, limits: BoxLimits) -> str | None:
    """What speaks against a frame, for instance "length_ratio 9 > 5", or None.

    Args:
        atoms: finite positions, a cell with a volume where it is periodic.
    """
    if atoms.pbc.all():
        of_cell = ratios(atoms.cell.array)
        for name in RATIOS:
            if of_cell[name] > getattr(limits, name):
                return f"{name} {of_cell[name]:.4g} > {getattr(limits, name):g}"
    if limits.minimum_distance > 0:
        contact = overlap.closest(atoms.positions, atoms.cell.array, atoms.pbc, limits.minimum_distance)
        if contact is not None and contact.distance < limits.minimum_distance:
            pair = "-".join(atoms.symbols[k] for k in (contact.first, contact.second))
            return f"{pair} {contact.distance:.3g} Å < {limits.minimum_distance:g} Å"
    return None
