"""What must hold of a device, real or not."""

from __future__ import annotations

import numpy as np

from hpcpot.gpu.device import NULL, Device
from hpcpot.gpu.sources import Source
from hpcpot.potential.moments.gpu.network import Activation


def check_device(device: Device) -> None:
    """Copies, matrix products as they are and transposed, a kernel, and a graph of both."""
    xp, rng = device.xp, np.random.default_rng(1)
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-4)):
        a, b = rng.normal(size=(70, 33)).astype(dtype), rng.normal(size=(33, 40)).astype(dtype)
        x, w, z, back = xp.asarray(a), xp.asarray(b), xp.empty((70, 40), dtype), xp.empty((70, 33), dtype)
        slope, ones, zeros = xp.empty((70, 40), dtype), xp.ones(40, dtype), xp.zeros(40, dtype)
        kernels = device.build(Source("potential/moments/gpu/network.cu", dtype=dtype, enums=(Activation,)))

        def steps(x=x, w=w, z=z, back=back, slope=slope, ones=ones, zeros=zeros, kernels=kernels) -> None:
            device.product(x, w, z)
            kernels.elements("activate", z.size, np.int32(40), np.int32(1), zeros, ones, NULL, np.int32(1), z, slope)
            device.product(z, w, back, True)

        steps()
        replay = device.capture(steps)
        for _ in range(2):
            a = rng.normal(size=a.shape).astype(dtype)
            device.put(a, x)
            replay()
            np.testing.assert_allclose(device.to_host(z), np.tanh(a @ b), rtol=0, atol=tolerance)
            np.testing.assert_allclose(device.to_host(back), np.tanh(a @ b) @ b.T, rtol=0, atol=30 * tolerance)
            np.testing.assert_allclose(device.to_host(slope), 1 - np.tanh(a @ b) ** 2, rtol=0, atol=tolerance)
    assert device.free_bytes() > 0
