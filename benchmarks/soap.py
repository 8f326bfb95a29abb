"""SOAP vectors of frames, and farthest point sampling of them.

    python benchmarks/soap.py                                          3,092 frames, 400 picks
    python benchmarks/soap.py --frames 100000 --picks 1000

Frames are those of `lisi_training` with their atoms moved a little, again and again. Vectors of atoms are compared with the
reference (1e-10), and the first picks with those by NumPy, before anything is timed. Times are processor time of one core; the
last line is that of vectors with n_max 8, those before are of farthest points among vectors with n_max 4.
"""

from __future__ import annotations

import argparse
import resource
from dataclasses import replace
from time import process_time

import timing  # first: it sets the threads
import numpy as np

from hpcpot.dataset import files
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.predict import neighborhoods
from hpcpot.descriptors.descriptor import of_atoms, of_frames
from hpcpot.descriptors.soap import reference
from hpcpot.descriptors.soap.power_spectrum import Soap
from hpcpot.selection.farthest import central, farthest

MOVE = 0.1
"""Å, standard deviation of the moves of atoms along an axis."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=3092)
    parser.add_argument("--picks", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    given = files.load(["lisi_training"])
    soap, small = Soap(given.elements), Soap(given.elements, n_max=4)
    part = given.select(range(0, len(given), 100))
    check_vectors(part, soap)

    copies = -(-arguments.frames // len(given))
    vectors = np.concatenate([of_frames(moved(given, seed), small) for seed in range(copies)])[: arguments.frames]
    check_picks(vectors)
    facts = {"vectors": vectors.shape}
    seconds = timing.repeat(lambda: central(vectors), arguments.repeats, 1, process_time)
    print(timing.line("fps_start", "s", seconds, **facts))
    seconds = timing.repeat(lambda: farthest(vectors, 0, arguments.picks), arguments.repeats, 1, process_time)
    facts |= {"picks": arguments.picks, "memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}
    print(timing.line("fps", "s", seconds, **facts))

    atoms = len(given.species)
    seconds = timing.repeat(lambda: of_frames(given, soap), arguments.repeats, 1, process_time)
    facts = {"atoms": atoms, "cutoff": soap.cutoff, "n_max": soap.n_max, "l_max": soap.l_max, "size": soap.size}
    print(timing.line("soap", "us per atom", [1e6 * second / atoms for second in seconds], **facts))


def moved(dataset: DataSet, seed: int) -> DataSet:
    moves = np.random.default_rng(seed).normal(0.0, MOVE, dataset.positions.shape)
    return replace(dataset, positions=dataset.positions + moves)


def check_vectors(dataset: DataSet, soap: Soap) -> None:
    joined = neighborhoods(dataset, soap.reach)
    points = joined.points(dataset.positions, dataset.cells)
    expected = reference.rows(soap, points, joined.pairs, dataset.species[joined.owners])
    found = of_atoms(dataset, soap)
    error = np.abs(found @ found.T - expected @ expected.T).max()
    if not error < 1e-10:
        raise SystemExit(f"kernels = {error} from the reference: differ")


def check_picks(vectors: np.ndarray, count: int = 20) -> None:
    order, nearest = [0], np.full(len(vectors), np.inf)
    while len(order) < count:
        nearest = np.minimum(nearest, np.linalg.norm(vectors - vectors[order[-1]], axis=1))
        order.append(int(np.argmax(nearest)))
    found = farthest(vectors, 0, count).order.tolist()
    if found != order:
        raise SystemExit(f"picks = {found}: {order} are expected")


if __name__ == "__main__":
    main()
