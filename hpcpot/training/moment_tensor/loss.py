"""The loss of MLIP-2 and its gradient with respect to all parameters of a moment tensor potential.

L = 1/K sum over K frames of [w_e dE^2 / N + w_f sum_i |dF_i|^2 + w_s |dW|^2 / N], dE of the whole frame of N atoms, W
the virial (MLIP's PlusStress). Labels that are missing take no part.

Source: MLIP-2, dev_src/mtpr_trainer.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.potential.moment_tensor.layout import Layout, layout, radial_functions
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.training.moment_tensor import kernels as mtp_kernels
from hpcpot.training.moment_tensor.evaluate import evaluate
from hpcpot.training.moment_tensor.settings import WEIGHTINGS
from hpcpot.training.moment_tensor.sites import SiteChunk, over


@dataclass(frozen=True)
class Loss:
    """Weights of the terms.

    Attributes:
        energy, force, stress: w_e (1/eV^2), w_f (Å^2/eV^2), w_s (1/eV^2).
        weighting: a name of WEIGHTINGS.
        scale_by_force: eV^2/Å^2, beta; if > 0, w_f of an atom is w_f beta / (|F_i|^2 + beta).
        groups: (pattern, factor): w_e of frames of groups of such names is multiplied; of several patterns the first counts.
    """

    energy: float = 1.0
    force: float = 0.01
    stress: float = 0.001
    weighting: str = "vibrations"
    scale_by_force: float = 0.0
    groups: tuple[tuple[str, float], ...] = ()

    @property
    def identity(self) -> str:
        """All that it depends on; without factors of groups as it was before there were any: old checkpoints go on."""
        return repr(self) if self.groups else repr(self).replace(", groups=())", ")")

    def weights(self, data: DataSet, n_frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights of each energy (frames,), force (atoms,) and virial (frames,) of a part of n_frames; 0 without a label."""
        power = WEIGHTINGS[self.weighting]
        by_size = data.sizes.astype(np.float64) ** -power / n_frames
        atoms = np.full(len(data.species), self.force / n_frames)
        if self.weighting == "structures":
            atoms /= data.sizes[data.frame_of]
        square = (data.forces**2).sum(axis=1)
        if self.scale_by_force > 0.0:
            atoms *= self.scale_by_force / (square + self.scale_by_force)
        return (
            np.where(np.isfinite(data.energies), self.energy * by_size * self._factors(data), 0.0),
            np.where(np.isfinite(square), atoms, 0.0),
            np.where(np.isfinite(data.virials).all(axis=(1, 2)), self.stress * by_size, 0.0),
        )

    def _factors(self, data: DataSet) -> np.ndarray:
        """(frames,) what multiplies w_e."""
        factors = np.ones(len(data))
        for pattern, factor in reversed(self.groups):
            factors[[fnmatchcase(str(group), pattern) for group in data.groups]] = factor
        return factors


@dataclass
class FitErrors:
    """Sums of squares over frames, as the learning curve takes them.

    Attributes:
        loss: of all frames. squares, counts: by energy, force, virial: of eV/atom, eV/Å, eV/atom, and how many numbers.
    """

    loss: float
    squares: np.ndarray
    counts: np.ndarray

    def rmse(self, name: str) -> float:
        """Root of the mean square: energy and virial per atom (eV), force (eV/Å); NaN without labels."""
        k = ("energy", "force", "virial").index(name)
        return float(np.sqrt(self.squares[k] / self.counts[k])) if self.counts[k] else float("nan")


class Model:
    """A potential with what the kernels take of it.

    Attributes:
        layout: of the basis. radial: radial functions of the centres of each species.
    """

    def __init__(self, family: MomentTensor, basis: Layout | None = None):
        self.family, self.layout = family, basis or layout(family)
        self.radial = [radial_functions(family, i) for i in range(len(family.elements))]

    @property
    def parameters(self) -> np.ndarray:
        """(n,): radial coefficients, coefficients of the basis, energies of the species."""
        family = self.family
        return np.concatenate([family.radial.ravel(), family.coefficients, family.species_energies])

    def with_parameters(self, x: np.ndarray) -> Model:
        """The same basis with other parameters, in the order of `parameters`."""
        shape, n_radial = self.family.radial.shape, self.family.radial.size
        radial, linear = x[:n_radial].reshape(shape), x[n_radial:]
        n = len(self.layout.scalars)
        family = replace(self.family, radial=radial, coefficients=linear[:n], species_energies=linear[n:])
        return Model(family, self.layout)


