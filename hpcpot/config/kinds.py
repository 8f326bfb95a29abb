"""Kinds of config values: each has a description, a function that converts a value or refuses it, and a JSON Schema."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpcpot.wording import meant

TEXT = {"type": "string", "pattern": r"\S"}
"""JSON Schema of text that is not blank."""


@dataclass(frozen=True)
class Kind:
    """A requirement on a value.

    Attributes:
        words: its description, which completes "must be ...", e.g. "a number > 0".
        parse: converts a value to its type; raises ValueError("must be ...").
        json: JSON Schema of the values, which may allow more than `parse`.
    """

    words: str
    parse: Callable[[Any], Any]
    json: dict[str, Any] = field(default_factory=dict)


class Late:
    """A kind built anew at each use, from a table that may have grown, e.g. the names of integrators."""

    def __init__(self, build: Callable[[], Kind]):
        self.build = build

    @property
    def words(self) -> str:
        return self.build().words

    @property
    def json(self) -> dict[str, Any]:
        return self.build().json

    def parse(self, value: Any) -> Any:
        return self.build().parse(value)


def integer(minimum: int = 0) -> Kind:
    """Kind of a whole number, also in the form 1e6."""

    def parse(value: Any) -> int:
        _refuse_text(value)
        if not _is_number(value) or not math.isfinite(value) or value != int(value):
            raise ValueError("must be a whole number")
        if value < minimum:
            raise ValueError(f"must be >= {minimum}")
        if value >= 2**63:
            raise ValueError("must be below 2^63")
        return int(value)

    return Kind(f"a whole number >= {minimum}", parse, {"type": "integer", "minimum": minimum})


def number(above: float | None = None, minimum: float | None = None) -> Kind:
    """Kind of a finite float, larger than `above` or at least `minimum`."""
    limit = f"> {above:g}" if above is not None else f">= {minimum:g}" if minimum is not None else ""

    def parse(value: Any) -> float:
        _refuse_text(value)
        if not _is_number(value):
            raise ValueError("must be a number")
        if not abs(value) < 1e300:
            raise ValueError("must be finite")
        if (above is not None and value <= above) or (minimum is not None and value < minimum):
            raise ValueError(f"must be {limit}")
        return float(value)

    json = {"type": "number"}
    if above is not None:
        json["exclusiveMinimum"] = above
    if minimum is not None:
        json["minimum"] = minimum
    return Kind(f"a number {limit}".strip(), parse, json)


MOST_NUMBERS = 10_000
"""Whole numbers that a range may stand for."""

PRESSURES = (-1000.0, 1000.0)
"""GPa; more is no pressure of a solid, but bar or atm taken for GPa."""


def pressure() -> Kind:
    """Kind of a pressure in GPa."""
    low, high = PRESSURES

    def parse(value: Any) -> float:
        given = number().parse(value)
        if not low <= given <= high:
            raise ValueError(f"must be within {low:g} and {high:g} GPa; GPa is required: 1 bar = 1e-4 GPa")
        return given

    return Kind("a pressure in GPa", parse, {"type": "number", "minimum": low, "maximum": high})


def boolean() -> Kind:
    def parse(value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value

    return Kind("true or false", parse, {"type": "boolean"})


def choice(*names: str) -> Kind:
    """Kind of a word from a list."""
    words = " | ".join(names)

    def parse(value: Any) -> str:
        if value not in names:
            near = meant(value, names) if isinstance(value, str) else ""
            raise ValueError(f"must be {words}; {near}" if near else f"must be {words}")
        return value

    return Kind(words, parse, {"enum": list(names)})


def text(words: str) -> Kind:
    """Kind of a text that is not blank."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"must be {words}")
        return value.strip()

    return Kind(words, parse, TEXT)


def file_name() -> Kind:
    """Kind of the name of an input file, kept as text; with `Key.is_input` the file is searched for."""

    def parse(value: Any) -> str:
        if isinstance(value, Path):
            return str(value)
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise ValueError("must be the path of a file")
        return value

    return Kind("the path of a file", parse, TEXT)


def output_path() -> Kind:
    """Kind of the path of an output file, relative to the current folder."""

    def parse(value: Any) -> Path:
        path = Path(os.path.expanduser(file_name().parse(value)))
        if not path.name or _is_folder(path):
            raise ValueError("must be the path of a file, not of a folder")
        return path

    return Kind("the path of a file to write", parse, TEXT)


def output_folder() -> Kind:
    """The path of a folder that the run writes into, which may exist, relative to the current folder."""

    def parse(value: Any) -> Path:
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise ValueError("must be the path of a folder")
        path = Path(os.path.expanduser(value))
        _is_folder(path)
        return path

    return Kind("the path of a folder to write", parse, TEXT)


