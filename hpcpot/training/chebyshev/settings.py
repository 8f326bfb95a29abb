"""Training of Chebyshev networks: sections of the config, defaults, checks, and the fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpcpot.config import Problem, change, key
from hpcpot.config.kinds import Kind, choice, integer, list_of, number

if TYPE_CHECKING:
    from hpcpot.training.job import Job
    from hpcpot.training.settings import TrainSettings

BATCH = 256
"""Default batch size, that of aenet-PyTorch without BATCHSIZE."""


def energies() -> Kind:
    """Kind of the energies of isolated atoms by element."""
    words = "energies in eV by element, e.g. {Li: -1.895, Si: -5.425}"

    def parse(value: Any) -> dict[str, float]:
        if not isinstance(value, dict) or not value:
            raise ValueError(f"must be {words}")
        return {str(name): number().parse(energy) for name, energy in value.items()}

    return Kind(words, parse, {"type": "object", "additionalProperties": number().json, "minProperties": 1})


@dataclass(frozen=True, kw_only=True)
class ChebyshevSection:
    """Descriptor and networks, as in aenet."""

    radial_cutoff_A: float = key(number(above=0), "cutoff of the radial descriptor, R_r in aenet", 6.0)
    radial_order: int = key(integer(), "highest order of the radial polynomials, N_r in aenet", 16)
    angular_cutoff_A: float = key(number(above=0), "cutoff of the angular descriptor, R_a in aenet", 3.0)
    angular_order: int = key(integer(), "highest order of the angular polynomials, N_a in aenet", 4)
    hidden: list[int] = key(
        list_of(integer(1), "a list of widths, e.g. [25, 25]"), "widths of the hidden layers", [25, 25]
    )
    activation: str = key(
        choice("tanh", "linear", "logistic", "scaled_tanh", "scaled_tanh_twist"),
        "activation function of the hidden layers; scaled_tanh is 1.7159 tanh(2x/3)",
        "tanh",
    )
    atomic_energies_eV: dict[str, float] | None = key(
        energies(), "energies of isolated atoms, to which energies refer; null: fitted by least squares", None
    )
    maximum_energy_eV_per_atom: float | None = key(
        number(), "leave out frames with a larger energy per atom, relative to the atomic energies; null: none", None
    )


@dataclass(frozen=True, kw_only=True)
class ChebyshevLossSection:
    """Loss of aenet-PyTorch, extended by virials."""

    force_weight: float = key(
        number(minimum=0),
        "Chebyshev networks: share of the forces in the loss, 0 to 1, alpha in aenet-PyTorch; 0: energies only",
        0.0,
    )
    virial_weight: float = key(
        number(minimum=0),
        "Chebyshev networks: share of the virials per atom in the loss, 0 to 1, for frames that have one; typical 0.1",
        0.0,
    )


SECTIONS: dict[str, type] = {"chebyshev": ChebyshevSection, "loss": ChebyshevLossSection}
"""Sections of this family; of a section common to several families, its own keys."""


def complete(settings: TrainSettings) -> TrainSettings:
    """Fill in the defaults of this family."""
    rate, training = settings.learning_rate, settings.training
    return change(
        settings,
        learning_rate={"start": rate.start or 1e-4},
        training={"optimiser": training.optimiser or "adamw", "batch_size": training.batch_size or BATCH},
    )


def check(settings: TrainSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    model, training = settings.chebyshev, settings.training
    if not isinstance(training.batch_size, int):
        yield "training.batch_size", "must be a number of frames for a Chebyshev network; typical 128"
    if ";" in training.systems:
        yield "training.systems", "has no blocks for a Chebyshev network, whose batches are of all frames alike"
    if model.angular_cutoff_A > model.radial_cutoff_A:
        yield "chebyshev.angular_cutoff_A", f"must not be above chebyshev.radial_cutoff_A, {model.radial_cutoff_A:g}"
    if settings.loss.force_weight + settings.loss.virial_weight > 1.0:
        yield "loss.force_weight", "must be at most 1, with loss.virial_weight; typical 0.1"
    given, elements = model.atomic_energies_eV, settings.data.elements
    if given is not None and elements is not None and set(given) != set(elements):
        yield "chebyshev.atomic_energies_eV", f"must have an energy for each of {', '.join(elements)}"


def needs_forces(settings: TrainSettings) -> bool:
    """Return whether every frame must have forces."""
    return settings.loss.force_weight > 0.0


def fit(job: Job) -> int:
    """Train; returns the exit code.

    Raises:
        DependencyError: torch is not installed.
    """
    from hpcpot.potential.torch_device import require_torch

    require_torch("family = chebyshev")
    from hpcpot.training.by_gradient import fit
    from hpcpot.training.chebyshev.start import make_task

    return fit(job, make_task)
