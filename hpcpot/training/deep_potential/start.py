"""A Deep Potential before its first step: statistics of the data, random networks, loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from hpcpot.errors import DataError
from hpcpot.potential.deep_potential.deepmd import ACTIVATIONS
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.training import batches, statistics
from hpcpot.training.batches import Systems
from hpcpot.training.deep_potential.model import DeepPotentialModel
from hpcpot.training.initial import deepmd_layers, deepmd_output
from hpcpot.training.job import Job
from hpcpot.training.loss import DeepmdLoss


def make_task(job: Job, dtype: torch.dtype, device: torch.device) -> tuple[DeepPotentialModel, DeepmdLoss, Systems]:
    """The model, its loss and the systems that batches are of."""
    systems = batches.systems(job.training, job.settings.training.batch_size)
    loss, rate = job.settings.loss, job.settings.learning_rate
    deepmd_loss = DeepmdLoss(
        rate.start,
        (loss.start_pref_e, loss.limit_pref_e),
        (loss.start_pref_f, loss.limit_pref_f),
        (loss.start_pref_v, loss.limit_pref_v),
        loss.intensive_ener_virial,
    )
    if any(deepmd_loss.virial) and not np.isfinite(job.training.virials).any():
        raise DataError(
            "loss.start_pref_v = with no virial in any training frame: some must have one; set start_pref_v and "
            "limit_pref_v to 0, or give data with virials."
        )
    return DeepPotentialModel(initial(job, systems), dtype, device), deepmd_loss, systems


def initial(job: Job, systems: Systems) -> DeepPotential:
    """Random networks on the normalisation and the atomic energies of the training data."""
    keys, data = job.settings.deep_potential, job.training
    seen = statistics.reach(data, keys.cutoff_A)
    slots = statistics.slots(_of_present(keys.sel, job), seen.most)
    if len(slots) != len(data.elements):
        raise DataError(
            f"deep_potential.sel = {keys.sel}: must have a number for each of {', '.join(data.elements)}; correct it, "
            "or set data.elements."
        )
    short = [e for e, n, room in zip(data.elements, seen.most, slots, strict=True) if n > room]
    if short:
        job.say(f"note: some atoms have more {', '.join(short)} neighbours than slots; only the nearest will be seen")
    job.say(f"slots {dict(zip(data.elements, slots.tolist(), strict=True))}, closest pair {seen.shortest:.3f} Å")
    rows = statistics.sample(systems, keys.stat_batches)
    model = _random(job, slots)
    mean, deviation = statistics.normalisation(data, rows, model, keys.set_davg_zero)
    return replace(model, mean=mean, deviation=deviation, energy_shift=statistics.atomic_energies(data, rows))


def _of_present(sel: str | list[int], job: Job) -> str | list[int]:
    """The numbers of a list of slots that are of the model's elements: data.elements may name more."""
    named = job.settings.data.elements
    if not isinstance(sel, list) or named is None:
        return sel
    return [slots for element, slots in zip(named, sel, strict=True) if element in job.training.elements]


def _random(job: Job, slots: np.ndarray) -> DeepPotential:
    """Random networks; mean 0, deviation 1, no energy shift."""
    keys, types = job.settings.deep_potential, len(slots)
    random = np.random.default_rng(job.settings.training.seed)
    embedding = ([1, *keys.neuron], ACTIVATIONS[keys.activation_function], keys.resnet_dt)
    n_rows = 1 if keys.type_one_side else types
    embeddings = tuple(tuple(deepmd_layers(random, *embedding) for _ in range(types)) for _ in range(n_rows))
    widths = [keys.neuron[-1] * keys.axis_neuron, *keys.fitting_neuron]
    fitting = (widths, ACTIVATIONS[keys.fitting_activation_function], keys.fitting_resnet_dt)
    fittings = tuple((*deepmd_layers(random, *fitting), deepmd_output(random, widths[-1])) for _ in range(types))
    return DeepPotential(
        job.training.elements,
        keys.cutoff_A,
        keys.cutoff_smooth_A,
        slots,
        keys.axis_neuron,
        mean=np.zeros((types, types, 4)),
        deviation=np.ones((types, types, 4)),
        embeddings=embeddings * (types // n_rows),
        fittings=fittings,
        energy_shift=np.zeros(types),
        one_sided=keys.type_one_side,
        protection=keys.env_protection_A,
    )
