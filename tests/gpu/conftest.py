"""Every test of the GPU engine runs on the stand-in for a GPU, and on a GPU where there is one."""

import pytest
from gpu.on_cpu import OnCpu

from hpcpot.gpu.device import Device, Gpu, count

GPU = [pytest.param("on a GPU", marks=pytest.mark.gpu)] if count()[0] else []


@pytest.fixture(params=["on the CPU", *GPU])
def device(request: pytest.FixtureRequest) -> Device:
    return OnCpu() if request.param == "on the CPU" else Gpu(0)
