"""The order of the stages of a learning loop, and when one ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpcpot.wording import plural


@dataclass(frozen=True)
class Ends:
    """When a stage ends.

    Attributes:
        accurate: share of accurate frames in each system. flat: least relative fall of the error of forces, or None.
        flat_iterations: how often in turn it is missed. most: iterations.
    """

    accurate: float
    flat: float | None
    flat_iterations: int
    most: int


def units(rungs: Mapping[str, int]) -> list[tuple[str, int]]:
    """(stage, rung) of all stages in order. Args: rungs: number of each stage's."""
    return [(stage, rung) for stage, number in rungs.items() for rung in range(number)]


def present(rows: Sequence[Mapping[str, Any]], order: Sequence[tuple[str, int]]) -> tuple[tuple[str, int] | None, int]:
    """The unit of the next iteration, None after the last one; and how many iterations it has had.

    Args:
        rows: of the iterations so far. order: see `units`.
    Raises:
        KeyError: the unit of the last iteration is not in `order`.
    """
    if not rows:
        return order[0], 0
    last = (rows[-1]["stage"], rows[-1]["rung"])
    if last not in order:
        raise KeyError(last[0])
    if rows[-1]["ended"]:
        place = order.index(last) + 1
        return (order[place] if place < len(order) else None), 0
    return last, sum(1 for row in rows if (row["stage"], row["rung"]) == last)


def why_ended(
    accurate: Mapping[str, float], broken: int, chosen: int, candidates: int, errors: Sequence[float], ends: Ends
) -> str:
    """Why a stage ends with this iteration, or nothing.

    Args:
        accurate: share of accurate frames by system. broken: runs that ended early, after which
            nothing is accurate. chosen: frames that were labelled. candidates: frames of that class.
        errors: eV/Å, of forces on held-out frames, in the iterations of the stage up to this one.
    """
    least = min(accurate, key=accurate.get)
    if accurate[least] >= ends.accurate and not broken:
        return (
            f"accurate: {100 * accurate[least]:.1f} % of the frames of {least}, the least, of {100 * ends.accurate:g} %"
        )
    if not candidates:
        early = f"; {plural(broken, 'run')} ended early" if broken else ""
        return f"no candidates: {100 * accurate[least]:.1f} % of the frames of {least} are accurate, the others failed{early}"
    if not chosen:
        return f"none of {candidates} candidates is labelled: none was asked for, all were passed over, or their labels failed"
    if ends.flat is not None and len(errors) > ends.flat_iterations:
        last = np.array(errors[-ends.flat_iterations - 1 :])
        falls = 1.0 - last[1:] / last[:-1]
        if (falls < ends.flat).all():
            return f"flat: the error of forces fell by less than {100 * ends.flat:g} % {ends.flat_iterations} times in turn"
    if len(errors) >= ends.most:
        most = plural(ends.most, "iteration")
        return f"{most}, the most that are allowed; {100 * accurate[least]:.1f} % of {least} are accurate"
    return ""
