"""Model files for tests: where they are, edited copies, damaged copies."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import frozen_graph
import graph_networks
import h5py
import numpy as np
import pytest
import systems
from repository import DATA

from hpcpot.errors import ModelError
from hpcpot.potential.files import load
from hpcpot.potential.registry import Reader

MODELS = {
    "deep_potential": systems.deep_potential(),
    "chebyshev": systems.chebyshev(),
    "moment_tensor": systems.moment_tensor(),
    "graph": graph_networks.random_network(),
    "lennard_jones": systems.argon(),
}
"""A small model of each family."""
SAMPLES = {"deepmd": ["dp/small_oneside.dp"], "aenet": ["aenet/Li.nn", "aenet/Si.nn"], "mlip": ["mtp/lisi16.mtp"]}
"""Module of a reader -> files of tests/data."""


def sample_of(reader: Reader, folder: Path) -> list[Path]:
    """Copy the files of a model that a reader reads into a folder."""
    module = reader.read.partition(":")[0].rpartition(".")[2]
    if module == "deepmd_frozen":
        path = folder / "frozen.pb"
        path.write_bytes(frozen_graph.graph(frozen_graph.constants(load(DATA / "dp" / "small_oneside.dp"))))
        return [path]
    copies = [folder / Path(name).name for name in SAMPLES[module]]
    for name, copy in zip(SAMPLES[module], copies, strict=True):
        copy.write_bytes((DATA / name).read_bytes())
    return copies


def reference(name: str) -> Path:
    """A file of the reference data that the repository does not hold; skips the test without it."""
    folder = os.environ.get("HPCPOT_REFERENCE_DATA")
    if folder is None:
        pytest.skip("HPCPOT_REFERENCE_DATA does not name the folder of the reference data")
    path = Path(folder) / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def edited_dp(path: Path, change: Callable[[dict], object], name: str = "small_oneside") -> Path:
    """A copy of a native model of data/dp, its JSON tree changed in place by `change`."""
    path.write_bytes((DATA / "dp" / f"{name}.dp").read_bytes())
    with h5py.File(path, "r+") as file:
        tree = json.loads(file.attrs["json"])
        change(tree)
        file.attrs["json"] = json.dumps(tree)
    return path


def edited_array(path: Path, pick: Callable[[dict], str], change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """A copy of small_oneside.dp with the array that `pick` finds in the tree replaced."""
    edited_dp(path, lambda tree: None)
    with h5py.File(path, "r+") as file:
        name = pick(json.loads(file.attrs["json"])["model"])
        values = change(file[name][()])
        del file[name]
        file[name] = values
    return path


def cut(content: bytes, count: int) -> Iterator[bytes]:
    """`content` cut short at `count` offsets, the first and the last among them."""
    for end in np.linspace(0, len(content) - 1, count).astype(int):
        yield content[:end]


def flipped(content: bytes, count: int, seed: int, first: int = 0, last: int | None = None) -> Iterator[bytes]:
    """`content` with one to eight bytes of first .. last changed at random, `count` times."""
    rng = random.Random(seed)
    for _ in range(count):
        damaged = bytearray(content)
        for _ in range(rng.choice([1, 1, 8])):
            damaged[rng.randrange(first, len(content) if last is None else last)] ^= rng.randrange(1, 256)
        yield bytes(damaged)


def refused(read: Callable[[Path], object], path: Path, contents: Iterator[bytes]) -> list[bool]:
    """Whether each content, written to `path`, ends in a ModelError; any other exception fails the test."""
    answers = []
    for content in contents:
        path.write_bytes(content)
        try:
            read(path)
        except ModelError as error:
            assert path.name in str(error)
            answers.append(True)
        else:
            answers.append(False)
    return answers
