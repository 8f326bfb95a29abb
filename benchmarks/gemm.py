"""The ceiling of the fitting network: matrix products of its shapes by NumPy's BLAS on one core, GFLOP/s.

python benchmarks/gemm.py
"""

from __future__ import annotations

import timing  # first: it sets the threads
import numpy as np

SHAPES = {"first layer": (256, 1088, 240), "first layer, backward": (256, 240, 1088), "hidden layers": (256, 240, 240)}


def main() -> None:
    rng = np.random.default_rng(0)
    for kind in (np.float64, np.float32):
        for name, (n, k, m) in SHAPES.items():
            a, b, c = rng.random((n, k)).astype(kind), rng.random((k, m)).astype(kind), np.empty((n, m), kind)
            seconds = timing.repeat(lambda a=a, b=b, c=c: np.matmul(a, b, out=c), 50)
            np.testing.assert_allclose(c[0], a[0].astype(float) @ b.astype(float), rtol=1e-3)
            rates = [2e-9 * n * k * m / s for s in seconds]
            print(timing.line("gemm", "GFLOP/s", rates, product=name, shape=[n, k, m], precision=np.dtype(kind).name))


if __name__ == "__main__":
    main()
