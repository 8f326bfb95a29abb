"""Where labelled data lie: what a path names, and whole trees of files and folders below it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpcpot import inputs
from hpcpot.dataset.formats import FORMATS, INSIDE, Format, recognise, recognise_content, split_part
from hpcpot.errors import DataError
from hpcpot.notices import notice
from hpcpot.storage import own
from hpcpot.wording import plural


@dataclass(frozen=True)
class Place:
    """A file or folder of a format.

    Attributes:
        root: the folder that the user named, or the one of the file.
    """

    row: Format
    path: Path
    root: Path


def accepted() -> str:
    """Describe what can be read, for messages."""
    return ", ".join(row.words for row in FORMATS.values() if row.reads) + ", or a folder of these"


def is_data(path: Path) -> bool:
    """Test whether a path is labelled data, a folder that may hold some, or the name of data that ship."""
    path = find(path) or path
    return path.is_dir() or (recognise(path) or recognise_content(path)) is not None


def find(given: str | Path, folder: Path = Path()) -> Path | None:
    """Find a file or folder as `hpcpot.inputs.find` does; of FILE#PART the file is looked for."""
    file, mark, part = str(given).partition(INSIDE)
    path = inputs.find(given, folder, or_folder=True)
    if path is None and mark:
        path = inputs.find(file, folder)
        return None if path is None else Path(f"{path}{INSIDE}{part}")
    return path


def find_all(pattern: str, folder: Path) -> list[Path]:
    """Find the files of a name or pattern as `hpcpot.inputs.find_all` does, and FILE#PART."""
    named = find(pattern, folder)
    return inputs.find_all(pattern, folder, or_folder=True) if named is None else [named]


def places_of(paths: Sequence[str | Path]) -> list[Place]:
    """What is found at each path, or in the folder that it is, by name; runs that two files tell of once.

    Raises:
        DataError: a path at which there is nothing.
    """
    return _each_run_once(_each_file_once([place for given in paths for place in _expand(Path(given))]))


def _expand(given: Path) -> list[tuple[Place, bool]]:
    """Places, and whether a walk found them.

    Raises:
        DataError: nothing.
    """
    given = find(given) or given
    row = recognise(given) or recognise_content(given)
    if row is not None:
        return [(Place(row, given, given if given.is_dir() else split_part(given)[0].parent), False)]
    if not given.is_dir():
        reason = own.kind_at(given) or "a file that is no labelled data"
        if not given.exists():
            reason = "no such file, here or shipped"
        raise DataError(f"{given} = {reason}: {accepted()} is required; check the path.")
    places = [(place, True) for place in _walk(given)]
    if not places:
        raise DataError(f"{given} = a folder without data: {accepted()} is required; check the path.")
    return places


def _walk(root: Path) -> Iterator[Place]:
    """Files and folders of data below a folder, through links; a folder that was walked through already is not again."""
    walked: set[str] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        subfolders.sort()
        here = Path(folder)
        if (real := os.path.realpath(folder)) in walked:
            subfolders.clear()
            notice(here, "a link to a folder that was read already: not read again")
            continue
        walked.add(real)
        _pass_over_tasks(here, subfolders)
        if row := recognise(here):
            subfolders.clear()
            yield Place(row, here, root)
            continue
        for name in sorted(names):
            if row := recognise(here / name):
                yield Place(row, here / name, root)
            elif not (here / name).exists():
                notice(here / name, "a link to nothing: not read")


def _each_file_once(places: list[tuple[Place, bool]]) -> list[Place]:
    """Leave out what a walk found and is read anyway, and say so."""
    seen: set[str] = set()
    kept = []
    for place, walked in places:
        real = os.path.realpath(place.path)
        if walked and real in seen:
            notice(place.path, "named or linked to once more: read once")
            continue
        seen.add(real)
        kept.append(place)
    return kept


def _each_run_once(places: list[Place]) -> list[Place]:
    """Leave out files that repeat the run of another, where their format knows it, and say so."""
    repeated: dict[Path, str] = {}
    for row in {place.row.name: place.row for place in places}.values():
        if hasattr(row.code, "repeats"):
            repeated |= row.code.repeats([place.path for place in places if place.row.name == row.name])
    for path, what in repeated.items():
        notice(path, what)
    return [place for place in places if place.path not in repeated]


def _pass_over_tasks(folder: Path, subfolders: list[str]) -> None:
    """Take the task.* of DP-GEN out of the subfolders where data.* beside them hold what was collected of them."""
    tasks = [name for name in subfolders if name.startswith("task.")]
    if tasks and any(name.startswith("data.") and recognise(folder / name) for name in subfolders):
        notice(
            f"{folder}: {plural(len(tasks), 'folder')} task.*",
            "not read: data.* beside them holds their calculations; name a task.* itself to read it",
        )
        subfolders[:] = [name for name in subfolders if name not in tasks]
