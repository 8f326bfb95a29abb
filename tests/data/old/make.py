"""Makes the files of this folder: python make.py, with the code of version 0.1.0 (commit 04aa9e1) and its tests/ on PYTHONPATH.

Each folder is a command that was interrupted: what it left half-way, and in `whole` what it ended with after all.
All of them go into files.tar.xz: HDF5 files that have room to grow are mostly zeros.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import ase.io
import numpy as np
import slabs
import systems
import trainings
import yaml
from ase.build import bulk
from runs import prepare

from hpcpot.dataset import hdf5
from hpcpot.parallel import launch
from hpcpot.potential import files as potential_files

FOLDER = Path(tempfile.mkdtemp())
ARCHIVE = Path(__file__).resolve().with_name("files.tar.xz")
SOURCE = {"source": "tests/data/old/make.py"}
RUNS = {
    "nose_hoover": (1, {}),
    "nose_hoover_2_ranks": (2, {}),
    "langevin": (1, {"md__integrator": "nvt_langevin"}),
    "nve": (1, {"md__integrator": "nve"}),
    "stages": (
        1,
        {
            "stages": {
                "heat": {"integrator": "nvt_nose_hoover", "steps": 10, "initial_temperature_K": 60.0},
                "pull": {
                    "integrator": "npt_nose_hoover",
                    "steps": 30,
                    "barostat_axes": ["x", "z"],
                    "deform": "cell",
                    "deform_axis": "y",
                    "strain_rate_per_ps": 1.0,
                    "initial_temperature_K": None,
                },
            }
        },
    ),
}


def hpcpot(folder: Path, *arguments: str, ranks: int = 1, code: int = 0) -> None:
    under = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    environment = launch.environment(os.environ)
    command = [*under, sys.executable, "-m", "hpcpot", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == code, f"{command}: {done.stdout}\n{done.stderr}"


def fresh(name: str) -> Path:
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def dynamics() -> None:
    """20 of 40 steps with a checkpoint; and the trajectory after a restart that did the rest."""
    atoms = bulk("Ar", "fcc", 5.4, cubic=True) * 2
    atoms.rattle(0.05, seed=1)
    for name, (ranks, changes) in RUNS.items():
        folder = fresh(f"md_{name}")
        every = {
            "output__position_every": 20,
            "output__velocity_every": 20,
            "output__energy_every": 20,
            "output__virial_every": 20,
        }
        config = prepare(folder, atoms, output__trajectory="run.h5md", **every, **changes)
        half = "stages.pull.steps=10" if "stages" in changes else "md.steps=20"
        hpcpot(folder, "md", config.name, "--set", half, ranks=ranks)
        continued = Path(shutil.copytree(folder, FOLDER / "continued"))
        hpcpot(continued, "md", config.name, "--restart", ranks=ranks)
        (continued / "run.h5md").rename(folder / "whole.h5md")
        shutil.rmtree(continued)


def models() -> None:
    folder = fresh("models")
    made = {
        "deep_potential": systems.deep_potential(),
        "chebyshev": systems.chebyshev(),
        "moment_tensor": systems.moment_tensor(),
        "lennard_jones": systems.argon(),
    }
    fingerprints = {}
    for name, model in made.items():
        potential_files.save(model, folder / f"{name}.h5", SOURCE)
        fingerprints[name] = potential_files.fingerprint(model)
    (folder / "fingerprints.json").write_text(json.dumps(fingerprints, indent=1) + "\n")


def campaigns() -> None:
    """Results with some rows done, some failed and some missing."""
    folder = fresh("onsite")
    slabs.write(folder / "run.h5md", slabs.drifting(3))
    potential_files.save(systems.deep_potential(), folder / "model.h5", SOURCE)
    tree = {
        "frames": {"file": "run.h5md", "count": 2},
        "potential": {"file": "model.h5"},
        "profile": {"bin_A": 2.0, "frames": 3},
        "regions": {"si1_bulk": ["bottom+3", "bottom+8"], "alloy": ["right+5", "right+6"]},
        "sites": {"per_region": 2, "seed": 3},
        "bootstrap": {"replicas": 50},
        "farm": {"workers": 1},
        "output": {"results": "onsite.h5"},
    }
    write_config(folder / "onsite.yaml", tree)
    hpcpot(folder, "onsite", "onsite.yaml")

    cells = [systems.mixed(bulk("Si", "diamond", 5.3 + 0.05 * k, cubic=True), seed=k) for k in range(4)]
    damaged = cells[3].copy()
    damaged.positions[1] = damaged.positions[0]
    folder = fresh("relax")
    potential_files.save(systems.deep_potential(), folder / "model.h5", SOURCE)
    ase.io.write(folder / "cells.extxyz", [*cells[:2], damaged])
    tree = {
        "structures": {"files": ["cells.extxyz"]},
        "potential": {"file": "model.h5"},
        "relax": {"cell": "fixed", "steps": 20},
        "farm": {"workers": 1},
        "output": {"results": "relax.h5"},
    }
    write_config(folder / "relax.yaml", tree)
    hpcpot(folder, "relax", "relax.yaml", code=1)
    ase.io.write(folder / "cells.extxyz", [*cells[:2], damaged, cells[2]])

    folder = fresh("label")
    ase.io.write(folder / "cells.extxyz", cells[:2])
    tree = {
        "structures": {"files": ["cells.extxyz"]},
        "calculator": {
            "class": "ase.calculators.lj.LennardJones",
            "arguments": {"sigma": 1.9, "epsilon": 0.3, "rc": 4.0},
        },
        "farm": {"workers": 1},
        "output": {"results": "label.h5", "dataset": "labelled.h5"},
    }
    write_config(folder / "label.yaml", tree)
    hpcpot(folder, "label", "label.yaml")
    ase.io.write(folder / "cells.extxyz", cells[:3])


def write_config(path: Path, tree: dict) -> None:
    path.write_text(yaml.safe_dump(tree))


def labelled() -> None:
    folder = fresh("dataset")
    data = trainings.dataset(6)
    hdf5.write(data, folder / "data.h5", SOURCE)
    np.savez(
        folder / "data.npz", positions=data.positions, energies=data.energies, forces=data.forces, virials=data.virials
    )


def trained() -> None:
    """Trainings with a checkpoint at step 12 of 24, and the model after all of them."""
    for family in trainings.TREES:
        folder = fresh(f"train_{family}")
        hdf5.write(trainings.dataset(6), folder / "data.h5", SOURCE)
        long = (
            {"training": {"steps": 120, "print_every": 20}, "moment_tensor": {"tolerance": 0.0}}
            if family == "moment_tensor"
            else {}
        )
        write_config(folder / "train.yaml", trainings.tree(family, **long))
        hpcpot(folder, "train", "train.yaml")
        (folder / "model.h5").rename(folder / "whole.h5")
        for path in folder.glob("model*"):
            path.unlink()
        asked = iter([False] * (66 if family == "moment_tensor" else 12) + [True] * 100)
        environment = Path.cwd()
        os.chdir(folder)
        trainings.train(folder, family, stop=lambda asked=asked: next(asked), **long)
        os.chdir(environment)
        for path in (*folder.glob("model*.png"), folder / "config.yaml"):
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    for make in (dynamics, models, campaigns, labelled, trained):
        print(make.__name__, flush=True)
        make()
    with tarfile.open(ARCHIVE, "w:xz") as archive:
        for path in sorted(FOLDER.rglob("*")):
            if path.is_file() and path.suffix not in (".png", ".lock"):
                archive.add(path, path.relative_to(FOLDER))
    shutil.rmtree(FOLDER)
