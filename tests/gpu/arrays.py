"""Arrays that are as strict as CuPy's: what is on the device meets only what is on the device, and scalars.

An Array becomes a NumPy array by `get` alone. NumPy's element-wise functions take it, and others that are in this module,
which holds nothing that CuPy has not, too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

SCALARS = (int, float, bool, np.generic)

LIBRARY = "strict_arrays"
sys.modules[LIBRARY] = sys.modules[__name__]  # where network.concatenate looks

_graph: list[Callable[[], Any]] | None = None


@contextmanager
def captured() -> Iterator[list[Callable[[], Any]]]:
    """What is started meanwhile is kept, and not done: as in a graph, with the arguments that it has now."""
    global _graph
    _graph = []
    try:
        yield _graph
    finally:
        _graph = None


def start(work: Callable[[], Any]) -> None:
    """Do it, or keep it for the graph that is being captured."""
    if _graph is None:
        work()
    else:
        _graph.append(work)


def outside_graph(what: str) -> None:
    assert _graph is None, f"{what} while a graph is captured"


class Array(NDArrayOperatorsMixin):
    """A NumPy array in a box.

    Attributes:
        values: what is in it; for the device that stands for a GPU only.
    """

    __module__ = LIBRARY

    def __init__(self, values: np.ndarray):
        self.values = values

    shape, dtype, size, ndim, nbytes = (
        property(lambda self, n=n: getattr(self.values, n)) for n in ("shape", "dtype", "size", "ndim", "nbytes")
    )

    @property
    def T(self) -> Array:
        return Array(self.values.T)

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise TypeError("implicit conversion of a device array to a NumPy array")

    def __array_function__(self, function: Any, types: Any, arguments: tuple, options: dict) -> Array:
        if function.__module__ != "numpy" or function.__name__ not in globals():
            raise TypeError(f"numpy.{function.__name__} of a device array")
        return globals()[function.__name__](*arguments, **options)

    def __dlpack__(self, **options: Any) -> Any:
        """For MPI that is aware of the device."""
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple:
        return self.values.__dlpack_device__()

    def get(self) -> np.ndarray:
        outside_graph("the host waits")
        return self.values.copy()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: tuple | None = None, **options: Any) -> Array:
        outside_graph("array arithmetic")
        if out is not None:
            options["out"] = tuple(opened(one) for one in out)
        result = Array(getattr(ufunc, method)(*(opened(one) for one in inputs), **options))
        return out[0] if out is not None else result

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, key: Any) -> Array:
        return Array(np.asarray(self.values[indices(key)]))

    def __setitem__(self, key: Any, value: Any) -> None:
        outside_graph("array arithmetic")
        self.values[indices(key)] = opened(value)

    def __iter__(self) -> Any:
        return (self[k] for k in range(len(self)))

    def __int__(self) -> int:
        return int(self.get())

    def __float__(self) -> float:
        return float(self.get())

    def __bool__(self) -> bool:
        return bool(self.get())

    def __iadd__(self, other: Any) -> Array:
        self.values += opened(other)
        return self

    def __isub__(self, other: Any) -> Array:
        self.values -= opened(other)
        return self

    def fill(self, value: float) -> None:
        start(lambda: self.values.fill(value))

    def tolist(self) -> list:
        return self.get().tolist()


VIEWS = ("reshape", "swapaxes", "ravel", "view")


def _method(name: str) -> Any:
    def call(self: Array, *arguments: Any, **options: Any) -> Array:
        if name not in VIEWS:
            outside_graph("array arithmetic")
        return Array(np.asarray(getattr(self.values, name)(*arguments, **options)))

    return call


for _name in (*VIEWS, "astype", "min", "max", "sum", "copy"):
    setattr(Array, _name, _method(_name))


def opened(value: Any) -> Any:
    """What an operand is to NumPy.

    Raises:
        TypeError: an array of the host.
    """
    if isinstance(value, Array):
        return value.values
    if isinstance(value, SCALARS):
        return value
    raise TypeError(f"{type(value).__name__} together with a device array")


def indices(key: Any) -> Any:
    """An index, whose arrays may be of the device or, as in CuPy, of the host."""
    if isinstance(key, tuple):
        return tuple(indices(one) for one in key)
    return key.values if isinstance(key, Array) else key


def asarray(values: Any) -> Array:
    if isinstance(values, Array):
        return values
    outside_graph("a copy")
    return Array(np.array(values))


def argsort(values: Array, kind: str) -> Array:
    return Array(np.argsort(opened(values), kind=kind))


def ascontiguousarray(values: Array) -> Array:
    return Array(np.ascontiguousarray(opened(values)))


def take(values: Array, chosen: Array, axis: int) -> Array:
    return Array(np.take(values.values, chosen.values, axis=axis))


def stack(parts: Any) -> Array:
    return Array(np.stack([opened(one) for one in parts]))


def lexsort(keys: Array) -> Array:
    return Array(np.lexsort(opened(keys)))


def flatnonzero(values: Array) -> Array:
    return Array(np.flatnonzero(opened(values)))


def where(condition: Array, a: Any, b: Any) -> Array:
    return Array(np.where(opened(condition), opened(a), opened(b)))


def vdot(a: Array, b: Array) -> Array:
    return Array(np.asarray(np.vdot(opened(a), opened(b))))


def searchsorted(edges: Array, values: Array, side: str) -> Array:
    return Array(np.searchsorted(opened(edges), opened(values), side=side))


def zeros_like(values: Array) -> Array:
    return Array(np.zeros_like(opened(values)))


def concatenate(parts: Any, axis: int = 0) -> Array:
    return Array(np.concatenate([opened(one) for one in parts], axis))


def poisoned(shape: Any, dtype: Any = float) -> Array:
    """As empty, with bytes that no result may depend on: NaN as float32 and float64, far out of range as an index."""
    outside_graph("memory taken")
    values = np.empty(shape, dtype)
    values.view(np.uint8 if values.ndim else values.dtype).fill(0xFF if values.dtype.kind == "f" else 0x7F)
    return Array(values)


empty = poisoned


def zeros(shape: Any, dtype: Any = float) -> Array:
    return Array(np.zeros(shape, dtype))


def ones(shape: Any, dtype: Any = float) -> Array:
    return Array(np.ones(shape, dtype))


def arange(*arguments: Any, dtype: Any = None) -> Array:
    return Array(np.arange(*arguments, dtype=dtype))
