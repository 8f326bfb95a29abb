"""The elements of a model's types: symbols of its own, or those that the user names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpcpot.errors import ModelError
from hpcpot.structure.elements import is_element


def elements_of(path: Path | str, names: Sequence[str], given: Sequence[str] | None) -> tuple[str, ...]:
    """Choose the elements of types 0, 1, ...: their own names where these are chemical symbols, else the given.

    Args:
        path: the file, for messages. names: of the types, as in the file; "" for a type without.
        given: by the user, or None.
    Raises:
        ModelError: types without an element, or given elements that contradict the file's or are no symbols.
    """
    own = tuple(names)
    if given is None:
        nameless = [name or f"number {k}" for k, name in enumerate(own) if not is_element(name)]
        if nameless:
            raise ModelError(
                f"{path} = {len(own)} types without names of elements ({', '.join(nameless[:4])}): each must have an element; "
                "hpcpot convert --elements names them, in their order."
            )
        if len(set(own)) != len(own):
            raise ModelError(f"{path} = types {', '.join(own)}: must be different elements; is the file damaged?")
        return own
    if len(given) != len(own) or len(set(given)) != len(given) or not all(is_element(name) for name in given):
        raise ModelError(
            f"{path}: --elements = {', '.join(given)}: must be {len(own)} different chemical symbols, of types 0 to "
            f"{len(own) - 1}; correct it."
        )
    if any(is_element(name) and name != choice for name, choice in zip(own, given, strict=True)):
        raise ModelError(
            f"{path} = types {', '.join(own)} by its own names: --elements {','.join(given)} contradicts them; leave it out."
        )
    return tuple(given)
