"""Data sets from files and to files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from hpcpot import outputs
from hpcpot.dataset.dataset import DataSet, build, join
from hpcpot.dataset.formats import FORMATS, Format, output_format
from hpcpot.dataset.formats.reading import ReadOptions, as_data_error
from hpcpot.dataset.formats.selection import select
from hpcpot.dataset.groups import regrouped
from hpcpot.dataset.places import Place, places_of
from hpcpot.errors import DataError, OutputError
from hpcpot.notices import notice
from hpcpot.outputs import Replacement
from hpcpot.progress import Progress
from hpcpot.wording import plural

LISTED = 20
"""Files that cannot be read and are named."""

LOSSES: dict[str, Callable[[DataSet], bool]] = {
    "virials": lambda dataset: bool(np.isfinite(dataset.virials).any()),
    "an antisymmetric part of the virial": lambda dataset: bool(
        (np.abs(dataset.virials - dataset.virials.transpose(0, 2, 1)) > 0).any()
    ),
    "raw labels": lambda dataset: dataset.raw is not None,
    "the order of frames": lambda dataset: len(np.unique(dataset.counts, axis=0)) > 1 or len(set(dataset.groups)) > 1,
    "the order of atoms": lambda dataset: bool(
        ((np.diff(dataset.species) < 0) & (np.diff(dataset.frame_of) == 0)).any()
    ),
}
"""Information that a format may not keep -> test whether a data set has it."""

OPTIONS = {
    "elements": "--elements",
    "names.energy": "--energy-key",
    "names.forces": "--forces-key",
    "names.tensor": "--virial-key",
    "energy_unit": "--energy-unit",
    "force_unit": "--force-unit",
}
"""Field of ReadOptions, or of its names -> option of the command line, for those that not every reader looks at."""


def losses(dataset: DataSet, name: str) -> list[str]:
    """List the information in a data set that the format does not keep."""
    return [words for words in FORMATS[name].loses if words not in LOSSES or LOSSES[words](dataset)]


def load(paths: Sequence[str | Path], options: ReadOptions | None = None, show: bool = False) -> DataSet:
    """Read all frames of files and folders into one data set, in the order given; within folders by name.

    Args:
        show: print how far it is with several files.
    Raises:
        DataError: files that are absent, unknown or damaged; no frames at all.
    """
    options = options or ReadOptions()
    places = places_of(paths)
    _refuse_useless(options, {place.row.name: place.row for place in places})
    parts, read, failures = [], [], []
    progress, show = Progress(len(places), "files"), show and len(places) > 1
    for place in places:
        try:
            if (part := _read(place, options)) is not None:
                parts.append(part)
                read.append(place)
        except DataError as error:
            failures.append(str(error))
        progress.count()
        if show:
            progress.show()
    if show:
        progress.end()
    _refuse_or_skip(failures, len(places), options.skip_bad and bool(parts))
    if not parts:
        raise DataError(
            f"{', '.join(map(str, paths[:3]))} = no frames left of {plural(len(places), 'file')}: at least one is required; "
            "the notes say which were left out and why (--unconverged keep reads those that did not converge)."
        )
    if options.group is None:
        parts = regrouped(read, parts)
    dataset = of_present_elements(join(parts))
    if not options.unlabelled and any(place.row.name != "hdf5" for place in places):  # hpcpot's own may be bare
        _refuse_unlabelled(dataset, paths)
    return dataset if options.group is None else replace(dataset, groups=np.full(len(dataset), options.group))


def _read(place: Place, options: ReadOptions) -> DataSet | None:
    """The frames of a place; None if all were left out.

    Raises:
        DataError: it cannot be read, or holds what no data set may; the message names it.
    """
    try:
        with np.errstate(all="ignore"):  # what overflows is infinite then, which no data set may be
            part = place.row.code.read(place.path, place.root, options)
            if isinstance(part, DataSet):
                return part
            with as_data_error(place.path, place.row.words):
                frames = list(select(part, place.path, options))
                return build(frames) if frames else None
    except DataError as error:
        message = str(error)
        raise error if place.path.name in message else DataError(f"{place.path}: {message}") from error


def _refuse_or_skip(failures: list[str], n_places: int, skip: bool) -> None:
    """Name the files that cannot be read, as an error or as a note.

    Raises:
        DataError: all of them, up to LISTED.
    """
    if not failures:
        return
    listed = "\n".join(f"  {failure}" for failure in failures[:LISTED])
    if len(failures) > LISTED:
        listed += f"\n  and {len(failures) - LISTED} more"
    count = f"{len(failures)} of {plural(n_places, 'file')}"
    if skip:
        notice(count, f"left out, as they cannot be read:\n{listed}")
    elif n_places == 1:
        raise DataError(failures[0])
    else:
        raise DataError(
            f"data = {count} cannot be read:\n{listed}\nall must be whole; correct them, or leave them out by --skip-bad."
        )


def of_present_elements(dataset: DataSet) -> DataSet:
    """The data set without elements that have no atoms, as a list of all 118 types has many."""
    present = np.unique(dataset.species)
    if len(present) == len(dataset.elements):
        return dataset
    return dataset.with_elements([dataset.elements[t] for t in present])


def _refuse_useless(options: ReadOptions, rows: Mapping[str, Format]) -> None:
    """Raise a DataError for an option of a reader at which no reader of these formats looks."""
    given, unset = asdict(options), asdict(ReadOptions())
    for field, option in OPTIONS.items():
        section, _, name = field.partition(".")
        value, default = (given[section], unset[section]) if not name else (given[section][name], unset[section][name])
        if value == default or (field == "elements" and options.elements_if_needed):
            continue
        if all(row.options is not None and not {field, section}.intersection(row.options) for row in rows.values()):
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
    row = by_suffix = output_format(path)
    if kind is not None:
        row = FORMATS[kind]
        if path.suffix and by_suffix not in (None, row):
            raise OutputError(
                f"{path} = suffix of {by_suffix.name}: --format {kind} contradicts it; rename the output."
            )
    if row is None:
        suffixes = ", ".join(suffix for row in FORMATS.values() for suffix in row.suffixes if suffix)
        raise OutputError(
            f"{path} = suffix {path.suffix!r}: must be {suffixes} or none (a folder for DeePMD-kit); rename the "
            "output, or name the format with --format."
        )
    outputs.check_output(path, overwrite)
    return row
