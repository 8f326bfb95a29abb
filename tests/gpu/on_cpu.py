"""A device whose kernels are the very CUDA sources, compiled for the CPU by cuda_cpu.hpp, with arrays like CuPy's."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from gpu import arrays
from gpu.arrays import Array

from hpcpot.gpu.device import Kernels
from hpcpot.gpu.sources import Source

HEADER = Path(__file__).with_name("cuda_cpu.hpp")
FOLDER = Path(tempfile.gettempdir()) / f"hpcpot-tests-{os.getuid()}"
COMPILER = "g++"


class OnCpu:
    """See hpcpot.gpu.device.Device."""

    xp, name, place = arrays, "the CPU in the place of a GPU", "here"

    def __init__(self, free: int = 2**30):
        self._free, self.sharers = free, 1

    def build(self, source: Source) -> Kernels:
        library = ctypes.CDLL(str(compiled(source.text(), source.name, tuple(source.options()))))

        def launch(name: str, blocks: int, threads: int, arguments: tuple) -> None:
            held = [_held(one) for one in arguments]
            pointers = (ctypes.c_void_p * len(held))(*(ctypes.cast(ctypes.byref(h), ctypes.c_void_p) for h in held))
            kernel = getattr(library, f"run_{name}")
            # The arguments stay as they are now; their memory lives on, so that a graph that outlived it computes nonsense.
            arrays.start(lambda kept=(held, arguments): kernel(ctypes.c_uint(blocks), ctypes.c_uint(threads), pointers))

        return Kernels(launch, source.warps)

    def product(self, a: Array, b: Array, out: Array, transposed: bool = False) -> None:
        assert all(one.values.flags.c_contiguous for one in (a, b, out)), "cuBLAS takes contiguous arrays"
        arrays.start(lambda: np.matmul(a.values, b.values.T if transposed else b.values, out=out.values))

    def side_by_side(self, parts: list[Callable[[], None]]) -> None:
        for part in reversed(parts):  # in any order
            part()

    def to_host(self, array: Array) -> np.ndarray:
        arrays.outside_graph("the host waits")
        return array.values.copy()

    def put(self, values: np.ndarray | Array, out: Array) -> None:
        arrays.outside_graph("a copy")
        assert values.shape == out.shape and out.values.flags.c_contiguous
        out.values[...] = values.values if isinstance(values, Array) else values

    def fetch(self, array: Array, out: np.ndarray) -> None:
        assert array.shape == out.shape and array.dtype == out.dtype
        out[...] = self.to_host(array)

    def pinned(self, size: int, dtype: type) -> np.ndarray:
        return np.empty(size, dtype)

    def synchronize(self) -> None:
        arrays.outside_graph("the host waits")

    def free_bytes(self) -> int:
        return self._free // self.sharers

    def capture(self, steps: Callable[[], None]) -> Callable[[], None]:
        with arrays.captured() as started:
            steps()

        def replay() -> None:
            for work in started:
                work()

        return replay


@cache
def compiled(text: str, stem: str, options: tuple[str, ...]) -> Path:
    """The shared library of a source, kept from one call of the tests to the next."""
    name = sha256(f"{text} {HEADER.read_text()} {options}".encode()).hexdigest()[:24]
    path = FOLDER / f"{stem}-{name}.so"
    if not path.exists():
        FOLDER.mkdir(mode=0o700, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}")
        line = [COMPILER, "-x", "c++", *options, "-include", str(HEADER), "-O1", "-w", "-fPIC", "-shared", "-"]
        subprocess.run([*line, "-o", str(aside)], input=text, text=True, check=True)
        os.replace(aside, path)
    return path


def _held(argument: object) -> ctypes.c_void_p | ctypes.Array:
    """What the pointer to an argument points to: an array's address, or the bytes of a NumPy scalar."""
    if isinstance(argument, Array):
        assert argument.values.flags.c_contiguous, "kernels take contiguous arrays"
        return ctypes.c_void_p(argument.values.ctypes.data)
    assert isinstance(argument, np.generic), f"{type(argument)}: kernels take arrays and NumPy scalars"
    return ctypes.create_string_buffer(argument.tobytes(), argument.nbytes)
