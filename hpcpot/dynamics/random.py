"""Random numbers computed from (seed, step, stream, atom id): the same on any number of ranks and after any restart.

Philox4x32-10. Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC11 (2011).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from hpcpot.compiled import njit
from hpcpot.structure.state import library, to_host


class Stream(IntEnum):
    """Use of a stream of random numbers."""

    VELOCITIES = 0
    LANGEVIN = 1
    MONTE_CARLO = 2


_U32 = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


@njit()
def philox(c0, c1, c2, c3, k0, k1):
    """Four 32-bit numbers of a counter of four and a key of two 32-bit numbers, all held in uint64."""
    for _ in range(10):
        p0, p1 = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (p1 >> _SHIFT) ^ c1 ^ k0, p1 & _U32, (p0 >> _SHIFT) ^ c3 ^ k1, p0 & _U32
        k0, k1 = (k0 + _WEYL[0]) & _U32, (k1 + _WEYL[1]) & _U32
    return c0, c1, c2, c3


@njit()
def _normals(seed, step, stream, ids, out):
    k0, k1 = seed & _U32, seed >> _SHIFT
    s0, s1 = step & _U32, (step >> _SHIFT) ^ (stream << np.uint64(24))
    scale = 2.0**-32
    for n in range(len(ids)):
        i = np.uint64(ids[n])
        r0, r1, r2, r3 = philox(i & _U32, i >> _SHIFT, s0, s1, k0, k1)
        radius = np.sqrt(-2.0 * np.log((r0 + 0.5) * scale))
        angle = 2.0 * np.pi * r1 * scale
        out[n, 0], out[n, 1] = radius * np.cos(angle), radius * np.sin(angle)
        out[n, 2] = np.sqrt(-2.0 * np.log((r2 + 0.5) * scale)) * np.cos(2.0 * np.pi * r3 * scale)


def normals(seed: int, step: int, stream: Stream, ids: np.ndarray) -> np.ndarray:
    """Standard normal numbers, one vector for each atom id, by Box and Muller.

    Args:
        seed, step: >= 0, below 2^64 and 2^56. ids: (n,) int64.
    Returns:
        (n, 3) float64, where the ids are; made on the host.
    """
    out = np.empty((len(ids), 3))
    _normals(np.uint64(seed), np.uint64(step), np.uint64(stream), to_host(ids), out)
    return library(ids).asarray(out)


@njit()
def uniform(seed, step, stream, number):
    """A uniform number between 0 and 1, neither of them, of a place in a stream; all integers, held in uint64."""
    k0, k1 = seed & _U32, seed >> _SHIFT
    s0, s1 = step & _U32, (step >> _SHIFT) ^ (stream << np.uint64(24))
    r0, r1, _, _ = philox(number & _U32, number >> _SHIFT, s0, s1, k0, k1)
    return ((r0 >> np.uint64(6)) * 67108864.0 + (r1 >> np.uint64(6)) + 0.5) * 2.0**-52
