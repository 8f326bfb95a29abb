"""Parsing of model files: whatever goes wrong becomes a ModelError that names the file, and how files are told apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from hpcpot.errors import HpcpotError, ModelError

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
        """Of a text; b"" where there is none."""
        return (self.start.split(maxsplit=1) or [b""])[0]

    @property
    def is_hdf5(self) -> bool:
        return self.start.startswith(HDF5_SIGNATURE)

    @cached_property
    def hdf5_attributes(self) -> frozenset[str]:
        """Names of the root attributes of an HDF5 file; none of another."""
        if not self.is_hdf5:
            return frozenset()
        with h5py.File(self.path, "r") as file:
            return frozenset(file.attrs)


def head_of(path: Path) -> Head:
    """The beginning of a file.

    Raises:
        ModelError: it cannot be opened.
    """
    with reading(path, "model"), path.open("rb") as file:
        return Head(path, file.read(SNIFFED))


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turn every error of reading `path`, a file of that kind, into a ModelError.

    Raises:
        ModelError: the file is absent or unreadable, or its bytes are not what the kind requires.
    """
    try:
        yield
    except HpcpotError:
        raise
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise ModelError(f"{path} = cannot be opened ({error.strerror}): a readable model file is required.") from error
    except Exception as error:  # parsers of foreign bytes fail in as many ways as bytes can be wrong
        detail = " ".join(str(error).split())[:160]
        raise ModelError(
            f"{path} = damaged {kind} ({type(error).__name__}: {detail}): the complete file is required; "
            "copy it again or convert the original again."
        ) from error


def read_array(dataset: h5py.Dataset) -> np.ndarray:
    """The values of an uncompressed HDF5 dataset.

    Raises:
        ValueError: it claims more bytes than its file has: a damaged shape, which would fill the memory.
    """
    size = dataset.file.id.get_filesize()
    if dataset.nbytes > size:
        raise ValueError(f"{dataset.name} claims {dataset.nbytes} bytes, the file has {size}")
    return dataset[()]
