"""Compiled loops, kept on the disk: compiled once, by however many processes at once, also where hpcpot is read-only.

Numba's own cache has an index file for each function. Processes that compile different variants of a function at the same
time write it over for each other, and a variant then finds another one's code. It also takes a function for unchanged
when only functions of other files that it calls were changed, and stops where it can write neither beside the source nor
into the home. Here each variant is a file that is named after all that it depends on, written aside and renamed.
"""

from __future__ import annotations

import grp
import io
import os
import pickle
import pwd
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

# Where colorama is installed, numba would else write an escape sequence to stdout when the program ends.
os.environ.setdefault("NUMBA_DISABLE_ERROR_MESSAGE_HIGHLIGHTING", "1")

import llvmlite.binding as llvm
import numba
import numpy as np
from numba.core import sigutils
from numba.core.caching import NullCache
from numba.core.ccallback import CFunc
from numba.core.codegen import CPUCodeLibrary, JITCodeLibrary
from numba.core.compiler import CompileResult, compile_result
from numba.core.dispatcher import Dispatcher
from numba.core.environment import Environment, _rebuild_env, lookup_environment
from numba.core.runtime.nrt import rtsys
from numba.core.serialize import dumps

from hpcpot import notices
from hpcpot.errors import OutputError
from hpcpot.outputs import Replacement

FASTMATH = {"reassoc", "nsz", "contract", "arcp"}
"""Floating-point transformations allowed in loops so that they vectorise; NaN and inf stay as they are."""

COMPILING = "compiling for this processor, once: 15 to 30 s if it is idle"

SUFFIX = ".nbc"
SHIPPED = Path(__file__).resolve().parent / "__pycache__"
"""Code kept here, as by whoever installed hpcpot, serves also those who cannot write here, without NUMBA_CACHE_DIR."""


def njit(**options: Any) -> Callable[[FunctionType], Dispatcher]:
    """numba.njit with these options, whose machine code is kept in `folder()`."""

    def decorate(function: FunctionType) -> Dispatcher:
        dispatcher = numba.njit(**options)(function)
        dispatcher._cache = CompiledCache(dispatcher)
        return dispatcher

    return decorate


def provide(name: str, function: FunctionType, signature: Any, key: str) -> None:
    """Compile a C function by itself, and let other compiled code call it by a name.

    What calls it is compiled faster: Numba would compile a function that it calls again with each of its callers.

    Args:
        signature: of Numba, with C types. key: what the code depends on, besides the file of the function.
    """
    if name not in _PROVIDED:
        compiled = CFunc(function, sigutils.normalize_signature(signature), {}, {"error_model": "numpy"})
        compiled._cache = CompiledCache(_Described(function, {"key": key}))
        compiled.compile()
        llvm.add_symbol(name, compiled.address)
        _PROVIDED[name] = compiled


_PROVIDED: dict[str, CFunc] = {}
"""Functions that have a name; kept, so that their code is."""


class _Described(NamedTuple):
    """What CompiledCache asks of a dispatcher."""

    py_func: FunctionType
    targetoptions: dict


