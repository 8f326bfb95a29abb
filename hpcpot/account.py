"""What a command has done, in a few facts: --json prints them, and the end of a run says what to cite.

Code tells facts where they arise, by `tell`, `wrote` and `cite`. While no command collects them, as in a program of one's
own that calls hpcpot, they go nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Account:
    """Facts about one command.

    Attributes:
        results: by name, what the command found. written: files and folders by their whole paths, in the order in which
            they were first written.
        notes: as printed. cited: keys of hpcpot.citations. models: model -> where its labels come from.
    """

    results: dict[str, Any] = field(default_factory=dict)
    written: dict[str, None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    cited: dict[str, None] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)


_present: Account | None = None


@contextmanager
def collected() -> Iterator[Account]:
    """Collect what is told meanwhile."""
    global _present
    before, _present = _present, Account()
    try:
        yield _present
    finally:
        _present = before


def tell(**facts: Any) -> None:
    """Tell results by name: numbers, texts, lists and mappings of them, arrays of NumPy."""
    if _present is not None:
        _present.results |= facts


def wrote(path: Path) -> None:
    """Tell of an output that is in its place."""
    if _present is not None:
        _present.written[str(path.absolute())] = None


def note(text: str) -> None:
    """Tell a note that was printed."""
    if _present is not None:
        _present.notes.append(text)


def cite(*keys: str) -> None:
    """Tell which works of hpcpot.citations the run used."""
    if _present is not None:
        _present.cited |= dict.fromkeys(keys)


def cite_model(name: str, labels: str) -> None:
    """Tell which model the run used, and where the labels come from that it was trained on; "" where nothing says it."""
    if _present is not None:
        _present.models[name] = labels


def plain(value: Any) -> Any:
    """Convert a value to what JSON has: arrays become lists, numbers that are not finite null, paths text."""
    if hasattr(value, "tolist"):  # an array or a number of NumPy, which need not be imported
        value = value.tolist()
    if isinstance(value, dict):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, type(None))) else str(value)