def output_target() -> Kind:
    """The path of a file or folder to write, which its suffix tells, relative to the current folder."""

    def parse(value: Any) -> Path:
        path = Path(os.path.expanduser(file_name().parse(value)))
        if not path.name or (path.suffix and _is_folder(path)):
            raise ValueError("must be the path of a file, or without a suffix that of a folder")
        return path

    return Kind("the path of a file or folder to write", parse, TEXT)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:  # a name that is too long
        raise ValueError(f"must be a path that the system takes ({error.strerror})") from error


def element() -> Kind:
    def parse(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch("[A-Z][a-z]?", value):
            raise ValueError("must be the symbol of an element, e.g. Si")
        return value

    return Kind("the symbol of an element", parse, {"type": "string", "pattern": "^[A-Z][a-z]?$"})


def list_of(kind: Kind, words: str, length: int | None = None) -> Kind:
    """Kind of a list of values of one kind: not empty, and of the given length if there is one."""

    def parse(value: Any) -> list:
        if not isinstance(value, list) or not value or (length is not None and len(value) != length):
            raise ValueError(f"must be {words}")
        try:
            return [kind.parse(entry) for entry in value]
        except ValueError as error:
            raise ValueError(f"must be {words}; each entry {error}") from error

    json = {"type": "array", "items": kind.json, "minItems": length or 1}
    return Kind(words, parse, json if length is None else json | {"maxItems": length})


def mapping_of(name: Kind, kind: Kind, words: str) -> Kind:
    """Kind of a mapping, not empty, from names of one kind to values of another."""

    def parse(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or not value:
            raise ValueError(f"must be {words}")
        try:
            parsed = [(name.parse(key), kind.parse(entry)) for key, entry in value.items()]
        except ValueError as error:
            raise ValueError(f"must be {words}; each entry {error}") from error
        for key, count in Counter(key for key, _ in parsed).items():
            if count > 1:
                raise ValueError(f"must name {key} only once")
        return dict(parsed)

    return Kind(words, parse, {"type": "object", "minProperties": 1, "additionalProperties": kind.json})


def whole_numbers(words: str, minimum: int = 1) -> Kind:
    """Kind of a whole number, a range as text (1-16), or a list of whole numbers: a list, ascending, each once."""

    def parse(value: Any) -> list[int]:
        if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d{1,9})\s*-\s*(\d{1,9})\s*", value)):
            low, high = int(match[1]), int(match[2])
            if not minimum <= low <= high < low + MOST_NUMBERS:
                raise ValueError(
                    f"must be {words}: the first at least {minimum}, the second not below it, {MOST_NUMBERS} numbers at most"
                )
            return list(range(low, high + 1))
        if isinstance(value, str):
            raise ValueError(f"must be {words}")
        entries = value if isinstance(value, list) else [value]
        return sorted(set(list_of(integer(minimum), words).parse(entries)))

    single = {"type": "integer", "minimum": minimum}
    listed = {"type": "array", "items": single, "minItems": 1}
    return Kind(words, parse, {"anyOf": [single, {"type": "string", "pattern": r"^\s*\d+\s*-\s*\d+\s*$"}, listed]})


def either(word_kind: Kind, other_kind: Kind) -> Kind:
    """Kind of a text of one kind, or of a list or number of another."""
    words = f"{word_kind.words} or {other_kind.words}"

    def parse(value: Any) -> Any:
        if isinstance(value, (str, list)):
            return (word_kind if isinstance(value, str) else other_kind).parse(value)
        try:
            return other_kind.parse(value)
        except ValueError as error:
            raise ValueError(f"must be {words}") from error

    return Kind(words, parse, {"anyOf": [word_kind.json, other_kind.json]})


def intervals(words: str) -> Kind:
    """Kind of [[low, high], ...] for three axes, with null for an open end or axis."""

    def parse(value: Any) -> list:
        rows = value if isinstance(value, list) else []
        rows = [[None, None] if row is None else row for row in rows]
        if len(rows) != 3 or not all(isinstance(row, list) and len(row) == 2 for row in rows):
            raise ValueError(f"must be {words}")
        rows = [[None if end is None else number().parse(end) for end in row] for row in rows]
        if any(None not in row and row[0] >= row[1] for row in rows):
            raise ValueError("must have low < high on each axis")
        return rows

    ends = {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2}
    rows = {"type": "array", "items": {"anyOf": [ends, {"type": "null"}]}, "minItems": 3, "maxItems": 3}
    return Kind(words, parse, rows)


def _refuse_text(value: Any) -> None:
    if isinstance(value, str):
        raise ValueError("must be a number, not text")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
