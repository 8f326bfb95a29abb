"""Parsing of model files: whatever goes wrong becomes a ModelError that names the file, and how files are told apart."""

from __future__ import annotations

import codecs
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from hpcpot import inputs
from hpcpot.errors import ModelError
from hpcpot.storage import extents

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

SNIFFED = 65536
"""Bytes at the beginning of a file that tell what it is."""


@dataclass(frozen=True)
class Head:
    """The beginning of a file, by which readers recognise it.

    Attributes:
        path: of the file. start: its first bytes, SNIFFED at most.
    """

    path: Path
    start: bytes

    @property
    def is_text(self) -> bool:
        return not any(byte < 32 and byte not in b"\t\n\r\f" for byte in self.start)

    @property
    def first_word(self) -> bytes:
        """First word of a text behind a mark of UTF-8, b"" where there is none."""
        return (self.start.removeprefix(codecs.BOM_UTF8).split(maxsplit=1) or [b""])[0]

    @property
    def is_hdf5(self) -> bool:
        return self.start.startswith(HDF5_SIGNATURE)

    @cached_property
    def hdf5_attributes(self) -> frozenset[str]:
        """Names of the root attributes of an HDF5 file; none of another."""
        if not self.is_hdf5:
            return frozenset()
        with h5py.File(self.path, "r", locking=False) as file:
            return frozenset(file.attrs)


def head_of(path: Path) -> Head:
    """The beginning of a file.

    Raises:
        ModelError: it cannot be opened.
    """
    with reading(path, "model"):
        head = Head(path, inputs.read_bytes(path, SNIFFED))
        if head.is_hdf5 and inputs.is_packed(path):
            raise ModelError(
                f"{path} = a packed HDF5 file: must be unpacked to be read; run gunzip, bunzip2 or unxz on it."
            )
        return head


def reading(path: Path, kind: str) -> AbstractContextManager[None]:
    """Turn every error of reading `path`, a file of that kind, into a ModelError; see `hpcpot.inputs.reading`."""
    return inputs.reading(path, kind, ModelError)


def read_array(dataset: h5py.Dataset) -> np.ndarray:
    """The values of an HDF5 dataset.

    Raises:
        ValueError: it claims more bytes than its file can hold: a damaged shape, which would fill the memory.
    """
    extents.check_dataset(dataset)
    return dataset[()]
