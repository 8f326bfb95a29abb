"""What a worker of the farm does with a chunk: every item gets a result or a failure of its own."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hpcpot.errors import FarmError

TAIL = 4000
"""Characters that are kept of a traceback, from its end."""

ITEM_ERRORS = (Exception, SystemExit)
"""What fails one item only; a signal or the end of the process does not."""


@dataclass(frozen=True)
class Item:
    """One independent calculation.

    Attributes:
        key: content hash of the input, `storage.results.content_key`; equal keys are computed once.
        input: what the task gets; pickled to a worker, so small: a frame's number rather than the frame.
        label: what a person calls it: "frame 12, site 345".
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
Task = Callable[[Any], dict[str, Any]]
BatchedTask = Callable[[Sequence[Any]], Iterator[tuple[int, dict[str, Any] | Exception]]]


def outcomes(task: Task | BatchedTask, inputs: Sequence[Any], batched: bool) -> Iterator[tuple[int, Outcome]]:
    """(position in inputs, result or failure) of each input once, as they complete.

    Raises:
        FarmError: from the task: what it needs for any item is not there, see `loaded`.
    """
    if batched:
        yield from _of_batch(task, inputs, list(range(len(inputs))))
        return
    for position, one in enumerate(inputs):
        try:
            outcome = task(one)
        except FarmError:
            raise
        except ITEM_ERRORS as error:
            outcome = Failure.of(error)
        yield position, outcome


def _of_batch(task: BatchedTask, inputs: Sequence[Any], positions: list[int]) -> Iterator[tuple[int, Outcome]]:
    """Outcomes of some positions; what the task leaves without one is halved, until the item at fault is alone."""
    left, error = dict.fromkeys(positions), None
    try:
        for k, outcome in task([inputs[position] for position in positions]):
            del left[positions[k]]  # a KeyError for an item that comes twice
            yield positions[k], Failure.of(outcome) if isinstance(outcome, Exception) else outcome
    except FarmError:
        raise
    except ITEM_ERRORS as exception:
        error = exception
    if left and len(positions) == 1:
        error = error or RuntimeError(f"task = no outcome for input 1 of 1: {task!r} must yield one for each input.")
        yield positions[0], Failure.of(error)
        return
    for part in halves(list(left)):
        yield from _of_batch(task, inputs, part)


def halves(entries: list) -> list[list]:
    """A list in two parts; those that are not empty."""
    middle = (len(entries) + 1) // 2
    return [part for part in (entries[:middle], entries[middle:]) if part]
