"""Blocks of entries of data.files among which the probability of a batch is shared, as DeePMD-kit writes them."""

from __future__ import annotations

from math import inf


def blocks(style: str) -> list[tuple[int, int, float]]:
    """First entry, end and weight of each block of `prob_sys_size;0:2:0.3;2:5:0.7`.

    Raises:
        ValueError: it is not of this form.
    """
    word, *parts = style.split(";")
    rows = [part.split(":") for part in parts if part.strip()]
    if word != "prob_sys_size" or not rows or any(len(row) != 3 for row in rows):
        raise ValueError(style)
    made = [(int(first), int(end), float(weight)) for first, end, weight in rows]
    if any(not 0 <= first < end or not 0.0 <= weight < inf for first, end, weight in made) or not any(
        weight for _, _, weight in made
    ):
        raise ValueError(style)
    return made