@cache
def folder() -> Path:
    """Folder of compiled code; it need not exist yet.

    NUMBA_CACHE_DIR where it is set; else the package's own __pycache__, the user's cache folder, or a folder of the
    user's among the temporary ones, whichever is the first that can be written.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return Path(os.environ["NUMBA_CACHE_DIR"]).absolute() / "hpcpot"
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for path in (SHIPPED, Path(caches) / "hpcpot"):
        if path.is_absolute() and refusal(path) is None:
            return path
    return Path(tempfile.gettempdir()) / f"hpcpot-{os.getuid()}"


def refusal(path: Path) -> str | None:
    """Reason why compiled code cannot be kept in a folder (which need not exist yet); None if it can."""
    if is_foreign(path):
        return "belongs to, or can be written by, somebody else"
    nearest = next(p for p in (path, *path.parents) if os.path.exists(p))
    return None if os.path.isdir(nearest) and os.access(nearest, os.W_OK | os.X_OK) else "cannot be written"


def is_foreign(path: Path) -> bool:
    """Test whether others could have put a file, or a link, at a path, whose code would run in the user's name.

    As for the keys of ssh: it and all folders above belong to the user or root, and nobody else can write there; in a
    folder above like /tmp others can, but not replace what is not theirs. What does not exist yet is not foreign.
    """
    resolved = path.resolve()
    steps = dict.fromkeys((path, *path.parents, resolved, *resolved.parents))
    return any(_is_foreign(step, is_last=step in (path, resolved)) for step in steps if os.path.lexists(step))


def _is_foreign(step: Path, is_last: bool) -> bool:
    status = step.lstat()
    if status.st_uid not in _trusted():
        return True
    if stat.S_ISLNK(status.st_mode) or (stat.S_ISDIR(status.st_mode) and not is_last and status.st_mode & stat.S_ISVTX):
        return False
    return bool(status.st_mode & stat.S_IWOTH) or (bool(status.st_mode & stat.S_IWGRP) and not _is_own(status.st_gid))


def _trusted() -> tuple[int, ...]:
    """Users whose code runs here in any case: root, the user, and whoever owns this file."""
    return 0, os.getuid(), os.stat(__file__).st_uid


@cache
def _is_own(group: int) -> bool:
    """Test whether a group has one member, the user, as many systems make one for each."""
    try:
        user, entry = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(group)
    except KeyError:
        return False
    return entry.gr_name == user and set(entry.gr_mem) <= {user}


class CompiledCache(NullCache):
    """Cache of the variants of a compiled function: one file each, the hash of its content first."""

    def __init__(self, dispatcher: Dispatcher):
        self._dispatcher, self._qualname = dispatcher, dispatcher.py_func.__qualname__
        source_hash(dispatcher.py_func.__code__.co_filename)

    @property
    def cache_path(self) -> str:
        return str(folder())

    def load_overload(self, sig: Any, target_context: Any) -> CompileResult | None:
        """A variant from its file; None, so that it is compiled, where there is none or it is not whole."""
        name = self._name(sig, target_context.codegen())
        for path in (folder(),) if os.environ.get("NUMBA_CACHE_DIR") else (folder(), SHIPPED):
            if not is_foreign(path / name) and not is_foreign(path) and (content := _whole(path / name)) is not None:
                undefined, defined, parts = _Unpickler(io.BytesIO(content)).load()
                _define(undefined, target_context)
                return _rebuilt(target_context, defined, *parts)
        notices.waits(COMPILING)
        # Numba names machine code by qualified name and a count of this process. Variants of a closure that two processes
        # compiled could so have one name, and a third, which loads both, would run the one for the other.
        self._dispatcher.py_func.__qualname__ = f"{self._qualname}.{self._content}"
        return None

    def save_overload(self, sig: Any, data: CompileResult) -> None:
        """Keep a variant; where that is impossible, tell so once, since each run then compiles anew."""
        self._dispatcher.py_func.__qualname__ = self._qualname
        if data.library.has_dynamic_globals:  # addresses of this process are in it
            return
        content, path = dumps((*_symbols(data.library), data._reduce())), folder()
        try:
            if (reason := refusal(path)) is not None:
                raise PermissionError(reason)
            _make(path)
            with Replacement(path / self._name(sig, data.codegen), is_shared=True) as part:
                part.write_bytes(sha256(content).digest() + content)
                part.chmod(part.stat().st_mode & ~0o022)
        except (OSError, OutputError) as error:
            _tell(
                f"{path} = {error.__cause__ or error}: compiled code is not kept there, so each run takes about half a "
                "minute longer to start; set NUMBA_CACHE_DIR to a folder of yours."
            )

    def _name(self, sig: Any, codegen: Any) -> str:
        """Function, and a hash of all that its code depends on: sources, options, types, processor, versions."""
        depends = (self._content, repr(sig), codegen.magic_tuple())
        name = f"{self._dispatcher.py_func.__module__}.{self._qualname}".replace("<", "").replace(">", "")
        return f"{name}-{sha256(repr(depends).encode()).hexdigest()[:32]}{SUFFIX}"

    @cached_property
    def _content(self) -> str:
        """Hash of the function and of all that its code depends on, but for the types and the processor."""
        line, options = self._dispatcher.py_func.__code__.co_firstlineno, _text(self._dispatcher.targetoptions)
        versions = (numba.__version__, sys.implementation.cache_tag, numba.config.BOUNDSCHECK)
        depends = (self._sources, line, options, versions, source_hash(__file__))
        return sha256(repr(depends).encode()).hexdigest()[:32]

    @cached_property
    def _sources(self) -> list[str]:
        """Files of the function and of the compiled ones that it calls, and theirs; the constants that all of them use."""
        pending, texts = [self._dispatcher.py_func], {}
        while pending:
            function = pending.pop()
            if function not in texts:
                used = _used(function)
                constants = {name: value for name, value in used.items() if not isinstance(value, Dispatcher)}
                texts[function] = f"{source_hash(function.__code__.co_filename)} {_text(constants)}"
                pending += [value.py_func for value in used.values() if isinstance(value, Dispatcher)]
        return sorted(texts.values())


@cache
def source_hash(path: str) -> str:
    """Hash of a file as it was imported: asked for at the import, since it may be edited while a long run goes on."""
    return sha256(Path(path).read_bytes()).hexdigest()


def _used(function: FunctionType) -> dict[str, Any]:
    """Compiled functions and constants outside it that the function names, also in modules that it names."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    scope = function.__globals__ | {name: cell.cell_contents for name, cell in cells}
    names = set(_names(function.__code__))
    named = {name: scope[name] for name in names if name in scope}
    for module in [value for value in named.values() if isinstance(value, ModuleType)]:
        named |= {f"{module.__name__}.{name}": vars(module)[name] for name in names if name in vars(module)}
    kinds = (Dispatcher, bool, int, float, complex, str, tuple, np.ndarray, np.generic)
    return {name: value for name, value in named.items() if isinstance(value, kinds) or hasattr(value, "cache_key")}


