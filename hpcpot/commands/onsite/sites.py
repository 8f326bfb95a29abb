"""Choice of the atoms to remove: seeded, from each region of each frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from hpcpot.analysis import profile
from hpcpot.analysis.profile import Interfaces, Profile, Ruler, Slab
from hpcpot.commands.onsite.frames import FrameSource, content
from hpcpot.commands.onsite.settings import OnsiteSettings
from hpcpot.errors import HpcpotError, StructureError
from hpcpot.parallel.stop import Stopped
from hpcpot.potential.range import TrainedRange, note_if_outside
from hpcpot.structure import checks

AXES = {"a": 0, "b": 1, "c": 2}
SHOWN = 3
"""Unusable frames that are named at the start."""


@dataclass(frozen=True)
class Choice:
    """The sites of one region of one frame.

    Attributes:
        region: its name. frame: its number. step, time: of the frame, ps.
        interfaces: position of the interface, by the profile of the frame's block; nan without regions.
        sites: (k,) int64, atoms; places: (k,) float64, Å from the lowest host atom, nan without regions.
        available: atoms of the wanted element in the region.
        content: hash of the frame, `frames.content`: what the sites belong to.
    """

    region: str
    frame: int
    step: int
    time: float
    interfaces: Interfaces
    sites: np.ndarray
    places: np.ndarray
    available: int
    content: str

    @property
    def with_replacement(self) -> bool:
        return self.available < len(self.sites)


@dataclass(frozen=True)
class ProfileBlock:
    """Frames that share a profile, the interface by it, and by other thresholds."""

    frames: np.ndarray
    profile: Profile
    interfaces: Interfaces
    sensitivity: dict[tuple[float, float], Interfaces | None]


@dataclass(frozen=True)
class Selection:
    """The choices of all regions of all frames.

    Attributes:
        choices: sites of each region of each frame.
        left_out: frames that are of no use, also for a profile, and why.
        unusable: those of them that sites were wanted of.
        blocks: profiles that the regions are relative to.
    """

    choices: list[Choice]
    left_out: dict[int, HpcpotError]
    unusable: dict[int, HpcpotError]
    blocks: list[ProfileBlock]


class Surveyor:
    """Reader of frames that checks them and measures the places of their atoms, one frame after another."""

    def __init__(
        self,
        frames: FrameSource,
        settings: OnsiteSettings,
        elements: tuple[str, ...],
        stop: Callable[[], bool],
        trained: TrainedRange | None = None,
    ):
        given = settings.profile
        self.frames, self.elements, self.stop, self.trained = frames, elements, stop, trained
        self.slab = Slab(AXES[given.axis], given.host, given.inserted, tuple(given.block_A))
        self._ruler: Ruler | None = None

    def measure(self, k: int) -> tuple[Atoms, np.ndarray]:
        """Read frame k and the places of its atoms; in a trajectory relative to the first frame that was measured.

        Raises:
            HpcpotError: the frame cannot be read, simulated or measured. Stopped: by a signal.
        """
        if self.stop():
            raise Stopped
        atoms = checks.check(self.frames.read(k), self.elements)
        if self._ruler is None or not self.frames.is_trajectory:
            self._ruler = Ruler(self.slab, atoms)
        return atoms, self._ruler.places(atoms)


def choose(
    frames: FrameSource,
    settings: OnsiteSettings,
    elements: tuple[str, ...],
    say: Callable[[str], None],
    stop: Callable[[], bool] = lambda: False,
    trained: TrainedRange | None = None,
) -> Selection:
    """Choose the sites of all regions of all frames, and compute the profiles that the regions are relative to.

    The sites of a region of a frame depend on the seed, the frame's step and the region alone.

    Args:
        elements: that the potential knows. stop: asked before each frame.
        trained: range of the potential; chosen frames that are outside are told.
    Raises:
        ConfigError: no frames in the window. HpcpotError: that of the first frame, if no frame is of use. Stopped.
    """
    window, chosen = frames.chosen(settings.frames, say)
    surveyor, selection = Surveyor(frames, settings, elements, stop, trained), Selection([], {}, {}, [])
    length = settings.profile.frames if frames.is_trajectory else 1
    for members in np.array_split(window, max(1, len(window) // length)):
        of_block = np.intersect1d(members, chosen)
        if len(of_block):
            _choose_of_block(surveyor, members, of_block, settings, selection, say)
    say_left_out(frames, selection, say)
    return selection


def say_left_out(frames: FrameSource, selection: Selection, say: Callable[[str], None]) -> None:
    """Name the first frames that are of no use.

    Raises:
        HpcpotError: that of the first frame, if no frame is of use.
    """
    if not selection.choices:
        raise next(iter(selection.unusable.values()))
    for k, error in list(selection.left_out.items())[:SHOWN]:
        say(f"{frames.name(k)} is left out: {error}")
    if len(selection.left_out) > SHOWN:
        say(f"{len(selection.left_out) - SHOWN} more are left out")


def _choose_of_block(
    surveyor: Surveyor,
    members: np.ndarray,
    chosen: np.ndarray,
    settings: OnsiteSettings,
    selection: Selection,
    say: Callable[[str], None],
) -> None:
    """Add the profile of a block of frames, and the sites of the chosen ones, to the selection."""
    frames, rows, usable = surveyor.frames, {}, {}
    for k in map(int, members):
        try:
            atoms, rows[k] = surveyor.measure(k)
        except HpcpotError as error:
            selection.left_out[k] = error
            continue
        if k in chosen:
            usable[k] = atoms
            note_if_outside(frames.name(k), atoms, surveyor.trained)
    if usable:
        slab, length = surveyor.slab, float(atoms.cell.lengths()[surveyor.slab.axis])
        kinds = atoms.symbols == slab.host, atoms.symbols == slab.inserted
        counted = profile.count(rows.values(), *kinds, settings.profile.bin_A, length)
        try:
            interfaces = profile.interfaces(counted, tuple(settings.profile.thresholds))
        except StructureError as error:
            selection.left_out.update(dict.fromkeys(usable, error))
            usable = {}
    selection.unusable.update({int(k): selection.left_out[k] for k in chosen if k in selection.left_out})
    if not usable:
        return
    selection.blocks.append(ProfileBlock(members, counted, interfaces, _others(counted)))
    label = f"frames {members[0]} to {members[-1]}" if len(members) > 1 else frames.name(int(members[0]))
    say(f"profile of {label}: z_L {interfaces.left:.2f}, z_R {interfaces.right:.2f} Å")
    for k, atoms in usable.items():
        selection.choices.extend(_of_frame(frames, k, atoms, rows[k], interfaces, settings))


def _of_frame(
    frames: FrameSource, k: int, atoms: Atoms, places: np.ndarray, interfaces: Interfaces, settings: OnsiteSettings
) -> list[Choice]:
    choices, of_frame = [], content(atoms)
    for number, (region, edges) in enumerate(vars(settings.regions).items()):
        if edges is None:
            continue
        inside = np.flatnonzero(
            profile.inside(places, tuple(edges), interfaces) & (atoms.symbols == settings.sites.element)
        )
        sites = np.zeros(0, np.int64)
        if len(inside):
            random = np.random.default_rng([settings.sites.seed, int(frames.steps[k]), number])
            count = settings.sites.per_region
            sites = np.sort(random.choice(inside, count, replace=len(inside) < count))
        choices.append(
            Choice(
                region,
                k,
                int(frames.steps[k]),
                float(frames.times[k]),
                interfaces,
                sites,
                places[sites],
                len(inside),
                of_frame,
            )
        )
    return choices


def _others(counted: Profile) -> dict[tuple[float, float], Interfaces | None]:
    """The interface by other thresholds; None where the profile does not reach them."""
    others: dict[tuple[float, float], Interfaces | None] = {}
    for pair in profile.SENSITIVITY:
        try:
            others[pair] = profile.interfaces(counted, pair)
        except StructureError:
            others[pair] = None
    return others
