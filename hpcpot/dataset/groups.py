"""Configuration groups of frames whose files name none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.formats.reading import UNCONVERGED_MARK, group_of_folder
from hpcpot.dataset.places import Place
from hpcpot.notices import notice
from hpcpot.wording import plural


def regrouped(places: Sequence[Place], parts: Sequence[DataSet]) -> list[DataSet]:
    """Data sets of which those of one frame in a group of their own, by the file's name alone, join those beside them.

    A calculation to a folder, or a structure to a file, is no group: nothing could be divided among parts.
    """
    counts = Counter(str(group) for part in parts for group in part.groups)
    lone = {
        k: _group_above(place, _bare_group(part)) + str(part.groups[0]).removeprefix(_bare_group(part))
        for k, (place, part) in enumerate(zip(places, parts, strict=True))
        if len(part) == 1 and counts[str(part.groups[0])] == 1 and _bare_group(part) in _own_groups(place)
    }
    shared = Counter(lone.values())
    lone = {k: group for k, group in lone.items() if shared[group] > 1 or counts[group]}
    if lone:
        notice(
            plural(len(lone), "file") + " of one frame",
            f"in the groups of their parent folders ({', '.join(sorted(set(lone.values()))[:3])}); --group NAME gives another",
        )
    return [replace(part, groups=np.array([lone[k]])) if k in lone else part for k, part in enumerate(parts)]


def _bare_group(part: DataSet) -> str:
    """Group of the first frame, without the mark of one that did not converge."""
    return str(part.groups[0]).removesuffix(UNCONVERGED_MARK)


def _own_groups(place: Place) -> tuple[str, ...]:
    """Groups that the path alone gives."""
    if place.path.is_dir():
        return (place.row.code.group_of(place.path, place.root),) if hasattr(place.row.code, "group_of") else ()
    return place.path.stem, group_of_folder(place.path, place.root)


def _group_above(place: Place, group: str) -> str:
    """Group of the folder that holds a system or the folder of a calculation, or that of files side by side."""
    path, root = place.path, place.root
    if path.is_dir():
        above = path.parent if path != root else path.resolve().parent
        return place.row.code.group_of(above, root if path != root else above)
    if group == group_of_folder(path, root):
        path = path.parent
    return group_of_folder(path, root) if root in path.parents else path.resolve().parent.name
