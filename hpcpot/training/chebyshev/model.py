"""The Chebyshev network in torch: its formulas are those of hpcpot.potential.chebyshev.model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from hpcpot.potential.chebyshev.model import Chebyshev
from hpcpot.training.geometry import PairBlock
from hpcpot.training.networks import to_numpy, to_torch


class ChebyshevModel:
    """A Chebyshev network that can be trained; see `hpcpot.training.step.Trained`.

    Args:
        family: initial parameters. Its energies of atoms and shift stay and are left out of the energies here.
    """

    by_neighbor, fixed_radial = (True, True), True

    def __init__(self, family: Chebyshev, dtype: torch.dtype, device: torch.device):
        self.family, self.dtype, self.device = family, dtype, device
        self.parameters: list[Tensor] = []
        zeros = np.zeros(len(family.elements))
        networks = tuple(to_torch(net, self.parameters, dtype, device) for net in family.networks)
        self._torch = replace(family, networks=networks, energy_shift=zeros, atomic_energies=zeros)
        self._sets = family.moment_sets()

    @property
    def constant_energies(self) -> np.ndarray:
        """(elements,) eV, what the energies here lack."""
        return self.family.energy_shift + self.family.atomic_energies

    def radial_input(self, s: int, r: np.ndarray, i: int, j: int) -> tuple[np.ndarray, ...]:
        """The radial functions themselves and their slopes."""
        return self._sets[s].radial(r, i, j)

    def radial(self, s: int, i: int, j: int, block: PairBlock) -> Tensor:
        return block.radial

    def readout(self, i: int, moments: list[Tensor], counts: Tensor) -> tuple[Tensor, list[Tensor]]:
        return self._torch.readout(i, moments, counts)

    def export(self) -> Chebyshev:
        """The parameters as the engine takes them."""
        return replace(self.family, networks=tuple(to_numpy(net) for net in self._torch.networks))
