"""Training of moment tensor potentials: section of the config, checks, and the fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpcpot.config import Problem, key
from hpcpot.config.kinds import Kind, boolean, choice, integer, mapping_of, number, text

if TYPE_CHECKING:
    from hpcpot.training.job import Job
    from hpcpot.training.settings import TrainSettings

WEIGHTINGS = {"vibrations": 1, "structures": 2, "molecules": 0}
"""Power of 1/N that weights energies and virials; with structures, forces are divided by N, too."""


def level() -> Kind:
    """Kind of the level: an even number from 2 to 28."""

    def parse(value: Any) -> int:
        level = integer(2).parse(value)
        if level > 28 or level % 2:
            raise ValueError("must be an even number from 2 to 28")
        return level

    return Kind("an even number from 2 to 28", parse, {"enum": list(range(2, 29, 2))})


@dataclass(frozen=True, kw_only=True)
class MomentTensorSection:
    """Model, loss and fit, as in MLIP-2."""

    level: int = key(level(), "level of the basis; 16 has 92 functions, 20 has 288", 16)
    cutoff_A: float = key(number(above=0), "cutoff radius", 5.0)
    min_distance_A: float | None = key(
        number(minimum=0),
        "lower end of the radial polynomials; null: 0.99 times the shortest distance in the data, as in MLIP-2",
        None,
    )
    radial_size: int = key(integer(1), "number of polynomials of each radial function", 8)
    energy_weight: float = key(number(minimum=0), "weight of the squared energy error, in 1/eV²", 1.0)
    energy_factors: dict[str, float] | None = key(
        mapping_of(text("the name of a group"), number(minimum=0), "factors by group, e.g. {Si_vacancy*: 4}"),
        "what multiplies energy_weight for frames of some groups, by name or pattern, the first that fits; null: nothing",
        None,
    )
    force_weight: float = key(
        number(minimum=0), "weight of the squared force error of each atom, in Å²/eV²; 0: forces are not fitted", 0.01
    )
    stress_weight: float = key(number(minimum=0), "weight of the squared virial error, in 1/eV²", 0.001)
    weighting: str = key(
        choice(*WEIGHTINGS),
        "weighting by the number of atoms N, as in MLIP-2: errors of energies and virials by 1/N, 1/N² or 1",
        "vibrations",
    )
    scale_by_force_eV2_A2: float = key(
        number(minimum=0), "b > 0 multiplies the weight of a force F by b / (|F|² + b); 0: off", 0.0
    )
    tolerance: float = key(number(minimum=0), "stop when 50 iterations lower the loss by less than this fraction", 1e-3)
    grade: bool = key(
        boolean(),
        "store the active set of neighbourhoods in the model, from which extrapolation grades are computed",
        True,
    )


SECTIONS: dict[str, type] = {"moment_tensor": MomentTensorSection}
"""Sections of this family; of a section common to several families, its own keys."""


def complete(settings: TrainSettings) -> TrainSettings:
    """Fill in the defaults of this family."""
    return settings


def check(settings: TrainSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    model, training = settings.moment_tensor, settings.training
    if model.min_distance_A is not None and model.min_distance_A >= model.cutoff_A:
        yield "moment_tensor.min_distance_A", f"must be below moment_tensor.cutoff_A, {model.cutoff_A:g}"
    if not model.energy_weight and not model.force_weight:
        yield "moment_tensor.energy_weight", "energies or forces must have a weight; typical 1"
    if training.epochs is not None:
        yield "training.epochs", "must be null: each iteration of this fit sees all frames; set training.steps"
    if training.precision != "float64":
        yield "training.precision", "must be float64 for a moment tensor potential"
    if training.patience is not None:
        yield "training.patience", "must be null: this fit ends by moment_tensor.tolerance"
    if settings.device == "gpu":
        yield "device", "must be cpu or auto for a moment tensor potential"


def needs_forces(settings: TrainSettings) -> bool:
    """Return False: missing forces do not enter the loss."""
    return False


def fit(job: Job) -> int:
    """Train; returns the exit code."""
    from hpcpot.training.moment_tensor.run import fit

    return fit(job)
