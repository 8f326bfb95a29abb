"""Appending frames of positions, images, velocities and forces to a trajectory: ms a frame and MB/s.

    python benchmarks/hdf5_write.py                    one rank; 4,608 and 100,000 atoms
    mpirun -n 2 python benchmarks/hdf5_write.py        gathered on rank 0, and through parallel HDF5

Prints one JSON line for each case. The file written in the warm-up is read back and compared before anything is timed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import timing  # first: it sets the threads
import numpy as np

from hpcpot.parallel.ranks import Ranks, start
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.storage.trajectory import Trajectory, block

ELEMENTS = ("position", "image", "velocity", "force")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--atoms", type=int, nargs="+", default=(4608, 100_000))
    parser.add_argument("--frames", type=int, default=20, help="frames of each repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to write; default: the folder for temporary files")
    arguments = parser.parse_args()
    ranks = start()
    folder = ranks.root_only(lambda: tempfile.mkdtemp(dir=arguments.folder))
    path = Path(folder) / "benchmark.h5md"
    for n_atoms in arguments.atoms:
        for mode in ("rank0", "parallel") if ranks.size > 1 else ("rank0",):
            measure(path, ranks, n_atoms, mode, arguments.frames, arguments.repeats)
    ranks.root_only(Path(folder).rmdir)


def measure(path: Path, ranks: Ranks, n_atoms: int, mode: str, frames: int, repeats: int) -> None:
    first, end = block(ranks, n_atoms)
    values = np.random.default_rng(1).normal(size=(n_atoms, 3))[first:end]
    particles = {name: (100 * values).astype(np.int32) if name == "image" else values for name in ELEMENTS}
    trajectory = Trajectory(
        path,
        ranks,
        elements=("Si",),
        species=np.zeros(end - first, int),
        masses=np.array([28.085]),
        n_atoms=n_atoms,
        periodic=np.ones(3, bool),
        particles=dict.fromkeys(ELEMENTS, 1),
        observables={},
        observables_every=0,
        n_steps=frames * (repeats + 1),
        provenance={},
        mode=mode,
    )

    def append() -> None:
        for _ in range(frames):
            step = trajectory.last_steps["particles/trajectory"] + 1
            trajectory.append(step, float(step), particles, np.eye(3))

    append()
    ranks.root_only(lambda: check(path, n_atoms, frames))
    seconds = timing.repeat(append, repeats, warm_up=0)
    trajectory.close()
    if ranks.is_root:
        size = sum(array.nbytes for array in particles.values()) / (end - first) * n_atoms / 1e6
        per_frame = [1e3 * s / frames for s in seconds]
        rate = 1e3 * size / float(np.median(per_frame))
        facts = {"atoms": n_atoms, "ranks": ranks.size, "mode": trajectory.mode, "MB_per_frame": round(size, 3)}
        print(timing.line("hdf5_write", "ms per frame", per_frame, **facts, MB_per_s=round(rate, 1)))
        path.unlink()


def check(path: Path, n_atoms: int, frames: int) -> None:
    """The last frame in the file is what was given."""
    expected = np.random.default_rng(1).normal(size=(n_atoms, 3))
    with TrajectoryReader(path) as reader:
        if len(reader) != frames or not np.array_equal(reader.values("force", -1), expected):
            raise SystemExit("hdf5_write = wrong frames: what was written must be read back; do not trust the timing.")


if __name__ == "__main__":
    main()
