"""Short trainings for tests: tiny networks on a small data set built in code."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import labelled
from ase.calculators.lj import LennardJones

from hpcpot import config
from hpcpot.dataset import hdf5
from hpcpot.dataset.dataset import DataSet, from_frames
from hpcpot.potential.registry import trainers
from hpcpot.training import job
from hpcpot.training.settings import SCHEMA, TrainSettings

COMMON = {
    "data": {"files": ["data.h5"], "elements": ["Li", "Si"], "validation_fraction": 0.25},
    "training": {"steps": 24, "print_every": 6, "checkpoint_every": 12, "batch_size": 2},
    "output": {"model": "model.h5"},
}
TREES = {
    "deep_potential": {
        "deep_potential": {
            "cutoff_A": 4.0,
            "neuron": [4, 8],
            "axis_neuron": 2,
            "fitting_neuron": [8, 8],
            "resnet_dt": True,
        },
        "loss": {"start_pref_v": 0.01, "limit_pref_v": 0.1},
        "learning_rate": {"start": 0.01, "stop": 1e-4},
    },
    "chebyshev": {
        "chebyshev": {"radial_cutoff_A": 4.0, "radial_order": 4, "angular_order": 2, "hidden": [6, 6]},
        "loss": {"force_weight": 0.1},
        "learning_rate": {"start": 0.01},
    },
    "graph": {
        "graph": {"blocks": 1, "features": 6, "hidden": 5, "noise_A": 0.02, "energy_weight": 0.1},
        "learning_rate": {"start": 0.01},
    },
    "moment_tensor": {"moment_tensor": {"level": 8, "cutoff_A": 4.0, "radial_size": 4}},
}


def tree(family: str, **sections: dict) -> dict:
    """A config as a tree; sections are changed by keys."""
    whole = {"family": family} | {name: dict(keys) for name, keys in (COMMON | TREES[family]).items()}
    for name, keys in sections.items():
        whole[name] = whole.get(name, {}) | keys
    return whole


@cache
def dataset(n: int = 12) -> DataSet:
    """Frames of `labelled` with Lennard-Jones labels; the last one is not periodic and has no virial."""
    bare, frames = labelled.structures(n), []
    for k in range(n):
        atoms = bare.frame(k)
        atoms.calc = LennardJones(sigma=1.9, epsilon=0.3, rc=4.0, smooth=True)
        atoms.get_forces()
        frames.append(atoms)
    return from_frames(frames, ("Li", "Si"), "made")


def write_data(folder: Path, n: int = 12) -> None:
    if not (folder / "data.h5").exists():
        hdf5.write(dataset(n), folder / "data.h5", {})


def settings(folder: Path, family: str, **sections: dict) -> TrainSettings:
    """Checked settings with all files in the folder."""
    write_data(folder)
    found = config.load_tree(tree(family, **sections), folder / "config.yaml", SCHEMA)
    return config.change(found, output={name: folder / path for name, path in vars(found.output).items()})


def train(
    folder: Path,
    family: str,
    restart: bool = False,
    stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = print,
    **sections: dict,
) -> int:
    """Train in this process; the exit code."""
    found = settings(folder, family, **sections)
    return trainers()[family].fit(job.make(found, folder, restart, stop, say))
