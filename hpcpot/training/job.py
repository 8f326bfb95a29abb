"""One training: its settings, its data, and what it says and saves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpcpot import account, config, outputs, provenance
from hpcpot.dataset import checks, hdf5, places
from hpcpot.dataset import files as dataset_files
from hpcpot.dataset.dataset import DataSet, join
from hpcpot.dataset.formats.reading import LabelNames, ReadOptions
from hpcpot.dataset.split import split
from hpcpot.dataset.trained import trained_range
from hpcpot.errors import ConfigError, DataError, OutputError
from hpcpot.notices import notice
from hpcpot.potential import files as potential_files
from hpcpot.potential import registry
from hpcpot.training.batches import needs_entries, numbered
from hpcpot.training.settings import DataSection, TrainOutputSection, TrainSettings
from hpcpot.wording import plural

OPTION = re.compile(
    r"--(elements|group|unconverged|(?:energy|forces|virial)-key|virial-is|(?:energy|force)-unit|skip-bad)"
)
"""Options of commands that read data, which are keys of data here."""


@dataclass
class Job:
    """Argument of a family's `fit`.

    Attributes:
        settings: of the config. training, validation: frames; validation may be None. Their elements are the model's.
        restart: go on from the checkpoint. stop: whether a signal asked to stop. say: prints a line, on one process.
    """

    settings: TrainSettings
    training: DataSet
    validation: DataSet | None
    restart: bool
    stop: Callable[[], bool]
    say: Callable[[str], None]

    @property
    def data_hash(self) -> str:
        """Fingerprints of all frames."""
        return " ".join(hdf5.fingerprint(part) for part in (self.training, self.validation) if part is not None)

    def save(self, model: Any, facts: dict[str, str]) -> None:
        """Write the model file; what made it goes into its provenance.

        Args:
            facts: more texts by name, such as the errors.
        """
        cites = registry.FAMILIES[self.settings.family].cites
        account.cite(*cites)
        account.tell(model=self.settings.output.model, **facts)
        made = {name: str(value) for name, value in provenance.collect(cites=cites).items()}
        texts = made | facts | {"config": config.dump(self.settings), "data": self.data_hash}
        names = self.settings.data.files
        origin = names if isinstance(names, str) else ", ".join(names)
        trained = trained_range(self.training, model.elements, model.cutoff, origin, self.temperatures)
        potential_files.save(model, self.settings.output.model, texts, overwrite=True, trained=trained)

    @property
    def temperatures(self) -> tuple[float, float] | None:
        """Lowest and highest temperature of the dynamics that the frames are from, K, as the config says."""
        given = self.settings.data.temperatures_K
        return None if given is None else (min(given), max(given))


def make(
    settings: TrainSettings, folder: Path, restart: bool, stop: Callable[[], bool], say: Callable[[str], None]
) -> Job:
    """Read and divide the data.

    Args:
        folder: of the config, beside which files are looked for first.
    Raises:
        ConfigError: a file that is not there. DataError: frames that cannot be trained on.
    """
    keys, needs_forces = settings.data, registry.trainers()[settings.family].needs_forces(settings)
    by_entry = needs_entries(settings.training.batch_size, settings.training.systems)
    data = read(keys.files, "data.files", folder, keys, by_entry)
    if keys.elements:
        data = data.with_elements(_occurring(keys.elements, data))
    data = _without_large_forces(_labelled(data, needs_forces), keys.maximum_force_eV_A, say)
    _check(data, say)
    if keys.validation is not None:
        validation = read(keys.validation, "data.validation", folder, keys).with_elements(data.elements)
        validation = _labelled(validation, needs_forces)
        return Job(settings, data, validation, restart, stop, say)
    if keys.validation_fraction == 0.0:
        return Job(settings, data, None, restart, stop, say)
    fractions = (1.0 - keys.validation_fraction, keys.validation_fraction)
    training, validation = (data.select(rows) for rows in split(data, fractions, keys.seed))
    return Job(settings, training, validation, restart, stop, say)


def check_output(output: TrainOutputSection, restart: bool, overwrite: bool) -> None:
    """Refuse what would be lost or is not there, before the work.

    Raises:
        OutputError: a file of an earlier run exists; or --restart without a checkpoint.
    """
    if restart and not output.checkpoint.exists():
        raise OutputError(f"{output.checkpoint} = no such checkpoint: --restart goes on from one; leave --restart out.")
    for path in (output.model, output.checkpoint, output.curve):
        outputs.check_output(path, restart or overwrite, can_restart=True)


def _occurring(elements: Sequence[str], data: DataSet) -> list[str]:
    """The elements that some frame has: of another, as in a list of all 118, the model would know nothing."""
    absent = [element for element in elements if element not in data.elements]
    if absent:
        some = f"{', '.join(absent[:5])}{f' and {len(absent) - 5} more' if len(absent) > 5 else ''}"
        notice(f"data.elements: {some}", "in no frame: the model is made without them")
    return [element for element in elements if element in data.elements]


def read(names: str | Sequence[str], key: str, folder: Path, keys: DataSection, by_entry: bool = False) -> DataSet:
    """Read all files of a key; by_entry: each entry apart, with its number in the names of its groups."""
    entries = [_files(name, key, folder) for name in ([names] if isinstance(names, str) else names)]
    options = _options(keys)
    with _naming_keys():
        if not by_entry:
            return dataset_files.load([path for paths in entries for path in paths], options)
        return join([numbered(dataset_files.load(paths, options), k) for k, paths in enumerate(entries)])


def _options(keys: DataSection) -> ReadOptions:
    return ReadOptions(
        elements=tuple(keys.elements) if keys.elements else None,
        elements_if_needed=True,
        names=LabelNames(keys.energy_key, keys.forces_key, keys.virial_key, keys.virial_is),
        group=keys.group,
        unconverged=keys.unconverged,
        energy_unit=keys.energy_unit,
        force_unit=keys.force_unit,
        skip_bad=keys.skip_bad,
    )


@contextmanager
def _naming_keys() -> Iterator[None]:
    """Errors of readers advise keys of the config instead of options of the command line."""
    try:
        yield
    except DataError as error:
        raise DataError(OPTION.sub(lambda match: f"data.{match[1].replace('-', '_')}", str(error))) from error


def _files(name: str, key: str, folder: Path) -> list[Path]:
    matches = places.find_all(name, folder)
    if not matches:
        raise ConfigError(
            f"{key} = {name}: must be a file or folder: none beside the config ({folder.resolve()}), none in "
            "the current folder, none that ships with hpcpot; check the name."
        )
    return matches


def _labelled(data: DataSet, needs_forces: bool) -> DataSet:
    """The frames, if each has an energy, and forces where they are needed."""
    lacking = {"energy": ~np.isfinite(data.energies)}
    if needs_forces:
        lacking["forces"] = np.add.reduceat(~np.isfinite(data.forces).all(axis=1), data.first[:-1]) > 0
    for name, frames in lacking.items():
        if frames.any():
            k = int(np.argmax(frames))
            raise DataError(
                f"{name} of frame {k} ({data.sources[k]}) = missing, as of {frames.sum()} of {len(data)} frames: the "
                "loss needs them of every frame; leave such frames out (hpcpot dataset), or set their prefactor to 0."
            )
    return data


def _check(data: DataSet, say: Callable[[str], None]) -> None:
    """Refuse frames that nothing should be trained on; tell of those that are doubtful."""
    for finding in checks.check(data, checks.Bounds()):
        which = f"{plural(len(finding.rows), 'frame')}, the first {data.sources[finding.rows[0]]}"
        if finding.is_error:
            raise DataError(
                f"data.files = {finding.name} in {which}: {finding.text}; leave them out by hpcpot dataset --drop "
                f"'{finding.name}'."
            )
        say(f"note: {finding.name} in {which}: {finding.text}")


def _without_large_forces(data: DataSet, most: float | None, say: Callable[[str], None]) -> DataSet:
    if most is None:
        return data
    keep = ~(np.maximum.reduceat(np.linalg.norm(data.forces, axis=1), data.first[:-1]) > most)
    if not keep.any():
        raise DataError(f"data.maximum_force_eV_A = {most:g}: no frame is below; raise it, or set null.")
    if not keep.all():
        say(f"{(~keep).sum()} of {len(data)} frames left out: a force above {most:g} eV/Å")
    return data.select(keep)
