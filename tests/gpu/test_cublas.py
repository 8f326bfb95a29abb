"""The order of arguments for cuBLAS, which counts columns first, against a library that follows its definition."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest

from hpcpot.errors import DependencyError
from hpcpot.gpu.cublas import SUCCESS, TRANSPOSE, Cublas


def columns(pointer: ctypes.c_void_p, kind: type, leading: int, rows: int, count: int) -> np.ndarray:
    """(rows, count) view of a matrix whose columns lie `leading` apart."""
    flat = np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(kind)), (leading * count,))
    return flat.reshape(count, leading).T[:rows]


def gemm(kind: type):
    def call(handle, op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
        left = columns(a, kind, lda, k, m).T if op_a == TRANSPOSE else columns(a, kind, lda, m, k)
        columns(c, kind, ldc, m, n)[...] = left @ columns(b, kind, ldb, k, n)
        return SUCCESS

    return call


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_products(dtype):
    blas = Cublas.__new__(Cublas)
    blas._handle = None
    blas._library = SimpleNamespace(cublasDgemm_v2=gemm(ctypes.c_double), cublasSgemm_v2=gemm(ctypes.c_float))
    rng = np.random.default_rng(0)
    x, w, g = (rng.random(shape).astype(dtype) for shape in ((7, 5), (5, 3), (7, 3)))
    z, back = np.zeros((7, 3), dtype), np.zeros((7, 5), dtype)
    boxed = lambda a: SimpleNamespace(shape=a.shape, dtype=a.dtype, data=SimpleNamespace(ptr=a.ctypes.data))  # noqa: E731
    blas.product(boxed(x), boxed(w), boxed(z), False)
    blas.product(boxed(g), boxed(w), boxed(back), True)
    np.testing.assert_allclose(z, x @ w, rtol=1e-6)
    np.testing.assert_allclose(back, g @ w.T, rtol=1e-6)


def test_a_failed_call_is_told():
    blas = Cublas.__new__(Cublas)
    blas._library = SimpleNamespace(cublasCreate_v2=lambda handle: 3)
    with pytest.raises(RuntimeError, match="cublasCreate_v2 = status 3 of cuBLAS"):
        blas._call("cublasCreate_v2", None)


@pytest.mark.parametrize(
    ("error", "found"),
    [(RuntimeError("CUDA headers:\nnot found"), "CUDA headers: not found"), (None, "libcublas.so.0: cannot open")],
)
def test_a_cupy_without_headers_or_libraries_is_told(error, found):
    def ones(shape: tuple) -> None:
        if error:
            raise error

    runtime = SimpleNamespace(runtimeGetVersion=lambda: 10)
    cupy = SimpleNamespace(ones=ones, dot=lambda a, b: None, cuda=SimpleNamespace(runtime=runtime))
    with pytest.raises(
        DependencyError, match=rf"CuPy = cannot compile or multiply \({found}.*libcublas.so.0 of CuPy's CUDA"
    ):
        Cublas(cupy, None)
