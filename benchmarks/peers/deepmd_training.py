"""hpcpot beside DeePMD-kit: the same training, step for step, one core each, in turn, in one call.

    python benchmarks/peers/deepmd_training.py                     float64, as DeePMD-kit trains by default
    python benchmarks/peers/deepmd_training.py --precision float32

Both read one input.json: se_e2_a (25, 50, 100) / (240, 240, 240), 6 Å, energies, forces and virials, one frame of 64
atoms a batch. The frames are Li-Si crystals of hpcpot's own, displaced and strained, with the labels of the shipped
model. Of each run the first steps are left out. The ratio is the peer's time over hpcpot's. The peer is deepmd-kit 3.2.0,
TensorFlow backend, installed as for `deepmd_lammps.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase.build import bulk
from deepmd import ONE_CORE
from side_by_side import install, timing

from hpcpot.dataset import files as dataset_files
from hpcpot.dataset.dataset import from_frames
from hpcpot.dataset.predict import predict
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import load
from hpcpot.training import curve

ROW = 40
"""Steps between rows; the first row's steps are left out."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--precision", default="float64", choices=("float64", "float32"))
    parser.add_argument("--steps", type=int, default=160)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, arguments.steps, arguments.precision)
        pairs = [(run_peer(folder), run_hpcpot(folder)) for _ in range(arguments.repeats)]
    facts = {"atoms": 64, "precision": arguments.precision, "cores": 1}
    for k, name in enumerate(("deepmd-kit 3.2.0, TensorFlow", "hpcpot train")):
        print(timing.line(name, "ms per training step", [1e3 * pair[k] for pair in pairs], **facts))
    ratios = [peer / own for peer, own in pairs]
    print(
        f"ratio {statistics.median(ratios):.2f} (least {min(ratios):.2f}, most {max(ratios):.2f} of {len(ratios)} pairs)"
    )


def prepare(folder: Path, steps: int, precision: str) -> None:
    """Eight frames as a system of DeePMD-kit, and the input."""
    random, frames = np.random.default_rng(1), []
    for k in range(8):
        atoms = bulk("Si", "diamond", 5.2, cubic=True) * 2
        atoms.symbols[::3] = "Li"
        atoms.rattle(0.1, seed=k)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.02 * random.normal(size=(3, 3))), scale_atoms=True)
        frames.append(atoms)
    data, model = from_frames(frames, ("Li", "Si"), "benchmark"), load("lisi")
    found = predict(data, BlockPotential(model))
    data = replace(data, energies=found.energies, forces=found.forces, virials=found.virials)
    dataset_files.save(data, folder / "systems", {}, "deepmd")
    systems = [str(path.parent) for path in (folder / "systems").rglob("type.raw")]
    descriptor = {
        "type": "se_e2_a",
        "sel": model.slots.tolist(),
        "rcut_smth": 2.0,
        "rcut": 6.0,
        "neuron": [25, 50, 100],
        "axis_neuron": 16,
        "precision": precision,
    }
    (folder / "input.json").write_text(
        json.dumps(
            {
                "model": {
                    "type_map": ["Li", "Si"],
                    "descriptor": descriptor,
                    "fitting_net": {"neuron": [240, 240, 240], "precision": precision},
                },
                "learning_rate": {"type": "exp", "decay_steps": 80, "start_lr": 0.001, "stop_lr": 1e-6},
                "loss": {"start_pref_v": 0.01, "limit_pref_v": 0.1},
                "training": {
                    "training_data": {"systems": systems, "batch_size": 1},
                    "numb_steps": steps,
                    "disp_freq": ROW,
                    "save_freq": 100000,
                    "seed": 1,
                },
            }
        )
    )


def run_peer(folder: Path) -> float:
    """Seconds of a step."""
    python = install("deepmd", "deepmd-kit[cpu,lmp]==3.2.0", "ase") / "bin" / "python"
    command = [python, python.with_name("dp"), "--tf", "train", "input.json", "--skip-neighbor-stat"]
    environment = os.environ | timing.ENVIRONMENT | ONE_CORE
    done = subprocess.run(command, cwd=folder, text=True, capture_output=True, env=environment)
    told = rf"average training time: ([\d.]+) s/batch \(exclude first {ROW} batches\)"
    found = re.search(told, done.stderr + done.stdout)
    if done.returncode or not found:
        raise RuntimeError(f"dp train = exit code {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return float(found[1])


def run_hpcpot(folder: Path) -> float:
    """Seconds of a step, from the learning curve."""
    command = [sys.executable, "-m", "hpcpot", "train", "input.json", "--overwrite", "--set", "output.curve=curve.csv"]
    done = subprocess.run(command, cwd=folder, text=True, capture_output=True, env=os.environ | timing.ENVIRONMENT)
    if done.returncode:
        raise RuntimeError(f"hpcpot train = exit code {done.returncode}:\n{done.stdout}\n{done.stderr}")
    rows = curve.read(folder / "curve.csv")
    return (rows[-1]["seconds"] - rows[0]["seconds"]) / (rows[-1]["step"] - rows[0]["step"])


if __name__ == "__main__":
    main()
