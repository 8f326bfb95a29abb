"""A small data set whose labels are those of a potential, built in code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import systems
from ase.build import bulk

from hpcpot.dataset.dataset import DataSet, RawLabels, from_frames
from hpcpot.dataset.predict import predict
from hpcpot.potential.blocks import BlockPotential

MODEL = systems.deep_potential()


def structures(n: int = 6) -> DataSet:
    """Li-Si frames of 8 and 16 atoms without labels, groups `hot` (even) and `cold` (odd); the last is not periodic."""
    frames = []
    for k in range(n):
        atoms = systems.mixed(bulk("Si", "diamond", 5.4 + 0.02 * k, cubic=True) * (1 + k % 2, 1, 1), seed=k)
        atoms.set_cell(
            atoms.cell.array @ (np.eye(3) + 0.03 * np.random.default_rng(k).uniform(-1, 1, (3, 3))), scale_atoms=True
        )
        atoms.info["group"] = ("hot", "cold")[k % 2]
        frames.append(atoms)
    frames[-1].pbc = False
    return from_frames(frames, ("Li", "Si"), "made")


def with_labels(bare: DataSet) -> DataSet:
    """The frames with the labels of MODEL."""
    found = predict(bare, BlockPotential(MODEL))
    return replace(bare, energies=found.energies, forces=found.forces, virials=found.virials)


def dataset(n: int = 6) -> DataSet:
    return with_labels(structures(n))


def series(n: int = 12) -> DataSet:
    """Frames a small way apart: half of them moved, half of them strained, one after the other."""
    rng, frames = np.random.default_rng(3), []
    atoms = systems.mixed(bulk("Si", "diamond", 5.4, cubic=True), seed=1)
    for k in range(n):
        atoms = atoms.copy()
        if k % 2:
            atoms.positions += rng.normal(0, 0.03, (len(atoms), 3))
        else:
            atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.01 * rng.uniform(-1, 1, (3, 3))), scale_atoms=True)
        frames.append(atoms)
    return with_labels(from_frames(frames, ("Li", "Si"), "series"))


def assert_same(a: DataSet, b: DataSet, but: tuple[str, ...] = ()) -> None:
    """All fields equal, bit by bit, NaN being NaN."""
    assert a.elements == b.elements
    for name in (
        "first",
        "species",
        "positions",
        "cells",
        "periodic",
        "energies",
        "forces",
        "virials",
        "groups",
        "sources",
    ):
        if name not in but:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def with_raw(data: DataSet) -> DataSet:
    """The frames as if a correction had been added to their labels, with others before."""
    return replace(data, raw=RawLabels(data.energies + 1.0, data.forces + 2.0, data.virials + 3.0))


def assert_same_raw(a: DataSet, b: DataSet) -> None:
    """Raw labels equal, bit by bit, NaN being NaN."""
    for name in ("energies", "forces", "virials"):
        np.testing.assert_array_equal(getattr(a.raw, name), getattr(b.raw, name), err_msg=name)


def in_hdf5(data: DataSet, path: Path) -> None:
    """A system for each frame, as dpdata writes it."""
    with h5py.File(path, "w") as file:
        for k in range(len(data)):
            frame, system = data.select([k]), file.create_group(f"frame{k}")
            system["type.raw"] = frame.species
            system["type_map.raw"] = np.array(data.elements, "S")
            system["set.000/coord.npy"] = frame.positions.reshape(1, -1)
            system["set.000/box.npy"] = frame.cells.reshape(1, -1)
            system["set.000/energy.npy"] = frame.energies
