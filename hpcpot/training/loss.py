"""Losses: what training makes small. DeePMD-kit's, and aenet-PyTorch's."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from hpcpot.training.step import Prediction


@dataclass(frozen=True)
class Labels:
    """Labels of a batch.

    Attributes:
        sizes: (frames,) float64, atoms. energies: (frames,) float64, eV, less the constant energies of the atoms.
        forces: (atoms, 3), eV/Å. virials: (frames, 3, 3), eV; NaN where a frame has none. volumes: (frames,) float64, Å³.
    """

    sizes: Tensor
    energies: Tensor
    forces: Tensor
    virials: Tensor
    volumes: Tensor


@dataclass(frozen=True)
class DeepmdLoss:
    """L = p_e <dE^2 / N> + p_f <dF^2> + p_v <dW^2 / N>, p = limit + (start - limit) rate / start_rate.

    Means are over frames, force components, and the nine components of frames that have a virial. A term takes part if
    either of its prefactors is not 0. `intensive` has 1 / N^2 in place of 1 / N.

    Source: deepmd-kit 3.2, deepmd/dpmodel/loss/ener.py.

    Attributes:
        energy, force, virial: (start, limit) prefactors.
    """

    start_rate: float
    energy: tuple[float, float] = (0.02, 1.0)
    force: tuple[float, float] = (1000.0, 1.0)
    virial: tuple[float, float] = (0.0, 0.0)
    intensive: bool = False

    @property
    def needs_forces(self) -> bool:
        return any(self.force) or any(self.virial)

    def __call__(self, predicted: Prediction, labels: Labels, rate: float) -> Tensor:
        share = rate / self.start_rate
        p_e, p_f, p_v = (limit + (start - limit) * share for start, limit in (self.energy, self.force, self.virial))
        per_frame = labels.sizes ** (-2.0 if self.intensive else -1.0)
        total = torch.zeros((), dtype=torch.float64, device=predicted.energies.device)
        if any(self.energy):
            total = total + p_e * ((predicted.energies - labels.energies).square() * per_frame).mean()
        if any(self.force):
            total = total + p_f * (predicted.forces - labels.forces).square().mean()
        known = _with_virials(labels)
        if any(self.virial) and known.any():
            squares = (predicted.virials - labels.virials)[known].square().mean(dim=(1, 2))
            total = total + p_v * (squares * per_frame[known]).mean()
        return total


@dataclass(frozen=True)
class AenetLoss:
    """L = (1 - alpha - beta) sqrt(<(dE / N)^2>) + alpha sqrt(sum |dF|^2 / atoms) + beta sqrt(<|dW / N|^2>).

    All times `scale`, that of normalised energies. |dW|^2 is summed over the nine components; the mean is over frames
    that have a virial, and a batch without one has no such term.

    Source: aenet-PyTorch, src/optimization_step.py; the term of the virials is hpcpot's.

    Attributes:
        alpha, beta: shares of forces and virials; 0 and 0 for energies alone. scale: 1/eV.
    """

    alpha: float
    scale: float
    beta: float = 0.0

    @property
    def needs_forces(self) -> bool:
        return self.alpha > 0.0 or self.beta > 0.0

    def __call__(self, predicted: Prediction, labels: Labels, rate: float) -> Tensor:
        energy = ((predicted.energies - labels.energies) / labels.sizes).square().mean().sqrt()
        total = (1.0 - self.alpha - self.beta) * energy
        if self.alpha > 0.0:
            total = total + self.alpha * (predicted.forces - labels.forces).square().sum(dim=1).mean().sqrt()
        known = _with_virials(labels)
        if self.beta > 0.0 and known.any():
            per_atom = (predicted.virials - labels.virials)[known] / labels.sizes[known, None, None]
            total = total + self.beta * per_atom.square().sum(dim=(1, 2)).mean().sqrt()
        return self.scale * total


@dataclass
class BatchErrors:
    """Squared errors summed over batches: root mean squares of energy per atom, force component, virial per atom."""

    sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("loss", "energy", "force", "virial"), 0.0))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("loss", "energy", "force", "virial"), 0))

    def add(self, predicted: Prediction, labels: Labels, loss: float) -> None:
        """Count a batch."""
        with torch.no_grad():
            self._add("energy", (predicted.energies - labels.energies) / labels.sizes)
            if predicted.forces is not None:
                self._add("force", predicted.forces - labels.forces)
                known = _with_virials(labels)
                self._add("virial", ((predicted.virials - labels.virials) / labels.sizes[:, None, None])[known])
        self.sums["loss"] += loss
        self.counts["loss"] += 1

    def _add(self, name: str, difference: Tensor) -> None:
        known = difference[torch.isfinite(difference)]
        self.sums[name] += float(known.double().square().sum())
        self.counts[name] += known.numel()

    @property
    def loss(self) -> float:
        """The mean loss."""
        return self.sums["loss"] / max(self.counts["loss"], 1)

    def rmse(self, name: str) -> float:
        """Root mean square error of energy (eV/atom), force (eV/Å) or virial (eV/atom); NaN without labels."""
        return (self.sums[name] / self.counts[name]) ** 0.5 if self.counts[name] else float("nan")


def _with_virials(labels: Labels) -> Tensor:
    return torch.isfinite(labels.virials).all(dim=(1, 2))
