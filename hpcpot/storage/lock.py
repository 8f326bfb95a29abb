"""One writer of a file at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from pathlib import Path

from hpcpot.errors import OutputError
from hpcpot.storage.hdf5_errors import explained


class Lock:
    """That one process writes a file: <file>.lock, which its holder keeps locked and the end of a process unlocks.

    Raises:
        OutputError: another process has it, or the folder cannot be written to.
    """

    def __init__(self, path: Path):
        self._path = path.with_name(f"{path.name}.lock")
        self._descriptor: int | None = None
        while self._descriptor is None:
            with explained(self._path, "create"):
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
            self._take(descriptor, path)

    def _take(self, descriptor: int, path: Path) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 200).decode(errors="replace")
            os.close(descriptor)
            raise OutputError(
                f"{path} = being written by {holder or 'another process'}: a file has one writer; wait for it, or "
                "write to another path."
            ) from error
        except OSError as error:  # a file system without locks
            print(f"note: {path.parent} has no file locks ({error.strerror}); let no second command write {path.name}")
        if self._is_there(descriptor):
            with contextlib.suppress(OSError):  # a full disk: then the message does not say who has it
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
            self._descriptor = descriptor
        else:
            os.close(descriptor)  # the holder before removed it in between

    def _is_there(self, descriptor: int) -> bool:
        """Check that the file is still the one that was opened; another process may remove it at any moment."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Remove the file, then unlock it; twice does no harm."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            self._path.unlink(missing_ok=True)
            os.close(descriptor)
