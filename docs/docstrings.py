"""What griffe does with docstrings while the site is built: sections need no empty line before them."""

from __future__ import annotations

import re
from typing import Any

import griffe

SECTION = re.compile(r"(?<!\n)\n(Args|Attributes|Returns|Raises|Yields):")


class Sections(griffe.Extension):
    """Puts the empty line there that griffe wants."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = SECTION.sub(r"\n\n\1:", obj.docstring.value)
