"""The Deep Potential in torch: its networks are tensors, its formulas those of hpcpot.potential.deep_potential.model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.training.dual import value_and_slope
from hpcpot.training.geometry import PairBlock
from hpcpot.training.networks import to_numpy, to_torch


class DeepPotentialModel:
    """A Deep Potential that can be trained; see `hpcpot.training.step.Trained`.

    Args:
        family: initial parameters. Its energy shift stays as it is and is left out of the energies here.
    """

    by_neighbor, fixed_radial = (False,), False

    def __init__(self, family: DeepPotential, dtype: torch.dtype, device: torch.device):
        self.family, self.dtype, self.device = family, dtype, device
        self.parameters: list[Tensor] = []
        given, types = (self.parameters, dtype, device), len(family.elements)
        rows = family.embeddings[:1] if family.one_sided else family.embeddings
        embeddings = tuple(tuple(to_torch(net, *given) for net in row) for row in rows)
        self._torch = replace(
            family,
            slots=torch.tensor(family.slots, dtype=dtype, device=device),
            embeddings=embeddings * types if family.one_sided else embeddings,
            fittings=tuple(to_torch(net, *given) for net in family.fittings),
            energy_shift=np.zeros(types),
        )

    @property
    def constant_energies(self) -> np.ndarray:
        """(elements,) eV, what the energies here lack."""
        return self.family.energy_shift

    def radial_input(self, s: int, r: np.ndarray, i: int, j: int) -> tuple[np.ndarray, ...]:
        """Content of `PairBlock.radial`: the input of the embedding, and its slope."""
        return self.family.embedding_input(r, i, j)

    def radial(self, s: int, i: int, j: int, block: PairBlock) -> Tensor:
        """Embedding and its derivative along r, (2, n, k, c)."""
        _, n, k, _ = block.radial.shape
        values = value_and_slope(self._torch.embeddings[i][j], block.radial.view(2 * n * k, 1))
        return values.view(2, n, k, values.shape[1])

    def readout(self, i: int, moments: list[Tensor], counts: Tensor) -> tuple[Tensor, list[Tensor]]:
        return self._torch.readout(i, moments, counts)

    def export(self) -> DeepPotential:
        """The parameters as the engine takes them."""
        rows = self._torch.embeddings[:1] if self.family.one_sided else self._torch.embeddings
        embeddings = tuple(tuple(to_numpy(net) for net in row) for row in rows)
        return replace(
            self.family,
            embeddings=embeddings * (len(self._torch.embeddings) // len(rows)),
            fittings=tuple(to_numpy(net) for net in self._torch.fittings),
        )
