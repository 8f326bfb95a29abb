"""Notes on inputs: what a file holds that is not used, or which of two readings was taken.

Readers give notes by `notice`; Python shows them as warnings, the command line prints each once. Those of a worker go to
its client with the outcomes, which gives them again.
"""

from __future__ import annotations

import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

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
def printed() -> Iterator[None]:
    """Print notes to stderr: the first of each kind when it is given, at the end in how many more places it was."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message, category, *rest) -> None:
            if not isinstance(message, InputNotice):
                usual(message, category, *rest)
                return
            if not seen[message.what]:
                print(f"note: {message}", file=sys.stderr, flush=True)
            seen[message.what].add(message.where)

        warnings.simplefilter("always", InputNotice)
        warnings.showwarning = show
        try:
            yield
        finally:
            for what, places in seen.items():
                if len(places) > 1:
                    print(f"note: {plural(len(places) - 1, 'more place')} with: {what}", file=sys.stderr, flush=True)