@dataclass(frozen=True)
class ChunkPrediction:
    """Energies (frames,) eV, forces (atoms, 3) eV/Å, virials (frames, 3, 3) eV of a chunk."""

    energies: np.ndarray
    forces: np.ndarray
    virials: np.ndarray


def predict(model: Model, part: SiteChunk) -> ChunkPrediction:
    """Labels by the model."""
    data = part.data
    prediction = ChunkPrediction(
        data.counts @ model.family.species_energies, np.zeros_like(data.positions), np.zeros((len(data), 3, 3))
    )
    for sites in part.sites:
        energies, g = np.empty(len(sites.atoms)), np.empty((len(sites.kinds), 3))
        radial = model.radial[sites.species]
        evaluate(sites.near, radial, model.layout, model.family.coefficients, True, energies, g)
        prediction.energies[:] += np.bincount(sites.frames, energies, len(data))
        mtp_kernels.fold(sites.pairs, g, prediction.forces, prediction.virials)
    return prediction


def errors(model: Model, parts: Sequence[SiteChunk], loss: Loss, threads: int = 1) -> FitErrors:
    """Errors of the model on some frames."""
    n_frames = sum(len(part.data) for part in parts)

    def errors_of(part: SiteChunk) -> tuple:
        value, _, differences = _differences(predict(model, part), part.data, loss, n_frames)
        sizes = part.data.sizes.astype(np.float64)
        scaled = (differences[0] / sizes, differences[1], differences[2] / sizes[:, None, None])
        return value, np.array([np.nansum(d**2) for d in scaled]), np.array([np.isfinite(d).sum() for d in scaled])

    values, squares, counts = zip(*over(parts, errors_of, threads), strict=True)
    return FitErrors(float(sum(values)), sum(squares), sum(counts))


def value_and_gradient(
    model: Model, parts: Sequence[SiteChunk], loss: Loss, threads: int = 1
) -> tuple[float, np.ndarray]:
    """The loss, and its gradient (n,) with respect to `Model.parameters`."""
    n_frames = sum(len(part.data) for part in parts)
    results = over(parts, lambda part: _gradient(model, part, loss, n_frames), threads)
    values, gradients = zip(*results, strict=True)
    return float(sum(values)), sum(gradients)


def _gradient(model: Model, part: SiteChunk, loss: Loss, n_frames: int) -> tuple[float, np.ndarray]:
    predicted = predict(model, part)
    value, slopes, _ = _differences(predicted, part.data, loss, n_frames)
    family = model.family
    by_coefficients, by_weights = np.zeros(len(family.coefficients)), np.zeros_like(family.radial)
    for sites in part.sites:
        v = np.empty((len(sites.kinds), 3))
        mtp_kernels.displacements(sites.pairs, slopes[1], slopes[2], v)
        mtp_kernels.gradient(
            sites.near,
            model.radial[sites.species],
            model.layout,
            family.coefficients,
            slopes[0][sites.frames],
            v,
            by_coefficients,
            by_weights[sites.species],
        )
    by_species = slopes[0] @ part.data.counts
    return value, np.concatenate([family.scaling * by_weights.ravel(), by_coefficients, by_species])


def _differences(
    predicted: ChunkPrediction, data: DataSet, loss: Loss, n_frames: int
) -> tuple[float, tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """The loss of a chunk, its slopes by energies, forces and virials, and the differences, NaN without labels."""
    weights = loss.weights(data, n_frames)
    weights = (weights[0], weights[1][:, None], weights[2][:, None, None])
    labels, predictions = (
        (data.energies, data.forces, data.virials),
        (predicted.energies, predicted.forces, predicted.virials),
    )
    known = [f - np.where(np.isfinite(label), label, 0.0) for f, label in zip(predictions, labels, strict=True)]
    slopes = tuple(2.0 * w * d for w, d in zip(weights, known, strict=True))
    value = 0.5 * sum((slope * d).sum() for slope, d in zip(slopes, known, strict=True))
    return float(value), slopes, tuple(f - label for f, label in zip(predictions, labels, strict=True))
