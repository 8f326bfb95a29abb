"""What is fuzzed: small whole files of everything that hpcpot reads, and the call that reads them.

The lists follow hpcpot's own tables of formats, families and commands: for a new row without a sample `all_targets` fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Target:
    """Files and their reader; both functions work in the current folder.

    Attributes:
        write: writes the files and returns the names of those to damage.
        read: reads them and returns what is then judged.
        seconds: most of a core that this may take, without what is compiled.
    """

    name: str
    write: Callable[[], list[str]]
    read: Callable[[], Any]
    seconds: float = 5.0


def all_targets() -> list[Target]:
    """Every target, by kind."""
    from fuzz import configs, data, models, outputs, structures

    return [target for module in (configs, structures, data, models, outputs) for target in module.targets()]


def written(name: str, content: str | bytes) -> list[str]:
    """Write a file and name it in a list, as `Target.write` does."""
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return [name]
