"""The table of cases: each calls compiled functions with numbers that must not lead them out of their arrays."""

from __future__ import annotations

import ast
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numba.core.dispatcher import Dispatcher
from repository import REPOSITORY

from hpcpot.compiled import _used
from hpcpot.errors import HpcpotError

INFINITE = (np.inf, -np.inf)
HUGE = (1e300, -1e300)
BAD = (np.nan, *INFINITE, *HUGE)

GROUPS = ("engine", "montecarlo", "analysis", "training")
"""The cases of a group are in the module <group>_cases, and run in one process."""


@dataclass(frozen=True)
class Case:
    """What a case is for.

    Attributes:
        run: raises if anything is wrong. kernels: "module:function" below hpcpot, or "package." for all of a package
            that the case has run.
    """

    run: Callable[[], None]
    kernels: tuple[str, ...]


CASES: dict[str, Case] = {}


def case(*kernels: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Add a function to the table as a case of these kernels."""

    def add(function: Callable[[], None]) -> Callable[[], None]:
        CASES[f"{function.__module__.rpartition('.')[2]}.{function.__name__}"] = Case(function, kernels)
        return function

    return add


def refused(kind: type[HpcpotError], call: Callable, *arguments) -> None:
    """Ensure that a call ends with an error of that class."""
    try:
        result = call(*arguments)
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised: {result}")


def names_in_source() -> set[str]:
    """All compiled functions of hpcpot: "module:function", nested ones with dots."""
    names = set()
    for path in (REPOSITORY / "hpcpot").rglob("*.py"):
        module = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names |= {f"{module.removesuffix('.__init__')}:{name}" for name in _compiled(tree, "")}
    return names


def _compiled(node: ast.AST, prefix: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        is_scope = isinstance(child, (ast.FunctionDef, ast.ClassDef))
        if isinstance(child, ast.FunctionDef) and any("njit" in ast.unparse(line) for line in child.decorator_list):
            yield prefix + child.name
        yield from _compiled(child, f"{prefix}{child.name}." if is_scope else prefix)


def run_by(kernels: tuple[str, ...]) -> list[Dispatcher]:
    """The compiled functions that these names mean.

    Raises:
        AssertionError: there is none that has been called in this process.
    """
    called = [each for each in gc.get_objects() if isinstance(each, Dispatcher) and each.overloads]
    means = {name: [each for each in called if _is_meant(name, _name(each))] for name in kernels}
    idle = [name for name, meant in means.items() if not meant and not name.endswith(".")]
    assert not idle, f"never called: {idle}"
    return [each for meant in means.values() for each in meant]


def _is_meant(name: str, full: str) -> bool:
    return full.startswith(f"hpcpot.{name}") if name.endswith(".") else full == f"hpcpot.{name}"


def _name(kernel: Dispatcher) -> str:
    return f"{kernel.py_func.__module__}:{kernel.py_func.__qualname__}".replace("<locals>.", "")


def reached(kernels: list[Dispatcher]) -> set[str]:
    """Names of these compiled functions and of all that they call."""
    known, pending = set(), list(kernels)  # closures of one source have one name
    while pending:
        kernel = pending.pop()
        if kernel not in known:
            known.add(kernel)
            pending += [value for value in _used(kernel.py_func).values() if isinstance(value, Dispatcher)]
    return {_name(kernel) for kernel in known}
