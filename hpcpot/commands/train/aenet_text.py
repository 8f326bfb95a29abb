"""Lines, numbers and options of aenet's input files."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

from hpcpot import inputs
from hpcpot.errors import ConfigError, DataError
from hpcpot.structure import text

LARGEST = 1e9
MOST = 10_000_000
"""Of files and elements that a list may have."""


def lines_of(path: Path) -> list[str]:
    """Lines without comments and blanks around them.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        content = inputs.read_text(path)
    except OSError as error:
        raise ConfigError(f"{path} = cannot be read ({error.strerror}): an input of aenet is required.") from error
    except ValueError as error:
        raise ConfigError(f"{path} = no text: an input of aenet is required; give another file.") from error
    lines = (line.strip() for line in content.splitlines())
    return [line for line in lines if line and line[0] not in "!#"]


def options_of(line: str) -> dict[str, str]:
    """name=value of a line, with or without blanks around `=`."""
    words = line.replace("=", " = ").split()
    return {words[k - 1]: words[k + 1] for k in range(1, len(words) - 1) if words[k] == "="}


def number(words: list[str], where: str) -> float:
    """The number of the first word, also with a Fortran exponent (1.0d0); a whole one as an int.

    Raises:
        ConfigError: it is none, or one that nothing here can have.
    """
    shown = " ".join(words)[:40] or "nothing"
    try:
        value = text.number(words[0], where)
    except (IndexError, DataError) as error:
        raise ConfigError(f"{where} = {shown}: a number is required; correct it.") from error
    if not isfinite(value) or abs(value) > LARGEST:
        raise ConfigError(f"{where} = {shown}: a finite number up to {LARGEST:g} is required; correct it.")
    return int(value) if value.is_integer() else value


def whole(words: list[str], where: str) -> int:
    """The count of the first word.

    Raises:
        ConfigError: it is none, or not above 0.
    """
    value = number(words, where)
    if not isinstance(value, int) or not 0 < value <= MOST:
        raise ConfigError(f"{where} = {' '.join(words)[:40]}: a whole number above 0 is required; correct it.")
    return value
