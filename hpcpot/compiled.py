"""Compiled loops, kept on the disk: compiled once, by however many processes at once, also where hpcpot is read-only.

Numba's own cache has an index file for each function. Processes that compile different variants of a function at the same
time write it over for each other, and a variant then finds another one's code. It also takes a function for unchanged
when only functions of other files that it calls were changed, and stops where it can write neither beside the source nor
into the home. Here each variant is a file that is named after all that it depends on, written aside and renamed.
"""

from __future__ import annotations

import os
import pickle
import stat
import tempfile
import warnings
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import FunctionType
from typing import Any
from uuid import uuid4

import numba
from numba.core.caching import FunctionCache
from numba.core.compiler import CompileResult
from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps

SUFFIX = ".nbc"


def njit(**options: Any) -> Callable[[FunctionType], Dispatcher]:
    """numba.njit with these options, whose machine code is kept in `folder()`."""

    def decorate(function: FunctionType) -> Dispatcher:
        dispatcher = numba.njit(**options)(function)
        dispatcher._cache = Kept(function)
        return dispatcher

    return decorate


@lru_cache(maxsize=None)
def folder() -> Path:
    """Where compiled code is kept; it need not exist yet.

    NUMBA_CACHE_DIR where it is set; else the package's own __pycache__, the user's cache folder, or a folder of the
    user's among the temporary ones, whichever is the first that can be written.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return Path(os.environ["NUMBA_CACHE_DIR"]) / "hpcpot"
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for path in (Path(__file__).resolve().parent / "__pycache__", Path(caches) / "hpcpot"):
        if is_writable(path):
            return path
    return Path(tempfile.gettempdir()) / f"hpcpot-{os.getuid()}"


def is_writable(path: Path) -> bool:
    """Whether files can be made in a folder, or the folder itself be made."""
    there = next(p for p in (path, *path.parents) if p.exists())
    return path.is_absolute() and os.access(there, os.W_OK | os.X_OK)


def make_folder() -> Path:
    """The folder, made where it is not there.

    Raises:
        OSError: it cannot be made, or others could put code into it, which would then run in the user's name.
    """
    path = folder()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent == Path(tempfile.gettempdir()):
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise PermissionError(f"{path} belongs to, or can be written by, somebody else")
    return path


class Kept(FunctionCache):
    """What a compiled function asks for its variants; a file each."""

    def __init__(self, function: FunctionType):
        self._py_func = function
        self.enable()

    @property
    def cache_path(self) -> str:
        return str(folder())

    def load_overload(self, sig: Any, target_context: Any) -> CompileResult | None:
        """A variant from its file; None, so that it is compiled, where there is none or it is not whole."""
        target_context.refresh()
        try:
            content = pickle.loads((make_folder() / self._name(sig, target_context.codegen())).read_bytes())
        except (OSError, EOFError, pickle.UnpicklingError):
            return None
        return CompileResult._rebuild(target_context, *content)

    def save_overload(self, sig: Any, data: CompileResult) -> None:
        """Keep a variant; where that is impossible, tell so once, since each run then compiles anew."""
        aside = None
        try:
            path = make_folder() / self._name(sig, data.codegen)
            aside = path.with_name(f".{uuid4().hex}.part")
            aside.write_bytes(dumps(data._reduce()))
            os.replace(aside, path)
        except OSError as error:
            _tell(f"{folder()} = cannot be written ({error}): compiled code is not kept there, so each run takes about "
                  "half a minute longer to start; set NUMBA_CACHE_DIR to a folder of yours.")  # fmt: skip
            if aside is not None:
                aside.unlink(missing_ok=True)

    def _name(self, sig: Any, codegen: Any) -> str:
        """Function, and a hash of sources, types, constants of closures, processor, Numba."""
        function = self._py_func
        depends = (_sources(function), self._index_key(repr(sig), codegen), numba.__version__)
        name = f"{function.__module__}.{function.__qualname__}".replace("<", "").replace(">", "")
        return f"{name}-{sha256(repr(depends).encode()).hexdigest()[:32]}{SUFFIX}"


def _sources(function: FunctionType) -> list[str]:
    """Hash and numbers of the function's file, and of those whose compiled functions, and theirs, are in use there."""
    pending, found = [function], {}
    while pending:
        code, scope = (f := pending.pop()).__code__, f.__globals__
        if code.co_filename not in found:
            numbers = sorted((name, value) for name, value in scope.items() if isinstance(value, (int, float)))
            found[code.co_filename] = f"{_hash(code.co_filename)} {numbers}"
            pending += [value.py_func for value in scope.values() if isinstance(value, Dispatcher)]
    return sorted(found.values())


@lru_cache(maxsize=None)
def _hash(path: str) -> str:
    return sha256(Path(path).read_bytes()).hexdigest()


@lru_cache(maxsize=None)
def _tell(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=2)
