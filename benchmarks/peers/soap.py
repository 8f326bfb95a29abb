"""SOAP vectors and average kernels beside dscribe and quippy, in turn: time per atom, and per pair of frames.

    python benchmarks/peers/soap.py

Frames of `lisi_training`; cutoff 3 A, n_max 8, l_max 6, sigma 0.4 A. The radial functions of dscribe are its own (gto and
polynomial), those of quippy the same as here: kernels of atoms must agree to 1e-9. The average kernel is that of zeta = 2 of
vectors that are given, by dscribe's AverageKernel. All are timed by core time of one core; the peers are installed at the
first call.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from time import process_time

import ase.io
from side_by_side import call, install, timing  # first: it sets the threads

import numpy as np  # isort: skip

from hpcpot.dataset import files
from hpcpot.descriptors.descriptor import of_atoms
from hpcpot.descriptors.similarity import averaged
from hpcpot.descriptors.soap.power_spectrum import Soap

KINDS = ("quippy", "dscribe gto", "dscribe polynomial")
PEER = """
import json, sys, time
import ase.io, numpy as np
which, path, out = sys.argv[1:]
frames = ase.io.read(path, ":")
if which == "quippy":
    from quippy.descriptors import Descriptor
    soap = Descriptor("soap cutoff=3.0 cutoff_transition_width=0.5 n_max=8 l_max=6 atom_sigma=0.4 n_species=2 "
                      "species_Z={3 14} n_Z=2 Z={3 14}")
    run = lambda frame: soap.calc(frame)["data"]
else:
    from dscribe.descriptors import SOAP
    soap = SOAP(species=["Li", "Si"], r_cut=3.0, n_max=8, l_max=6, sigma=0.4, rbf=which.split()[1], periodic=True)
    run = lambda frame: soap.create(frame)
run(frames[0])
began = time.process_time()
vectors = [run(frame) for frame in frames]
seconds = time.process_time() - began
answer = {"seconds": seconds}
if which == "dscribe gto":
    from dscribe.kernels import AverageKernel
    vectors = [v / np.linalg.norm(v, axis=1)[:, None] for v in vectors][:20]
    kernel = AverageKernel(metric="polynomial", degree=2, gamma=1, coef0=0)
    began = time.process_time()
    answer["kernel"] = kernel.create(vectors).tolist()
    answer["kernel_seconds"] = time.process_time() - began
    np.savez(out, *vectors)
elif which == "quippy":
    np.savez(out, *vectors)
print(json.dumps(answer))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--every", type=int, default=24, help="take every Nth frame of lisi_training")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    python = install("soap", "dscribe==2.1.2", "quippy-ase==0.10.3") / "bin" / "python"
    whole = files.load(["lisi_training"])
    data = whole.select(range(0, len(whole), arguments.every))
    soap, seconds = Soap(data.elements), {"hpcpot": []}
    own = of_atoms(data, soap)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = [data.frame(k) for k in range(len(data))]
        for frame in bare:
            frame.calc = None
        ase.io.write(folder / "frames.extxyz", bare)
        kernel = {"hpcpot": [], "dscribe": []}
        for _ in range(arguments.repeats):
            began = process_time()
            of_atoms(data, soap)
            seconds["hpcpot"].append(process_time() - began)
            for kind in KINDS:
                answer = json.loads(call([python, "-c", PEER, kind, "frames.extxyz", f"{kind}.npz"], folder))
                seconds.setdefault(kind, []).append(answer["seconds"])
                if "kernel" in answer:
                    kernel["dscribe"].append(answer["kernel_seconds"])
                    expected = np.array(answer["kernel"])
            vectors = read(folder / "dscribe gto.npz")
            first, joined = np.cumsum([0, *map(len, vectors)]), np.concatenate(vectors)
            began = process_time()
            found = averaged(joined, first, joined, first, 2)
            kernel["hpcpot"].append(process_time() - began)
        found = found / np.sqrt(np.outer(np.diag(found), np.diag(found)))
        if not np.abs(found - expected).max() < 1e-9:
            raise SystemExit(f"average kernels = {np.abs(found - expected).max():.1e} apart: must agree to 1e-9")
        first = read(folder / "quippy.npz")[0][:, :-1]
        first, mine = first / np.linalg.norm(first, axis=1)[:, None], own[: data.sizes[0]]
        if not np.abs(np.sort(first @ first.T, None) - np.sort(mine @ mine.T, None)).max() < 1e-9:
            raise SystemExit("kernels of atoms of hpcpot and quippy differ: must agree to 1e-9")
    atoms, pairs = len(data.species), len(found) * (len(found) + 1) // 2
    for kind, values in seconds.items():
        times = [1e6 * value / atoms for value in values]
        print(timing.line(f"soap, {kind}", "us per atom", times, atoms=atoms))
    for kind, values in kernel.items():
        print(
            timing.line(
                f"average kernel, {kind}", "us per pair", [1e6 * value / pairs for value in values], pairs=pairs
            )
        )
    for kind in KINDS:
        print(f"{kind} / hpcpot: {statistics.median(seconds[kind]) / statistics.median(seconds['hpcpot']):.1f}")
    print(f"dscribe / hpcpot, kernel: {statistics.median(kernel['dscribe']) / statistics.median(kernel['hpcpot']):.1f}")


def read(path: Path) -> list[np.ndarray]:
    with np.load(path) as file:
        return [file[name] for name in file.files]


if __name__ == "__main__":
    main()
