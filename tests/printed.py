"""What a page says that a program prints, compared with what it prints."""

import re

import pytest

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]*\w)")
"""A number by itself, and no part of a name as in Si2."""


def assert_same(output: str, told: str, where: str, relative: float = 0.02, absolute: float = 0.05) -> None:
    """Compare two texts: words as they are, however they are aligned, numbers within a tolerance."""
    seen, said = (" ".join(text.split()) for text in (output, told))
    assert NUMBER.sub("#", seen) == NUMBER.sub("#", said), f"{where}: printed is\n{output}"
    for value, expected in zip(NUMBER.findall(seen), NUMBER.findall(said), strict=True):
        assert float(value) == pytest.approx(float(expected), rel=relative, abs=absolute), (
            f"{where}: {value}, not {expected}"
        )
