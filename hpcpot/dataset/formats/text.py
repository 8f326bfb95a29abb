"""Numbers and names as files of other programs have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from hpcpot.errors import DataError


def numbers(values: Iterable[float]) -> str:
    """Values with blanks between, each the shortest text that reads back as the same number; none with an exponent.

    motep, for one, reads no exponents.
    """
    return " ".join(np.format_float_positional(value, trim="0") for value in values)


def table(rows: Sequence[Sequence[str]], columns: int, where: str) -> np.ndarray:
    """Numbers of a table, (rows, columns) float64; exponents may be Fortran's: 1.0D+01.

    Args:
        where: it stands, for the message.
    Raises:
        DataError: a row that is shorter or longer, a word that is no number.
    """
    for k, row in enumerate(rows):
        if len(row) != columns:
            raise DataError(f"{where}, row {k} = {len(row)} values: must be {columns}; check what wrote the file.")
    try:
        return np.array(rows, np.float64).reshape(len(rows), columns)
    except ValueError:
        return np.array([[number(word, where) for word in row] for row in rows], np.float64).reshape(-1, columns)


def number(word: str, where: str) -> float:
    """Return one number; its exponent may be Fortran's.

    Raises:
        DataError: the word is no number.
    """
    try:
        return float(word.upper().replace("D", "E"))
    except ValueError as error:
        raise DataError(f"{where} = {word[:40]}: must be a number; check what wrote the file.") from error


def is_number(word: str) -> bool:
    """Test whether a word is a number, also one of Fortran's."""
    try:
        float(word.upper().replace("D", "E"))
    except ValueError:
        return False
    return True


def whole_number(word: str, where: str) -> int:
    """Return one integer.

    Raises:
        DataError: the word is none.
    """
    try:
        return int(word)
    except ValueError as error:
        raise DataError(f"{where} = {word[:40]}: must be a whole number; check what wrote the file.") from error


def folder_of(group: str) -> str:
    """Turn the name of a group into a relative path that cannot leave its folder."""
    return "/".join(part for part in str(group).split("/") if part not in ("", ".", "..")) or "group"
