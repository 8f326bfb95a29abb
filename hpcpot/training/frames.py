"""The frames of a data set as training takes them: geometry, kept once computed, and labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from hpcpot.dataset.dataset import DataSet
from hpcpot.training import geometry
from hpcpot.training.geometry import Described, Geometry
from hpcpot.training.loss import Labels


class FrameCache:
    """Batches of a data set.

    Args:
        energies: (elements,) eV, constant energies of atoms that labels are taken relative to.
        forces: whether they will be asked for.
        memory: bytes of geometry that is kept; what comes later is computed each time.
    """

    def __init__(self, data: DataSet, model: Described, energies: np.ndarray, forces: bool, memory: float):
        self.data, self._model, self._forces, self._memory = data, model, forces, memory
        self._relative = data.energies - data.counts @ energies
        self._kept: dict[int, Geometry] = {}

    def batch(self, rows: Sequence[int]) -> tuple[Geometry, Labels]:
        """Some frames as one batch."""
        return geometry.join([self._geometry(int(k)) for k in rows]), self._labels(np.asarray(rows))

    def name(self, rows: Sequence[int]) -> str:
        """Names of the frames of a batch, for messages."""
        return ", ".join(f"{k} ({self.data.sources[k]})" for k in rows)

    def _geometry(self, k: int) -> Geometry:
        if k in self._kept:
            return self._kept[k]
        made = geometry.of_frame(self._model, self.data, k, self._forces)
        if made.nbytes <= self._memory:
            self._memory -= made.nbytes
            self._kept[k] = made
        return made

    def _labels(self, rows: np.ndarray) -> Labels:
        part, device = self.data.select(rows), self._model.device
        return Labels(
            torch.tensor(part.sizes, dtype=torch.float64, device=device),
            torch.tensor(self._relative[rows], device=device),
            torch.tensor(part.forces, device=device),
            torch.tensor(part.virials, device=device),
        )
