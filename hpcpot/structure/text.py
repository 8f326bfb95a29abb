"""Numbers in text as other programs write them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcpot.errors import DataError


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
