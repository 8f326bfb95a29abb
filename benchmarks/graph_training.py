"""A training step of a graph network: the share of torch's own speed of matrix products that it reaches.

python benchmarks/graph_training.py [--threads 2] [--cells 32]

The floating-point operations of all matrix products of a step, forward and backward, over its time, beside the speed of one
product of the shape that most of them have (edges x features by features x features), in turn on the same threads.
"""

from __future__ import annotations

import argparse
from types import SimpleNamespace

import timing  # first: it sets the threads
import numpy as np
import torch
from ase.calculators.singlepoint import SinglePointCalculator
from torch.utils.flop_counter import FlopCounterMode

from hpcpot.dataset.dataset import DataSet, from_frames
from hpcpot.structure import crystals
from hpcpot.training.frames import FrameCache
from hpcpot.training.graph.model import GraphLoss, GraphModel, predict
from hpcpot.training.graph.settings import GraphSection
from hpcpot.training.graph.start import initial, way

PRODUCTS = 20
"""Products that are timed at once."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--cells", type=int, default=32, help="cells of 34 atoms in a batch")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    data = cells(arguments.cells)
    keys = GraphSection(energy_weight=0.0, force_weight=1.0, stress_weight=1.0)
    settings = SimpleNamespace(graph=keys, training=SimpleNamespace(seed=1))
    family = initial(SimpleNamespace(settings=settings, training=data))
    model = GraphModel(family, 0.0, torch.float32, torch.device("cpu"))
    frames = FrameCache(data, model, model.constant_energies, True, 1e9, way(settings))
    loss = GraphLoss(1.0, 1.0, 1.0, (family.energy_scale, family.force_scale, family.stress_scale))
    check(model, frames)
    graphs, _ = frames.batch(range(len(data)))
    edges, width = len(graphs.centres), keys.features
    a, b = torch.rand(edges, width), torch.rand(width, width)

    def step(number: int = 0) -> None:
        batch, labels = frames.batch(range(len(data)), number)
        way(settings).add_gradient(model, batch, lambda found: loss(found, labels, 0.0), True)

    def products() -> None:
        for _ in range(PRODUCTS):
            a @ b

    with FlopCounterMode(display=False) as counter:
        step()
    flop, shares = counter.get_total_flops(), []
    for _ in range(arguments.repeats):
        (own,), (ceiling,) = timing.repeat(step, 1), timing.repeat(products, 1)
        shares.append(100.0 * (flop / own) / (PRODUCTS * 2.0 * edges * width**2 / ceiling))
    facts = {
        "threads": arguments.threads,
        "edges": edges,
        "gflop_per_step": round(1e-9 * flop, 2),
        "ms_per_step": 1e3 * own,
    }
    print(timing.line("graph_training", "% of the speed of matrix products", shares, **facts))


def cells(n: int) -> DataSet:
    """Crystals of Li13Si4, rattled, with labels of no meaning."""
    random, frames = np.random.default_rng(1), []
    for _ in range(n):
        atoms = crystals.build("Li13Si4")
        atoms.positions += random.normal(0.0, 0.1, atoms.positions.shape)
        labels = {"energy": random.normal(), "forces": random.normal(size=atoms.positions.shape)}
        atoms.calc = SinglePointCalculator(atoms, stress=random.normal(size=6), **labels)
        frames.append(atoms)
    return from_frames(frames, ("Li", "Si"), "crystals")


def check(model: GraphModel, frames: FrameCache) -> None:
    """A frame in a batch has the forces that it has alone."""
    together = predict(model, frames.batch(range(len(frames.data)))[0]).forces
    alone = predict(model, frames.batch([0])[0]).forces
    torch.testing.assert_close(together[: len(alone)], alone, rtol=0, atol=1e-5)


if __name__ == "__main__":
    main()
