"""Training of Deep Potentials: keys of the config, and what is trained by which rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hpcpot.config import Key, Settings
from hpcpot.config.kinds import Kind, boolean, choice, integer, list_of, number

if TYPE_CHECKING:
    from hpcpot.training.job import Job

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

    return Kind(words, parse)


KEYS = (
    Key("deep_potential.cutoff_A", number(above=0), "rcut: radius of a neighbourhood", 6.0),
    Key("deep_potential.cutoff_smooth_A", number(minimum=0), "rcut_smth: from here neighbours fade", 0.5),
    Key(
        "deep_potential.sel", slots(), "slots for neighbours of each element; auto: counted, times FACTOR (1.1)", "auto"
    ),
    Key("deep_potential.neuron", list_of(integer(1), WIDTHS), "widths of the embedding networks", [25, 50, 100]),
    Key("deep_potential.axis_neuron", integer(1), "columns of the second factor of the descriptor", 16),
    Key("deep_potential.resnet_dt", boolean(), "factors on the skips of the embedding", False),
    Key("deep_potential.type_one_side", boolean(), "embeddings depend on the neighbour's element alone", True),
    Key("deep_potential.activation_function", choice("tanh", "linear", "sigmoid"), "of the embedding", "tanh"),
    Key("deep_potential.set_davg_zero", boolean(), "no mean is taken off", False),
    Key("deep_potential.env_protection_A", number(minimum=0), "added to distances in denominators", 0.0),
    Key("deep_potential.stat_batches", integer(1), "of each group and composition, for mean, deviation and bias", 10),
    Key("deep_potential.fitting_neuron", list_of(integer(1), WIDTHS), "of the fitting networks", [240, 240, 240]),
    Key("deep_potential.fitting_resnet_dt", boolean(), "factors on their skips", True),
    Key("deep_potential.fitting_activation_function", choice("tanh", "linear", "sigmoid"), "of the fitting", "tanh"),
    Key("loss.start_pref_e", number(minimum=0), "of DeePMD-kit's loss: weight of the energy at the start", 0.02),
    Key("loss.limit_pref_e", number(minimum=0), "and as the learning rate goes to 0", 1.0),
    Key("loss.start_pref_f", number(minimum=0), "weight of the forces", 1000.0),
    Key("loss.limit_pref_f", number(minimum=0), "and as the learning rate goes to 0", 1.0),
    Key("loss.start_pref_v", number(minimum=0), "weight of the virial, of frames that have one; typical 0.01", 0.0),
    Key("loss.limit_pref_v", number(minimum=0), "and as the learning rate goes to 0; typical 0.1", 0.0),
    Key("loss.intensive_ener_virial", boolean(), "energies and virials by 1/N^2 in place of DeePMD-kit's 1/N", False),
)


def check(settings: Settings) -> Iterator[tuple[str, str]]:
    """What does not fit together; fills in the defaults of this family."""
    model, rate, training, loss = settings.deep_potential, settings.learning_rate, settings.training, settings.loss
    rate.start = rate.start or 1e-3
    rate.stop = rate.stop or min(1e-8, rate.start)
    training.optimiser = training.optimiser or "adam"
    training.batch_size = training.batch_size or "auto"
    if model.cutoff_smooth_A >= model.cutoff_A:
        yield "deep_potential.cutoff_smooth_A", f"must be below deep_potential.cutoff_A, {model.cutoff_A:g}"
    if model.axis_neuron > model.neuron[-1]:
        yield "deep_potential.axis_neuron", f"must be at most the last of deep_potential.neuron, {model.neuron[-1]}"
    if not any((loss.start_pref_e, loss.limit_pref_e, loss.start_pref_f, loss.limit_pref_f)):
        yield "loss.start_pref_e", "energies or forces must have a weight; typical 0.02"
    elements = settings.data.elements
    if isinstance(model.sel, list) and elements is not None and len(model.sel) != len(elements):
        yield "deep_potential.sel", f"must have a number for each of the {len(elements)} elements"


def needs_forces(settings: Settings) -> bool:
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
