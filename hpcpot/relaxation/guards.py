"""Checks that end the relaxation of one structure and of no other."""

from __future__ import annotations

import math

from hpcpot.errors import SimulationError
from hpcpot.potential.contract import CLOSEST

VOLUME = (0.2, 5.0)
"""Smallest and largest volume over the initial one."""


class CloseContact(SimulationError):
    """Two atoms came closer than the potential's tables reach."""


class CellCollapse(SimulationError):
    """The cell lost its volume, or exploded."""


class NotFinite(SimulationError):
    """A position, an energy or a force is not a number."""


class OutsideRange(SimulationError):
    """A structure ended where the potential was not trained, and the config says to stop there."""


def outside_range(why: str) -> str:
    """Message of OutsideRange."""
    return (
        f"final structure = outside the range that the potential was trained in: {why}; must be inside by potential.outside: "
        "stop; start from another structure, train on such ones, or set warn."
    )


def check_contact(distance: float, step: int) -> None:
    """Refuse two atoms closer than CLOSEST.

    Args:
        distance: Å, the smallest.
    Raises:
        CloseContact: it is too small.
    """
    if distance < CLOSEST:
        raise CloseContact(
            f"distance at step {step} = {distance:.3g} Å: atoms must stay {CLOSEST} Å apart, where the potential's "
            "tables begin; start from atoms farther apart, or take a potential that repels them."
        )


def check_cell(ratio: float, step: int) -> None:
    """Refuse a cell that collapsed or exploded.

    Args:
        ratio: volume over the initial one.
    Raises:
        CellCollapse: it is out of VOLUME.
    """
    if not VOLUME[0] < ratio < VOLUME[1]:
        raise CellCollapse(
            f"volume at step {step} = {ratio:.3g} of the initial one: must stay within {VOLUME[0]:g} and "
            f"{VOLUME[1]:g}; start nearer to the equilibrium volume, or take a potential that was trained there."
        )


def check_finite(value: float, step: int) -> None:
    """Refuse numbers that are not finite.

    Args:
        value: their sum.
    Raises:
        NotFinite: one of them is not.
    """
    if not math.isfinite(value):
        raise NotFinite(
            f"position, energy or force at step {step} = not finite: must be numbers; the structure is far from what "
            "the potential was trained on."
        )
