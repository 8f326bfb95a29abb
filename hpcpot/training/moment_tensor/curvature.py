"""Coordinates of the parameters of a moment tensor potential in which its loss is about as curved in all directions.

The curvature is that of Gauss and Newton, sum over labels of w (dp/dx)(dp/dx)^T, p being what the potential predicts.
It is estimated: g = sum sqrt(w) z dp/dx over the labels of a frame, z random signs, is one backward pass, and g g^T is
the frame's share on average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from hpcpot.training.moment_tensor import kernels as mtp_kernels
from hpcpot.training.moment_tensor.loss import Loss, Model
from hpcpot.training.moment_tensor.sites import SiteChunk, over

DAMPING = 1e-2
"""Added to the diagonal of the curvature once that is 1: bounds steps along which only the true loss bends."""
SAMPLES = 8
"""Random combinations of labels for each parameter."""


@dataclass(frozen=True)
class WhiteCoordinates:
    """White coordinates y of parameters x = origin + scale L^-T y.

    Attributes:
        origin: (n,). scale: (n,), 1 / sqrt of the curvature's diagonal.
        lower: (n, n), L, Cholesky factor of the scaled and damped curvature.
    """

    origin: np.ndarray
    scale: np.ndarray
    lower: np.ndarray

    @classmethod
    def of(cls, origin: np.ndarray, curvature: np.ndarray, damping: float) -> WhiteCoordinates:
        """Coordinates in which a matrix (n, n), positive semidefinite, is the identity."""
        diagonal = curvature.diagonal()
        scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
        scaled = curvature * scale * scale[:, None] + damping * np.eye(len(origin))
        scaled[diagonal == 0.0, diagonal == 0.0] = 1.0
        return cls(origin, scale, np.linalg.cholesky(scaled))

    def parameters(self, y: np.ndarray) -> np.ndarray:
        """x."""
        return self.origin + self.scale * solve_triangular(self.lower, y, lower=True, trans=1)

    def gradient(self, slopes: np.ndarray) -> np.ndarray:
        """d/dy from d/dx."""
        return solve_triangular(self.lower, self.scale * slopes, lower=True)


def coordinates(model: Model, parts: Sequence[SiteChunk], loss: Loss, seed: int, threads: int = 1) -> WhiteCoordinates:
    """White coordinates at the model's parameters.

    Args:
        seed: of the random signs; more than one training with the same seed is the same.
    """
    n_frames = sum(len(part.data) for part in parts)
    passes = -(-SAMPLES * len(model.parameters) // n_frames)

    def share(number: int) -> np.ndarray:
        random = np.random.default_rng((seed, number))
        rows = np.concatenate([_combinations(model, parts[number], loss, n_frames, random) for _ in range(passes)])
        return rows.T @ rows / passes

    curvature = sum(over(range(len(parts)), share, threads))
    return WhiteCoordinates.of(model.parameters, curvature, DAMPING)


def _combinations(model: Model, part: SiteChunk, loss: Loss, n_frames: int, random: np.random.Generator) -> np.ndarray:
    """g of each frame of a chunk, (frames, parameters)."""
    data, family = part.data, model.family
    energy, force, virial = (np.sqrt(w) for w in loss.weights(data, n_frames))
    energy = energy * _signs(random, len(data))
    force = force[:, None] * _signs(random, (len(data.species), 3))
    virial = virial[:, None, None] * _signs(random, (len(data), 3, 3))
    by_weights = np.zeros((len(data), *family.radial.shape))
    by_coefficients = np.zeros((len(data), len(family.coefficients)))
    for sites in part.sites:
        v = np.empty((len(sites.kinds), 3))
        mtp_kernels.displacements(sites.pairs, force, virial, v)
        for k in np.unique(sites.frames):
            mtp_kernels.gradient(
                sites.near_in(k),
                model.radial[sites.species],
                model.layout,
                family.coefficients,
                energy[sites.frames],
                v,
                by_coefficients[k],
                by_weights[k, sites.species],
            )
    by_radial = family.scaling * by_weights.reshape(len(data), -1)
    return np.concatenate([by_radial, by_coefficients, energy[:, None] * data.counts], axis=1)


def _signs(random: np.random.Generator, shape: int | tuple[int, ...]) -> np.ndarray:
    return 2.0 * random.integers(0, 2, shape) - 1.0
