"""Output files: nothing is overwritten unasked, and a file in its place is always whole."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from hpcpot import account
from hpcpot.errors import OutputError
from hpcpot.notices import notice

ADVICE = {
    "No space left": "the disk is full; free some space",
    "quota": "the disk quota is used up; free some space",
    "File too large": "it exceeds the file size limit of this process (ulimit -f); raise it",
    "No such file or directory": "the path must exist; make its folder, or give another path",
    "Not a directory": "a folder of the path is a file; give another path",
    "Is a directory": "it is a folder; give the name of a file",
    "Permission denied": "you may not write there; give another path",
    "Read-only file system": "nobody can write there; give another path",
    "Too many levels of symbolic links": "a link lies there, which is not followed; remove it",
}
"""Part of the system's message -> remedy."""


def reason(error: Exception) -> str:
    """Return the system's message, also if it is inside HDF5's."""
    quoted = re.search(r"error message = '([^']*)'", str(error))
    return quoted[1] if quoted else getattr(error, "strerror", None) or str(error)


def advice(error: Exception, otherwise: str) -> str:
    """Return what the user can do about an error of the system."""
    return next((remedy for words, remedy in ADVICE.items() if words in reason(error)), otherwise)


def refuse_existing(path: Path, overwrite: bool = False, *, can_restart: bool = False, detail: str = "") -> None:
    """Refuse to replace a file unless --overwrite was given, and a folder always.

    Args:
        can_restart: the command has --restart too.
        detail: more about the file, after "exists".
    Raises:
        OutputError: something is at `path`.
    """
    if path.is_dir():
        remedy = "remove the folder"
    elif path.exists() and not overwrite:
        remedy = "use --restart or --overwrite" if can_restart else "use --overwrite"
    else:
        return
    raise OutputError(
        f"{path} = exists{detail}: hpcpot does not overwrite by itself; {remedy}, or choose another path."
    )


def check_output(path: Path, overwrite: bool = False, *, can_restart: bool = False) -> None:
    """Refuse a path that cannot be written, before the work whose result is to be written there.

    Raises:
        OutputError: see `refuse_existing`; or its folder is not there, or not writable.
    """
    refuse_existing(path, overwrite, can_restart=can_restart)
    folder = path.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OutputError(
            f"{path} = not writable: its folder must exist and be writable; create it or choose another path."
        )


def make_folder(folder: Path, key: str) -> None:
    """Make a folder of outputs unless it is there, before the work whose results are to be written there.

    Args:
        key: of the config, which names the folder.
    Raises:
        OutputError: it cannot be made, or not be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} = cannot be made ({reason(error)}): must be a folder; change {key}.") from error
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{folder} = not writable: must be a folder that you may write to; change {key}.")


def remove(paths: Iterable[Path]) -> None:
    """Remove files, those that are there.

    Raises:
        OutputError: the system refuses.
    """
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"{path} = cannot be removed ({reason(error)}): it belongs to the output that is replaced; "
                f"{advice(error, 'remove it yourself')}."
            ) from error


class Replacement:
    """A file or folder that is written beside its place and renamed when it is whole.

        with Replacement(path) as part:
            part.write_text(...)

    At any moment, also of a kill, the old or the new one is at `path`. After an error the old one stays and nothing is
    left of the new. A file is on the disk before it is renamed; the files of a folder may still be on their way there.
    Nobody may read the new one who might not read the old.

    Args:
        part: where it is written, in the same folder; a name of its own by default, which nobody can guess. With a given
            name, what a killed run has left there is removed first, and an empty file made, through no link: for large
            files that one process writes again and again.
        is_shared: other processes may be writing the same file, so that their parts are not what a killed one left.
    Raises:
        OutputError: the system refuses, at the start, inside the block or when it ends.
    """

    def __init__(self, path: Path, part: Path | None = None, *, is_shared: bool = False):
        self.path = path
        if part is None and not is_shared:
            _name_leftovers(path)
        self.part = part or path.with_name(f".{path.name}.{uuid4().hex[:12]}.part")
        if part is not None and os.path.lexists(part):
            self._clear()
        if part is not None or path.is_file():
            try:
                self._create()
            except OSError as error:
                raise self._refused(error) from error

    def __enter__(self) -> Path:
        return self.part

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.commit()
        except OSError as refusal:
            error = refusal
        finally:
            self.discard()
        if isinstance(error, OSError):
            raise self._refused(error) from error

    def commit(self) -> None:
        """Put it in its place.

        Raises:
            OSError: the system refuses.
        """
        if self.part.is_file():
            _to_disk(self.part)
        os.replace(self.part, self.path)
        with contextlib.suppress(OSError):  # some network file systems do not sync folders
            _to_disk(self.path.parent)
        account.wrote(self.path)

    def _refused(self, error: OSError) -> OutputError:
        remedy = advice(error, "a writable folder with room is required; choose another path")
        return OutputError(f"{self.path} = cannot be written ({reason(error)}): {remedy}.")

    def _create(self) -> None:
        """Make the empty file with the permissions of the one that it will replace; its owner writes in any case."""
        mode = stat.S_IMODE(self.path.stat().st_mode) | stat.S_IWUSR if self.path.is_file() else 0o666
        os.close(os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode))

    def _clear(self) -> None:
        """Remove a file, or a link and not what it points to, in place of the part."""
        try:
            self.part.unlink()
        except OSError as error:
            raise OutputError(
                f"{self.part} = in the way ({error.strerror}): hpcpot writes {self.path.name} there first; remove it."
            ) from error

    def discard(self) -> None:
        """Remove what was written; nothing after `commit`."""
        if self.part.is_dir() and not self.part.is_symlink():
            shutil.rmtree(self.part, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                self.part.unlink()


def _name_leftovers(path: Path) -> None:
    """Say which files of killed writers lie beside a path; one that still writes cannot be told from them."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{12}}\.part")
    with contextlib.suppress(OSError):  # a folder that cannot be listed, or is not there: writing will tell
        for name in filter(pattern.fullmatch, os.listdir(path.absolute().parent)):
            notice(
                path.with_name(name), "left by a writer that was killed; remove it, unless another process is writing."
            )


def _to_disk(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
