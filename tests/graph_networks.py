"""Small graph networks with random weights, and data sets that they can be trained on."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import ase
import labelled
import numpy as np
from ase.build import bulk

from hpcpot.dataset.dataset import DataSet, from_frames
from hpcpot.potential.graph.model import GraphNetwork, mapped
from hpcpot.training.graph.settings import GraphSection
from hpcpot.training.graph.start import initial


def periodic_cells(n: int = 5) -> list[ase.Atoms]:
    """Skewed Li-Si cells of 2 to 9 atoms, some shorter than the cutoff, one without neighbours."""
    random, cells = np.random.default_rng(7), []
    for k in range(n):
        atoms = bulk("Si", "diamond", 5.4, cubic=k % 2 == 0)
        atoms.symbols[::2] = "Li"
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.08 * random.uniform(-1, 1, (3, 3))), scale_atoms=True)
        atoms.positions += random.normal(0.0, 0.1, atoms.positions.shape)
        cells.append(atoms)
    cells.append(ase.Atoms("Li", cell=np.diag([9.0, 8.0, 7.0]), pbc=True))
    return cells


def random_network(variant: str = "planes", seed: int = 3, elements: Sequence[str] = ("Li", "Si")) -> GraphNetwork:
    """Two blocks of 8 features, with forces and stresses of sensible size."""
    keys = GraphSection(variant=variant, blocks=2, features=8, hidden=6, embedding=4)
    settings = SimpleNamespace(graph=keys, training=SimpleNamespace(seed=seed))
    model = initial(SimpleNamespace(settings=settings, training=data_set().with_elements(elements)))
    random = np.random.default_rng(seed)
    return mapped(model, lambda values: values + random.normal(0.0, 0.06, values.shape))


def data_set(n: int = 8) -> DataSet:
    """Periodic frames with the labels of a potential."""
    bare = labelled.structures(n + 1)
    frames = [bare.frame(k) for k in range(n)]
    return labelled.with_labels(from_frames(frames, ("Li", "Si"), "made"))
