"""A graph network before its first step: scales of the data, random layers, loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from hpcpot.dataset.dataset import DataSet
from hpcpot.errors import DataError
from hpcpot.potential.graph.model import EDGE, GATES, MARKERS, STATE, Dense, GraphBlock, GraphNetwork, Set2Set
from hpcpot.training import batches, statistics
from hpcpot.training.batches import Systems
from hpcpot.training.graph import model as graph
from hpcpot.training.graph.model import Augmentation, GraphLoss, GraphModel
from hpcpot.training.graph.settings import GraphSection
from hpcpot.training.job import Job
from hpcpot.training.settings import TrainSettings
from hpcpot.training.way import Way

POOL = 16
"""Width of a set2set."""
GAIN, MESSAGE, OUTPUT = 2.0, 0.3, 0.1
"""Weights of activated layers, of the last of a message and of the last of a head, over those of Glorot and Bengio (2010).

The slope of the activation at 0 is 1/2, so that by these a signal keeps its size, and skips and means outweigh messages at
first. With 1 throughout, as MEGNet begins, a batch is learnt by half as well in the same steps.
"""
HEAD = (64, 32)
"""Widths before the last layer of a head."""


def way(settings: TrainSettings) -> Way:
    """How graphs are trained, with the changes that the config asks for."""
    keys, seed = settings.graph, settings.training.seed
    changes = Augmentation(seed, keys.cutoff_A, keys.turned, keys.noise_A, keys.noisy)
    return Way(graph.of_frame, graph.join, graph.predict, graph.add_gradient, changes)


def make_task(job: Job, dtype: torch.dtype, device: torch.device) -> tuple[GraphModel, GraphLoss, Systems]:
    """The model, its loss and the systems that batches are of."""
    keys = job.settings.graph
    for data in (job.training, job.validation):
        if data is not None:
            _check(data, keys)
    family = initial(job)
    scales = (family.energy_scale, family.force_scale, family.stress_scale)
    share = 1.0 if keys.variant == "energy" else keys.energy_weight
    weight = keys.energy_weight if keys.variant == "energy" else 1.0
    loss = GraphLoss(weight, keys.force_weight, keys.stress_weight, scales)
    return (
        GraphModel(family, share, dtype, device),
        loss,
        batches.systems(job.training, job.settings.training.batch_size),
    )


def _check(data: DataSet, keys: GraphSection) -> None:
    """Refuse frames that are not periodic along all axes, and frames without stress where it is learnt.

    Raises:
        DataError: names the first.
    """
    lacking = {"periodic": (~data.periodic.all(axis=1), "a graph network takes cells that are periodic along all axes")}
    if keys.stress_weight:
        no_stress = ~np.isfinite(data.virials).all(axis=(1, 2))
        lacking["virial"] = (no_stress, "graph.stress_weight needs the stress or virial of every frame")
    for name, (frames, why) in lacking.items():
        if frames.any():
            k = int(np.argmax(frames))
            value = data.periodic[k].tolist() if name == "periodic" else "missing"
            raise DataError(
                f"{name} of frame {k} ({data.sources[k]}) = {value}, as of {frames.sum()} of {len(data)} frames: {why}; leave "
                "such frames out (hpcpot dataset), or take another family."
            )


def initial(job: Job) -> GraphNetwork:
    """Random layers, on the scales of the training data."""
    keys, data = job.settings.graph, job.training
    random = np.random.default_rng(job.settings.training.seed)
    n, variant = len(data.elements), keys.variant
    shift = statistics.atomic_energies(data, np.arange(len(data)))
    off = (data.energies - data.counts @ shift) / data.sizes
    stresses, forces = data.stresses[np.isfinite(data.stresses)], data.forces[np.isfinite(data.forces)]
    predicts, of_graph = variant != "energy", variant == "global"
    node, width, hidden = keys.embedding + 3 * of_graph, keys.features, keys.hidden
    before = {"nodes_in": node, "state_in": STATE}
    head = (width, *HEAD)
    sets = 4 * POOL + width
    return GraphNetwork(
        elements=data.elements,
        cutoff=keys.cutoff_A,
        variant=variant,
        embedding=random.uniform(-1.0, 1.0, (n + MARKERS[variant], keys.embedding)),
        **{name: layers(random, (size, hidden, width)) for name, size in before.items()},
        edges_in=_of_edges(random, (EDGE, hidden, width), keys.cutoff_A),
        blocks=tuple(_block(random, k, width, hidden) for k in range(keys.blocks)),
        forces=_head(random, head, width, 3) if predicts else (),
        stress=(layers(random, (sets, *HEAD, 6), OUTPUT) if of_graph else _head(random, head, width, 3))
        if predicts
        else (),
        stress_nodes=_set2set(random, width) if of_graph else None,
        stress_edges=_set2set(random, width) if of_graph else None,
        energy=layers(random, (sets, *HEAD, 1), OUTPUT),
        energy_nodes=_set2set(random, width),
        energy_edges=_set2set(random, width),
        energy_shift=shift,
        energy_scale=_deviation(off),
        force_scale=_deviation(forces),
        stress_shift=float(stresses.mean()) if len(stresses) else 0.0,
        stress_scale=_deviation(stresses),
    )


def _deviation(values: np.ndarray) -> float:
    """Standard deviation; 1 of values that do not differ, or of none."""
    deviation = float(values.std()) if len(values) else 0.0
    return deviation if deviation > 1e-12 else 1.0


def layers(random: np.random.Generator, widths: Sequence[int], last: float = GAIN) -> tuple[Dense, ...]:
    """Layers with weights U(-a, a), a² = 6 gain² / (in + out), and no bias.

    Args:
        last: gain of the last one, GAIN that of the others.
    """
    gains = [GAIN] * (len(widths) - 2) + [last]
    return tuple(
        Dense(random.uniform(-1.0, 1.0, (n, m)) * gain * (6.0 / (n + m)) ** 0.5, np.zeros(m))
        for n, m, gain in zip(widths, widths[1:], gains, strict=False)
    )


def _of_edges(random: np.random.Generator, widths: Sequence[int], cutoff: float) -> tuple[Dense, ...]:
    """Layers whose inputs r, |r| and |r|², Å, are made numbers of one size by the weights."""
    first, *others = layers(random, widths)
    sizes = np.array([0.5 * cutoff] * 3 + [cutoff, cutoff * cutoff])
    return Dense(first.weights / sizes[:, None], first.bias), *others


def _block(random: np.random.Generator, k: int, width: int, hidden: int) -> GraphBlock:
    before = [layers(random, (width, hidden, width)) if k else () for _ in range(3)]
    joined = (4 * width, 3 * width, 3 * width)
    return GraphBlock(*before, *(layers(random, (size, hidden, hidden, width), MESSAGE) for size in joined))


def _head(random: np.random.Generator, widths: Sequence[int], state: int, outputs: int) -> tuple[Dense, ...]:
    """A head of nodes, whose last layer sees the state, too."""
    return *layers(random, widths), *layers(random, (widths[-1] + state, outputs), OUTPUT)


def _set2set(random: np.random.Generator, width: int) -> Set2Set:
    """A set2set that forgets little at first: the bias of its forget gate is 1, as of Keras."""
    (items,), (gates,) = layers(random, (width, POOL), 1.0), layers(random, (2 * POOL, GATES * POOL), 1.0)
    bias = np.zeros(GATES * POOL)
    bias[POOL : 2 * POOL] = 1.0
    return Set2Set(items, Dense(gates.weights, bias))
