"""Sizes that a file claims, held against what it can hold, before memory is asked for them."""

from __future__ import annotations

import os

import h5py

INFLATION = 1100
"""Most bytes that one byte compressed by deflate stands for, 1032, and some room."""


def check(file: h5py.File) -> None:
    """Check every dataset of a file.

    Raises:
        ValueError: one claims more bytes than the file can hold.
    """
    file.visititems(lambda _, item: check_dataset(item) if isinstance(item, h5py.Dataset) else None)


def check_dataset(dataset: h5py.Dataset) -> None:
    """Check one dataset; its nbytes are then safe to ask for.

    Raises:
        ValueError: it claims more bytes than its file can hold, or takes them from other files.
    """
    if dataset.shape is None:
        return
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{dataset.name} is in another file")
    size = os.path.getsize(dataset.file.filename)
    most = size * (INFLATION if dataset.compression else 1)
    if dataset.nbytes > most:
        raise ValueError(f"{dataset.name} claims {dataset.nbytes} bytes, the file has {size}")
