"""What each observable costs a frame of the 4,608-atom Si/Li interface, in processor time of one core.

    python benchmarks/observables.py [rdf msd ...]

Frames are the shipped interface with its atoms moved a little; options are the defaults. Windows of frames (msd, vacf) are
full before anything is timed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from time import process_time

import timing  # first: it sets the threads
import numpy as np

from hpcpot.analysis import registry
from hpcpot.analysis.observable import Frame, Observable
from hpcpot.config import keys_in
from hpcpot.structure import files

NAMES = ("rdf", "coordination", "msd", "vacf", "profile", "bonds", "strain", "stress", "voids")
MOVE = 0.1
"""Å, standard deviation of the moves of atoms along an axis."""
EACH = 16
"""Frames of a repeat."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=NAMES, help=", ".join(NAMES))
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    frames = make(EACH)
    for name in arguments.names:
        observable, sampled = registry.make(name, frames[0]), 0
        lags = keys_in(registry.OBSERVABLES[name].options).get("lags")
        while lags and sampled < lags.default:
            sampled = sample(observable, frames, sampled)
        seconds = []
        for _ in range(arguments.repeats + 1):
            began = process_time()
            sampled = sample(observable, frames, sampled)
            seconds.append(1e3 * (process_time() - began) / EACH)
        print(timing.line(f"observable_{name}", "ms core time per frame", seconds[1:], atoms=len(frames[0].numbers)))


def make(count: int) -> list[Frame]:
    atoms, rng = files.read("interface_si100"), np.random.default_rng(1)
    n, masses = len(atoms), atoms.get_masses()
    return [
        Frame(
            k,
            float(k),
            atoms.cell.array,
            np.array(atoms.pbc),
            atoms.numbers,
            masses,
            atoms.positions + rng.normal(0.0, MOVE, (n, 3)),
            images=np.zeros((n, 3), np.int32),
            velocities=rng.normal(0.0, 0.01, (n, 3)),
            virials=rng.normal(0.0, 1.0, (n, 3, 3)),
        )
        for k in range(count)
    ]


def sample(observable: Observable, frames: list[Frame], sampled: int) -> int:
    """Sample the frames once more, as if time went on; returns how many have been sampled."""
    for k, frame in enumerate(frames, sampled):
        observable.sample(replace(frame, step=k, time=float(k)))
    return sampled + len(frames)


if __name__ == "__main__":
    main()
