"""Matrix products by cuBLAS itself: CuPy refuses its own calls of cuBLAS while a graph is captured."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from hpcpot.errors import DependencyError

WORKSPACE = 32 * 2**20
"""Bytes, what cuBLAS is advised to be given on Hopper; with it nothing is allocated in a captured graph."""

NO_TRANSPOSE, TRANSPOSE = 0, 1
SUCCESS = 0


class Cublas:
    """One handle, on one stream."""

    def __init__(self, cupy: Any, stream: Any):
        """Raises: DependencyError: CuPy lacks headers or libraries of CUDA."""
        name = f"libcublas.so.{cupy.cuda.runtime.runtimeGetVersion() // 1000}"
        try:
            square = cupy.ones((8, 8))  # needs NVRTC and headers; the product cuBLAS, which CuPy knows where to find
            cupy.dot(square, square)
            self._library = ctypes.CDLL(name)
        except (ImportError, OSError, RuntimeError) as error:
            raise DependencyError(
                f"CuPy = cannot compile or multiply ({' '.join(str(error).split())[:200]}): NVRTC, headers and {name} of "
                "CuPy's CUDA version are required; pip install 'cupy-cuda12x[ctk]' or 'cupy-cuda13x[ctk]', or load the "
                "machine's CUDA module, or set device: cpu."
            ) from error
        self._handle = ctypes.c_void_p()
        self._workspace = cupy.empty(WORKSPACE, np.uint8)
        self._call("cublasCreate_v2", ctypes.byref(self._handle))
        self._call("cublasSetStream_v2", self._handle, ctypes.c_void_p(stream.ptr))
        workspace = ctypes.c_void_p(self._workspace.data.ptr)
        self._call("cublasSetWorkspace_v2", self._handle, workspace, ctypes.c_size_t(WORKSPACE))

    def product(self, a: Any, b: Any, out: Any, transposed: bool) -> None:
        """out = a @ b, or a @ b.T; C-contiguous float64 or float32 device arrays.

        cuBLAS counts columns first, so that it sees out.T = b.T @ a.T.
        """
        (n, inner), width = a.shape, out.shape[1]
        name, real = (
            ("cublasDgemm_v2", ctypes.c_double) if out.dtype == np.float64 else ("cublasSgemm_v2", ctypes.c_float)
        )
        self._call(
            name,
            self._handle,
            TRANSPOSE if transposed else NO_TRANSPOSE,
            NO_TRANSPOSE,
            width,
            n,
            inner,
            ctypes.byref(real(1.0)),
            ctypes.c_void_p(b.data.ptr),
            b.shape[1],
            ctypes.c_void_p(a.data.ptr),
            inner,
            ctypes.byref(real(0.0)),
            ctypes.c_void_p(out.data.ptr),
            width,
        )

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status != SUCCESS:
            raise RuntimeError(f"{name} = status {status} of cuBLAS")
