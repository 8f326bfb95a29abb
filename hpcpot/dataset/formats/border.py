"""The border that data files cross: whatever goes wrong while one is read becomes a DataError that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpcpot.errors import DataError, HpcpotError


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turns every error of reading `path`, a file of that kind, into a DataError.

    Raises:
        DataError: the file is absent or unreadable, or its bytes are not what the kind requires.
    """
    try:
        yield
    except HpcpotError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path} = no such file: {kind} is required; check the path.") from error
    except Exception as error:  # parsers of foreign bytes fail in as many ways as bytes can be wrong
        detail = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path} = cannot be read ({type(error).__name__}: {detail}): {kind} is required, whole; write it again or "
            "leave it out."
        ) from error
