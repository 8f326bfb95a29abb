"""Concentration along the normal of an interface: where the host (Si) ends, where the inserted element (Li) is alone.

The slab lies host left, inserted element right, with vacuum to the right. Places are measured in Å from the lowest host
atom of the first frame, after the vacuum has been cut open and the drift of the host's left part taken off: neither a
translation nor wrapping changes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from hpcpot.analysis.observable import Arrays, Frame
from hpcpot.errors import StructureError
from hpcpot.neighbors import batch
from hpcpot.storage.tables import Columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VACUUM = 5.0
"""Å; a gap along a periodic axis must be as wide to be cut open."""
DETACHED, DETACHED_ATOMS = 4.0, 5
"""Å; fewer atoms than these, farther than this from all others, have evaporated and belong to no region."""
BELOW = 4.0
"""Å below the lowest host atom that a profile begins at: room for what vibrates there, or came through the vacuum."""
THRESHOLDS = (0.05, 0.95)
SENSITIVITY = ((0.02, 0.98), (0.05, 0.95), (0.10, 0.90))
"""Concentrations between which the interface lies, and those for which its positions are told beside."""
ANCHORS = ("bottom", "left", "right")
"""What a region's edges are relative to: the lowest host atom, z_L, z_R."""


@dataclass(frozen=True)
class Slab:
    """How places in a slab are measured.

    Attributes:
        axis: of the cell, whose faces the interface is parallel to.
        host, inserted: elements left and right.
        block: Å above the lowest host atom, [from, to): the host atoms whose mean place takes the drift off; the
            lowest layers, which are free, are left out.
    """

    axis: int = 2
    host: str = "Si"
    inserted: str = "Li"
    block: tuple[float, float] = (3.0, 15.0)


