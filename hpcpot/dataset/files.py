"""Data sets from files and to files: which format a file is of, and whole trees of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hpcpot import inputs, outputs
from hpcpot.dataset.dataset import DataSet, build, join
from hpcpot.dataset.formats import FORMATS, Format, output_format, recognise
from hpcpot.dataset.formats.reading import ReadOptions
from hpcpot.dataset.formats.selection import select
from hpcpot.errors import DataError, OutputError
from hpcpot.notices import notice
from hpcpot.outputs import Replacement
from hpcpot.progress import Progress
from hpcpot.wording import plural

LOSSES: dict[str, Callable[[DataSet], bool]] = {
    "virials": lambda dataset: bool(np.isfinite(dataset.virials).any()),
    "an antisymmetric part of the virial": lambda dataset: bool(
        (np.abs(dataset.virials - dataset.virials.transpose(0, 2, 1)) > 0).any()
    ),
    "the order of frames": lambda dataset: len(np.unique(dataset.counts, axis=0)) > 1 or len(set(dataset.groups)) > 1,
    "the order of atoms": lambda dataset: bool(
        ((np.diff(dataset.species) < 0) & (np.diff(dataset.frame_of) == 0)).any()
    ),
}
"""Information that a format may not keep -> test whether a data set has it."""


def accepted() -> str:
    """Describe what can be read, for messages."""
    return ", ".join(row.words for row in FORMATS.values() if row.reads) + ", or a folder of these"


def is_data(path: Path) -> bool:
    """Test whether a path is labelled data, or a folder that may hold some."""
    return path.is_dir() or recognise(path) is not None


def losses(dataset: DataSet, name: str) -> list[str]:
    """List the information in a data set that the format does not keep."""
    return [words for words in FORMATS[name].loses if words not in LOSSES or LOSSES[words](dataset)]


def load(paths: Sequence[str | Path], options: ReadOptions | None = None, show: bool = False) -> DataSet:
    """Read all frames of files and folders into one data set, in the order given; within folders by name.

    Args:
        show: print how far it is with several files.
    Raises:
        DataError: a file that is absent, unknown or damaged; no frames at all.
    """
    options = options or ReadOptions()
    places = _each_run_once([place for given in paths for place in _expand(Path(given))])
    _refuse_useless(options, {row.name: row for row, _, _ in places})
    data_sets, frames, progress = [], [], Progress(len(places), "files")
    show = show and len(places) > 1
    for row, path, root in places:
        part = row.code.read(path, root, options)
        if isinstance(part, DataSet):
            data_sets += [build(frames), part] if frames else [part]
            frames = []
        else:
            frames += select(part, path, options)
        progress.count()
        if show:
            progress.show()
    if show:
        progress.end()
    if not frames and not data_sets:
        raise DataError(
            f"{', '.join(map(str, paths[:3]))} = no frames left of {plural(len(places), 'file')}: at least one is required; "
            "the notes say which were left out and why (--unconverged keep reads those that did not converge)."
        )
    dataset = join([*data_sets, build(frames)] if frames else data_sets)
    if not options.unlabelled and any(row.name != "hdf5" for row, _, _ in places):  # hpcpot's own may be bare
        _refuse_unlabelled(dataset, paths)
    return dataset if options.group is None else replace(dataset, groups=np.full(len(dataset), options.group))


def _refuse_useless(options: ReadOptions, rows: Mapping[str, Format]) -> None:
    """Raise a DataError for an option of a reader at which no reader of these formats looks."""
    for field in ("elements", "names", "energy_unit", "force_unit"):
        is_given = getattr(options, field) != getattr(ReadOptions(), field)
        if is_given and all(row.options is not None and field not in row.options for row in rows.values()):
            option = {"names": "--energy-key, --forces-key, --virial-key"}.get(field, f"--{field.replace('_', '-')}")
            raise DataError(
                f"{option} = without effect on {', '.join(row.words for row in rows.values())}: must be of use; leave it out."
            )


def _refuse_unlabelled(dataset: DataSet, paths: Sequence[str | Path]) -> None:
    """Raise a DataError if no frame has a label."""
    if not any(np.isfinite(values).any() for values in (dataset.energies, dataset.forces, dataset.virials)):
        raise DataError(
            f"{', '.join(map(str, paths[:3]))} = {plural(len(dataset), 'frame')} without energy, forces or virial: labels "
            "are required; say under which names they are there (--energy-key, --forces-key, --virial-key), or read "
            "bare structures by --unlabelled."
        )


def save(
    dataset: DataSet, path: Path, provenance: Mapping[str, str | int], kind: str | None = None, overwrite: bool = False
) -> str:
    """Write a data set; returns the format, by the suffix if `kind` is None. A file or folder there is always whole.

    Raises:
        OutputError: it exists and `overwrite` is not set, its suffix is unknown, or it cannot be written.
        DataError: frames that the format cannot hold.
    """
    path = Path(path)
    row = check_output(path, kind, overwrite)
    with Replacement(path) as part:
        row.code.write(dataset, part, provenance)
    return row.name


def check_output(path: Path, kind: str | None, overwrite: bool) -> Format:
    """Return the format that will be written; refuse an output that cannot be, before the work.

    Raises:
        OutputError: see `save`.
    """
    row = output_format(path) if kind is None else FORMATS[kind]
    if row is None:
        suffixes = ", ".join(suffix for row in FORMATS.values() for suffix in row.suffixes if suffix)
        raise OutputError(
            f"{path} = suffix {path.suffix!r}: must be {suffixes} or none (a folder for DeePMD-kit); rename the "
            "output, or name the format with --format."
        )
    outputs.check_output(path, overwrite)
    return row


def _each_run_once(places: list[tuple[Format, Path, Path]]) -> list[tuple[Format, Path, Path]]:
    """Leave out files that repeat the run of another, where their format knows it, and say so."""
    repeated: dict[Path, str] = {}
    for row in {row.name: row for row, _, _ in places}.values():
        if hasattr(row.code, "repeats"):
            repeated |= row.code.repeats([path for other, path, _ in places if other.name == row.name])
    for path, what in repeated.items():
        notice(path, what)
    return [place for place in places if place[1] not in repeated]


def _expand(given: Path) -> list[tuple[Format, Path, Path]]:
    """(format, file or folder of it, root): what is found at a path, or in the folder that it is; else the shipped file.

    Raises:
        DataError: nothing.
    """
    given = inputs.find(given, or_folder=True) or given
    row = recognise(given)
    if row is not None:
        return [(row, given, given if given.is_dir() else given.parent)]
    if not given.is_dir():
        reason = "no such file, here or shipped" if not given.exists() else "a file that is no labelled data"
        raise DataError(f"{given} = {reason}: {accepted()} is required; check the path.")
    places = []
    for folder, subfolders, names in os.walk(given):
        subfolders.sort()
        here = Path(folder)
        _pass_over_tasks(here, subfolders)
        if row := recognise(here):
            subfolders.clear()
            places.append((row, here, given))
            continue
        places += [(row, here / name, given) for name in sorted(names) if (row := recognise(here / name))]
    if not places:
        raise DataError(f"{given} = a folder without data: {accepted()} is required; check the path.")
    return places


def _pass_over_tasks(folder: Path, subfolders: list[str]) -> None:
    """Take the task.* of DP-GEN out of the subfolders where data.* beside them hold what was collected of them."""
    tasks = [name for name in subfolders if name.startswith("task.")]
    if tasks and any(name.startswith("data.") and recognise(folder / name) for name in subfolders):
        notice(
            f"{folder}: {plural(len(tasks), 'folder')} task.*",
            "not read: data.* beside them holds their calculations; name a task.* itself to read it",
        )
        subfolders[:] = [name for name in subfolders if name not in tasks]
