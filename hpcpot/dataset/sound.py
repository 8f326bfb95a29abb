"""Requirements of every data set, whatever it was read from or made of: no kernel meets what it cannot compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hpcpot.errors import DataError
from hpcpot.structure.elements import is_element

if TYPE_CHECKING:
    from hpcpot.dataset.dataset import DataSet

FARTHEST = 1.0e10
"""Å; no coordinate or cell is larger."""
LARGEST = 1.0e15
"""eV, eV/Å; no label is larger."""
FLATTEST = 1.0e-6
"""Volume of a cell whose vectors have the length 1; below it they lie in one plane."""
THINNEST = 0.2
"""Å between the faces of a cell along a periodic axis; neighbours through thinner cells are too many to count."""
DENSEST = 0.1
"""Å³ to an atom of a cell that is periodic along all axes; ten times denser than any matter on Earth."""
SHAPES: dict[str, tuple[type, tuple[str | int, ...]]] = {
    "species": (np.int32, ("atoms",)),
    "positions": (np.float64, ("atoms", 3)),
    "cells": (np.float64, ("frames", 3, 3)),
    "periodic": (np.bool_, ("frames", 3)),
    "energies": (np.float64, ("frames",)),
    "forces": (np.float64, ("atoms", 3)),
    "virials": (np.float64, ("frames", 3, 3)),
    "groups": (np.str_, ("frames",)),
    "sources": (np.str_, ("frames",)),
}
"""Field -> type, shape."""
LABELS = {"energies": "energy", "forces": "force", "virials": "virial"}
REMEDY = "leave the frame out or correct it"


def refuse_unsound(dataset: DataSet) -> None:
    """Refuse a data set that is none.

    Raises:
        DataError: arrays of other lengths or types, elements that are none, a frame without atoms, a position or cell
            that is not finite, a cell without volume or too small for its atoms, a label that is infinite or lacks in part.
    """
    _refuse_shapes(dataset)
    _refuse_raw(dataset)
    _refuse_elements(dataset)
    if not len(dataset):
        return
    _refuse_empty_frames(dataset)
    _refuse_texts(dataset)
    _refuse_positions(dataset)
    _refuse_cells(dataset)
    for name, label in LABELS.items():
        _refuse_label(dataset, name, label, getattr(dataset, name))
        if dataset.raw is not None:
            _refuse_label(dataset, name, f"raw {label}", getattr(dataset.raw, name))


def _refuse_shapes(dataset: DataSet) -> None:
    first = dataset.first
    if not isinstance(first, np.ndarray) or first.dtype.kind != "i" or first.ndim != 1 or not len(first):
        raise DataError("first = no list of integers: must be the first atom of each frame; make the data set anew.")
    if first[0] != 0 or (np.diff(first) < 0).any():
        raise DataError(f"first = {first[:5].tolist()} ...: must begin with 0 and ascend; make the data set anew.")
    lengths: dict[str | int, int] = {"atoms": int(first[-1]), "frames": len(first) - 1}
    for name, (kind, dimensions) in SHAPES.items():
        values, shape = getattr(dataset, name), tuple(lengths.get(length, length) for length in dimensions)
        if not isinstance(values, np.ndarray) or not issubclass(values.dtype.type, kind) or values.shape != shape:
            is_array = isinstance(values, np.ndarray)
            given = f"{values.dtype} of shape {values.shape}" if is_array else f"a {type(values).__name__}"
            raise DataError(
                f"{name} = {given}: must be an array of {kind.__name__.rstrip('_')} of shape {shape}; make the data set "
                "anew."
            )


def _refuse_raw(dataset: DataSet) -> None:
    for name in LABELS if dataset.raw is not None else ():
        values, required = getattr(dataset.raw, name), getattr(dataset, name)
        if values.dtype != required.dtype or values.shape != required.shape:
            raise DataError(
                f"raw {name} = {values.dtype} of shape {values.shape}: must be an array of {required.dtype} of shape "
                f"{required.shape}; make the data set anew."
            )


def _refuse_elements(dataset: DataSet) -> None:
    elements = dataset.elements
    unknown = [symbol for symbol in elements if not is_element(symbol)]
    if unknown or len(set(elements)) != len(elements):
        raise DataError(
            f"elements = {' '.join(map(str, elements))}: must be symbols of elements, each once"
            + (f", and {unknown[0]!r} is none" if unknown else "")
            + "; name the elements in the order of the types, --elements Li,Si."
        )
    species = dataset.species
    if len(species) and not 0 <= species.min() <= species.max() < len(elements):
        atom = int(np.argmax((species < 0) | (species >= len(elements))))
        k = int(dataset.frame_of[atom])
        _refuse(
            dataset, k, f"species of atom {atom - dataset.first[k]}", species[atom], f"must be 0 to {len(elements) - 1}"
        )


def _refuse_empty_frames(dataset: DataSet) -> None:
    if not dataset.sizes.all():
        raise DataError(
            f"frame {np.argmin(dataset.sizes)} ({dataset.sources[np.argmin(dataset.sizes)]}) = 0 atoms: must be one or "
            f"more; {REMEDY}."
        )


def _refuse_texts(dataset: DataSet) -> None:
    """Refuse line ends, NUL and other control characters, which end up in names of files and in lines of text."""
    for name, label in (("groups", "group"), ("sources", "source")):
        texts = np.ascontiguousarray(getattr(dataset, name))
        codes = texts.view(np.uint32).reshape(len(texts), -1)
        control = (codes > 0) & (codes < 32) | (codes == 127)
        control[:, :-1] |= (codes[:, :-1] == 0) & (codes[:, 1:] > 0)
        if control.any():
            k = int(np.argmax(control.any(axis=1)))
            raise DataError(
                f"{label} of frame {k} = {str(texts[k])!r}: must be printable text; name one for all, --group NAME."
            )


def _refuse_positions(dataset: DataSet) -> None:
    right = (np.abs(dataset.positions) < FARTHEST).all(axis=1)
    if not right.all():
        atom = int(np.argmin(right))
        k = int(dataset.frame_of[atom])
        name = f"position of atom {atom - dataset.first[k]}"
        _refuse(dataset, k, name, dataset.positions[atom], f"must be numbers below {FARTHEST:g} Å")


def _refuse_cells(dataset: DataSet) -> None:
    """Cells; `_refuse_positions` and so on have passed."""
    cells = dataset.cells
    right = (np.abs(cells) < FARTHEST).all(axis=(1, 2))
    if not right.all():
        k = int(np.argmin(right))
        _refuse(dataset, k, "cell", cells[k], f"must be numbers below {FARTHEST:g} Å")
    with np.errstate(all="ignore"):
        flat = ~(np.abs(np.linalg.det(cells / np.linalg.norm(cells, axis=2, keepdims=True))) > FLATTEST)
    if flat.any():
        k = int(np.argmax(flat))
        _refuse(dataset, k, "cell", cells[k], "must have a volume")
    heights = np.where(dataset.periodic, 1.0 / np.linalg.norm(np.linalg.inv(cells), axis=1), np.inf)
    thin = (heights < THINNEST).any(axis=1)
    if thin.any():
        k = int(np.argmax(thin))
        _refuse(dataset, k, "cell", cells[k], f"must be {THINNEST} Å thick or more along periodic axes")
    dense = dataset.periodic.all(axis=1) & (dataset.volumes < DENSEST * dataset.sizes)
    if dense.any():
        k = int(np.argmax(dense))
        _refuse(dataset, k, "cell", cells[k], f"must have {DENSEST} Å³ to an atom or more, and has {dataset.sizes[k]}")


def _refuse_label(dataset: DataSet, name: str, label: str, labels: np.ndarray) -> None:
    """Refuse labels that are infinite, and those of a frame that lack in part: one that has none has NaN throughout."""
    values = labels.reshape(len(labels), -1)
    missing, frame_of = np.isnan(values), dataset.frame_of if name == "forces" else np.arange(len(dataset))
    absent = np.ones(len(dataset), bool)
    np.logical_and.at(absent, frame_of, missing.all(axis=1))
    for wrong, required in (
        (~(missing | (np.abs(values) < LARGEST)), f"must be numbers below {LARGEST:g}, or NaN where there is none"),
        (missing & ~absent[frame_of, None], "must be numbers throughout, or NaN throughout where there is none"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong.any(axis=1)))
            k = int(frame_of[row])
            subject = f"{label} on atom {row - dataset.first[k]}" if name == "forces" else label
            _refuse(dataset, k, subject, labels[row], required)


def _refuse(dataset: DataSet, k: int, name: str, values: np.ndarray, required: str) -> None:
    raise DataError(
        f"{name} of frame {k} ({dataset.sources[k]}) = {np.asarray(values).tolist()}: {required}; {REMEDY}."
    )
