"""Modules of other packages that add rows to hpcpot's tables: named in HPCPOT_PLUGINS, imported before work begins."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module

from hpcpot.errors import ExtensionError, HpcpotError

VARIABLE = "HPCPOT_PLUGINS"


def load() -> None:
    """Import the modules that the environment names, separated by commas; each calls `register` of a table.

    The command line, workers of the farm and what `import hpcpot` offers call it; only the first call does anything.

    Raises:
        ExtensionError: a module that cannot be imported, or that a table refuses.
    """
    _load(os.environ.get(VARIABLE, ""))


@cache
def _load(names: str) -> None:
    for name in filter(None, map(str.strip, names.split(","))):
        if not all(part.isidentifier() for part in name.split(".")):
            raise ExtensionError(
                f"{VARIABLE} = {name}: must be the name of a module, as in import package.module; correct it."
            )
        try:
            import_module(name)
        except HpcpotError as error:
            raise ExtensionError(f"{VARIABLE} = {name}: {error}") from error
        except ModuleNotFoundError as error:
            if error.name != name.split(".")[0]:
                raise _broken(name, error) from error
            raise ExtensionError(
                f"{VARIABLE} = {name}: must be a module that Python can import ({error}); install its package, set "
                "PYTHONPATH, or correct the name."
            ) from error
        except Exception as error:  # code of others fails in any way
            raise _broken(name, error) from error


def _broken(name: str, error: Exception) -> ExtensionError:
    return ExtensionError(
        f"{VARIABLE} = {name}: failed while it was imported ({type(error).__name__}: {error}); mend the module, or leave it "
        "out."
    )