def _names(code: CodeType) -> Iterator[str]:
    yield from (*code.co_names, *code.co_freevars)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _text(value: Any) -> str:
    """repr of a constant, whole and the same in all processes; of generated code, its own `cache_key`."""
    if hasattr(value, "cache_key"):
        return str(value.cache_key)
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__} {sorted(map(_text, value))}"
    if isinstance(value, dict):
        return f"{sorted((name, _text(item)) for name, item in value.items())}"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {sha256(value.tobytes()).hexdigest()}"
    return repr(value)


class _Unpickler(pickle.Unpickler):
    """Reads a variant, without the modules of Numba whose functions it calls: SciPy comes with some."""

    def find_class(self, module: str, name: str) -> Any:
        is_environment = (module, name) == (_rebuild_env.__module__, _rebuild_env.__name__)
        return _environment if is_environment else super().find_class(module, name)


def _environment(module: str, constants: list, name: str) -> Environment:
    """What machine code knows of Python: in nopython mode its constants, and never the globals of its module."""
    environment = lookup_environment(name)
    if environment is None:
        environment = Environment({"__name__": module})
        environment.consts[:] = constants
        environment.env_name = name
        Environment._memo[name] = environment
    return environment


class LoadedLibrary(JITCodeLibrary):
    """Machine code from a file. The bitcode beside it, which callers are compiled with, is parsed when one is.

    Numba parses it in any case, which takes half of the time of loading.
    """

    def __init__(self, codegen: Any, name: str, machine_code: bytes, bitcode: bytes, defined: list[str]):
        super().__init__(codegen, name)
        self._bitcode = bitcode
        self.enable_object_caching()
        self._set_compiled_object(machine_code)
        self._finalize_final_module()
        codegen._engine._defined_symbols.update(defined)

    def _get_module_for_linking(self) -> llvm.ModuleRef:
        if self._shared_module is None:
            self._shared_module = llvm.parse_bitcode(self._bitcode)
        return self._shared_module


def _rebuilt(target_context: Any, defined: list[str], *parts: Any) -> CompileResult:
    """CompileResult._rebuild with a LoadedLibrary, from the parts that CompileResult._reduce makes."""
    (name, _, codes), descriptor, environment, signature, objectmode, lifted, annotation, initial, environments = parts
    for initialise in initial:
        initialise()
    codegen = target_context.codegen()
    library = LoadedLibrary(codegen, name, *codes, defined)
    entry_point = target_context.get_executable(library, descriptor, environment)
    for each in environments:
        codegen.set_env(each.env_name, each)
    return compile_result(
        target_context=target_context,
        typing_context=target_context.typing_context,
        library=library,
        environment=environment,
        entry_point=entry_point,
        fndesc=descriptor,
        type_annotation=annotation,
        signature=signature,
        objectmode=objectmode,
        lifted=lifted,
        reload_init=initial,
        referenced_envs=environments,
    )


def _symbols(library: CPUCodeLibrary) -> tuple[list[str], list[str]]:
    """Names of what machine code calls or reads that is not in it, as of Numba's runtime, libm, `provide`; and that is."""
    module = library._final_module
    values = [value for value in (*module.functions, *module.global_variables) if not value.name.startswith("llvm.")]
    return (
        [value.name for value in values if value.is_declaration],
        [value.name for value in values if not value.is_declaration],
    )


def _define(symbols: list[str], target_context: Any) -> None:
    """Make names known, without which LLVM would end the process.

    Those of Numba's runtime are enough nearly always. All that Numba knows of types and functions, in order to compile,
    takes half a second to import.
    """
    rtsys.initialize(target_context)
    if not all(map(llvm.address_of_symbol, symbols)):
        target_context.refresh()


def _make(path: Path) -> None:
    """Make a folder of compiled code, and those above: nobody else writes there; that of the package all may read."""
    for each in (*reversed(path.parents), path):
        each.mkdir(mode=0o755 if each != path or path == SHIPPED else 0o700, exist_ok=True)


def _whole(path: Path) -> bytes | None:
    """Read a file of the cache; None if it is absent or damaged."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            content = file.read()
    except OSError:
        return None
    return content[32:] if sha256(content[32:]).digest() == content[:32] else None


@cache
def _tell(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=2)
