"""A trajectory whose every number is a function of its step, to write on any number of ranks and to verify.

    python frames.py PATH MODE N_ATOMS FIRST LAST

appends steps FIRST to LAST and prints each when it is committed; with FIRST > 0 it goes on with a file after FIRST - 1.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from hpcpot.parallel.ranks import SERIAL, Ranks, start
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.storage.trajectory import Trajectory, block

EVERY = {"position": 2, "image": 2, "velocity": 2, "force": 3, "potential_energy": 6, "virial": 6}
FACTORS = {"position": 1.0, "image": 1.0, "velocity": -0.5, "force": 0.25, "potential_energy": 2.0, "virial": -4.0}
OBSERVABLES = {"temperature": ("K", ()), "potential_energy": ("eV", ()), "pressure_tensor": ("GPa", (3, 3))}


def element(name: str, step: int, n_atoms: int) -> np.ndarray:
    value = (np.arange(n_atoms * 3.0).reshape(n_atoms, 3) + step) * FACTORS[name]
    if name == "virial":
        return value[:, :, None] * np.array([1.0, 2.0, 3.0])
    return value[:, 0] if name == "potential_energy" else value.astype(np.int32) if name == "image" else value


def observables(step: int) -> dict[str, float | np.ndarray]:
    tensor = np.arange(9.0).reshape(3, 3) * step
    return {"temperature": 300.0 + step, "potential_energy": -2.5 * step, "pressure_tensor": tensor}


def box(step: int) -> np.ndarray:
    return np.diag([10.0, 11.0, 12.0]) + np.tri(3, k=-1) * (1.0 + 0.01 * step)


def create(path: Path, ranks: Ranks = SERIAL, n_atoms: int = 7, **options) -> Trajectory:
    first, end = block(ranks, n_atoms)
    options = {
        "elements": ("Li", "Si"),
        "species": (np.arange(n_atoms) % 2)[first:end],
        "masses": np.array([6.94, 28.085]),
        "n_atoms": n_atoms,
        "periodic": np.array([True, True, False]),
        "particles": EVERY,
        "observables": OBSERVABLES,
        "observables_every": 1,
        "n_steps": 30,
        "provenance": {"config": "a: 1\n", "ranks": 1, "wall": 0.5},
    } | options
    return Trajectory(path, ranks, **options)


def append(trajectory: Trajectory, step: int, ranks: Ranks = SERIAL, n_atoms: int = 7) -> None:
    first, end = block(ranks, n_atoms)
    particles = {name: element(name, step, n_atoms)[first:end] for name, every in EVERY.items() if step % every == 0}
    trajectory.append(step, 0.5 * step, particles, box(step), observables(step))


def write(path: Path, last: int, ranks: Ranks = SERIAL, n_atoms: int = 7, first: int = 0, **options) -> None:
    if first:
        options |= {"existing": "continue", "continue_step": first - 1}
    with create(path, ranks, n_atoms, **options) as trajectory:
        for step in range(first, last + 1):
            append(trajectory, step, ranks, n_atoms)


def verify(path: Path, n_atoms: int = 7, kind: str = "float64") -> int:
    """That every committed row of a file is whole; returns the last step of its observables."""
    with TrajectoryReader(path) as reader:
        seen = reader.observables()
        last = len(seen["step"]) - 1
        np.testing.assert_array_equal(seen["step"], np.arange(last + 1))
        for name in OBSERVABLES:
            expected = [observables(step)[name] for step in seen["step"]]
            np.testing.assert_array_equal(seen[name], np.reshape(expected, seen[name].shape))
        for name, every in EVERY.items():
            steps = reader.steps(name)
            assert 0 <= last // every + 1 - len(steps) <= (last % every == 0), f"{name}: {len(steps)} at step {last}"
            np.testing.assert_array_equal(steps, every * np.arange(len(steps)))
            np.testing.assert_array_equal(reader.times(name), 0.5 * steps)
            expected = np.array([element(name, s, n_atoms) for s in steps])
            np.testing.assert_array_equal(reader.values(name), expected.astype("int32" if name == "image" else kind))
        for k, step in enumerate(reader.steps()):
            np.testing.assert_array_equal(reader.frame(k).cell.array, box(step))
    return last


def whole(path: Path) -> int:
    """How many steps are whole, after `verify`: of the last, the observables may be marked and the atoms not yet."""
    steps = verify(path) + 1
    with TrajectoryReader(path) as reader:
        lacks = any(len(reader.steps(name)) <= (steps - 1) // every for name, every in EVERY.items())
    return steps - lacks


def main() -> None:
    path, mode, n_atoms, first, last = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:6])
    ranks = start()
    os.write(1, f"pid {os.getpid()}\n".encode())
    options = {"existing": "continue", "continue_step": first - 1} if first else {}
    with create(path, ranks, n_atoms, mode=mode, n_steps=last, **options) as trajectory:
        for step in range(first, last + 1):
            append(trajectory, step, ranks, n_atoms)
            if ranks.is_root:
                os.write(1, f"step {step}\n".encode())


if __name__ == "__main__":
    main()
