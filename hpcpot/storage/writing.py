"""HDF5 files that are written by one process, also when the disk refuses.

HDF5 does not survive a refused write: it cannot close the file any more, tries again when the process ends, and that ends
with a segmentation fault. So it writes to a `SafeDevice`, which refuses nothing: after the first refusal of the system it
keeps what HDF5 writes to itself, and `flush`, `sync` and `close` of the file raise what the system said. On the disk is
then what a kill at that moment would have left.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py

KEPT = 1 << 16
"""Bytes; longer writes are values, which HDF5 does not read again."""


class SafeDevice:
    """A file as h5py takes it in place of a path: every write succeeds.

    Attributes:
        refusal: of the system, the first; None if there was none.
    """

    def __init__(self, path: Path, flags: int):
        self.refusal: OSError | None = None
        self._descriptor = os.open(path, flags | os.O_RDWR | os.O_CLOEXEC, 0o666)
        self._place, self._kept = 0, {}

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset if whence == io.SEEK_SET else os.fstat(self._descriptor).st_size + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, size: int) -> bytes:
        """As h5py asks whether it is a file; it reads by `readinto`."""
        buffer = bytearray(size)
        return bytes(buffer[: self.readinto(buffer)])

    def readinto(self, buffer: memoryview) -> int:
        count = os.preadv(self._descriptor, [buffer], self._place)
        for first, content in self._kept.items():
            start, stop = max(first, self._place), min(first + len(content), self._place + len(buffer))
            if start < stop:
                memoryview(buffer)[start - self._place : stop - self._place] = content[start - first : stop - first]
                count = max(count, stop - self._place)
        self._place += count
        return count

    def write(self, content: memoryview) -> int:
        size, done = len(content), 0
        while done < size and self.refusal is None:
            try:
                done += os.pwrite(self._descriptor, content[done:], self._place + done)
            except OSError as error:
                self.refusal = error
        if done < size and size <= KEPT:
            self._kept.pop(self._place, None)  # so that the last is also the latest
            self._kept[self._place] = bytes(content)
        self._place += size
        return size

    def truncate(self, size: int) -> int:
        if self.refusal is None:
            try:
                os.ftruncate(self._descriptor, size)
            except OSError as error:
                self.refusal = error
        return size

    def flush(self) -> None:
        """Nothing, as nothing is held back."""

    def sync(self) -> None:
        """Wait until all is on the disk.

        Raises:
            OSError: the system refuses, or has refused a write.
        """
        self.check()
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            self.refusal = error
            raise

    def check(self) -> None:
        """Raise the refusal if there was one."""
        if self.refusal is not None:
            raise OSError(self.refusal.errno, os.strerror(self.refusal.errno or 0)) from self.refusal

    def close(self) -> None:
        os.close(self._descriptor)


class WrittenFile(h5py.File):
    """An HDF5 file that is open for writing; a context, which raises what the system refuses when it ends in order.

    Args:
        mode: w, a new file in place of any; or r+.
    Raises:
        OSError: the system refuses.
    """

    def __init__(self, path: Path, mode: str, **options: Any):
        self._device = SafeDevice(path, os.O_CREAT | os.O_TRUNC if mode == "w" else 0)
        try:
            super().__init__(self._device, mode, **options)
        except BaseException:
            self._device.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()

    def flush(self) -> None:
        """Hand all changes to the system.

        Raises:
            OSError: it has refused one.
        """
        super().flush()
        self._device.check()

    def sync(self) -> None:
        """Hand all changes to the system and wait until they are on the disk.

        Raises:
            OSError: it has refused one.
        """
        super().flush()
        self._device.sync()

    def close(self) -> None:
        """Close the file; again does nothing.

        Raises:
            OSError: the system has refused a change.
        """
        if self:
            super().close()
            self._device.close()
            self._device.check()

    def abandon(self) -> None:
        """Close the file as it is on the disk, when an error is told already."""
        if self:
            self._device.refusal = self._device.refusal or OSError("abandoned")
            super().close()
            self._device.close()
