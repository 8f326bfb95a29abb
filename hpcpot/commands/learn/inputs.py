"""What a loop begins with: start structures, labelled data in two parts, and the calculator; checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from hpcpot import config, provenance
from hpcpot.commands.learn.files import START, START_HELD_OUT
from hpcpot.commands.learn.settings import LearnSettings, model_settings
from hpcpot.dataset import hdf5
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.split import split
from hpcpot.errors import ConfigError, DataError, HpcpotError, OutputError
from hpcpot.farm import structures
from hpcpot.training import job
from hpcpot.wording import plural


@dataclass(frozen=True)
class Inputs:
    """What does not change from iteration to iteration.

    Attributes:
        systems: start structures by the name of their system. start, held_out: labelled frames; held_out may be None.
    """

    systems: Mapping[str, list[Atoms]]
    start: DataSet
    held_out: DataSet | None

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements that the models know."""
        return self.start.elements


def read(settings: LearnSettings, folder: Path, anew: bool) -> Inputs:
    """Read structures and data.

    Args:
        folder: of the config, beside which files are looked for first. anew: do not take the data of an earlier run.
    Raises:
        ConfigError, DataError, StructureError: a file that is not there or cannot be read, or elements that the data lack.
        OutputError: the folder was begun with other data.
    """
    start, held_out = start_data(settings, folder, anew)
    systems = {name: read_system(name, files, folder, start.elements) for name, files in settings.systems.items()}
    return Inputs(systems, start, held_out)


def read_system(name: str, files: str | list[str], folder: Path, elements: tuple[str, ...]) -> list[Atoms]:
    """The structures of a system."""
    kept = []
    for path, label, read in structures.structures(structures.expand(files, folder, f"systems.{name}"), "all"):
        plain = read if isinstance(read, HpcpotError) else structures.plain(read)
        if isinstance(plain, HpcpotError):
            raise ConfigError(
                f"systems.{name} = {path}, {label}: cannot be read ({plain}); correct it or leave it out."
            )
        unknown = sorted(set(plain.symbols) - set(elements))
        if unknown:
            raise ConfigError(
                f"systems.{name} = {path}, {label}: has {', '.join(unknown)}: must have elements of data.files, "
                f"{', '.join(elements)}; add such data, or leave it out."
            )
        kept.append(plain)
    if not kept:
        raise ConfigError(f"systems.{name} = no structure in {files}: at least one is required; check the files.")
    return kept


def start_data(settings: LearnSettings, folder: Path, anew: bool) -> tuple[DataSet, DataSet | None]:
    """The data in two parts: as they were divided when the loop began, else divided now."""
    out = settings.output.folder
    begun = out / START
    text = described(settings)
    if begun.exists() and not anew:
        stored = hdf5.provenance(begun).get("made_of", "")
        if stored != text:
            raise OutputError(
                f"{begun} = made of {config.show(stored)}: must be of the data of the config, {config.show(text)}; give "
                "another output.folder, or begin anew with --overwrite."
            )
        held_out = out / START_HELD_OUT
        return hdf5.read(begun), hdf5.read(held_out) if held_out.exists() else None
    section = settings.data
    keys = model_settings(settings.training.config).data
    data = job.read(section.files, "data.files", folder, keys)
    if section.held_out is not None:
        return data, job.read(section.held_out, "data.held_out", folder, keys).with_elements(data.elements)
    if section.held_out_fraction == 0.0:
        return data, None
    try:
        parts = split(data, (1.0 - section.held_out_fraction, section.held_out_fraction), section.seed)
    except DataError as error:
        raise ConfigError(
            f"data.held_out_fraction = {section.held_out_fraction:g}: must leave frames on both sides, of {len(data)} in "
            f"{plural(len(set(data.groups.tolist())), 'group')}, each of which is divided; change it, give data.held_out, or "
            "make them one group by training.config.data.group."
        ) from error
    return data.select(parts[0]), data.select(parts[1])


def described(settings: LearnSettings) -> str:
    """What the first data are made of, as they are kept with them."""
    section = settings.data
    held_out = section.held_out or f"{section.held_out_fraction:g} of them, seed {section.seed}"
    return f"{listed(section.files)}; held out: {listed(held_out)}"


def listed(names: str | list[str]) -> str:
    return names if isinstance(names, str) else ", ".join(names)


def write_start(settings: LearnSettings, inputs: Inputs) -> None:
    """Keep the divided data, so that later runs begin with the same; the training part last, which says that both are there."""
    out = settings.output.folder
    if (out / START).exists():
        return
    facts: dict[str, Any] = {**provenance.collect(), "made_of": described(settings), "config": config.dump(settings)}
    if inputs.held_out is not None:
        hdf5.write(inputs.held_out, out / START_HELD_OUT, facts, overwrite=True)
    hdf5.write(inputs.start, out / START, facts, overwrite=True)
