"""What must hold of a trajectory before any of it is used: kinds, shapes and sizes, as `layout` describes them.

Values are not read here, but for the marks and what is constant; `reader` looks at those of a frame when it reads it.
"""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from hpcpot.storage import extents, layout

HEAVIEST = 118
"""Largest atomic number."""


def trajectory(file: h5py.File, grows: bool = False) -> None:
    """Check all groups of a trajectory.

    Args:
        grows: rows are to be added.
    Raises:
        ValueError: something is missing, or of another kind, shape or size.
        TypeError, LookupError, AttributeError, OSError, RuntimeError: the same, found out by h5py.
    """
    extents.check(file)
    groups = list(_group(file, "particles").values())
    _require(bool(groups), "particles", "at least one group")
    for group in groups:
        n_atoms = _atoms(group)
        _series(group["box/edges"], (3, 3), "f", grows)
        for name, (shape, _) in layout.ELEMENTS.items():
            if name in group:
                _series(group[name], (n_atoms, *shape), "i" if name == "image" else "f", grows)
    for group in file[layout.OBSERVABLES].values() if layout.OBSERVABLES in file else ():
        _series(group, None, "f", grows)


def _atoms(group: h5py.Group) -> int:
    """Check what is constant of the atoms of a particles group; returns their number."""
    numbers, masses = (_dataset(group, name)[()] for name in ("species", "mass"))
    _require(numbers.ndim == 1 and numbers.dtype.kind in "iu", f"{group.name}/species", "one atomic number an atom")
    _require(len(numbers) > 0, f"{group.name}/species", "atoms")
    is_element = 0 < numbers.min() <= numbers.max() <= HEAVIEST
    _require(is_element, f"{group.name}/species", f"atomic numbers 1 to {HEAVIEST}")
    _require(masses.shape == numbers.shape and masses.dtype.kind == "f", f"{group.name}/mass", "one mass an atom")
    _require(bool(((masses > 0) & np.isfinite(masses)).all()), f"{group.name}/mass", "positive masses")
    if "frozen" in group:  # older files have none
        frozen = _dataset(group, "frozen")
        fits = frozen.shape == numbers.shape and frozen.dtype.kind == "b"
        _require(fits, f"{group.name}/frozen", "true or false for each atom")
    boundary = _group(group, "box").attrs["boundary"]
    is_known = np.shape(boundary) == (3,) and set(boundary.tolist()) <= {b"periodic", b"none"}
    _require(is_known, f"{group.name}/box", "periodic or none for three axes as its boundary")
    return len(numbers)


def _series(group: h5py.Group, shape: tuple[int, ...] | None, kind: str, grows: bool) -> None:
    """Check value, step and time of an array: rows of a shape (None: any), at least as many as are marked."""
    step, time, value = (_dataset(group, name) for name in ("step", "time", "value"))  # a writer marks a step last
    _require(step.ndim == 1 and step.dtype.kind == "i", step.name, "one step a row")
    _require(time.ndim == 1 and time.dtype.kind == "f", time.name, "one time a row")
    fits = value.dtype.kind == kind and value.ndim > 0 and shape in (None, value.shape[1:])
    _require(fits, value.name, f"rows of {'numbers' if shape is None else f'shape {shape}'}")
    for dataset in (step, time, value) if grows else ():
        _require(dataset.chunks is not None and dataset.maxshape[0] is None, dataset.name, "a dataset that can grow")
    rows = layout.committed(step)
    _require(min(len(value), len(time)) >= rows, value.name, f"{rows} rows, which are marked")
    _require(bool((np.diff(step[:rows]) > 0).all()), step.name, "steps that ascend")
    _require(bool(np.isfinite(time[:rows]).all()), time.name, "times")


def _group(parent: h5py.Group, name: str) -> h5py.Group:
    group = parent.get(name)
    _require(isinstance(group, h5py.Group), name, "a group")
    return group


def _dataset(parent: Any, name: str) -> h5py.Dataset:
    dataset = parent.get(name)
    _require(isinstance(dataset, h5py.Dataset) and dataset.shape is not None, f"{parent.name}/{name}", "a dataset")
    return dataset


def _require(holds: bool, name: str, what: str) -> None:
    if not holds:
        raise ValueError(f"{name} must be {what}")
