"""Training of graph networks: section of the config, defaults, checks, and the fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpcpot.config import Problem, change, key
from hpcpot.config.kinds import choice, integer, number

if TYPE_CHECKING:
    from hpcpot.training.job import Job
    from hpcpot.training.settings import TrainSettings

VARIANTS = ("planes", "corner", "global", "energy")
"""Names of potential.graph.model.VARIANTS, which --help does not import."""
NOISIEST = 0.06
"""Å, the largest noise of the study: there the learning rate is halved every 35 passes, without noise every 15."""


@dataclass(frozen=True, kw_only=True)
class GraphSection:
    """Graph network of Cheon et al. (2023), its loss and the changes that frames are learnt with."""

    variant: str = key(
        choice(*VARIANTS),
        "what is predicted: forces and stress, the stress by nodes of the planes (100), (010), (001), by nodes at the corners "
        "of the cell or by the whole graph; energy: the energy alone, whose derivatives are forces and stress",
        "planes",
    )
    cutoff_A: float = key(number(above=0), "length up to which two atoms have an edge", 4.0)
    blocks: int = key(integer(1), "blocks of message passing", 7)
    features: int = key(integer(1), "features of a node, an edge and the state", 64)
    hidden: int = key(integer(1), "width of the layers in between", 64)
    embedding: int = key(integer(1), "numbers that stand for an element at the start", 16)
    energy_weight: float | None = key(
        number(minimum=0),
        "weight of the energy in the loss; of the other variants the share of its gradient that reaches the blocks, since at "
        "0 the head of the energy learns all the same, and alters nothing else; null: 1 for variant energy, else 0",
        None,
    )
    force_weight: float | None = key(
        number(minimum=0), "weight of the forces in the loss; null: 0 for variant energy, else 1", None
    )
    stress_weight: float | None = key(
        number(minimum=0), "weight of the stress in the loss; null: 0 for variant energy, else 1", None
    )
    turned: float = key(number(minimum=0), "share of the frames that are turned by 90 degrees about a random axis", 0.5)
    noise_A: float = key(
        number(minimum=0), "deviation of Gaussian noise on positions and lattice vectors; typical 0.03", 0.0
    )
    noisy: float = key(number(minimum=0), "share of the frames that get noise", 0.3)


SECTIONS: dict[str, type] = {"graph": GraphSection}
"""Sections of this family; of a section common to several families, its own keys."""


def complete(settings: TrainSettings) -> TrainSettings:
    """Fill in the defaults of this family."""
    rate, training, model = settings.learning_rate, settings.training, settings.graph
    start, of_energy = rate.start or 1e-3, model.variant == "energy"
    weights = {
        "energy_weight": float(of_energy),
        "force_weight": float(not of_energy),
        "stress_weight": float(not of_energy),
    }
    given = {name: getattr(model, name) for name in weights}
    is_free = rate.decay_steps is None and rate.decay_epochs is None
    period = 15.0 + round(20.0 * min(model.noise_A / NOISIEST, 1.0)) if is_free else rate.decay_epochs
    return change(
        settings,
        graph={name: weights[name] if value is None else value for name, value in given.items()},
        learning_rate={
            "start": start,
            "stop": start / 64.0 if rate.stop is None else rate.stop,
            "decay_epochs": period,
            "decay_rate": rate.decay_rate or 0.5,
        },
        training={"optimiser": training.optimiser or "adam", "batch_size": training.batch_size or "mixed:64"},
    )


def check(settings: TrainSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    model = settings.graph
    if model.variant == "energy" and not model.energy_weight:
        yield "graph.energy_weight", "must be above 0 for variant energy, which predicts nothing else; typical 1"
    if model.variant != "energy" and not (model.force_weight and model.stress_weight):
        yield "graph.force_weight", "forces and stress must each have a weight in this variant; typical 1"
    for name in ("turned", "noisy"):
        if getattr(model, name) > 1.0:
            yield f"graph.{name}", "must be at most 1, all frames"
    if model.variant == "energy" and model.noise_A:
        yield "graph.noise_A", "must be 0 for variant energy: the labels do not follow the noise"


def needs_forces(settings: TrainSettings) -> bool:
    """Return whether every frame must have forces."""
    return bool(settings.graph.force_weight)


def fit(job: Job) -> int:
    """Train; returns the exit code.

    Raises:
        DependencyError: torch is not installed.
    """
    from hpcpot.potential.torch_device import require_torch

    require_torch("family = graph")
    from hpcpot.training.by_gradient import fit
    from hpcpot.training.graph.start import make_task, way

    return fit(job, make_task, way(job.settings))
