"""The border that model files cross: whatever goes wrong while one is read becomes a ModelError that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from hpcpot.errors import HpcpotError, ModelError

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turns every error of reading `path`, a file of that kind, into a ModelError.

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
