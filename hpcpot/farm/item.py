"""One independent calculation of the farm, and its outcome: a result or a failure of its own."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hpcpot.errors import FarmError

TAIL = 4000
"""Characters kept of a traceback, from its end."""

ITEM_ERRORS = (Exception, SystemExit)
"""Errors that fail one item only; a signal or the end of the process does not."""


@dataclass(frozen=True)
class Item:
    """One independent calculation.

    Attributes:
        key: content hash of the input, `storage.content.content_key`; equal keys are computed once.
        input: argument of the task; pickled to a worker, so small: a frame's number rather than the frame. An
            exception in its place fails the item with it, as for a structure that cannot be read.
        label: name for people: "frame 12, site 345".
    """

    key: str
    input: Any
    label: str = ""


@dataclass(frozen=True)
class Failure:
    """Why an item has no result.

    Attributes:
        kind: class of the exception, or "WorkerDied" where its process ended.
        message: one line or more. host: where. traceback: its end, as Python or the process printed it.
    """

    kind: str
    message: str
    host: str = ""
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        text = "".join(traceback.format_exception(error))
        return cls(type(error).__name__, str(error) or repr(error), socket.gethostname(), text[-TAIL:])


Outcome = dict[str, Any] | Failure
Compute = Callable[[Any], dict[str, Any]]
BatchedCompute = Callable[[Sequence[Any]], Iterator[tuple[int, dict[str, Any] | Exception]]]


def outcomes(compute: Compute | BatchedCompute, inputs: Sequence[Any], batched: bool) -> Iterator[tuple[int, Outcome]]:
    """Compute the inputs: (position, result or failure) of each once, as they complete.

    Raises:
        FarmError: from `compute`: something that every item needs is missing, see `PotentialRef.load`.
    """
    usable = [position for position, value in enumerate(inputs) if not isinstance(value, Exception)]
    yield from ((position, Failure.of(value)) for position, value in enumerate(inputs) if isinstance(value, Exception))
    if batched:
        yield from _of_batch(compute, inputs, usable)
        return
    for position in usable:
        try:
            outcome = compute(inputs[position])
        except FarmError:
            raise
        except ITEM_ERRORS as error:
            outcome = Failure.of(error)
        yield position, outcome


def _of_batch(compute: BatchedCompute, inputs: Sequence[Any], positions: list[int]) -> Iterator[tuple[int, Outcome]]:
    """Compute some positions together; those left without an outcome are halved, until the item at fault is alone."""
    if not positions:
        return
    left, error = dict.fromkeys(positions), None
    try:
        for k, outcome in compute([inputs[position] for position in positions]):
            del left[positions[k]]  # a KeyError for an item that comes twice
            yield positions[k], Failure.of(outcome) if isinstance(outcome, Exception) else outcome
    except FarmError:
        raise
    except ITEM_ERRORS as exception:
        error = exception
    if left and len(positions) == 1:
        error = error or RuntimeError(f"task = no outcome for input 1 of 1: {compute!r} must yield one for each input.")
        yield positions[0], Failure.of(error)
        return
    for part in halves(list(left)):
        yield from _of_batch(compute, inputs, part)


def halves(entries: list) -> list[list]:
    """Split a list in two; only parts that are not empty."""
    middle = (len(entries) + 1) // 2
    return [part for part in (entries[:middle], entries[middle:]) if part]
