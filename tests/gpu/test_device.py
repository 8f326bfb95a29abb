"""Which device is chosen, what is said, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
from gpu.conformance import check_device
from gpu.on_cpu import OnCpu
from systems import chebyshev, deep_potential

from hpcpot.errors import ConfigError
from hpcpot.gpu import device as devices
from hpcpot.potential.moments.gpu.potential import GpuPotential


@pytest.mark.parametrize(
    ("found", "requested", "ranks", "number", "line"),
    [
        ((1, ""), "cpu", (0, 1), None, "device: cpu"),
        ((0, "no card"), "auto", (0, 1), None, "device: cpu (auto: no card)"),
        ((1, ""), "gpu", (0, 1), 0, "device: gpu, 1 rank on 1 GPU"),
        ((4, ""), "auto", (2, 4), 2, "device: gpu (auto), 4 ranks on 4 GPUs"),
        ((2, ""), "gpu", (3, 4), 1,
         "device: gpu, 4 ranks on 2 GPUs; note: ranks that share a GPU take turns, so that 2 ranks would be faster"),
    ],
)  # fmt: skip
def test_one_gpu_for_each_rank(monkeypatch, found, requested, ranks, number, line):
    monkeypatch.setattr(devices, "count", lambda: found)
    assert devices.choose(requested, *ranks) == (number, line)


def test_no_gpu_is_refused_with_the_reason_and_the_fix(monkeypatch):
    monkeypatch.setattr(devices, "count", lambda: (0, "CuPy finds no GPU"))
    message = "^device = gpu: CuPy finds no GPU, but CuPy and an NVIDIA GPU are required; pip .* or set device: cpu.$"
    with pytest.raises(ConfigError, match=message):
        devices.choose("gpu", 0, 1)


def test_without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert devices.count() == (0, "CuPy is not installed")


def test_nothing_of_the_gpu_is_imported_where_it_is_not_asked_for():
    code = "import sys, hpcpot.md.run; print([m for m in sys.modules if 'cupy' in m or 'moments.gpu' in m or 'resident' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("family", [deep_potential(), chebyshev()], ids=["deep potential", "chebyshev"])
def test_too_little_memory_is_told(family):
    potential = GpuPotential(family, OnCpu(free=10**6))
    message = "GPU memory = 1 MB free: .* MB are needed for 1024 atoms of each element at once; .*more GPUs"
    with pytest.raises(ConfigError, match=message):
        potential.rows_at_once(64)


@pytest.mark.gpu
def test_a_gpu_was_there_for_these_tests():
    n, reason = devices.count()
    if not n:
        pytest.skip(reason)


def test_copies_products_kernels_and_graphs(device):
    check_device(device)
