"""The shortest distance of the training set, min_nbor_dist, that DeePMD-kit keeps in its models for `dp compress`."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from hpcpot import inputs
from hpcpot.potential.deep_potential.graphdef import parse
from hpcpot.potential.parsing import head_of, read_array, reading

ASSUMED = 1.0
"""Å, what hpcpot writes for `dp compress` where a model does not say it: no knowledge when hpcpot reads it again."""
FROZEN = "train_attr/min_nbor_dist"


def of_native(path: Path) -> float:
    """Å; nan where a .dp or .yaml file does not say it.

    Raises:
        ModelError: the file is damaged.
    """
    with reading(path, "native DeePMD-kit model"):
        if not head_of(path).is_hdf5:
            return _of_yaml(path)
        with h5py.File(path, "r", locking=False) as file:
            tree = json.loads(file.attrs["json"])
            name = (tree.get("@variables") or {}).get("min_nbor_dist")
            if name is None:
                return np.nan
            distance = float(read_array(file[name]) if isinstance(name, str) else name)
            return np.nan if tree.get("software") == "hpcpot" and distance == ASSUMED else distance


def _of_yaml(path: Path) -> float:
    import yaml

    with inputs.open_bytes(path) as file:
        tree = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    leaf = (tree.get("@variables") or {}).get("min_nbor_dist")
    return np.nan if leaf is None else float(leaf["value"] if isinstance(leaf, dict) else leaf)


def of_frozen(path: Path) -> float:
    """Å; nan where a .pb file does not say it.

    Raises:
        ModelError: the file is damaged.
    """
    with reading(path, "frozen DeePMD-kit model"):
        graph = parse(inputs.read_bytes(path))
        return float(graph.array(FROZEN).ravel()[0]) if FROZEN in graph else np.nan
