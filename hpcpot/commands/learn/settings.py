"""The config of `hpcpot learn`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot import config
from hpcpot.config import STAGES, Problem, Schema, key, stages_of
from hpcpot.config.kinds import Kind, Late, choice, either, file_name, integer, list_of, number, output_folder, pressure
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.errors import ConfigError
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import FarmSection
from hpcpot.labelling.settings import CalculatorSection
from hpcpot.potential.registry import FAMILIES
from hpcpot.training import settings as train_settings
from hpcpot.training.settings import TRAINERS, TrainSettings

ONLY = "exploration"
"""Name of the stage of a config without stages."""

OURS = {"data": {"files", "validation", "validation_fraction", "seed"}, "output": None, "committee": None, "farm": None}
"""Sections and keys of `hpcpot train` that the loop sets itself."""

PATHS = either(file_name(), list_of(file_name(), "a list of files or patterns"))


def named(kind: Kind, words: str) -> Kind:
    """Kind of a mapping from names to values of one kind."""

    def parse(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or not value or not all(isinstance(name, str) and name for name in value):
            raise ValueError(f"must be {words}")
        try:
            return {name: kind.parse(entry) for name, entry in value.items()}
        except ValueError as error:
            raise ValueError(f"must be {words}; each value {error}") from error

    return Kind(words, parse, {"type": "object", "additionalProperties": kind.json, "minProperties": 1})


def level(words: str = "a number > 0") -> Kind:
    """Kind of a level: one for all systems, or one for each."""
    each = named(number(above=0), "a number > 0 for each system, e.g. {li: 0.1, si: 0.2}")

    def parse(value: Any) -> float | dict[str, float]:
        return each.parse(value) if isinstance(value, dict) else number(above=0).parse(value)

    return Kind(f"{words}, or {each.words}", parse, {"anyOf": [number(above=0).json, each.json]})


def training_config() -> Kind:
    """Kind of a config of `hpcpot train` without what the loop sets."""
    words = "keys of `hpcpot train` without data.files, output, committee and farm"

    def parse(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"must be {words}")
        try:
            model_settings(value)
        except ConfigError as error:
            raise ValueError(f"must be {words}: {error}") from error
        return value

    return Kind(words, parse, {"type": "object"})


def train_tree(
    given: Mapping[str, Any],
    files: list[str],
    validation: list[str] | None,
    model: Path,
    members: int,
    seed_offset: int,
) -> TrainSettings:
    """The settings of a training of the loop.

    Args:
        given: the key training.config. files, validation: data. model: file to write. seed_offset: added to the seed.
    Raises:
        ConfigError: `given` has keys that the loop sets, or that are wrong.
    """
    for section, keys in OURS.items():
        entries = given.get(section)
        taken = entries if keys is None else keys & entries.keys() if isinstance(entries, Mapping) else None
        if taken:
            raise ConfigError(
                f"training.config.{section} = {config.show(entries)}: is set by the loop; leave "
                f"{section if keys is None else ', '.join(sorted(taken))} out."
            )
    data = given.get("data") or {}
    if not isinstance(data, Mapping):
        raise ConfigError(f"training.config.data = {config.show(data)}: is a section; give its keys.")
    tree = {
        **given,
        "data": {**data, "files": files, "validation": validation, "validation_fraction": 0.0},
        "output": {"model": str(model)},
        "committee": {"members": members},
    }
    settings = config.load_tree(tree, Path("training.config"), train_settings.SCHEMA)
    seed = settings.training.seed + seed_offset
    return config.change(settings, training={"seed": seed})


def model_settings(given: Mapping[str, Any]) -> TrainSettings:
    """The key training.config with its defaults, checked; see `train_tree`, which adds files."""
    return train_tree(given, ["data"], None, Path("model.h5"), 1, 0)


@dataclass(frozen=True, kw_only=True)
class LearnDataSection:
    """Labelled structures that the loop begins with."""

    files: str | list[str] = key(
        PATHS, "labelled structures of all formats of `hpcpot train`; files, folders or patterns"
    )
    held_out: str | list[str] | None = key(
        PATHS,
        "labelled structures that errors are measured on and no model is trained on; null: a part of data.files",
        None,
    )
    held_out_fraction: float = key(
        number(minimum=0),
        "share that is held out if data.held_out is null: of data.files, of each group, and of the explored runs, all new "
        "labels of a run or none",
        0.1,
    )
    seed: int = key(integer(), "seed of what is held out, and of velocities and choices in all iterations", 0)


@dataclass(frozen=True, kw_only=True)
class LearnTrainingSection:
    """The models."""

    members: int = key(integer(1), "models that are trained in each iteration, from scratch, with other seeds", 4)
    config: dict[str, Any] = key(
        training_config(),
        "keys of `hpcpot train` (family, training.steps, ...), without data.files, output, committee and farm",
    )


@dataclass(frozen=True, kw_only=True)
class ExplorationSection:
    """Molecular dynamics that looks for structures which the models do not know, in all stages or in one."""

    systems: list[str] | None = key(
        list_of(file_name(), "a list of names"), "names of systems to start from; null: all", None
    )
    temperatures_K: list[float] | None = key(
        list_of(number(above=0), "a list of temperatures, e.g. [300, 1000]"),
        "temperatures, each with each start structure; of nve integrators that of the first velocities; required but for "
        "steps: [0]",
        None,
    )
    temperatures_at_once: int | None = key(
        integer(1),
        "temperatures of an iteration, from the first on; the next ones follow when the stage would end; null: all",
        None,
    )
    pressures_GPa: list[float] | None = key(
        list_of(pressure(), "a list of pressures, e.g. [1.0e-4, 5]"), "pressures, for npt integrators", None
    )
    integrator: str = key(
        Late(lambda: choice(*(row.name for row in INTEGRATORS.values() if not row.is_minimiser))),
        "equations of motion, as in `hpcpot md`; the barostat of npt integrators is isotropic",
        "nvt_langevin",
    )
    timestep_fs: float = key(number(above=0), "time step", 1.0, hint="typical 0.5 to 2")
    steps: list[int] = key(
        list_of(integer(), "a list of numbers of steps, e.g. [2000, 5000, 20000]"),
        "steps of a run in the first, second, ... iteration of the stage; the last for all that follow; [0]: no dynamics, the "
        "start structures themselves are judged, as a pool to choose from",
    )
    frames: int = key(
        integer(1), "frames of each run that are judged, at equal intervals, beside its first and last", 100
    )
    skip_steps: int = key(integer(), "steps at the beginning of a run whose frames are not judged", 0)
    starts: int | None = key(
        integer(1), "start structures of each system in an iteration, drawn anew each time; null: all", None
    )
    melt_K: float | None = key(
        number(above=0),
        "each run starts from a melt: so hot, at the first of the pressures; null: from the structure",
        None,
    )
    melt_steps: list[int] | None = key(
        list_of(integer(1), "a list of numbers of steps"), "lengths of the melts, each with each start structure", None
    )
    force_low_eV_A: float | dict[str, float] | None = key(
        level(),
        "deviation of the force on an atom from which a frame is a candidate; null: adaptive_count says it",
        None,
    )
    force_high_eV_A: float | dict[str, float] | None = key(
        level(), "deviation of the force on an atom from which a frame is failed", None, hint="typical 0.35"
    )
    virial_low_eV: float | dict[str, float] | None = key(
        level(), "deviation of the virial per atom from which a frame is a candidate; null: not looked at", None
    )
    virial_high_eV: float | dict[str, float] | None = key(
        level(), "deviation of the virial per atom from which a frame is failed", None
    )
    relative_force_eV_A: float | None = key(
        number(above=0),
        "divide the deviation of each force by |mean force| + this; force_low_eV_A and force_high_eV_A are then without unit",
        None,
    )
    relative_virial_eV: float | None = key(
        number(above=0),
        "divide the deviation of the virial per atom by its norm + this; virial_low_eV and virial_high_eV are then without "
        "unit",
        None,
    )
    adaptive_count: int | None = key(
        integer(1), "instead of low levels: so many frames of largest deviation of each system are candidates", None
    )
    adaptive_percent: float = key(number(minimum=0), "as many in percent, if these are more", 0.0)
    grade_low: float | None = key(
        number(above=0),
        "instead of a committee's deviations: extrapolation grade of one moment tensor potential from which a frame is a "
        "candidate",
        None,
        hint="typical 2",
    )
    grade_high: float | None = key(number(above=0), "grade from which a frame is failed", None, hint="typical 10")
    stop_above: float | None = key(
        number(above=0),
        "end a run at the first frame whose largest force deviation or grade is above this; the frames before count; null: "
        "only what the dynamics itself refuses ends it",
        None,
    )
    labels_per_system: int = key(integer(1), "candidates of a system that are labelled in an iteration, at most", 30)
    fewer_from_percent: float | None = key(
        number(minimum=0),
        "share of accurate frames of a system from which fewer are labelled, in proportion down to none at accurate_percent; "
        "null: as many as there are up to there",
        None,
    )
    accurate_percent: float = key(
        number(above=0),
        "the stage ends when so many frames of each of its systems are accurate, and no run ended early; such a system has "
        "no frames labelled",
        95.0,
    )
    flat_percent: float | None = key(
        number(above=0),
        "the stage ends when the error of forces on held-out structures fell by less than this in each of the last "
        "flat_iterations iterations; null: it does not; needs frames that are held out, and errors of forces",
        None,
    )
    flat_iterations: int = key(integer(1), "see flat_percent", 2)
    most_iterations: int = key(integer(1), "the stage ends after so many iterations, whatever was found", 10)


@dataclass(frozen=True, kw_only=True)
class PickSection:
    """Which candidates are labelled; one that is passed over makes room for the next."""

    choose: str = key(
        choice("random", "farthest"),
        "random; farthest: those that differ most from one another, by SOAP vectors of their neighbourhoods",
        "random",
    )
    minimum_distance_A: float = key(number(minimum=0), "pass over frames with closer atoms; 0: none", 0.0)
    distinct: float = key(
        number(minimum=0),
        "pass over frames as near as this to one that is chosen already in the iteration, in the distance of `hpcpot "
        "select`, 0 to 1.41; 0: only equal ones",
        0.01,
    )
    length_ratio: float | None = key(
        number(above=0), "pass over cells with a larger ratio of the longest to the shortest edge; null: none", None
    )
    height_ratio: float | None = key(
        number(above=0),
        "pass over cells with a larger ratio of the longest edge to the least distance of opposite faces",
        None,
    )
    wrap_ratio: float | None = key(number(above=0), "pass over cells with a larger |bx/ax|, |cy/by| or |cx/ax|", None)
    tilt_ratio: float | None = key(number(above=0), "pass over cells with a larger |bx/by|, |cy/cz| or |cx/cz|", None)


@dataclass(frozen=True, kw_only=True)
class LearnOutputSection:
    """Output files."""

    folder: Path = key(output_folder(), "folder of all iterations, labels and models; the same command goes on in it")


@dataclass(frozen=True, kw_only=True)
class LearnSettings:
    """The config of `hpcpot learn`."""

    data: LearnDataSection
    systems: dict[str, str | list[str]] = key(
        named(PATHS, "names, each with files or patterns, e.g. {si: [si/*.extxyz]}"),
        "start structures of the dynamics: names of systems, each with files or patterns of extxyz, CIF, POSCAR, H5MD, ...",
    )
    training: LearnTrainingSection
    exploration: ExplorationSection | None
    selection: PickSection = PickSection()
    calculator: CalculatorSection
    output: LearnOutputSection
    farm: FarmSection = FarmSection()
    stages: dict[str, ExplorationSection] = stages_of("exploration")


def stages(settings: LearnSettings) -> dict[str, ExplorationSection]:
    """The stages by name, in order; one where the config has none."""
    return settings.stages or {ONLY: settings.exploration}


def level_of(value: float | Mapping[str, float] | None, system: str) -> float | None:
    """The level of a system."""
    return value[system] if isinstance(value, Mapping) else value


def _check(settings: LearnSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    yield from farm_settings.check(settings.farm)
    if settings.data.held_out_fraction >= 1.0:
        yield "data.held_out_fraction", "must be below 1; typical 0.1"
    if FAMILIES[model_settings(settings.training.config).family].whole_cells:
        yield "training.config", "must be of a family that explores by dynamics, which a graph network does not"
    for name, stage in stages(settings).items():
        prefix = f"{STAGES}.{name}" if settings.stages else ONLY
        for last, requirement in _check_stage(settings, stage):
            yield f"{prefix}.{last}", requirement


def _check_stage(settings: LearnSettings, stage: ExplorationSection) -> Iterator[Problem]:
    for system in stage.systems or ():
        if system not in settings.systems:
            yield "systems", f"must be names of systems, of {', '.join(settings.systems)}; {system} is none"
            return
    yield from _check_dynamics(stage)
    if stage.grade_low is not None or stage.grade_high is not None:
        yield from _check_grades(settings, stage)
    else:
        yield from _check_deviations(settings, stage)
    if stage.accurate_percent > 100.0:
        yield "accurate_percent", "must be at most 100; typical 90 to 99"
    if stage.flat_percent is not None:
        yield from _check_flat(settings)
    if stage.fewer_from_percent is not None and stage.fewer_from_percent >= stage.accurate_percent:
        yield "fewer_from_percent", f"must be below accurate_percent, {stage.accurate_percent:g}"


def _check_flat(settings: LearnSettings) -> Iterator[Problem]:
    """Yield what makes that no errors of forces are measured, by which a stage could end."""
    if settings.data.held_out is None and not settings.data.held_out_fraction:
        yield (
            "flat_percent",
            "needs frames that are held out: give data.held_out or data.held_out_fraction, or set null",
        )
    training = model_settings(settings.training.config)
    if not TRAINERS[training.family].needs_forces(training):
        yield (
            "flat_percent",
            "needs models that are trained on forces: give these a weight in training.config, or set null",
        )


def _check_pool(stage: ExplorationSection) -> Iterator[Problem]:
    """Yield keys of dynamics that are set where there is none."""
    if len(stage.steps) > 1:
        yield "steps", "must be [0] alone, or numbers >= 1: a stage chooses from a pool, or runs dynamics"
    for name in ("temperatures_K", "temperatures_at_once", "pressures_GPa", "melt_K", "melt_steps", "stop_above"):
        if getattr(stage, name) is not None:
            yield name, "has no effect without dynamics (steps: [0]); set null"
    if stage.skip_steps:
        yield "skip_steps", "has no effect without dynamics (steps: [0]); set 0"


def _check_dynamics(stage: ExplorationSection) -> Iterator[Problem]:
    if 0 in stage.steps:
        yield from _check_pool(stage)
        return
    if stage.temperatures_K is None:
        yield "temperatures_K", "is required, e.g. [300, 1000]"
    has_barostat = INTEGRATORS[stage.integrator].has_barostat
    if has_barostat and stage.pressures_GPa is None:
        yield "pressures_GPa", f"is required for {stage.integrator}, e.g. [1.0e-4]"
    if not has_barostat and stage.pressures_GPa is not None:
        yield "pressures_GPa", f"has no effect on {stage.integrator}, which keeps the cell; set null"
    if (stage.melt_K is None) != (stage.melt_steps is None):
        yield "melt_steps", "needs melt_K, and melt_K needs it; set both or neither"
    if stage.skip_steps >= min(stage.steps):
        yield "skip_steps", f"must be below steps, {min(stage.steps)}"


def _check_grades(settings: LearnSettings, stage: ExplorationSection) -> Iterator[Problem]:
    for name in (
        "force_low_eV_A",
        "force_high_eV_A",
        "virial_low_eV",
        "virial_high_eV",
        "relative_force_eV_A",
        "relative_virial_eV",
        "adaptive_count",
    ):
        if getattr(stage, name) is not None:
            yield name, "is for a committee; set null where grades decide (grade_low, grade_high)"
    if stage.adaptive_percent:
        yield "adaptive_percent", "is for a committee; set 0 where grades decide (grade_low, grade_high)"
    if stage.grade_low is None or stage.grade_high is None:
        yield "grade_low", "grade_low and grade_high are both required, e.g. 2 and 10"
    elif stage.grade_low >= stage.grade_high:
        yield "grade_low", f"must be below grade_high, {stage.grade_high:g}"
    config = settings.training.config
    has_grades = (config.get("moment_tensor") or {}).get("grade", True)
    if config["family"] != "moment_tensor" or not has_grades:
        yield "grade_low", "needs a moment tensor potential with its active set (training.config.family: moment_tensor)"
    if settings.training.members > 1:
        yield "grade_low", "needs one model: set training.members: 1, or give deviations of a committee"


def _check_deviations(settings: LearnSettings, stage: ExplorationSection) -> Iterator[Problem]:
    if settings.training.members < 2:
        yield (
            "force_high_eV_A",
            "needs a committee: one model deviates from none; set training.members: 4, or give grade_low and grade_high",
        )
    if stage.force_high_eV_A is None:
        yield "force_high_eV_A", "is required, typical 0.35; or grade_low and grade_high"
        return
    is_adaptive = stage.adaptive_count is not None
    if is_adaptive == (stage.force_low_eV_A is not None):
        yield "force_low_eV_A", "one of force_low_eV_A and adaptive_count is required, and the other must be null"
    if is_adaptive and stage.virial_low_eV is not None:
        yield "virial_low_eV", "must be null where adaptive_count chooses the candidates"
    if stage.adaptive_percent and not is_adaptive:
        yield "adaptive_percent", "needs adaptive_count"
    if not is_adaptive and (stage.virial_low_eV is None) != (stage.virial_high_eV is None):
        yield "virial_low_eV", "virial_low_eV and virial_high_eV go together; set both or neither"
    if stage.relative_virial_eV is not None and stage.virial_high_eV is None:
        yield "relative_virial_eV", "has no effect without virial_high_eV; set null"
    names = stage.systems or list(settings.systems)
    for name in ("force_low_eV_A", "force_high_eV_A", "virial_low_eV", "virial_high_eV"):
        value = getattr(stage, name)
        if isinstance(value, Mapping) and set(value) != set(names):
            yield name, f"must be a number, or one for each of {', '.join(names)}"
            return
    for low, high in (("force_low_eV_A", "force_high_eV_A"), ("virial_low_eV", "virial_high_eV")):
        for system in names:
            below, above = (level_of(getattr(stage, name), system) for name in (low, high))
            if below is not None and above is not None and below >= above:
                yield low, f"must be below {high}, {above:g} for {system}"
                break


SCHEMA = Schema(LearnSettings, _check)
