"""The fit of a moment tensor potential: coefficients by linear least squares, radial functions by L-BFGS.

In rounds: the best coefficients for the present radial functions, then L-BFGS on all parameters, in coordinates in
which the loss is about as curved in one direction as in another: that takes a few times fewer iterations. A round
depends on nothing but the parameters that it begins with and its first iteration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from hpcpot.errors import TrainingError
from hpcpot.potential.moment_tensor.basis import basis
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.training.moment_tensor import linear as mtp_linear
from hpcpot.training.moment_tensor.curvature import coordinates
from hpcpot.training.moment_tensor.loss import Loss, Model, errors, value_and_gradient
from hpcpot.training.moment_tensor.sites import SiteChunk

ROUND = 50
"""Iterations between two linear solves."""
SPREAD = 0.3
"""Standard deviation of initial radial coefficients around f_mu = Q_mu."""
CLOSER = 0.99
"""min_distance is this times the shortest distance in the data, as in MLIP-2."""


@dataclass(frozen=True)
class Radial:
    """Size of the radial functions: from `low` to `cutoff`, Å, of `size` polynomials."""

    low: float
    cutoff: float
    size: int


def initial(elements: tuple[str, ...], level: int, radial: Radial, mean_neighbors: float, seed: int) -> MomentTensor:
    """A potential to begin with: all its energies are 0.

    Args:
        mean_neighbors: of an atom; moments are scaled to about 1 by it.
    """
    lists, species = basis(level), len(elements)
    shape = (species, species, lists.n_radial, radial.size)
    values = SPREAD * np.random.default_rng(seed).normal(size=shape)
    values += np.eye(lists.n_radial, radial.size)
    scaling = 3.0 / (radial.cutoff - radial.low) ** 2 / np.sqrt(max(mean_neighbors, 1.0))
    return MomentTensor(
        elements,
        radial.low,
        radial.cutoff,
        scaling,
        values,
        lists.basics,
        lists.products,
        lists.scalars,
        np.zeros(len(lists.scalars)),
        np.zeros(species),
    )


class Fit:
    """A fit in progress.

    Attributes:
        model: the best parameters so far. step: iterations of L-BFGS done. loss: of the training frames, parts.
    """

    def __init__(self, family: MomentTensor, parts: Sequence[SiteChunk], loss: Loss, threads: int, step: int = 0):
        self.model, self.step, self.loss = Model(family), step, np.inf
        self.parts, self._loss, self._threads = parts, loss, threads

    def solve(self) -> None:
        """Give the model the best coefficients for its radial functions."""
        linear = mtp_linear.solve(self.model, self.parts, self._loss, self._threads)
        self.model = self.model.with_parameters(np.concatenate([self.model.family.radial.ravel(), linear]))

    def round(self, steps: int, after: Callable[[], bool]) -> bool:
        """A linear solve, then up to `steps` iterations; whether it went on to their end.

        Args:
            after: called after each iteration; true ends the round.
        Raises:
            TrainingError: the loss is not finite.
        """
        self.solve()
        begun, origin = self.step, self.model
        self.loss = self._finite(errors(self.model, self.parts, self._loss, self._threads).loss)
        white = coordinates(self.model, self.parts, self._loss, self.step, self._threads)
        unit = np.sqrt(max(self.loss, 1e-12))  # the loss changes by about itself along a unit

        def model_at(y: np.ndarray) -> Model:
            return origin.with_parameters(white.parameters(unit * y))

        def value(y: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient = value_and_gradient(model_at(y), self.parts, self._loss, self._threads)
            return self._finite(loss) / unit**2, white.gradient(gradient) / unit

        def iterated(intermediate_result: OptimizeResult) -> None:
            self.step += 1
            self.loss = float(intermediate_result.fun) * unit**2
            self.model = model_at(intermediate_result.x)
            if after():
                raise StopIteration

        options = {"maxiter": steps, "maxcor": ROUND, "ftol": 0.0, "gtol": 0.0, "maxfun": 10 * steps}
        start = np.zeros(len(white.origin))
        minimize(value, start, method="L-BFGS-B", jac=True, callback=iterated, options=options)
        return self.step - begun == steps

    def _finite(self, loss: float) -> float:
        if not np.isfinite(loss):
            raise TrainingError(
                f"loss at iteration {self.step} = {loss}: must be finite; the labels are too far from any potential, "
                "hpcpot dataset names doubtful frames."
            )
        return loss
