"""The frames of a data set as training takes them: geometry, kept once computed, and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from hpcpot.dataset.dataset import DataSet
from hpcpot.training.loss import Labels
from hpcpot.training.way import MOMENTS, Way


class FrameCache:
    """Batches of a data set.

    Args:
        energies: (elements,) eV, constant energies of atoms that labels are taken relative to.
        forces: whether they will be asked for.
        memory: bytes of geometry that is kept; what comes later is computed each time.
        way: how the family describes frames.
    """

    def __init__(
        self, data: DataSet, model: Any, energies: np.ndarray, forces: bool, memory: float, way: Way = MOMENTS
    ):
        self.data, self._model, self._forces, self._memory, self._way = data, model, forces, memory, way
        self._relative = data.energies - data.counts @ energies
        self._kept: dict[int, Any] = {}

    def batch(self, rows: Sequence[int], draw: int | None = None) -> tuple[Any, Labels]:
        """Some frames as one batch.

        Args:
            draw: number of the batch, by which a family that changes its frames at random does so; None: as they are.
        """
        parts, labels = [self._geometry(int(k)) for k in rows], self._labels(np.asarray(rows))
        if draw is not None and self._way.change is not None:
            parts, labels = self._way.change(parts, labels, draw)
        return self._way.join(self._model, parts), labels

    def name(self, rows: Sequence[int]) -> str:
        """Names of the frames of a batch, for messages."""
        return ", ".join(f"{k} ({self.data.sources[k]})" for k in rows)

    def _geometry(self, k: int) -> Any:
        if k in self._kept:
            return self._kept[k]
        made = self._way.of_frame(self._model, self.data, k, self._forces)
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
            torch.tensor(part.volumes, device=device),
        )
