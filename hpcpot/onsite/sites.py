"""Which atoms are removed: a seeded choice from each region of each frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hpcpot.analysis import profile
from hpcpot.analysis.profile import Interfaces, Profile, Ruler, Slab
from hpcpot.config import Settings
from hpcpot.onsite.frames import Frames, spaced

AXES = {"a": 0, "b": 1, "c": 2}


@dataclass(frozen=True)
class Choice:
    """The sites of one region of one frame.

    Attributes:
        region: its name. frame: its number. step, time: of the frame, ps.
        at: where the interface was, by the profile of the frame's block.
        sites: (k,) int64, atoms; places: (k,) float64, Å from the lowest host atom.
        available: atoms of the wanted element in the region.
        positions: (n, 3) float64, Å, of the frame: what the sites belong to.
    """

    region: str
    frame: int
    step: int
    time: float
    at: Interfaces
    sites: np.ndarray
    places: np.ndarray
    available: int
    positions: np.ndarray

    @property
    def with_replacement(self) -> bool:
        return self.available < len(self.sites)


@dataclass(frozen=True)
class Block:
    """Frames that share a profile, the interface by it, and by other thresholds."""

    frames: np.ndarray
    profile: Profile
    at: Interfaces
    sensitivity: dict[tuple[float, float], Interfaces | None]


def choose(frames: Frames, settings: Settings, say: Callable[[str], None]) -> tuple[list[Choice], list[Block]]:
    """Sites of all regions of all frames, and the profiles that the regions are relative to.

    The sites of a region of a frame depend on the seed, the frame's step and the region alone.

    Raises:
        StructureError: no vacuum, no host, or no interface.
    """
    window = frames.window(settings.frames.from_ps, settings.frames.to_ps)
    wanted = spaced(window, settings.frames.count)
    if len(wanted) < settings.frames.count:
        say(f"frames: {len(wanted)}, all that the window has; {settings.frames.count} were asked for")
    slab = Slab(
        AXES[settings.profile.axis], settings.profile.host, settings.profile.inserted, tuple(settings.profile.block_A)
    )
    length = settings.profile.frames if frames.is_trajectory else 1
    ruler = None
    choices, blocks = [], []
    for members in np.array_split(window, max(1, len(window) // length)):
        mine = np.intersect1d(members, wanted)
        if not len(mine):
            continue
        rows, kept = [], {}
        for k in members:
            atoms = frames.read(k)
            if ruler is None or not frames.is_trajectory:
                ruler = Ruler(slab, atoms)
            rows.append(ruler.places(atoms))
            if k in mine:
                kept[k] = atoms
        counted = profile.count(
            rows, atoms.symbols == slab.inserted, settings.profile.bin_A, float(atoms.cell.lengths()[slab.axis])
        )
        block = Block(
            members, counted, profile.interfaces(counted, tuple(settings.profile.thresholds)), _others(counted)
        )
        blocks.append(block)
        say(f"profile of frames {members[0]} to {members[-1]}: z_L {block.at.left:.2f}, z_R {block.at.right:.2f} Å")
        places = dict(zip(members, rows, strict=True))
        for k in mine:
            choices += _of_frame(frames, int(k), kept[k], places[k], block.at, settings)
    return choices, blocks


def _of_frame(frames: Frames, k: int, atoms, places: np.ndarray, at: Interfaces, settings: Settings) -> list[Choice]:
    choices = []
    for number, (region, edges) in enumerate(vars(settings.regions).items()):
        if edges is None:
            continue
        inside = np.flatnonzero(profile.inside(places, tuple(edges), at) & (atoms.symbols == settings.sites.element))
        sites = np.zeros(0, np.int64)
        if len(inside):
            random = np.random.default_rng([settings.sites.seed, int(frames.steps[k]), number])
            count = settings.sites.per_region
            sites = np.sort(random.choice(inside, count, replace=len(inside) < count))
        choices.append(Choice(
            region, k, int(frames.steps[k]), float(frames.times[k]), at, sites, places[sites], len(inside),
            atoms.positions,
        ))  # fmt: skip
    return choices


def _others(counted: Profile) -> dict[tuple[float, float], Interfaces | None]:
    """The interface by other thresholds; None where the profile does not reach them."""
    found = {}
    for pair in profile.SENSITIVITY:
        try:
            found[pair] = profile.interfaces(counted, pair)
        except profile.StructureError:
            found[pair] = None
    return found
