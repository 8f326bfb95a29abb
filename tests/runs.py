"""Small runs of `hpcpot md` as a user starts them: argon, so that a step takes milliseconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ase
import numpy as np
import systems
import yaml
from ase.build import bulk

from hpcpot.parallel import launch
from hpcpot.potential import files as potential_files
from hpcpot.structure import files as structure_files

HPCPOT = [sys.executable, "-m", "hpcpot"]


def argon() -> ase.Atoms:
    atoms = bulk("Ar", "fcc", 5.4, cubic=True) * 3
    atoms.rattle(0.05, seed=1)
    return atoms


def prepare(folder: Path, atoms: ase.Atoms | None = None, model: object | None = None, **changes: object) -> Path:
    """A config with its structure and model, argon if not given, in `folder`; `changes` are keys with __ for the dot."""
    structure_files.write(folder / "argon.extxyz", argon() if atoms is None else atoms)
    potential_files.save(systems.argon() if model is None else model, folder / "argon.h5", {"source": "tests"})
    keys = {
        "structure__file": "argon.extxyz",
        "potential__file": "argon.h5",
        "md__integrator": "nvt_nose_hoover",
        "md__steps": 40,
        "md__timestep_fs": 2.0,
        "md__temperature_K": 80.0,
        "md__initial_temperature_K": 80.0,
        "md__seed": 3,
        "output__trajectory": str(folder / "run.h5md"),
        "output__position_every": 10,
        "output__velocity_every": 10,
        "output__force_every": 20,
        "output__energy_every": 20,
        "output__observables_every": 5,
        "output__thermo_every": 10,
        "output__checkpoint_every": 20,
    } | changes
    tree: dict = {}
    for key, value in keys.items():
        *sections, last = key.split("__")
        node = tree
        for section in sections:
            node = node.setdefault(section, {})
        node[last] = value
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def command(config: Path, *arguments: str, ranks: int = 1) -> list[str]:
    under = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    return [*under, *HPCPOT, "md", str(config), *arguments]


def environment() -> dict[str, str]:
    return launch.environment(os.environ) | {"PYTHONUNBUFFERED": "1"}


def run(
    config: Path, *arguments: str, ranks: int = 1, code: int = 0, timeout: float = 120.0
) -> subprocess.CompletedProcess:
    """Run to the end and demand an exit code; a hang fails."""
    done = subprocess.run(
        command(config, *arguments, ranks=ranks),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        cwd=config.parent,
    )
    assert done.returncode == code, f"exit code {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done


def dataset(path: Path, name: str) -> np.ndarray:
    """One dataset by its path; some are hard links to each other, which `contents` names once."""
    import h5py

    with h5py.File(path, "r", locking=False) as file:
        return file[name][()]


def contents(path: Path) -> dict[str, np.ndarray]:
    """All datasets of an HDF5 file but those about when and how it was made."""
    import h5py

    found = {}
    with h5py.File(path, "r", locking=False) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return {name: value for name, value in found.items() if not name.startswith("parameters")}
