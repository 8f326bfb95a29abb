"""Numbers as people read them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

MOST_MEANT = 5
"""Names that are suggested at once."""


def plural(count: int, noun: str) -> str:
    """1 rank, 2 ranks."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def nearest(word: str, names: Iterable[str]) -> list[str]:
    """Names that somebody may have meant by another word: those that begin with it, else hold it, else look like it."""
    known = {name.lower(): name for name in names}
    small = word.lower()
    for kind in (str.startswith, str.__contains__):
        if small and (found_names := [name for low, name in known.items() if kind(low, small)]):
            return found_names
    return [known[low] for low in difflib.get_close_matches(small, known, 1)]


def meant(word: str, names: Iterable[str]) -> str:
    """The question whether somebody meant the nearest of some names, or "" where none is near, or too many."""
    near = nearest(word, names)
    return f"did you mean {alternatives(near)}?" if 0 < len(near) <= MOST_MEANT else ""


def ended(text: str) -> str:
    """A sentence with its full stop, unless it asks something; nothing is left of an empty last part."""
    text = text.rstrip("; ")
    return text if text.endswith("?") else f"{text}."


def alternatives(words: Sequence[str]) -> str:
    """a, b or c."""
    return " or ".join([part for part in (", ".join(words[:-1]), words[-1]) if part])


def duration(seconds: float) -> str:
    """1 d 02 h, 3:05:09 or 05:09."""
    minutes, second = divmod(int(seconds + 0.5), 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 24:
        return f"{hours // 24} d {hours % 24:02d} h"
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute:02d}:{second:02d}"
