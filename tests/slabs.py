"""A small Si/Li slab with vacuum, and trajectories of it."""

from __future__ import annotations

from pathlib import Path

import ase
import numpy as np
from ase.build import bulk

from hpcpot.parallel.ranks import SERIAL
from hpcpot.storage.trajectory import Trajectory


def slab(seed: int = 1) -> ase.Atoms:
    """128 Si in 16 layers of 21.6 Å, then 90 Li, 12 Å of vacuum; periodic along all axes."""
    silicon = bulk("Si", "diamond", 5.4, cubic=True) * (2, 2, 4)
    lithium = bulk("Li", "bcc", 3.6, cubic=True) * (3, 3, 5)
    lithium.positions += [0.0, 0.0, 21.6 + 1.0]
    atoms = ase.Atoms(
        "Si128Li90",
        np.concatenate([silicon.positions, lithium.positions]),
        cell=[10.8, 10.8, 21.6 + 18.0 + 12.0],
        pbc=True,
    )
    atoms.positions += np.random.default_rng(seed).normal(0.0, 0.08, atoms.positions.shape)
    return atoms


def write(path: Path, frames: list[ase.Atoms], every: int = 10) -> Path:
    """A trajectory with a frame every `every` steps of 1 fs."""
    first = frames[0]
    species = (first.numbers == 14).astype(np.int32)
    with Trajectory(
        path,
        SERIAL,
        elements=("Li", "Si"),
        species=species,
        masses=np.array([6.94, 28.085]),
        n_atoms=len(first),
        periodic=np.asarray(first.pbc),
        particles={"position": every, "image": every},
        observables={},
        observables_every=0,
        n_steps=every * len(frames),
        provenance={},
    ) as trajectory:
        for k, frame in enumerate(frames):
            particles = {"position": frame.positions, "image": np.zeros((len(frame), 3), np.int32)}
            trajectory.append(every * k, float(every * k), particles, frame.cell.array)
    return path


def drifting(count: int) -> list[ase.Atoms]:
    """Frames that move along z, and wrap."""
    frames = [slab(seed) for seed in range(count)]
    for k, frame in enumerate(frames):
        frame.positions[:, 2] += 7.0 * k
        frame.wrap()
    return frames
