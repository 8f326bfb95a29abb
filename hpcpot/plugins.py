"""Modules of other packages that add rows to hpcpot's tables: named in HPCPOT_PLUGINS, imported before a command begins."""

from __future__ import annotations

import os
from importlib import import_module

from hpcpot.errors import DependencyError

VARIABLE = "HPCPOT_PLUGINS"


def load() -> None:
    """Import the modules that the environment names, separated by commas; each calls `register` of a table.

    Raises:
        DependencyError: a module that Python does not find.
    """
    for name in filter(None, (part.strip() for part in os.environ.get(VARIABLE, "").split(","))):
        try:
            import_module(name)
        except ImportError as error:
            raise DependencyError(
                f"{VARIABLE} = {name}: must be a module that Python can import ({error}); install its package, set "
                "PYTHONPATH, or correct the name."
            ) from error
