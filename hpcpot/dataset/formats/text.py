"""Numbers and names as files of other programs have them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hpcpot.structure.text import is_number, number, table, whole_number

__all__ = ["folder_of", "is_number", "number", "numbers", "table", "whole_number"]


def numbers(values: Iterable[float]) -> str:
    """Values with blanks between, each the shortest text that reads back as the same number; none with an exponent.

    motep, for one, reads no exponents.
    """
    return " ".join(np.format_float_positional(value, trim="0") for value in values)


def folder_of(group: str) -> str:
    """Turn the name of a group into a relative path that cannot leave its folder."""
    return "/".join(part for part in str(group).split("/") if part not in ("", ".", "..")) or "group"
