"""Radial distribution functions of all pairs of elements beside freud and MDAnalysis, in turn: counts, and time of a frame.

    python benchmarks/peers/rdf.py

The 4,608 atoms of the Si/Li interface, moved a little for each frame, to 10 A in bins of 0.02 A: 815,000 pairs a frame, i with
j and j with i. Coordinates are rounded to float32, in which the peers hold them; they compute distances in float32, so that
a few pairs are in the bin beside: the counts up to each distance must agree to 1e-5 of the pairs (tests/analysis/test_rdf.py
compares with ASE, without a difference). All are timed by core time; the peers are installed at the first call.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from time import process_time

from side_by_side import call, install, timing  # first: it sets the threads

import numpy as np  # isort: skip

from hpcpot.analysis import registry
from hpcpot.analysis.observable import Frame
from hpcpot.analysis.rdf import RadialDistribution
from hpcpot.structure import files

R_MAX, BIN = 10.0, 0.02
PEER = """
import json, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
which, path, r_max, bins = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
with np.load(path) as file:
    positions, edges, numbers = (file[name] for name in ("positions", "edges", "numbers"))
groups = [np.flatnonzero(numbers == z) for z in (3, 14)]
pairs = [(0, 0), (0, 1), (1, 1)]
if which == "freud":
    import freud
    freud.parallel.set_num_threads(1)
    box = freud.box.Box(*edges)
    def run(frames):
        tables = [freud.density.RDF(bins, r_max) for _ in pairs]
        for frame in frames:
            points = box.wrap(frame)
            for (a, b), table in zip(pairs, tables):
                query = None if a == b else points[groups[a]]
                table.compute((box, points[groups[b]]), query_points=query, reset=False)
        return [np.asarray(table.bin_counts, float) for table in tables]
else:
    import MDAnalysis
    from MDAnalysis.analysis.rdf import InterRDF
    from MDAnalysis.coordinates.memory import MemoryReader
    def run(frames):
        universe = MDAnalysis.Universe.empty(len(numbers), trajectory=True)
        universe.load_new(np.array(frames, "f4"), format=MemoryReader, dimensions=[*edges, 90, 90, 90])
        found = []
        for a, b in pairs:
            one, other = (universe.atoms[groups[k]] for k in (a, b))
            options = {"exclusion_block": (1, 1)} if a == b else {}
            found.append(InterRDF(one, other, nbins=bins, range=(0, r_max), **options).run().results.count)
        return found
run(positions[:1])
began = time.process_time()
counts = run(positions)
seconds = time.process_time() - began
print(json.dumps({"seconds": seconds, "counts": np.array(counts).tolist()}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    python = install("rdf", "freud-analysis==3.4.0", "MDAnalysis==2.11.0") / "bin" / "python"
    with tempfile.TemporaryDirectory() as folder:
        frames = make(Path(folder) / "frames.npz", arguments.frames)
        seconds = {"hpcpot": [], "freud": [], "mdanalysis": []}
        ours(frames[:1])
        for _ in range(arguments.repeats):
            counts, spent = ours(frames)
            seconds["hpcpot"].append(spent / len(frames))
            for peer in ("freud", "mdanalysis"):
                path = Path(folder) / "frames.npz"
                said = json.loads(
                    call([python, "-c", PEER, peer, path, str(R_MAX), str(round(R_MAX / BIN))], path.parent)
                )
                check(peer, np.cumsum(said["counts"], axis=1), np.cumsum(counts, axis=1))
                seconds[peer].append(said["seconds"] / len(frames))
    pairs = int((counts[0] + 2 * counts[1] + counts[2]).sum() / len(frames))
    for name, values in seconds.items():
        ratios = [peer / own for peer, own in zip(values, seconds["hpcpot"], strict=True)]
        facts = {"atoms": len(frames[0].numbers), "pairs": pairs, "times_slower": round(statistics.median(ratios), 1)}
        print(timing.line(f"rdf_{name}", "s core time per frame", values, **facts))


def make(path: Path, count: int) -> list[Frame]:
    atoms, rng = files.read("interface_si100"), np.random.default_rng(1)
    edges = atoms.cell.lengths().astype(np.float32)
    cell = np.diag(edges.astype(float))
    moves = rng.normal(0.0, 0.1, (count, *atoms.positions.shape))
    positions = ((atoms.positions + moves) % edges).astype(np.float32)
    np.savez(path, positions=positions, edges=edges, numbers=atoms.numbers)
    periodic, masses = np.ones(3, bool), atoms.get_masses()
    return [
        Frame(k, float(k), cell, periodic, atoms.numbers, masses, each.astype(float))
        for k, each in enumerate(positions)
    ]


def ours(frames: list[Frame]) -> tuple[np.ndarray, float]:
    """Counts (pairs of elements, bins), and core seconds."""
    began = process_time()
    observable: RadialDistribution = registry.make("rdf", frames[0], r_max_A=R_MAX, bin_A=BIN)
    for frame in frames:
        observable.sample(frame)
    spent, table = process_time() - began, observable.result()["rdf"]
    volume, edges = np.linalg.det(frames[0].cell), np.arange(round(R_MAX / BIN) + 1) * BIN
    n = {"Li": (frames[0].numbers == 3).sum(), "Si": (frames[0].numbers == 14).sum()}
    shells = 4.0 / 3.0 * np.pi * np.diff(edges**3) / volume * len(frames)
    return np.array(
        [table[f"g_{a}_{b}"] * n[a] * n[b] * shells for a, b in (("Li", "Li"), ("Li", "Si"), ("Si", "Si"))]
    ), spent


def check(peer: str, theirs: np.ndarray, counts: np.ndarray) -> None:
    error = np.abs(theirs - counts).max() / counts.max()
    if not error < 1e-5:
        raise SystemExit(f"{peer} = counts {error:.2g} of the largest away: differ")


if __name__ == "__main__":
    main()
