"""What griffe does with docstrings while the site is built.

Sections of hpcpot's docstrings need no empty line before them, and a line of a section may describe several arguments:
"low, high: (2,) corners. scale: pixels per Å."
"""

from __future__ import annotations

import re
from typing import Any

import griffe

SECTION = re.compile(r"(?<!\n)\n(Args|Attributes|Returns|Raises|Yields):")
ENTRY = re.compile(r"( +)(\w+(?:, \w+)*): (.+)")


class Sections(griffe.Extension):
    """Puts sections and arguments where griffe looks for them."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        rewrite(func, {parameter.name for parameter in func.parameters})

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        initial = cls.members.get("__init__")
        parameters = {parameter.name for parameter in initial.parameters} if initial is not None else set()
        rewrite(cls, parameters | set(cls.members))


def rewrite(owner: griffe.Object, names: set[str]) -> None:
    if owner.docstring is not None:
        text = SECTION.sub(r"\n\n\1:", owner.docstring.value)
        owner.docstring.value = "\n".join(line for given in text.split("\n") for line in entries(given, names))


def entries(line: str, names: set[str]) -> list[str]:
    """The line with an argument or attribute of its own for each that it describes."""
    match = ENTRY.fullmatch(line)
    if not match or not names.issuperset(match[2].split(", ")):
        return [line]
    again = "|".join(map(re.escape, names))
    text, *rest = re.split(rf"(?<=[.)]) (?=(?:(?:{again}), )*(?:{again}): )", match[3])
    lines = [f"{match[1]}{name}: {text}" for name in match[2].split(", ")]
    return lines + [entry for described in rest for entry in entries(match[1] + described, names)]
