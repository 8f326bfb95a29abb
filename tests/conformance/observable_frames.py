"""Frames and options for the checks of test_observables.py; as a script, all observables over them on several ranks.

    python observable_frames.py MODELS TABLES

with the folder of two model files, and the .npz file to write.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import slabs
import systems

sys.path.append(str(Path(__file__).with_name("outside")))
import height  # noqa: F401 -- adds a row

from hpcpot.analysis import registry
from hpcpot.analysis.frames import Observables, sample_frames
from hpcpot.analysis.observable import Frame, Observable, tables_of
from hpcpot.parallel.ranks import start
from hpcpot.potential import files as potential_files

MODELS = ("a.h5", "b.h5")
OPTIONS = {
    "strain": {"cutoff_A": 4.0},
    "bonds": {"stretch": 1.05},
    "voids": {"radius_A": 2.0, "spacing_A": 1.5},
    "stress": {"bins": [1, 2, 3]},
    "profile": {"bin_A": 2.0, "bond_A": 3.0},
    "energies": {"bin_A": 2.0, "across": "b"},
    "rdf": {"r_max_A": 6.0, "bin_A": 0.05},
    "coordination": {"lengths_A": [["Li", "Li", 3.4], ["Li", "Si", 3.0], ["Si", "Si", 2.8]]},
    "msd": {"lags": 3, "drift": "Si"},
    "vacf": {"lags": 2},
    "height": {"axis": "y"},
}
"""Of each observable but the deviation of models, whose files are in a folder."""


def save_models(folder: Path) -> None:
    for seed, name in enumerate(MODELS, 1):
        potential_files.save(systems.deep_potential(seed), folder / name, {"source": "tests"})


def options(name: str, models: Path) -> dict:
    """Options of an observable as a config gives them."""
    return {"files": [str(models / file) for file in MODELS]} if name == "deviation" else OPTIONS[name]


def frame(k: int) -> Frame:
    """Frame k: a slab that is pulled along y, with noise in every array."""
    atoms, rng = slabs.slab(seed=k + 1), np.random.default_rng(k)
    cell = atoms.cell.array * np.array([[1.0], [1.0 + 0.05 * k], [1.0]])
    atoms.set_cell(cell, scale_atoms=True)
    atoms.wrap()
    n = len(atoms)
    return Frame(
        step=10 * k,
        time=5.0 * k,
        cell=cell,
        periodic=np.array(atoms.pbc),
        numbers=atoms.numbers,
        masses=atoms.get_masses(),
        positions=atoms.positions,
        images=rng.integers(-1, 2, (n, 3)).astype(np.int32),
        velocities=rng.normal(0.0, 0.01, (n, 3)),
        forces=rng.normal(0.0, 1.0, (n, 3)),
        energies=rng.normal(-3.0, 1.0, n),
        virials=rng.normal(0.0, 1.0, (n, 3, 3)),
    )


FRAMES = 5


def make(name: str, models: Path) -> Observable:
    return registry.make(name, frame(0), **options(name, models))


def sampled(name: str, models: Path, frames: range) -> Observable:
    observable = make(name, models)
    for k in frames:
        observable.sample(frame(k))
    return observable


def tables(observables: Observables) -> dict[str, np.ndarray]:
    """All columns of all tables: "<table>/<column>"."""
    return {
        f"{table}/{column}": values
        for name, observable in observables.items()
        for table, columns in tables_of(name, observable).items()
        for column, values in columns.items()
    }


if __name__ == "__main__":
    ranks, models = start(), Path(sys.argv[1])
    observables = sample_frames(
        ranks, range(FRAMES), frame, lambda: {name: make(name, models) for name in registry.OBSERVABLES}
    )
    if ranks.is_root:
        np.savez(sys.argv[2], **{name.replace("/", " "): values for name, values in tables(observables).items()})
