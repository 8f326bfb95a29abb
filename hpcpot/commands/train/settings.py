"""The config of `hpcpot train`: what all families share, and each family's own sections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hpcpot.config import Key, Schema, Settings
from hpcpot.config.kinds import Kind, choice, either, element, file_name, integer, list_of, number, output_path
from hpcpot.farm import settings as farm_settings
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

    return Kind(words, parse)


KEYS = (
    Key("family", choice(*TRAINERS), "of potentials"),
    Key(
        "data.files",
        PATHS,
        "labelled structures: data sets of hpcpot, systems of DeePMD-kit, extxyz, XSF, CFG, VASP; folders; patterns",
    ),
    Key("data.validation", PATHS, "to judge by; null: a part of data.files", None),
    Key("data.validation_fraction", number(minimum=0), "of each group, where data.validation is null; 0: none", 0.1),
    Key("data.seed", integer(), "of the validation frames that are drawn", 0),
    Key(
        "data.elements",
        list_of(element(), "a list of elements, e.g. [Li, Si]"),
        "of the model, in its order; null: those of the data by atomic number",
        None,
    ),
    Key("data.maximum_force_eV_A", number(above=0), "leave out frames with a force above", None),
    Key("data.memory_MB", number(minimum=0), "of neighbours that are kept; others are computed at each use", 4000.0),
    Key("training.steps", integer(1), "batches to learn from; needed unless training.epochs is given", None),
    Key("training.epochs", number(above=0), "the same, in passes over the data", None),
    Key(
        "training.batch_size",
        batch_size(),
        "of one group and composition: frames, or as many as have ATOMS atoms, at least (auto: 32) or at most",
        None,
    ),
    Key(
        "training.systems",
        choice("prob_sys_size", "prob_uniform"),
        "groups and compositions are drawn by their number of batches, or evenly",
        "prob_sys_size",
    ),
    Key("training.optimiser", choice(*OPTIMISERS), "null: adam for deep_potential, adamw for chebyshev", None),
    Key("training.weight_decay", number(minimum=0), "of the optimiser; muon: of its matrices alone", 0.0),
    Key("training.seed", integer(), "of initial weights and batches", 0),
    Key("training.precision", choice("float64", "float32"), "of parameters and neighbours; float32: faster", "float64"),
    Key("training.threads", integer(1), "of this process", 1),
    Key("training.patience", integer(1), "end after so many rows without a better validation; null: never", None),
    Key("training.print_every", integer(1), "steps between rows", 500),
    Key("training.validation_frames", integer(1), "of a row, drawn once; null: all", 64, null=True),
    Key("training.checkpoint_every", integer(1), "steps between checkpoints", 2000),
    Key("learning_rate.start", number(above=0), "null: 1e-3 for deep_potential, 1e-4 for chebyshev", None),
    Key("learning_rate.stop", number(above=0), "at the last step; null: 1e-8 for deep_potential, else constant", None),
    Key("learning_rate.decay_steps", integer(1), "steps between two falls; null: steps / 200, at most 5000", None),
    Key("learning_rate.decay_rate", number(above=0), "factor of a fall; null: so that it ends at stop", None),
    Key("learning_rate.scale_by_workers", choice("none", "sqrt", "linear"), "with the processes of torchrun", "none"),
    Key("committee.members", integer(1), "models that differ by the seed; more than one are trained by the farm", 1),
    Key("output.model", output_path(), "model file to write; members of a committee have _0, _1, ... in their names"),
    Key("output.checkpoint", output_path(), "null: <model>.checkpoint.h5", None),
    Key("output.curve", output_path(), "learning curve, CSV, with a figure beside it; null: <model>.curve.csv", None),
    Key("device", choice("cpu", "gpu", "auto"), "where torch computes; auto: a GPU where torch has one", "auto"),
)


def _check(settings: Settings) -> Iterator[tuple[str, str]]:
    """What does not fit together; fills in what follows from other keys."""
    yield from farm_settings.check(settings)
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
    paths(settings.output)


def paths(output: Settings) -> None:
    """The names of files that follow from that of the model."""
    output.checkpoint = output.checkpoint or output.model.with_suffix(".checkpoint.h5")
    output.curve = output.curve or output.model.with_suffix(".curve.csv")


def member(settings: Settings, number: int) -> Settings:
    """The settings of one member of a committee: its own seed and files."""

    def named(path: Path) -> Path:
        stem, dot, rest = path.name.partition(".")
        return path.with_name(f"{stem}_{number}{dot}{rest}")

    output = Settings(**{name: named(path) for name, path in vars(settings.output).items()})
    training = Settings(**vars(settings.training) | {"seed": settings.training.seed + number})
    return Settings(**vars(settings) | {"output": output, "training": training, "committee": Settings(members=1)})


SCHEMA = Schema(KEYS + tuple(key for f in TRAINERS.values() for key in f.KEYS) + farm_settings.KEYS, _check)
