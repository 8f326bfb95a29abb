"""Which device is chosen, what is said, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from gpu.conformance import check_device
from gpu.on_cpu import OnCpu
from systems import chebyshev, deep_potential

from hpcpot.errors import ConfigError
from hpcpot.gpu import device as devices
from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.exchange import Exchange
from hpcpot.parallel.ranks import SERIAL, Ranks
from hpcpot.potential.moments.gpu.potential import GpuPotential


class Several:
    """Stands for rank `rank` of `size`, as Ranks and as a communicator; the others see what `others` says in place of a GPU."""

    def __init__(self, rank: int, size: int, others: str = ""):
        self.rank, self.size, self._others = rank, size, others

    def Get_rank(self) -> int:
        return self.rank

    def Get_size(self) -> int:
        return self.size

    def local(self) -> tuple[int, int]:
        return self.rank, self.size

    def all_gather(self, value: str) -> list[str]:
        return [value if rank == self.rank else self._others for rank in range(self.size)]


@pytest.mark.parametrize(
    ("found", "requested", "ranks", "number", "line"),
    [
        ((1, ""), "cpu", Several(0, 1), None, "device: cpu"),
        ((0, "no card"), "auto", Several(0, 1), None, "device: cpu (auto: no card)"),
        ((1, ""), "gpu", Several(0, 1), 0, "device: gpu"),
        ((4, ""), "auto", Several(2, 4), 2, "device: gpu (auto)"),
        ((2, ""), "gpu", Several(3, 4), 1, "device: gpu"),
        ((2, ""), "auto", Several(1, 2, others="no card"), None, "device: cpu (auto: no card on rank 0)"),
    ],
)
def test_one_gpu_for_each_rank(monkeypatch, found, requested, ranks, number, line):
    monkeypatch.setattr(devices, "count", lambda: found)
    assert devices.choose(requested, ranks) == (number, line)


@pytest.mark.parametrize(
    ("places", "can", "how", "sharers", "line"),
    [
        (["a 0"], True, "auto", 1, "1 rank on 1 GPU"),
        (["a 0", "a 1", "b 0", "b 1"], True, "auto", 1, "4 ranks on 4 GPUs, ghosts straight between GPUs by MPI"),
        (["a 0", "b 0"], False, "auto", 1, "2 ranks on 2 GPUs, ghosts by way of pinned memory of the host"),
        (
            ["a 0", "a 1", "a 0", "a 1", "a 0"],
            True,
            "pinned",
            3,
            "5 ranks on 2 GPUs, ghosts by way of pinned memory of the "
            "host; note: ranks that share a GPU take turns, so that 2 ranks would be faster",
        ),
    ],
)
def test_what_ranks_say_of_their_gpus(monkeypatch, places, can, how, sharers, line):
    device, several = OnCpu(free=600), Several(0, len(places))
    device.place = places[0]
    monkeypatch.setattr(Exchange, "all_gather", lambda self, value: places if value == device.place else [value])
    monkeypatch.setattr(Ranks, "takes_device_memory", lambda self: can)
    exchange = Exchange(SimpleNamespace(comm=several), device, how)
    assert (exchange.line, device.sharers, device.free_bytes()) == (line, sharers, 600 // sharers)


def test_direct_exchange_needs_an_mpi_that_can(monkeypatch):
    monkeypatch.setattr(Ranks, "takes_device_memory", lambda self: False)
    with pytest.raises(
        ConfigError, match="parallel.gpu_exchange = direct: this MPI says that it cannot send .* or pinned"
    ):
        Exchange(SERIAL, OnCpu(), "direct")


def test_no_gpu_is_refused_with_the_reason_and_the_fix(monkeypatch):
    monkeypatch.setattr(devices, "count", lambda: (0, "CuPy finds no GPU"))
    message = "^device = gpu: CuPy finds no GPU, but CuPy and an NVIDIA GPU are required; pip .* or set device: cpu.$"
    with pytest.raises(ConfigError, match=message):
        devices.choose("gpu", SERIAL)


def test_without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert devices.count() == (0, "CuPy is not installed")


def test_nothing_of_the_gpu_is_imported_where_it_is_not_asked_for():
    unwanted = "'cupy' in m or 'moments.gpu' in m or 'steppers.graph' in m"
    code = f"import sys, hpcpot.dynamics.run; print([m for m in sys.modules if {unwanted}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("family", [deep_potential(), chebyshev()], ids=["deep potential", "chebyshev"])
def test_too_little_memory_is_told(family):
    potential = GpuPotential(family, OnCpu(free=10**6))
    message = "GPU memory = 1 MB free: .* MB are needed for 1024 atoms of each element at once; .*more GPUs"
    with pytest.raises(ConfigError, match=message):
        potential.rows_at_once(64)


def test_memory_that_cannot_be_had_is_told():
    def empty(size: int, dtype: object) -> None:
        raise MemoryError

    message = "GPU memory = 9 MB for forces: cannot be had beside 0 MB held already; free the GPU of other programs, "
    with pytest.raises(ConfigError, match=message):
        Buffers(SimpleNamespace(empty=empty))("forces", (1000, 1000), np.float64)


@pytest.mark.gpu
def test_a_gpu_was_there_for_these_tests():
    n, reason = devices.count()
    if not n:
        pytest.skip(reason)


def test_copies_products_kernels_and_graphs(device):
    check_device(device)
