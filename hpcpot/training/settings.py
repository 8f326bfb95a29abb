"""The config of `hpcpot train`: what all families share, and each family's own sections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from hpcpot.config import Problem, Schema, change, key
from hpcpot.config.kinds import Kind, choice, either, element, file_name, integer, list_of, number, output_path
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import FarmSection
from hpcpot.potential import registry

TRAINERS = registry.trainers()

PATHS = either(file_name(), list_of(file_name(), "a list of files, folders or patterns"))
OPTIMISERS = ("adam", "adamw", "adamax", "adagrad", "adadelta", "muon")


def batch_size() -> Kind:
    """Frames, or a rule."""
    words = "frames, auto, auto:ATOMS or max:ATOMS"

    def parse(value: Any) -> int | str:
        if not isinstance(value, str):
            return integer(1).parse(value)
        word, colon, atoms = value.partition(":")
        if value != "auto" and not (word in ("auto", "max") and colon and atoms.isdigit() and int(atoms)):
            raise ValueError(f"must be {words}")
        return value

    return Kind(words, parse, {"anyOf": [integer(1).json, {"type": "string", "pattern": r"^(auto(:\d+)?|max:\d+)$"}]})


@dataclass(frozen=True, kw_only=True)
class DataSection:
    """Labelled structures to learn from and to judge by."""

    files: str | list[str] = key(
        PATHS,
        "labelled structures: data sets of hpcpot, systems of DeePMD-kit, extxyz, XSF, CFG, VASP; folders; patterns",
    )
    validation: str | list[str] | None = key(PATHS, "to judge by; null: a part of data.files", None)
    validation_fraction: float = key(number(minimum=0), "of each group, where data.validation is null; 0: none", 0.1)
    seed: int = key(integer(), "of the validation frames that are drawn", 0)
    elements: list[str] | None = key(
        list_of(element(), "a list of elements, e.g. [Li, Si]"),
        "of the model, in its order; null: those of the data by atomic number",
        None,
    )
    maximum_force_eV_A: float | None = key(number(above=0), "leave out frames with a force above", None)
    memory_MB: float = key(number(minimum=0), "of neighbours that are kept; others are computed at each use", 4000.0)


@dataclass(frozen=True, kw_only=True)
class TrainingSection:
    """How long and how to learn."""

    steps: int | None = key(integer(1), "batches to learn from; needed unless training.epochs is given", None)
    epochs: float | None = key(number(above=0), "the same, in passes over the data", None)
    batch_size: int | str | None = key(
        batch_size(),
        "of one group and composition: frames, or as many as have ATOMS atoms, at least (auto: 32) or at most",
        None,
    )
    systems: str = key(
        choice("prob_sys_size", "prob_uniform"),
        "groups and compositions are drawn by their number of batches, or evenly",
        "prob_sys_size",
    )
    optimiser: str | None = key(choice(*OPTIMISERS), "null: adam for deep_potential, adamw for chebyshev", None)
    weight_decay: float = key(number(minimum=0), "of the optimiser; muon: of its matrices alone", 0.0)
    seed: int = key(integer(), "of initial weights and batches", 0)
    precision: str = key(choice("float64", "float32"), "of parameters and neighbours; float32: faster", "float64")
    threads: int = key(integer(1), "of this process", 1)
    patience: int | None = key(integer(1), "end after so many rows without a better validation; null: never", None)
    print_every: int = key(integer(1), "steps between rows", 500)
    validation_frames: int | None = key(integer(1), "of a row, drawn once; null: all", 64, null=True)
    checkpoint_every: int = key(integer(1), "steps between checkpoints", 2000)


@dataclass(frozen=True, kw_only=True)
class LearningRateSection:
    """How the learning rate falls."""

    start: float | None = key(number(above=0), "null: 1e-3 for deep_potential, 1e-4 for chebyshev", None)
    stop: float | None = key(number(above=0), "at the last step; null: 1e-8 for deep_potential, else constant", None)
    decay_steps: int | None = key(integer(1), "steps between two falls; null: steps / 200, at most 5000", None)
    decay_rate: float | None = key(number(above=0), "factor of a fall; null: so that it ends at stop", None)
    scale_by_workers: str = key(choice("none", "sqrt", "linear"), "with the processes of torchrun", "none")


@dataclass(frozen=True, kw_only=True)
class CommitteeSection:
    """Several models of the same data."""

    members: int = key(integer(1), "models that differ by the seed; more than one are trained by the farm", 1)


@dataclass(frozen=True, kw_only=True)
class TrainOutputSection:
    """What is written."""

    model: Path = key(output_path(), "model file to write; members of a committee have _0, _1, ... in their names")
    checkpoint: Path | None = key(output_path(), "null: <model>.checkpoint.h5", None)
    curve: Path | None = key(
        output_path(), "learning curve, CSV, with a figure beside it; null: <model>.curve.csv", None
    )


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """What the configs of `hpcpot train` hold for every family; each family adds sections of its own, and the farm one."""

    family: str = key(choice(*TRAINERS), "of potentials")
    data: DataSection
    training: TrainingSection = TrainingSection()
    learning_rate: LearningRateSection = LearningRateSection()
    committee: CommitteeSection = CommitteeSection()
    output: TrainOutputSection
    device: str = key(choice("cpu", "gpu", "auto"), "where torch computes; auto: a GPU where torch has one", "auto")


def with_families(families: Iterable[ModuleType]) -> type[TrainSettings]:
    """TrainSettings with the sections of families; a section that several have is one with the keys of all."""
    parts: dict[str, list[type]] = {}
    for family in families:
        for name, section in family.SECTIONS.items():
            parts.setdefault(name, []).insert(0, section)  # of bases the last comes first
    merged = {
        name: sections[0]
        if len(sections) == 1
        else make_dataclass("".join(s.__name__ for s in sections), [], bases=tuple(sections), frozen=True, kw_only=True)
        for name, sections in (parts | {"farm": [FarmSection]}).items()
    }
    added = [(name, section, field(default=section())) for name, section in merged.items()]
    return make_dataclass("TrainSettings", added, bases=(TrainSettings,), frozen=True, kw_only=True)


def _complete(settings: TrainSettings) -> TrainSettings:
    settings, output = TRAINERS[settings.family].complete(settings), settings.output
    checkpoint = output.checkpoint or output.model.with_suffix(".checkpoint.h5")
    curve = output.curve or output.model.with_suffix(".curve.csv")
    return change(settings, output={"checkpoint": checkpoint, "curve": curve})


def _check(settings: TrainSettings) -> Iterator[Problem]:
    """Yield what does not fit together."""
    yield from farm_settings.check(settings.farm)
    data, training = settings.data, settings.training
    if (training.steps is None) == (training.epochs is None):
        yield "training.steps", "one of training.steps and training.epochs is required, and the other must be null"
    if data.validation_fraction >= 1.0:
        yield "data.validation_fraction", "must be below 1; typical 0.1"
    if training.patience is not None and data.validation is None and data.validation_fraction == 0.0:
        yield "training.patience", "needs validation frames; set data.validation or data.validation_fraction"
    yield from TRAINERS[settings.family].check(settings)
    rate = settings.learning_rate
    if rate.start is not None and rate.stop is not None and rate.stop > rate.start:
        yield "learning_rate.stop", f"must not be above learning_rate.start, {rate.start:g}; typical 1e-8"


def member(settings: TrainSettings, number: int) -> TrainSettings:
    """The settings of one member of a committee: its own seed and files."""

    def numbered(path: Path) -> Path:
        stem, dot, rest = path.name.partition(".")
        return path.with_name(f"{stem}_{number}{dot}{rest}")

    output = {name: numbered(path) for name, path in vars(settings.output).items()}
    seed = settings.training.seed + number
    return change(settings, output=output, training={"seed": seed}, committee={"members": 1})


SCHEMA = Schema(with_families(TRAINERS.values()), _check, _complete)
