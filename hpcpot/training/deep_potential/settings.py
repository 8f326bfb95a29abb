"""Training of Deep Potentials: keys of the config, and what is trained by which rules."""

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
    """Neighbour slots."""
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
    """The model, as DeePMD-kit's descriptor se_e2_a and its fitting network."""

    cutoff_A: float = key(number(above=0), "rcut: radius of a neighbourhood", 6.0)
    cutoff_smooth_A: float = key(number(minimum=0), "rcut_smth: from here neighbours fade", 0.5)
    sel: str | list[int] = key(
        slots(), "slots for neighbours of each element; auto: counted, times FACTOR (1.1)", "auto"
    )
    neuron: list[int] = key(list_of(integer(1), WIDTHS), "widths of the embedding networks", [25, 50, 100])
    axis_neuron: int = key(integer(1), "columns of the second factor of the descriptor", 16)
    resnet_dt: bool = key(boolean(), "factors on the skips of the embedding", False)
    type_one_side: bool = key(boolean(), "embeddings depend on the neighbour's element alone", True)
    activation_function: str = key(choice("tanh", "linear", "sigmoid"), "of the embedding", "tanh")
    set_davg_zero: bool = key(boolean(), "no mean is taken off", False)
    env_protection_A: float = key(number(minimum=0), "added to distances in denominators", 0.0)
    stat_batches: int = key(integer(1), "of each group and composition, for mean, deviation and bias", 10)
    fitting_neuron: list[int] = key(list_of(integer(1), WIDTHS), "of the fitting networks", [240, 240, 240])
    fitting_resnet_dt: bool = key(boolean(), "factors on their skips", True)
    fitting_activation_function: str = key(choice("tanh", "linear", "sigmoid"), "of the fitting", "tanh")


@dataclass(frozen=True, kw_only=True)
class DeepPotentialLossSection:
    """Weights of DeePMD-kit's loss."""

    start_pref_e: float = key(number(minimum=0), "of DeePMD-kit's loss: weight of the energy at the start", 0.02)
    limit_pref_e: float = key(number(minimum=0), "and as the learning rate goes to 0", 1.0)
    start_pref_f: float = key(number(minimum=0), "weight of the forces", 1000.0)
    limit_pref_f: float = key(number(minimum=0), "and as the learning rate goes to 0", 1.0)
    start_pref_v: float = key(number(minimum=0), "weight of the virial, of frames that have one; typical 0.01", 0.0)
    limit_pref_v: float = key(number(minimum=0), "and as the learning rate goes to 0; typical 0.1", 0.0)
    intensive_ener_virial: bool = key(boolean(), "energies and virials by 1/N^2 in place of DeePMD-kit's 1/N", False)


SECTIONS: dict[str, type] = {"deep_potential": DeepPotentialSection, "loss": DeepPotentialLossSection}
"""Sections of a config that are this family's; of one that families share, its own part."""


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
    """Yield what does not fit together."""
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
    """Whether every frame must have forces."""
    return bool(settings.loss.start_pref_f or settings.loss.limit_pref_f)


def fit(job: Job) -> int:
    """Train; returns the exit code.

    Raises:
        DependencyError: torch is not installed.
    """
    from hpcpot.training.job import require_torch

    require_torch()
    from hpcpot.training.by_gradient import fit
    from hpcpot.training.deep_potential.start import make_task

    return fit(job, make_task)
