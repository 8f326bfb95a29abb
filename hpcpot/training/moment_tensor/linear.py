"""The best coefficients of a moment tensor potential for given radial functions: a linear least-squares problem."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from hpcpot.errors import TrainingError
from hpcpot.potential.moment_tensor.layout import Layout
from hpcpot.training.moment_tensor import kernels as mtp_kernels
from hpcpot.training.moment_tensor.curvature import WhiteCoordinates
from hpcpot.training.moment_tensor.kernels import Needs
from hpcpot.training.moment_tensor.loss import Loss, Model
from hpcpot.training.moment_tensor.sites import SiteChunk, over

REGULARISATION = 1e-10
"""Added to the diagonal of the normal matrix once that is 1 everywhere: basis functions depend on one another."""


def solve(model: Model, parts: Sequence[SiteChunk], loss: Loss, threads: int = 1) -> np.ndarray:
    """The coefficients of the basis and the energies of the species, (n,), by the normal equations of all frames.

    Raises:
        TrainingError: basis functions or labels are not finite.
    """
    n_frames = sum(len(part.data) for part in parts)
    needs = needs_of(model.layout)
    normals = over(parts, lambda part: _normal(model, part, loss, n_frames, needs), threads)
    matrix, right = (sum(terms) for terms in zip(*normals, strict=True))
    if not (np.isfinite(matrix).all() and np.isfinite(right).all()):
        raise TrainingError(
            "normal equations = not finite: radial functions and labels must be numbers of sensible size; hpcpot "
            "dataset names doubtful frames."
        )
    white = WhiteCoordinates.of(np.zeros(len(matrix)), matrix, REGULARISATION)
    return white.parameters(white.gradient(right))


def _normal(model: Model, part: SiteChunk, loss: Loss, n_frames: int, needs: Needs) -> tuple[np.ndarray, np.ndarray]:
    data, n = part.data, len(model.layout.scalars)
    weights = loss.weights(data, n_frames)
    energies, forces = np.zeros((len(data), n)), np.zeros((len(data.species), 3, n))
    virials = np.zeros((len(data) if weights[2].any() else 0, 3, 3, n))
    for sites in part.sites:
        mtp_kernels.linear_rows(
            sites.pairs, sites.near, model.radial[sites.species], model.layout, needs, energies, forces, virials
        )
    types = len(data.elements)
    matrix, right = np.zeros((n + types, n + types)), np.zeros(n + types)
    whole = np.concatenate([energies, data.counts], axis=1)
    for rows, labels, weight, k in (
        (whole, data.energies, weights[0], n + types),
        (forces.reshape(-1, n), data.forces.ravel(), np.repeat(weights[1], 3), n),
        (virials.reshape(-1, n), data.virials.ravel(), np.repeat(weights[2], 9), n),
    ):
        if len(rows):
            half = rows * np.sqrt(weight)[:, None]
            matrix[:k, :k] += half.T @ half
            right[:k] += half.T @ (np.sqrt(weight) * np.where(np.isfinite(labels), labels, 0.0))
    return matrix, right


def needs_of(layout: Layout) -> Needs:
    """Products and blocks that each scalar needs."""
    used: list[int] = []
    touched: list[int] = []
    first_used, first_touched = [0], [0]
    makers: list[list[int]] = [[] for _ in range(layout.n_moments)]
    for t, k in enumerate(layout.products[:, 2].tolist()):
        makers[k].append(t)
    traced = {int(row[0]): row[1:].tolist() for row in layout.traces}
    ends = layout.blocks[:, 2]

    @cache
    def needs(moment: int) -> tuple[frozenset[int], frozenset[int]]:
        """Products and blocks that a moment is made of."""
        products: set[int] = set(makers[moment])
        parts = [i for t in makers[moment] for i in layout.products[t, :2].tolist()] + traced.get(moment, [])
        blocks = {int(np.searchsorted(ends, moment, side="right")) - 1} if moment < layout.n_summed else set()
        for part in set(parts):
            below = needs(part)
            products |= below[0]
            blocks |= below[1]
        return frozenset(products), frozenset(blocks)

    for scalar in layout.scalars.tolist():
        products, blocks = needs(scalar)
        used += sorted(products, reverse=True)
        touched += sorted(blocks)
        first_used.append(len(used))
        first_touched.append(len(touched))
    return Needs(*(np.array(a, np.int64) for a in (used, first_used, touched, first_touched)))
