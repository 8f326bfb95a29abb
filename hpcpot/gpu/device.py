"""The GPU. The only module that imports CuPy.

All that the rest needs of a device is here: arrays (`xp`), compiled sources, and what a graph of kernels is. Tests put a
device in its place whose arrays are NumPy's and whose kernels are the same sources compiled for the CPU.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hpcpot.errors import ConfigError
from hpcpot.gpu.sources import Source

if TYPE_CHECKING:
    from hpcpot.parallel.ranks import Ranks

THREADS = 256
"""Threads of a block in kernels with a thread for each element."""

NULL = np.uint64(0)
"""A null pointer, as a kernel's argument."""

REMEDY = "pip install 'hpcpot[gpu]' for CUDA 12 or 'hpcpot[gpu13]' for CUDA 13, see nvidia-smi, or set device: cpu"


class Kernels:
    """The kernels of one compiled source."""

    def __init__(self, launch: Callable[[str, int, int, tuple], None], warps: int):
        """Args: launch: (name, blocks, threads, arguments). warps: of a block, as the source was compiled."""
        self.launch, self.warps = launch, warps

    def rows(self, name: str, count: int, *arguments: Any) -> None:
        """A warp for each of `count` rows. Arguments are device arrays and NumPy scalars of the kernel's types."""
        if count:
            self.launch(name, -(-count // self.warps), 32 * self.warps, (np.int32(count), *arguments))

    def elements(self, name: str, count: int, *arguments: Any) -> None:
        """A thread for each of `count` elements."""
        if count:
            self.launch(name, -(-count // THREADS), THREADS, (np.int32(count), *arguments))

    def one_warp(self, name: str, *arguments: Any) -> None:
        self.launch(name, 1, 32, arguments)


class Device(Protocol):
    """A GPU, or what stands for it in tests.

    Attributes:
        xp: CuPy, or what is like it. name: for people. place: equal for ranks that share a GPU.
        sharers: how many ranks do.
    """

    xp: Any
    name: str
    place: str
    sharers: int

    def build(self, source: Source) -> Kernels: ...

    def product(self, a: Any, b: Any, out: Any, transposed: bool = False) -> None: ...

    def to_host(self, array: Any) -> np.ndarray: ...

    def put(self, values: Any, out: Any) -> None: ...

    def fetch(self, array: Any, out: np.ndarray) -> None: ...

    def pinned(self, size: int, dtype: Any) -> np.ndarray: ...

    def synchronize(self) -> None: ...

    def free_bytes(self) -> int: ...

    def side_by_side(self, parts: list[Callable[[], None]]) -> None: ...

    def capture(self, steps: Callable[[], None]) -> Callable[[], None]: ...


class Gpu:
    """One GPU through CuPy."""

    def __init__(self, number: int):
        import cupy

        from hpcpot.gpu.cublas import Cublas

        self.xp, self.number = cupy, number
        cupy.cuda.Device(number).use()
        properties = cupy.cuda.runtime.getDeviceProperties(number)
        self.name, self.sharers = properties["name"].decode(), 1
        self.place = f"{platform.node()} {cupy.cuda.Device(number).pci_bus_id}"
        self.stream = cupy.cuda.Stream(non_blocking=True)
        self.stream.use()
        self._new_handle = lambda stream: Cublas(cupy, stream)
        self._handles = {self.stream.ptr: self._new_handle(self.stream)}
        self._side: list[Any] = []

    def build(self, source: Source) -> Kernels:
        """Compile a source for this GPU; CuPy keeps what it compiled on the disk."""
        module = self.xp.RawModule(code=source.text(), options=tuple(source.options()))
        functions: dict[str, Any] = {}

        def launch(name: str, blocks: int, threads: int, arguments: tuple) -> None:
            if name not in functions:
                functions[name] = module.get_function(name)
            functions[name]((blocks,), (threads,), arguments)

        return Kernels(launch, source.warps)

    def product(self, a: Any, b: Any, out: Any, transposed: bool = False) -> None:
        """See Cublas.product."""
        self._handles[self.xp.cuda.get_current_stream().ptr].product(a, b, out, transposed)

    def side_by_side(self, parts: list[Callable[[], None]]) -> None:
        """Run independent parts at the same time, each on a stream of its own, so that small kernels fill the GPU together.

        What follows waits for all of them. A graph that is being captured takes them in.
        """
        while len(self._side) < len(parts) - 1:
            stream = self.xp.cuda.Stream(non_blocking=True)
            self._side.append(stream)
            self._handles[stream.ptr] = self._new_handle(stream)
        begin, ends = self.stream.record(), []
        for stream, part in zip(self._side, parts[1:], strict=False):
            stream.wait_event(begin)
            with stream:
                part()
            ends.append(stream.record())
        for part in parts[:1]:
            part()
        for end in ends:
            self.stream.wait_event(end)

    def to_host(self, array: Any) -> np.ndarray:
        """A copy on the host, once all that writes the array is done."""
        return self.xp.asnumpy(array)

    def put(self, values: Any, out: Any) -> None:
        """Copy an array of the host or of the device into one of the device that is there already, of the same shape."""
        if not isinstance(values, np.ndarray):
            out[...] = values
        elif out.size:
            out.set(np.ascontiguousarray(values, out.dtype), stream=self.stream)

    def fetch(self, array: Any, out: np.ndarray) -> None:
        """Copy an array of the device into one of the host that is there already, once all that writes it is done."""
        if out.size:
            array.get(stream=self.stream, out=out)

    def pinned(self, size: int, dtype: Any) -> np.ndarray:
        """An array of the host from and to which the device copies without a detour."""
        import cupyx

        return cupyx.empty_pinned(size, dtype)

    def synchronize(self) -> None:
        """Wait until all that was started is done."""
        self.stream.synchronize()

    def free_bytes(self) -> int:
        """This rank's share of the memory that nobody holds, and what CuPy holds without need."""
        free, _ = self.xp.cuda.runtime.memGetInfo()
        return int(free) // self.sharers + self.xp.get_default_memory_pool().free_bytes()

    def capture(self, steps: Callable[[], None]) -> Callable[[], None]:
        """A graph of all kernels that `steps` starts; calling it starts them again, at the cost of one.

        `steps` must have run once before, so that nothing is compiled or allocated in it.
        """
        self.stream.begin_capture()
        try:
            steps()
        finally:  # what follows an error would else be kept for the graph, and never done
            graph = self.stream.end_capture()
        graph.upload(self.stream)
        return lambda: graph.launch(self.stream)


def count() -> tuple[int, str]:
    """Count the GPUs that this process sees; if none, the reason."""
    try:
        import cupy
    except ModuleNotFoundError:
        return 0, "CuPy is not installed"
    except ImportError as error:
        return 0, f"CuPy cannot be imported ({' '.join(str(error).split())[:200]})"
    try:
        number = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return 0, f"CuPy finds no GPU ({error})"
    return number, "" if number else "no GPU is visible"


def choose(requested: str, ranks: Ranks) -> tuple[int | None, str]:
    """Choose this rank's GPU, by its number on the machine, None for the CPU; and a line about the choice.

    Args:
        requested: config key `device`: cpu, gpu or auto, which is gpu where every rank has one.
    Raises (on all ranks together):
        ConfigError: gpu, and there is none.
    """
    if requested == "cpu":
        return None, "device: cpu"
    n, reason = count()
    lacking = [
        f"{why} on rank {rank}" if ranks.size > 1 else why for rank, why in enumerate(ranks.all_gather(reason)) if why
    ]
    if lacking and requested == "gpu":
        ranks.agree(ConfigError(f"device = gpu: {lacking[0]}, but CuPy and an NVIDIA GPU are required; {REMEDY}."))
    if lacking:
        return None, f"device: cpu (auto: {lacking[0]})"
    return ranks.local()[0] % n, f"device: gpu{' (auto)' if requested == 'auto' else ''}"
