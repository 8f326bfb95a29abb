"""Training of Deep Potentials: sections of the config, defaults, checks, and the fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpcpot.config import Problem, change, key
from hpcpot.config.kinds import Kind, boolean, choice, integer, list_of, number

if TYPE_CHECKING:
    from hpcpot.training.job import Job
    from hpcpot.training.settings import TrainSettings

WIDTHS = "a list of widths, e.g. [25, 50, 100]"


def slots() -> Kind:
    """Kind of the number of neighbours for which a Deep Potential has room."""
    words = "auto, auto:FACTOR, or a list of whole numbers, one for each element"

    def parse(value: Any) -> str | list[int]:
        if isinstance(value, list):
            return list_of(integer(), words).parse(value)
        word, colon, factor = str(value).partition(":")
        try:
            if word != "auto" or (colon and not float(factor) >= 1.0):
                raise ValueError
        except ValueError as error:
            raise ValueError(f"must be {words}; FACTOR >= 1") from error
        return value

    factor = {"type": "string", "pattern": r"^auto(:\s*\S+)?$"}
    return Kind(words, parse, {"anyOf": [factor, list_of(integer(), words).json]})


@dataclass(frozen=True, kw_only=True)
class DeepPotentialSection:
    """Descriptor se_e2_a and fitting network, as in DeePMD-kit."""

    cutoff_A: float = key(number(above=0), "cutoff radius, rcut in DeePMD-kit", 6.0)
    cutoff_smooth_A: float = key(
        number(minimum=0), "radius from which neighbours are smoothly switched off, rcut_smth in DeePMD-kit", 0.5
    )
    sel: str | list[int] = key(
        slots(), "maximum number of neighbours of each element; auto: counted in the data, times FACTOR (1.1)", "auto"
    )
    neuron: list[int] = key(list_of(integer(1), WIDTHS), "widths of the embedding networks", [25, 50, 100])
    axis_neuron: int = key(integer(1), "columns of the embedding matrix in the second factor of the descriptor", 16)
    resnet_dt: bool = key(
        boolean(), "trainable time steps in the residual connections of the embedding networks", False
    )
    type_one_side: bool = key(boolean(), "embedding networks depend on the element of the neighbour only", True)
    activation_function: str = key(
        choice("tanh", "linear", "sigmoid"), "activation function of the embedding networks", "tanh"
    )
    set_davg_zero: bool = key(boolean(), "do not subtract the mean of the environment matrix", False)
    env_protection_A: float = key(number(minimum=0), "length added to distances in denominators", 0.0)
    stat_batches: int = key(
        integer(1),
        "batches of each group and composition that enter the mean, the standard deviation and the energy bias",
        10,
    )
    fitting_neuron: list[int] = key(list_of(integer(1), WIDTHS), "widths of the fitting networks", [240, 240, 240])
    fitting_resnet_dt: bool = key(
        boolean(), "trainable time steps in the residual connections of the fitting networks", True
    )
    fitting_activation_function: str = key(
        choice("tanh", "linear", "sigmoid"), "activation function of the fitting networks", "tanh"
    )


@dataclass(frozen=True, kw_only=True)
class DeepPotentialLossSection:
    """Loss of DeePMD-kit."""

    start_pref_e: float = key(number(minimum=0), "Deep Potential: initial weight of the energy", 0.02)
    limit_pref_e: float = key(
        number(minimum=0), "Deep Potential: limit of this weight as the learning rate goes to 0", 1.0
    )
    start_pref_f: float = key(number(minimum=0), "Deep Potential: initial weight of the forces", 1000.0)
    limit_pref_f: float = key(
        number(minimum=0), "Deep Potential: limit of this weight as the learning rate goes to 0", 1.0
    )
    start_pref_v: float = key(
        number(minimum=0), "Deep Potential: initial weight of the virial, for frames that have one; typical 0.01", 0.0
    )
    limit_pref_v: float = key(
        number(minimum=0), "Deep Potential: limit of this weight as the learning rate goes to 0; typical 0.1", 0.0
    )
    intensive_ener_virial: bool = key(
        boolean(), "Deep Potential: weight energies and virials by 1/N² instead of 1/N, for N atoms", False
    )


SECTIONS: dict[str, type] = {"deep_potential": DeepPotentialSection, "loss": DeepPotentialLossSection}
"""Sections of this family; of a section common to several families, its own keys."""


def complete(settings: TrainSettings) -> TrainSettings:
    """Fill in the defaults of this family."""
    rate, training = settings.learning_rate, settings.training
    start = rate.start or 1e-3
    return change(
        settings,
        learning_rate={"start": start, "stop": rate.stop or min(1e-8, start)},
        training={"optimiser": training.optimiser or "adam", "batch_size": training.batch_size or "auto"},
    )


def check(settings: TrainSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    model, loss = settings.deep_potential, settings.loss
    if model.cutoff_smooth_A >= model.cutoff_A:
        yield "deep_potential.cutoff_smooth_A", f"must be below deep_potential.cutoff_A, {model.cutoff_A:g}"
    if model.axis_neuron > model.neuron[-1]:
        yield "deep_potential.axis_neuron", f"must be at most the last of deep_potential.neuron, {model.neuron[-1]}"
    if not any((loss.start_pref_e, loss.limit_pref_e, loss.start_pref_f, loss.limit_pref_f)):
        yield "loss.start_pref_e", "energies or forces must have a weight; typical 0.02"
    elements = settings.data.elements
    if isinstance(model.sel, list) and elements is not None and len(model.sel) != len(elements):
        yield "deep_potential.sel", f"must have a number for each of the {len(elements)} elements"


def needs_forces(settings: TrainSettings) -> bool:
    """Return whether every frame must have forces."""
    return bool(settings.loss.start_pref_f or settings.loss.limit_pref_f)


def fit(job: Job) -> int:
    """Train; returns the exit code.

    Raises:
        DependencyError: torch is not installed.
    """
    from hpcpot.potential.torch_device import require_torch

    require_torch("family = deep_potential")
    from hpcpot.training.by_gradient import fit
    from hpcpot.training.deep_potential.start import make_task

    return fit(job, make_task)
