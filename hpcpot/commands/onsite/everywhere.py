"""Sites without regions: every atom of an element, in crystals, particles and whatever has no interface."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hpcpot.analysis import profile
from hpcpot.analysis.profile import Interfaces
from hpcpot.commands.onsite.frames import FrameSource, content
from hpcpot.commands.onsite.settings import OnsiteSettings, SitesSection
from hpcpot.commands.onsite.sites import AXES, Choice, Selection, say_left_out
from hpcpot.errors import HpcpotError, StructureError
from hpcpot.notices import notice
from hpcpot.parallel.stop import Stopped
from hpcpot.potential.range import TrainedRange, note_if_outside
from hpcpot.structure import checks

REGION = "all"
"""What such rows have as their region."""


def is_meant(frames: FrameSource, settings: OnsiteSettings) -> bool:
    """Test whether sites are taken without regions, by the first frame that can be read; notes why if that decides."""
    if settings.sites.among != "auto":
        return settings.sites.among == "all"
    if not settings.regions.any:
        return True
    for place in frames.places:
        try:
            atoms = place.read()
            checks.refuse_unsound(atoms)
        except HpcpotError:
            continue  # it is told where sites are chosen
        given = settings.profile
        missing = [name for name in (given.host, given.inserted) if name not in atoms.symbols]
        try:
            atoms.cell[:] = checks.whole_cell(atoms)
            profile.opened(atoms, AXES[given.axis])
            reason = f"no {missing[0]}" if missing else None
        except StructureError as error:
            reason = f"{str(error).partition(':')[0]}, which is no vacuum"
        if reason:
            notice(
                f"{place.name}: {reason}",
                f"no interface, so no regions but all {settings.sites.element} atoms: sites.among: regions insists on one.",
            )
        return reason is not None
    return False


def choose(
    frames: FrameSource,
    settings: OnsiteSettings,
    elements: tuple[str, ...],
    say: Callable[[str], None],
    stop: Callable[[], bool] = lambda: False,
    trained: TrainedRange | None = None,
) -> Selection:
    """Choose every atom of `sites.element` in the chosen frames.

    Args:
        elements, stop, trained: as for `sites.choose`.
    Raises:
        ConfigError, HpcpotError, Stopped: as for `sites.choose`.
    """
    if settings.sites.per_region != SitesSection().per_region:
        notice("sites.per_region", "not used: there are no regions, all atoms are taken.")
    _, chosen = frames.chosen(settings.frames, say)
    selection = Selection([], {}, {}, [])
    for k in map(int, chosen):
        if stop():
            raise Stopped
        try:
            atoms = checks.check(frames.read(k), elements)
            sites = np.flatnonzero(atoms.symbols == settings.sites.element)
            if not len(sites):
                raise StructureError(
                    f"structure = no {settings.sites.element}: its atoms are those that are removed; name another element "
                    "in sites.element."
                )
        except HpcpotError as error:
            selection.left_out[k] = selection.unusable[k] = error
            continue
        note_if_outside(frames.name(k), atoms, trained)
        nowhere = Interfaces(np.nan, np.nan)
        places, step, time = np.full(len(sites), np.nan), int(frames.steps[k]), float(frames.times[k])
        selection.choices.append(Choice(REGION, k, step, time, nowhere, sites, places, len(sites), content(atoms)))
    say_left_out(frames, selection, say)
    return selection
