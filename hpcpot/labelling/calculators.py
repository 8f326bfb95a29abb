"""Calculators of ASE by the name of their class: code that runs as the user, so a config names none by accident.

A class must be a calculator's before it is called. A function may return one, and only its call tells.
"""

from __future__ import annotations

import difflib
import pkgutil
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module, metadata
from importlib.util import find_spec
from inspect import isfunction
from pathlib import Path
from typing import Any

from hpcpot.errors import ConfigError
from hpcpot.storage.content import file_sha256


def build(name: str, arguments: dict[str, Any]) -> Any:
    """The calculator `name(**arguments)`.

    Raises:
        ConfigError: there is no such class, it refuses the arguments, or makes something else.
    """
    factory = find(name)
    is_calculator = hasattr(factory, "get_potential_energy") if isinstance(factory, type) else isfunction(factory)
    if not is_calculator:
        raise ConfigError(
            f"calculator.class = {name}: must be a class of calculators of ASE, or a function that returns one; name the "
            "class itself."
        )
    try:
        calculator = factory(**arguments)
    except Exception as error:  # calculators refuse their arguments with any exception
        raise ConfigError(
            f"calculator.arguments = {arguments}: {name} refuses them ({type(error).__name__}: {error}); see its own "
            "documentation."
        ) from error
    if not hasattr(calculator, "get_potential_energy"):
        raise ConfigError(
            f"calculator.class = {name}: must make a calculator of ASE, and makes a {type(calculator).__name__}; name "
            "the class itself."
        )
    return calculator


def check_name(name: str) -> None:
    """Check as much of a name as can be without running its code.

    Raises:
        ConfigError: its package is not installed.
    """
    package = name.partition(".")[0]
    if package not in sys.modules and find_spec(package) is None:
        raise ConfigError(
            f"calculator.class = {name}: there is no package {package}; install it in the environment of hpcpot, or "
            "set PYTHONPATH."
        )


def find(name: str) -> Callable[..., Any]:
    """The class or function of this import path.

    Raises:
        ConfigError: there is none; says which is near.
    """
    module_name, _, last = name.rpartition(".")
    try:
        module = import_module(module_name)
    except Exception as error:  # whatever a module raises when it is loaded
        near = _near(module_name) if isinstance(error, ModuleNotFoundError) else ""
        raise ConfigError(
            f"calculator.class = {name}: {module_name} cannot be imported ({type(error).__name__}: {error}); "
            f"{near or 'install it in the environment of hpcpot.'}"
        ) from error
    if not callable(getattr(module, last, None)):
        if hasattr(module, "__path__") and find_spec(name):
            raise ConfigError(f"calculator.class = {name}: is a module; name the class in it, as in {name}.Calculator.")
        names = [name for name, value in vars(module).items() if hasattr(value, "get_potential_energy")]
        near = difflib.get_close_matches(last, names, 1)
        hint = f"its calculators are {', '.join(names) or 'none'}."
        if near:
            hint = f"did you mean {module_name}.{near[0]}?"
        raise ConfigError(f"calculator.class = {name}: {module_name} has no class {last}; {hint}")
    return getattr(module, last)


def works(name: str) -> tuple[str, ...]:
    """Keys of hpcpot.citations that a run with a calculator has to cite; what it computes by, its own program tells."""
    return ("larsen2017", *(("cui2012", "thompson2022") if name.startswith("hpcpot.labelling.meam.") else ()))


def version(name: str) -> str:
    """Package and version that a class is of, "ase 3.26.0"; of a module of one's own the hash of its source."""
    packages = _packages().get(name.partition(".")[0], [])
    if packages:
        return ", ".join(f"{package} {metadata.version(package)}" for package in dict.fromkeys(packages))
    source = getattr(import_module(name.rpartition(".")[0]), "__file__", None)
    return f"{Path(source).name}: sha256 {file_sha256(Path(source))}" if source else "no package"


@cache
def _packages() -> Mapping[str, list[str]]:
    """Packages by the modules that they hold; once a process, for it reads the files of all that is installed."""
    return metadata.packages_distributions()


def _near(module_name: str) -> str:
    """Guess which module of the same package is meant."""
    package, _, last = module_name.rpartition(".")
    try:
        folder = import_module(package).__path__ if package else None
    except (ImportError, AttributeError):
        return ""
    near = difflib.get_close_matches(last, [entry.name for entry in pkgutil.iter_modules(folder)], 1)
    return f"did you mean {f'{package}.' if package else ''}{near[0]}?" if near else ""
