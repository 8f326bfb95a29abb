"""Concentration profile along the normal of an interface between a host (Si) and an inserted element (Li).

The host lies left, the inserted element right, vacuum beyond it. Positions along the normal are measured in Å from the
lowest host atom of the first frame, after unwrapping at the vacuum and subtracting the drift of the host's left part:
neither a translation nor wrapping changes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from hpcpot.errors import StructureError
from hpcpot.neighbors import batch

VACUUM = 5.0
"""Å, smallest gap along a periodic axis that counts as vacuum."""
DETACHED, DETACHED_ATOMS = 4.0, 5
"""Å; clusters of fewer atoms, farther than this from all others, have evaporated and belong to no region."""
BELOW = 4.0
"""Å; a profile begins this far below the lowest host atom, to hold atoms that vibrate, or came through the vacuum."""
THRESHOLDS = (0.05, 0.95)
SENSITIVITY = ((0.02, 0.98), (0.05, 0.95), (0.10, 0.90))
"""Concentrations between which the interface lies, and alternatives that show how its position depends on them."""
ANCHORS = ("bottom", "left", "right")
"""Origins for the edges of regions: the lowest host atom, z_L, z_R."""


@dataclass(frozen=True)
class Slab:
    """Geometry of a slab.

    Attributes:
        axis: lattice vector whose faces are parallel to the interface.
        host, inserted: elements left and right.
        block: Å above the lowest host atom, [from, to), of the host atoms whose mean displacement is the drift; the
            free surface layers are left out.
    """

    axis: int = 2
    host: str = "Si"
    inserted: str = "Li"
    block: tuple[float, float] = (3.0, 15.0)


class Ruler:
    """Positions along the normal in successive frames, relative to the first.

    Raises:
        StructureError: no vacuum, or no host atoms.
    """

    def __init__(self, slab: Slab, first: Atoms):
        self.slab = slab
        places = opened(first, slab.axis)
        host = first.symbols == slab.host
        if not np.isfinite(places[host]).any():
            raise StructureError(
                f"structure = no {slab.host}: places are measured from the lowest of its atoms; name the element that "
                "the slab is made of."
            )
        self._bottom = np.nanmin(places[host])
        low, high = (self._bottom + edge for edge in slab.block)
        self._block = np.flatnonzero(host & (places >= low) & (places < high))
        if not len(self._block):
            raise StructureError(
                f"structure = no {slab.host} from {slab.block[0]:g} to {slab.block[1]:g} Å above its lowest atom: the "
                "drift is measured there; widen profile.block_A."
            )
        self._first = places[self._block]

    def places(self, frame: Atoms) -> np.ndarray:
        """Positions along the normal, (n,) float64, Å; nan for evaporated atoms.

        Args:
            frame: the atoms of the first frame, in the same order.
        Raises:
            StructureError: all atoms of the drift block have evaporated.
        """
        places = opened(frame, self.slab.axis)
        moved = places[self._block] - self._first
        if not np.isfinite(moved).any():
            raise StructureError(
                f"structure = no {self.slab.host} of the drift block is left in the slab: must hold some; widen "
                "profile.block_A, or leave the frame out."
            )
        return places - np.nanmean(moved) - self._bottom


def opened(atoms: Atoms, axis: int) -> np.ndarray:
    """Distances from the cell's face along an axis, unwrapped so that the vacuum is on the right: (n,) float64, Å.

    Evaporated atoms are nan (DETACHED).

    Raises:
        StructureError: the axis is periodic and no gap of it is VACUUM wide; positions or a cell that are not finite.
    """
    attached = ~evaporated(atoms)  # refuses a cell without a volume
    length = 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.array)[:, axis])
    places = atoms.get_scaled_positions(wrap=False)[:, axis] * length
    if atoms.pbc[axis] and attached.any():
        places %= length
        ordered = np.sort(places[attached])
        gaps = np.diff(ordered, append=ordered[0] + length)
        widest = int(np.argmax(gaps))
        if gaps[widest] < VACUUM:
            raise StructureError(
                f"widest gap along {'abc'[axis]} = {gaps[widest]:.3g} Å: must be a vacuum of at least {VACUUM:g} Å, "
                "where the slab is cut open; choose the axis normal to the interface, or add vacuum."
            )
        places = (
            places - ordered[(widest + 1) % len(ordered)] + 1e-9
        ) % length  # the lowest atom may be round-off below
    return np.where(attached, places, np.nan)


def evaporated(atoms: Atoms) -> np.ndarray:
    """Find atoms in clusters of fewer than DETACHED_ATOMS, DETACHED from all others: (n,) bool."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    near = batch.build(atoms.positions, atoms.cell.array, np.asarray(atoms.pbc), DETACHED)
    n = len(atoms)
    heights = 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    if (
        np.diff(near.pairs.first).min(initial=DETACHED_ATOMS) >= DETACHED_ATOMS - 1
        and (heights[atoms.pbc] > 2.0 * DETACHED).all()
    ):
        return np.zeros(n, bool)  # as nearly always: each has other atoms enough beside it, none of them twice
    bonds = csr_array(
        (np.ones(len(near.pairs.neighbors), bool), near.owners[near.pairs.neighbors], near.pairs.first), shape=(n, n)
    )
    clusters = connected_components(bonds, directed=False)[1]
    return np.bincount(clusters)[clusters] < DETACHED_ATOMS


