"""A Chebyshev network before its first step: normalisation of energies and descriptors, random networks, loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from hpcpot.dataset.dataset import DataSet
from hpcpot.errors import DataError
from hpcpot.potential.chebyshev.aenet import input_scale, spins
from hpcpot.potential.chebyshev.model import Chebyshev
from hpcpot.training import geometry, statistics
from hpcpot.training.batches import Systems
from hpcpot.training.chebyshev.model import ChebyshevModel
from hpcpot.training.initial import torch_layers
from hpcpot.training.job import Job
from hpcpot.training.loss import AenetLoss

CPU = torch.device("cpu")


def make_task(job: Job, dtype: torch.dtype, device: torch.device) -> tuple[ChebyshevModel, AenetLoss, Systems]:
    """The model, its loss, and all frames as one system, since batches are drawn from all structures."""
    energies = _atomic_energies(job)
    job.training = _below_maximum(job, energies)
    family = initial(job, energies)
    weights = job.settings.loss
    if weights.virial_weight and not np.isfinite(job.training.virials).any():
        raise DataError(
            f"loss.virial_weight = {weights.virial_weight:g} with no virial in any training frame: some must have one; "
            "set it to 0, or give data with virials."
        )
    loss = AenetLoss(weights.force_weight, float(family.energy_scale[0]), weights.virial_weight)
    size = min(job.settings.training.batch_size, len(job.training))
    return ChebyshevModel(family, dtype, device), loss, Systems([np.arange(len(job.training))], [size], ["all"])


def _atomic_energies(job: Job) -> np.ndarray:
    given, data = job.settings.chebyshev.atomic_energies_eV, job.training
    if given is None:
        return statistics.atomic_energies(data, np.arange(len(data)))
    missing = [e for e in data.elements if e not in given]
    if missing:
        raise DataError(
            f"chebyshev.atomic_energies_eV = {', '.join(given)}: the data have {', '.join(missing)}, too; give these."
        )
    return np.array([given[e] for e in data.elements])


def _below_maximum(job: Job, energies: np.ndarray) -> DataSet:
    most, data = job.settings.chebyshev.maximum_energy_eV_per_atom, job.training
    if most is None:
        return data
    keep = _per_atom(data, energies) <= most
    if not keep.any():
        raise DataError(f"chebyshev.maximum_energy_eV_per_atom = {most:g}: no frame is below; raise it, or set null.")
    job.say(f"{(~keep).sum()} of {len(data)} frames left out: more than {most:g} eV/atom")
    return data.select(keep)


def _per_atom(data: DataSet, energies: np.ndarray) -> np.ndarray:
    return (data.energies - data.counts @ energies) / data.sizes


def initial(job: Job, energies: np.ndarray) -> Chebyshev:
    """Random networks; energies scaled to -1 .. 1, descriptors to mean 0 and deviation 1 over all atoms."""
    keys, data, types = job.settings.chebyshev, job.training, len(job.training.elements)
    inputs = (keys.radial_order + keys.angular_order + 2) * min(types, 2)
    per_atom = _per_atom(data, energies)
    low, high = per_atom.min(), per_atom.max()
    if not high > low:
        raise DataError("energies = the same per atom in all frames: they must differ, to be scaled; give more frames.")
    random, hidden = np.random.default_rng(job.settings.training.seed), keys.hidden
    activations = [keys.activation] * len(hidden) + ["linear"]
    seen = statistics.reach(data, keys.radial_cutoff_A)
    job.say(f"closest pair {seen.shortest:.3f} Å")
    family = Chebyshev(
        data.elements,
        keys.radial_cutoff_A,
        keys.radial_order,
        keys.angular_cutoff_A,
        keys.angular_order,
        angular_domain="cos",
        spins=np.tile(np.array(spins(types), np.float64), (types, 1)),
        scale=np.ones((types, inputs)),
        offset=np.zeros((types, inputs)),
        networks=tuple(torch_layers(random, [inputs, *hidden, 1], activations) for _ in range(types)),
        energy_scale=np.full(types, 2.0 / (high - low)),
        energy_shift=np.full(types, 0.5 * (high + low)),
        atomic_energies=energies,
        min_distance=seen.shortest,
    )
    average, second = _moments(data, family)
    scale = np.array([input_scale(*row) for row in zip(average, second, strict=True)])
    return replace(family, offset=average, scale=scale)


def _moments(data: DataSet, family: Chebyshev) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each descriptor and of its square over the atoms of each element, (elements, inputs)."""
    model, types = ChebyshevModel(family, torch.float64, CPU), len(family.elements)
    sums, count = np.zeros((2, *family.scale.shape)), np.zeros(types)
    for k in range(len(data)):
        for i, centres in enumerate(geometry.of_frame(model, data, k, forces=False).centres):
            if len(centres.atoms):
                values = family.descriptors(i, [m.numpy() for m in centres.moments])
                sums[:, i] += values.sum(axis=0), (values * values).sum(axis=0)
                count[i] += len(values)
    return tuple(sums / np.maximum(count, 1.0)[:, None])
