"""A family's parameters as a tree: nested dataclasses and tuples whose leaves are arrays, numbers and texts.

One way to walk it serves the model file (`write`, `read`) and the fingerprint, so that a new family needs no code here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import h5py
import numpy as np

from hpcpot.potential.parsing import read_array


def fingerprint(model: Any) -> str:
    """sha256 of all parameters, of values, shapes and names; the same for every file that holds this model."""
    digest = hashlib.sha256(type(model).__name__.encode())
    for path, leaf in leaves(model, ""):
        array = _plain(leaf)
        content = array.tobytes() if isinstance(array, np.ndarray) else array.encode()
        kind = f"{array.dtype.str}{array.shape}" if isinstance(array, np.ndarray) else "text"
        digest.update(f"\n{path} {kind} ".encode() + content)
    return digest.hexdigest()


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(path, leaf) of each array, number and text of a model."""
    if is_dataclass(value):
        for field in fields(value):
            yield from leaves(getattr(value, field.name), f"{path}/{field.name}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}/{index}")
    elif value is not None:
        yield path, value


def _plain(leaf: Any) -> np.ndarray | str:
    """A leaf in the one form in which it is hashed and stored: text, or an array of bool, int64 or float64."""
    if isinstance(leaf, str):
        return leaf
    array = np.asarray(leaf)
    kinds = {"b": "?", "i": "<i8", "u": "<i8", "f": "<f8"}
    if not isinstance(leaf, np.ndarray) and array.dtype.kind in "iu":
        return array.astype("<f8")  # a number counts by its value: 6 is 6.0
    return np.ascontiguousarray(array, kinds[array.dtype.kind])


def _shortest(array: np.ndarray) -> np.ndarray:
    """The same values as float32 where those hold them exactly: weights that were trained so take half the room."""
    if array.dtype != np.float64:
        return array
    with np.errstate(over="ignore"):
        short = array.astype("<f4")
    return short if np.array_equal(short, array) else array


def write(group: h5py.Group, value: Any) -> None:
    """Writes a dataclass or tuple: arrays as datasets, numbers and texts as attributes, the rest as groups.

    An item that is the same object as an earlier one of its tuple becomes a soft link to it.
    """
    if is_dataclass(value):
        items = {field.name: getattr(value, field.name) for field in fields(value)}
    else:
        items = {str(index): item for index, item in enumerate(value)}
        group.attrs["length"] = len(value)
    names: dict[int, str] = {}
    for name, item in items.items():
        if item is None:
            continue
        if isinstance(value, tuple) and id(item) in names:
            group[name] = h5py.SoftLink(f"{group.name}/{names[id(item)]}")
        elif isinstance(item, np.ndarray):
            group[name] = _shortest(_plain(item))
        elif isinstance(item, tuple) and item and isinstance(item[0], str):
            group.attrs[name] = list(item)
        elif is_dataclass(item) or isinstance(item, tuple):
            write(group.create_group(name), item)
        else:
            group.attrs[name] = item
        names[id(item)] = name


def read(group: h5py.Group, kind: type) -> Any:
    """The dataclass that `write` wrote.

    Raises:
        KeyError, TypeError, ValueError, OSError: something is missing or damaged.
    """
    hints = get_type_hints(kind)
    return kind(**{field.name: _read_item(group, field.name, hints[field.name]) for field in fields(kind)})


def _read_item(group: h5py.Group, name: str, hint: Any) -> Any:
    if get_origin(hint) is UnionType:
        if name not in group:
            return None
        (hint,) = (choice for choice in get_args(hint) if choice is not NoneType)
    if hint is np.ndarray:
        return np.asarray(_plain(read_array(group[name])))
    if get_origin(hint) is not tuple:
        return read(group[name], hint) if is_dataclass(hint) else hint(group.attrs[name])
    (item_hint, _) = get_args(hint)
    if item_hint is str:
        return tuple(str(text) for text in group.attrs[name])
    items: list[Any] = []
    for index in range(int(group[name].attrs["length"])):
        link = group[name].get(str(index), getlink=True)
        if isinstance(link, h5py.SoftLink):
            items.append(items[int(link.path.rpartition("/")[2])])
        else:
            items.append(_read_item(group[name], str(index), item_hint))
    return tuple(items)
