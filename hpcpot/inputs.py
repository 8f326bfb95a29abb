"""Files that hpcpot reads: where a name is looked for."""

from __future__ import annotations

import os
from glob import glob
from pathlib import Path

from hpcpot import data


def find(name: str | Path, folder: Path = Path(), or_folder: bool = False) -> Path | None:
    """The file that a name means: beside a config, else in the current folder, else one that ships with hpcpot.

    Args:
        folder: of the config. or_folder: the name may also be that of a folder.
    Returns:
        None where there is none.
    Raises:
        OSError: the system refuses the name.
    """
    given = Path(os.path.expanduser(name))  # an unknown ~user stays as it is
    for candidate in (folder / given, given):
        if candidate.is_file() or (or_folder and candidate.is_dir()):
            return candidate
    return data.find(str(name))


def find_all(pattern: str | Path, folder: Path = Path(), or_folder: bool = False) -> list[Path]:
    """The files that a name, or a pattern with * ? or [, means, in the order of their names; see `find`."""
    found = find(pattern, folder, or_folder)
    if found is not None:
        return [found]
    given = Path(os.path.expanduser(pattern))
    for base in (folder / given, given):
        matches = [Path(name) for name in sorted(glob(str(base)))]
        if matches := [path for path in matches if path.is_file() or or_folder]:
            return matches
    return []