@dataclass(frozen=True)
class Profile:
    """Histogram of the atoms along the normal, summed over frames.

    Attributes:
        edges: (bins + 1,) float64, Å.
        host, inserted: (bins,) int64, atoms of each element.
        frames: number of frames.
    """

    edges: np.ndarray
    host: np.ndarray
    inserted: np.ndarray
    frames: int

    def __add__(self, other: Profile) -> Profile:
        """Sum of two profiles with the same bins."""
        return Profile(self.edges, self.host + other.host, self.inserted + other.inserted, self.frames + other.frames)

    @property
    def middles(self) -> np.ndarray:
        return 0.5 * (self.edges[1:] + self.edges[:-1])

    @property
    def concentration(self) -> np.ndarray:
        """n = N_inserted / (N_inserted + N_host), (bins,) float64; nan in empty bins."""
        return ratio(self.inserted, self.inserted + self.host)


def count(
    frames: Iterable[np.ndarray], is_host: np.ndarray, is_inserted: np.ndarray, width: float, length: float
) -> Profile:
    """Count the atoms of frames in bins.

    Args:
        frames: (n,) float64 each, Å, from `Ruler.places`; nan is not counted.
        is_host, is_inserted: (n,) bool; other atoms are not counted.
        width: Å, of the bins, one of which is centred at 0.
        length: Å, of the cell.
    """
    below, above = int(np.ceil(BELOW / width)), int(np.ceil(length / width)) + 2
    edges = (np.arange(-below, above) - 0.5) * width
    counts, n = np.zeros((2, len(edges) - 1), np.int64), 0
    for places in frames:
        for row, atoms in zip(counts, (is_host, is_inserted), strict=True):
            row += np.histogram(places[atoms & np.isfinite(places)], edges)[0]
        n += 1
    return Profile(edges, counts[0], counts[1], n)


@dataclass(frozen=True)
class Interfaces:
    """Edges of the interface, Å from the lowest host atom.

    Attributes:
        left: z_L, where the inserted element begins. right: z_R, where the host ends.
    """

    left: float
    right: float


def interfaces(profile: Profile, thresholds: tuple[float, float] = THRESHOLDS) -> Interfaces:
    """Locate the interface: z_L is the first crossing of the lower threshold, z_R the last of the upper one.

    The concentration is linear between the middles of bins.

    Raises:
        StructureError: the concentration does not rise through both.
    """
    filled = np.isfinite(profile.concentration)
    z, n = profile.middles[filled], profile.concentration[filled]
    low, high = thresholds
    rises_low = np.flatnonzero((n[:-1] < low) & (n[1:] >= low))
    rises_high = np.flatnonzero((n[:-1] < high) & (n[1:] >= high))
    if not len(rises_low) or not len(rises_high):
        span = f"{n.min():.3g} to {n.max():.3g}" if len(n) else "no atoms"
        raise StructureError(
            f"concentration = {span}: must rise through {low:g} and {high:g} from left to right; put the host left "
            "and the inserted element right, or change profile.thresholds."
        )
    return Interfaces(_between(z, n, rises_low[0], low), _between(z, n, rises_high[-1], high))


def _between(z: np.ndarray, n: np.ndarray, k: int, level: float) -> float:
    return float(z[k] + (z[k + 1] - z[k]) * (level - n[k]) / (n[k + 1] - n[k]))


def parse_place(text: str) -> tuple[str, float]:
    """Parse an edge of a region such as left-2.5: ("left", -2.5).

    Raises:
        ValueError: "must be ...".
    """
    match = re.fullmatch(rf"\s*({'|'.join(ANCHORS)})\s*(?:([+-])\s*(\d+\.?\d*|\.\d+))?\s*", str(text))
    if not match:
        raise ValueError(f"must be {', '.join(ANCHORS)}, plus or minus Å, e.g. left-2.5")
    return match[1], float((match[2] or "+") + (match[3] or "0"))


def inside(places: np.ndarray, edges: tuple[str, str], interface: Interfaces) -> np.ndarray:
    """Select the atoms of a region, [low, high), by edges such as "bottom+8" and "left-2.5": (n,) bool."""
    anchors: Mapping[str, float] = {"bottom": 0.0, "left": interface.left, "right": interface.right}
    low, high = (anchors[name] + offset for name, offset in map(parse_place, edges))
    return (places >= low) & (places < high)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide counts, nan where the whole is empty."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
