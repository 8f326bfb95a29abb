"""Configuration groups of frames whose files name none."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hpcpot import inputs
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.formats.reading import UNCONVERGED_MARK, group_of_folder
from hpcpot.dataset.places import Place
from hpcpot.notices import notice
from hpcpot.wording import plural

Way = tuple[str, ...]
"""Parts of a path."""


def regrouped(places: Sequence[Place], parts: Sequence[DataSet]) -> list[DataSet]:
    """Data sets of which those of one frame in a group of their own, by the file's name alone, join those beside them.

    A calculation to a folder, or a structure to a file, is no group: nothing could be divided among parts. Files of one
    name in several folders are several groups, whose names are as much of their paths as tells them apart.
    """
    own = [_own_group(place) for place in places]
    ways = [_way(*row) for row in zip(places, parts, own, strict=True)]
    names = _told_apart(own, ways)
    parts = [_renamed(*row) for row in zip(parts, own, names, strict=True)]
    counts = Counter(str(group) for part in parts for group in part.groups)
    above = {
        k: _above(place, is_apart=own[k] != names[k])
        for k, (place, part) in enumerate(zip(places, parts, strict=True))
        if len(part) == 1 and counts[str(part.groups[0])] == 1 and _bare_group(part) == names[k]
    }
    lone: dict[int, tuple[str, Way]] = {}
    for level in (0, 1):
        candidates = {k: groups[level] for k, groups in above.items() if k not in lone and level < len(groups)}
        shared = Counter(candidates.values())
        lone |= {k: group for k, group in candidates.items() if shared[group] > 1 or counts[group[0]]}
    joined = dict(zip(lone, _told_apart(*zip(*lone.values(), strict=True)), strict=True)) if lone else {}
    if joined:
        notice(
            plural(len(joined), "file") + " of one frame",
            f"in the groups of their parent folders ({', '.join(sorted(set(joined.values()))[:3])}); --group NAME gives "
            "another",
        )
    return [
        replace(part, groups=np.array([joined[k] + str(part.groups[0]).removeprefix(names[k])]))
        if k in joined
        else part
        for k, part in enumerate(parts)
    ]


def of_files(paths: Sequence[Path]) -> list[str]:
    """Groups by the names of files, longer where files of one name are in several folders."""
    names = [inputs.unpacked(path).stem for path in paths]
    return _told_apart(names, [(*_parts(path.parent), name) for path, name in zip(paths, names, strict=True)])


def _told_apart(names: Sequence[str], ways: Sequence[Way]) -> list[str]:
    """Names of what is at the end of several ways, longer where ways that differ end with the same; () is none."""
    of_name: dict[str, set[Way]] = {}
    for name, way in zip(names, ways, strict=True):
        of_name.setdefault(name, set()).update({way} - {()})
    lengths = {name: _telling(distinct) for name, distinct in of_name.items() if len(distinct) > 1}
    return [
        "/".join(way[-lengths[name] :]) if way and name in lengths else name
        for name, way in zip(names, ways, strict=True)
    ]


def _telling(ways: set[Way]) -> int:
    """How many of their last parts tell paths apart."""
    return next(n for n in range(1, 1 + max(map(len, ways))) if len({way[-n:] for way in ways}) == len(ways))


def _parts(folder: Path) -> Way:
    return Path(os.path.abspath(folder)).parts[1:]


def _bare_group(part: DataSet) -> str:
    """Group of the first frame, without the mark of one that did not converge."""
    return str(part.groups[0]).removesuffix(UNCONVERGED_MARK)


def _own_group(place: Place) -> str:
    """Group that the path alone gives; "" of formats that hold the groups."""
    return place.row.code.group_of(place.path, place.root) if hasattr(place.row.code, "group_of") else ""


def _way(place: Place, part: DataSet, group: str) -> Way:
    """Parts of the path that ends with the name of its group.

    None of a group that the file names, nor of a folder below the one that the user named: it is the same group in
    several trees.
    """
    if not group or place.path.is_dir() or not {group, group + UNCONVERGED_MARK}.intersection(part.groups.tolist()):
        return ()
    folder = _parts(place.path.parent)
    if group != group_of_folder(place.path, place.root):
        return (*folder, group)
    return folder if place.path.parent == place.root else ()


def _renamed(part: DataSet, group: str, name: str) -> DataSet:
    """The data set with another name for a group, and for its frames that did not converge."""
    if group == name:
        return part
    new = {group: name, group + UNCONVERGED_MARK: name + UNCONVERGED_MARK}
    return replace(part, groups=np.array([new.get(str(old), str(old)) for old in part.groups]))


def _above(place: Place, is_apart: bool) -> list[tuple[str, Way]]:
    """Group of the folder that holds a system or the folder of a calculation, or that of files side by side.

    Args:
        is_apart: files of this name are in several folders: the group above the folder comes second.
    """
    path, root = place.path, place.root
    if path.is_dir():
        above = path.parent if path != root else path.resolve().parent
        return [(place.row.code.group_of(above, root if path != root else above), ())]
    is_by_folder = _own_group(place) == group_of_folder(path, root)
    levels = [path.parent] if is_by_folder else [path, path.parent] if is_apart else [path]
    return [
        (group_of_folder(level, root), ())
        if root in level.parent.parents
        else (level.resolve().parent.name, _parts(level.resolve().parent))
        for level in levels
    ]