class Ruler:
    """Places of the atoms of frames that follow one another, relative to the first.

    Raises:
        StructureError: no vacuum to cut, or nothing of the host.
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
        """(n,) float64, Å along the axis; nan for evaporated atoms.

        Args:
            frame: the atoms of the first frame, in the same order.
        Raises:
            StructureError: all atoms that the drift is measured by have evaporated.
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
    """Distances from the cell's face along an axis, unwrapped so that the vacuum is at the right: (n,) float64, Å.

    nan for evaporated atoms (DETACHED).

    Raises:
        StructureError: the axis is periodic and no gap of it is VACUUM wide.
    """
    length = 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.array)[:, axis])
    places = atoms.get_scaled_positions(wrap=False)[:, axis] * length
    attached = ~evaporated(atoms)
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
    """(n,) bool: atoms of clusters of fewer than DETACHED_ATOMS atoms, DETACHED from all others."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    near = batch.build(atoms.positions, atoms.cell.array, np.asarray(atoms.pbc), DETACHED)
    n = len(atoms)
    bonds = csr_array(
        (np.ones(len(near.pairs.neighbors), bool), near.owners[near.pairs.neighbors], near.pairs.first), shape=(n, n)
    )
    clusters = connected_components(bonds, directed=False)[1]
    return np.bincount(clusters)[clusters] < DETACHED_ATOMS


@dataclass(frozen=True)
class Profile:
    """Atoms by bin, summed over frames.

    Attributes:
        edges: (bins + 1,) float64, Å.
        host, inserted: (bins,) int64.
        frames: how many were counted.
    """

    edges: np.ndarray
    host: np.ndarray
    inserted: np.ndarray
    frames: int

    def __add__(self, other: Profile) -> Profile:
        """The profile of the frames of both, on the same bins."""
        return Profile(self.edges, self.host + other.host, self.inserted + other.inserted, self.frames + other.frames)

    @property
    def middles(self) -> np.ndarray:
        return 0.5 * (self.edges[1:] + self.edges[:-1])

    @property
    def concentration(self) -> np.ndarray:
        """n = N_inserted / (N_inserted + N_host), (bins,) float64; nan where there are no atoms."""
        total = self.inserted + self.host
        return np.divide(self.inserted, total, out=np.full(len(total), np.nan), where=total > 0)


def count(frames: Iterable[np.ndarray], is_inserted: np.ndarray, width: float, length: float) -> Profile:
    """The profile of frames: counts are summed first and divided then.

    Args:
        frames: (n,) float64 each, Å, places of `Ruler`; nan is not counted.
        is_inserted: (n,) bool, the other atoms are the host.
        width: Å, of the bins; the lowest host atom of the first frame is in the middle of the first bin.
        length: Å, of the cell.
    """
    below, above = int(np.ceil(BELOW / width)), int(np.ceil(length / width)) + 2
    edges = (np.arange(-below, above) - 0.5) * width
    counts, n = np.zeros((2, len(edges) - 1), np.int64), 0
    for places in frames:
        for row, atoms in zip(counts, (~is_inserted, is_inserted), strict=True):
            row += np.histogram(places[atoms & np.isfinite(places)], edges)[0]
        n += 1
    return Profile(edges, counts[0], counts[1], n)


@dataclass(frozen=True)
class Interfaces:
    """Å from the lowest host atom: left, z_L, where the inserted element begins; right, z_R, where the host ends."""

    left: float
    right: float


def interfaces(profile: Profile, thresholds: tuple[float, float] = THRESHOLDS) -> Interfaces:
    """z_L: first crossing of the lower threshold from the left; z_R: last of the upper one; linear between bins.

    Raises:
        StructureError: the concentration does not rise through both.
    """
    filled = np.isfinite(profile.concentration)
    z, n = profile.middles[filled], profile.concentration[filled]
    low, high = thresholds
    rises_low = np.flatnonzero((n[:-1] < low) & (n[1:] >= low))
    rises_high = np.flatnonzero((n[:-1] < high) & (n[1:] >= high))
    if not len(rises_low) or not len(rises_high):
        found = f"{n.min():.3g} to {n.max():.3g}" if len(n) else "no atoms"
        raise StructureError(
            f"concentration = {found}: must rise through {low:g} and {high:g} from left to right; put the host left "
            "and the inserted element right, or change profile.thresholds."
        )
    return Interfaces(_between(z, n, rises_low[0], low), _between(z, n, rises_high[-1], high))


def _between(z: np.ndarray, n: np.ndarray, k: int, level: float) -> float:
    return float(z[k] + (z[k + 1] - z[k]) * (level - n[k]) / (n[k + 1] - n[k]))


def parse_place(text: str) -> tuple[str, float]:
    """The place that a text like left-2.5 means: ("left", -2.5).

    Raises:
        ValueError: "must be ...".
    """
    found = re.fullmatch(rf"\s*({'|'.join(ANCHORS)})\s*(?:([+-])\s*(\d+\.?\d*|\.\d+))?\s*", str(text))
    if not found:
        raise ValueError(f"must be {', '.join(ANCHORS)}, plus or minus Å, e.g. left-2.5")
    return found[1], float((found[2] or "+") + (found[3] or "0"))


def inside(places: np.ndarray, edges: tuple[str, str], at: Interfaces) -> np.ndarray:
    """(n,) bool, atoms of a region: [low, high) by two places such as "bottom+8" and "left-2.5"."""
    anchors: Mapping[str, float] = {"bottom": 0.0, "left": at.left, "right": at.right}
    low, high = (anchors[name] + offset for name, offset in map(parse_place, edges))
    return (places >= low) & (places < high)


class Concentration:
    """Observable: the profile of all frames, and the interface by it. It returns places (n,) float64, Å, see `Ruler`.

    Args:
        first: the frame that places are measured in. axis: "a", "b" or "c"; with host, inserted, block_A see `Slab`.
        bin_A: see `count`. thresholds: see `interfaces`.
    """

    def __init__(
        self,
        first: Frame,
        axis: str,
        host: str,
        inserted: str,
        bin_A: float,
        thresholds: list[float],
        block_A: list[float],
    ):
        atoms, number = first.atoms, "abc".index(axis)
        self._ruler = Ruler(Slab(number, host, inserted, tuple(block_A)), atoms)
        self._is_inserted, self._thresholds = atoms.symbols == inserted, tuple(thresholds)
        self._width, self._length = bin_A, float(atoms.cell.lengths()[number])
        self._profile = count([], self._is_inserted, self._width, self._length)

    def sample(self, frame: Frame) -> Arrays:
        places = self._ruler.places(frame.atoms)
        self._profile += count([places], self._is_inserted, self._width, self._length)
        return {"places": places}

    def merge(self, other: Concentration) -> None:
        self._profile += other._profile

    def result(self) -> dict[str, Columns]:
        """The profile, and a row with the interface: NaN where the concentration does not rise through both thresholds."""
        profile = self._profile
        bins = {
            "z_A": profile.middles,
            "host": profile.host,
            "inserted": profile.inserted,
            "concentration": profile.concentration,
        }
        try:
            found = interfaces(profile, self._thresholds)
        except StructureError:
            found = Interfaces(np.nan, np.nan)
        row = {"z_L_A": found.left, "z_R_A": found.right, "frames": profile.frames}
        return {"profile": bins, "interface": {name: np.array([value]) for name, value in row.items()}}

    def draw(self, figure: Figure) -> None:
        """Concentration along the normal, with the edges of the interface."""
        tables = self.result()
        axes = figure.subplots()
        axes.step(tables["profile"]["z_A"], tables["profile"]["concentration"], where="mid")
        for edge in ("z_L_A", "z_R_A"):
            axes.axvline(tables["interface"][edge][0], lw=0.6)
        axes.set(xlabel="distance from the lowest host atom (Å)", ylabel="concentration")

    def state(self) -> Arrays:
        profile = self._profile
        return {"host": profile.host, "inserted": profile.inserted, "frames": np.array(profile.frames)}

    def restore(self, arrays: Arrays) -> None:
        self._profile = Profile(self._profile.edges, arrays["host"], arrays["inserted"], int(arrays["frames"]))
