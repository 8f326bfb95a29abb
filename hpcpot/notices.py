"""Notes on inputs: what a file holds that is not used, or which of two readings was taken.

Readers give notes by `notice`; Python shows them as warnings, the command line prints each once. Those of a worker go to
its client with the outcomes, which gives them again. A line of another kind is that of `waits`.
"""

from __future__ import annotations

import mmap
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hpcpot import account
from hpcpot.wording import plural


class InputNotice(UserWarning):
    """Part of an input that is read otherwise than its writer may have meant.

    Attributes:
        where: file and place in it. what: what is not used or how it was read, and what to do to change that. Libraries
            that give warnings again make them of the whole text; all of it is then `where`.
    """

    def __init__(self, where: str, what: str = ""):
        super().__init__(f"{where} = {what}" if what else where)
        self.where, self.what = where, what


def notice(where: object, what: str) -> None:
    """Say that something in an input is not used, or was read one way of two.

    Args:
        where: file and place: "a.extxyz: column vel".
        what: the same words for all files of one kind: "not used: ...; name it ... to use it."
    """
    warnings.warn(InputNotice(str(where), what), stacklevel=2)


def waits(why: str) -> None:
    """Say why nothing will be seen for a while: the command line prints the first such line, Python says nothing."""
    if _say_wait is not None:
        _say_wait(why)


_say_wait: Callable[[str], None] | None = None


@contextmanager
def collected() -> Iterator[list[tuple[str, str]]]:
    """Keep the notes that are given meanwhile, each (where, what) once, for another process to give them."""
    kept: list[tuple[str, str]] = []
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def keep(message, category, *rest) -> None:
            if not isinstance(message, InputNotice):
                usual(message, category, *rest)
            elif (message.where, message.what) not in kept:
                kept.append((message.where, message.what))

        warnings.simplefilter("always", InputNotice)
        warnings.showwarning = keep
        yield kept


@contextmanager
def printed(of_waits: bool = True) -> Iterator[None]:
    """Print notes to stderr: the first of each kind when it is given, at the end in how many more places it was.

    Args:
        of_waits: whether this process prints the line of `waits`; processes that it forks do not print it again.
    """
    global _say_wait
    seen: defaultdict[str, set[str]] = defaultdict(set)
    said = mmap.mmap(-1, 1)

    def say(why: str) -> None:
        if not said[0]:
            said[0] = 1
            print(why, file=sys.stderr, flush=True)

    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message, category, *rest) -> None:
            if not isinstance(message, InputNotice):
                usual(message, category, *rest)
                return
            if not seen[message.what]:
                print(f"note: {message}", file=sys.stderr, flush=True)
                account.note(str(message))
            seen[message.what].add(message.where)

        warnings.simplefilter("always", InputNotice)
        warnings.showwarning = show
        _say_wait = say if of_waits else None
        try:
            yield
        finally:
            _say_wait = None
            for what, places in seen.items():
                if len(places) > 1:
                    print(f"note: {plural(len(places) - 1, 'more place')} with: {what}", file=sys.stderr, flush=True)
