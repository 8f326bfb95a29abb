"""The config of `hpcpot train`: keys common to all families, and the sections of each family."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from hpcpot.config import Problem, Schema, change, key
from hpcpot.config.kinds import (
    Kind,
    boolean,
    choice,
    either,
    element,
    file_name,
    integer,
    list_of,
    number,
    output_path,
    text,
)
from hpcpot.dataset.formats import label_units
from hpcpot.dataset.formats.reading import TENSORS, UNCONVERGED
from hpcpot.errors import DataError
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import FarmSection
from hpcpot.potential import registry
from hpcpot.training.blocks import blocks

TRAINERS = registry.trainers()

PATHS = either(file_name(), list_of(file_name(), "a list of files, folders or patterns"))
OPTIMISERS = ("adam", "adamw", "adamax", "adagrad", "adadelta", "muon")


def batch_size() -> Kind:
    """Kind of a batch size: a number of frames, one for each entry of data.files, or a rule."""
    words = "frames, a list of them, auto, auto:ATOMS, max:ATOMS or mixed:FRAMES"
    rule = re.compile(r"auto|(auto|max|mixed):0*[1-9][0-9]{0,8}")

    def parse(value: Any) -> int | str | list[int]:
        if isinstance(value, list) and value:
            return [integer(1).parse(entry) for entry in value]
        if not isinstance(value, str):
            return integer(1).parse(value)
        if not rule.fullmatch(value):
            raise ValueError(f"must be {words}")
        return value

    several = {"type": "array", "items": integer(1).json, "minItems": 1}
    text = {"type": "string", "pattern": rf"^({rule.pattern})$"}
    return Kind(words, parse, {"anyOf": [integer(1).json, text, several]})


def label_unit(label: str, factor: Callable[[str, str], float]) -> Kind:
    """Kind of a unit of labels; factor: of `label_units`, refuses other units."""
    words = f"a unit of {label}, such as {label_units.EXAMPLES[label]}"

    def parse(value: Any) -> str:
        unit = text(words).parse(value)
        try:
            factor(unit, label)
        except DataError:
            raise ValueError(f"must be {words}") from None
        return unit

    return Kind(words, parse, text(words).json)


def system_choice() -> Kind:
    """Kind of training.systems: a rule, or probabilities of blocks of entries of data.files."""
    words = "prob_sys_size, prob_uniform, or blocks of data.files: prob_sys_size;0:2:0.3;2:5:0.7"
    block = r";[0-9]+:[0-9]+:[0-9.eE+-]+"

    def parse(value: Any) -> str:
        if value in ("prob_sys_size", "prob_uniform"):
            return value
        try:
            return value if blocks(value) else ""
        except (ValueError, AttributeError):
            raise ValueError(f"must be {words}") from None

    return Kind(words, parse, {"type": "string", "pattern": rf"^(prob_uniform|prob_sys_size({block})*;?)$"})


@dataclass(frozen=True, kw_only=True)
class DataSection:
    """Training and validation data."""

    files: str | list[str] = key(
        PATHS,
        "labelled structures: data sets of hpcpot, systems of DeePMD-kit, extxyz, XSF, CFG, VASP; files, folders or patterns",
    )
    validation: str | list[str] | None = key(PATHS, "validation data; null: a part of data.files", None)
    validation_fraction: float = key(
        number(minimum=0),
        "fraction of each group of frames set aside for validation if data.validation is null; 0: none",
        0.1,
    )
    seed: int = key(integer(), "seed of the choice of validation frames", 0)
    elements: list[str] | None = key(
        list_of(element(), "a list of elements, e.g. [Li, Si]"),
        "elements of the model, in its order, and of types 0, 1, ... in files that have numbers only; those in no frame "
        "are left out; null: those of the data, by atomic number",
        None,
    )
    maximum_force_eV_A: float | None = key(number(above=0), "leave out frames with a larger force; null: none", None)
    temperatures_K: list[float] | None = key(
        list_of(number(minimum=0), "a list of temperatures, e.g. [300, 2500]"),
        "temperatures of the dynamics that the frames are from, kept in the model file; null: not known",
        None,
    )
    group: str | None = key(
        text("the name of a group"), "configuration group of all frames; null: what the files say", None
    )
    unconverged: str = key(
        choice(*UNCONVERGED), "frames of calculations that did not converge: leave them out, or keep them", "drop"
    )
    energy_key: str | None = key(
        text("a key"), "key of extended XYZ with the energy; of VASP: energy for sigma -> 0; null: the usual ones", None
    )
    forces_key: str | None = key(text("a column"), "column of extended XYZ with the forces; null: the usual ones", None)
    virial_key: str | None = key(
        text("a key"), "key of extended XYZ with the virial or stress; null: the usual ones", None
    )
    virial_is: str = key(choice(*TENSORS), "what data.virial_key is", "virial_eV")
    energy_unit: str | None = key(
        label_unit("energy", label_units.energy), "unit of energies in XSF and extended XYZ that state none", None
    )
    force_unit: str | None = key(
        label_unit("force", label_units.force), "unit of forces in XSF and extended XYZ that state none", None
    )
    skip_bad: bool = key(boolean(), "leave out files that cannot be read, and say which", False)
    memory_MB: float = key(
        number(minimum=0), "memory for neighbour lists; those that do not fit are computed at each use", 4000.0
    )


@dataclass(frozen=True, kw_only=True)
class TrainingSection:
    """Length, batches and optimiser of the training."""

    steps: int | None = key(integer(1), "number of batches to train on; required unless training.epochs is given", None)
    epochs: float | None = key(
        number(above=0), "length of the training in passes over the data, instead of training.steps", None
    )
    batch_size: int | str | list[int] | None = key(
        batch_size(),
        "frames per batch, all of one group and composition: a number, one for each entry of data.files, or as many as hold "
        "at least (auto:ATOMS, default 32) or at most (max:ATOMS) so many atoms; mixed:FRAMES: of any groups",
        None,
    )
    systems: str = key(
        system_choice(),
        "how groups and compositions are drawn: in proportion to their number of batches, uniformly, or blocks "
        "first:end:weight of entries of data.files share the probability",
        "prob_sys_size",
    )
    optimiser: str | None = key(
        choice(*OPTIMISERS), "optimiser; null: adam for deep_potential and graph, adamw for chebyshev", None
    )
    weight_decay: float = key(number(minimum=0), "weight decay of the optimiser; with muon, of matrices only", 0.0)
    seed: int = key(integer(), "seed of the initial weights and of the batches", 0)
    precision: str = key(
        choice("float64", "float32"), "precision of parameters and neighbour vectors; float32 is faster", "float64"
    )
    threads: int = key(integer(1), "threads of this process", 1)
    patience: int | None = key(
        integer(1), "stop after this number of rows without a better validation error; null: never", None
    )
    print_every: int = key(integer(1), "steps between rows of the learning curve", 500)
    validation_frames: int | None = key(
        integer(1), "validation frames evaluated for each row, drawn once; null: all", 64, null=True
    )
    checkpoint_every: int = key(integer(1), "steps between checkpoints", 2000)


@dataclass(frozen=True, kw_only=True)
class LearningRateSection:
    """Schedule of the learning rate."""

    start: float | None = key(
        number(above=0), "initial learning rate; null: 1e-3 for deep_potential and graph, 1e-4 for chebyshev", None
    )
    stop: float | None = key(
        number(above=0),
        "learning rate at the last step; null: 1e-8 for deep_potential, start/64 for graph, else constant",
        None,
    )
    decay_steps: int | None = key(integer(1), "steps between two reductions; null: steps / 200, at most 5000", None)
    decay_epochs: float | None = key(
        number(above=0), "passes over the data between two reductions, instead of learning_rate.decay_steps", None
    )
    decay_rate: float | None = key(
        number(above=0), "factor of each reduction; null: such that the rate ends at learning_rate.stop", None
    )
    scale_by_workers: str = key(
        choice("none", "sqrt", "linear"), "scaling of the rate with the number of torchrun processes", "none"
    )


@dataclass(frozen=True, kw_only=True)
class CommitteeSection:
    """Training of several models on the same data."""

    members: int = key(
        integer(1), "number of models, which differ by their seed; the farm trains them if there are several", 1
    )


@dataclass(frozen=True, kw_only=True)
class TrainOutputSection:
    """Output files."""

    model: Path = key(output_path(), "model file to write; members of a committee get _0, _1, ... appended")
    checkpoint: Path | None = key(
        output_path(), "checkpoint to write, from which --restart continues; null: <model>.checkpoint.h5", None
    )
    curve: Path | None = key(
        output_path(), "learning curve to write (CSV, with a figure beside it); null: <model>.curve.csv", None
    )


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """The keys of `hpcpot train` common to all families; `with_families` adds those of each family, and the farm."""

    family: str = key(choice(*TRAINERS), "family of the potential")
    data: DataSection
    training: TrainingSection = TrainingSection()
    learning_rate: LearningRateSection = LearningRateSection()
    committee: CommitteeSection = CommitteeSection()
    output: TrainOutputSection
    device: str = key(choice("cpu", "gpu", "auto"), "device of torch; auto: a GPU if torch finds one", "auto")


def with_families(families: Iterable[ModuleType]) -> type[TrainSettings]:
    """Add the sections of families to TrainSettings; a section common to several holds the keys of all."""
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
    """Yield inconsistencies between keys."""
    yield from farm_settings.check(settings.farm)
    data, training = settings.data, settings.training
    if (training.steps is None) == (training.epochs is None):
        yield "training.steps", "one of training.steps and training.epochs is required, and the other must be null"
    if data.validation_fraction >= 1.0:
        yield "data.validation_fraction", "must be below 1; typical 0.1"
    if training.patience is not None and data.validation is None and data.validation_fraction == 0.0:
        yield "training.patience", "needs validation frames; set data.validation or data.validation_fraction"
    if data.virial_is != "virial_eV" and data.virial_key is None:
        yield "data.virial_is", "needs data.virial_key, the key of what it is said of"
    yield from _check_entries(settings)
    yield from TRAINERS[settings.family].check(settings)
    rate = settings.learning_rate
    if rate.decay_steps is not None and rate.decay_epochs is not None:
        yield "learning_rate.decay_epochs", "one of decay_steps and decay_epochs must be null"
    if rate.decay_epochs is not None and rate.stop is None:
        yield "learning_rate.decay_epochs", "needs learning_rate.stop, to which the rate falls"
    if rate.start is not None and rate.stop is not None and rate.stop > rate.start:
        yield "learning_rate.stop", f"must not be above learning_rate.start, {rate.start:g}; typical 1e-8"


def _check_entries(settings: TrainSettings) -> Iterator[Problem]:
    """Yield what does not fit the number of entries of data.files."""
    files, training = settings.data.files, settings.training
    n = 1 if isinstance(files, str) else len(files)
    if isinstance(training.batch_size, list) and len(training.batch_size) != n:
        yield "training.batch_size", f"must be a number for each of the {n} entries of data.files, or one for all"
    if ";" in training.systems and max(end for _, end, _ in blocks(training.systems)) > n:
        yield "training.systems", f"must be blocks of the {n} entries of data.files, 0 to {n}"


def member(settings: TrainSettings, number: int) -> TrainSettings:
    """Return the settings of one member of a committee, which has its own seed and files."""

    def numbered(path: Path) -> Path:
        stem, dot, rest = path.name.partition(".")
        return path.with_name(f"{stem}_{number}{dot}{rest}")

    output = {name: numbered(path) for name, path in vars(settings.output).items()}
    seed = settings.training.seed + number
    return change(settings, output=output, training={"seed": seed}, committee={"members": 1})


SCHEMA = Schema(with_families(TRAINERS.values()), _check, _complete)
