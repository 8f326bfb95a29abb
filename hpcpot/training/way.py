"""How a family is trained: what a frame is to it, and what makes gradients of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from hpcpot.dataset.dataset import DataSet
from hpcpot.training import geometry, step
from hpcpot.training.loss import Labels
from hpcpot.training.step import Loss, Prediction


@dataclass(frozen=True)
class Way:
    """Functions of a family.

    Attributes:
        of_frame: (model, data, number of a frame, whether forces are asked for) -> the frame, with `nbytes`.
        join: (model, frames) -> a batch.
        predict: (model, batch, forces) -> prediction.
        add_gradient: (model, batch, loss, forces) -> prediction and loss, whose gradient is added to the parameters.
        change: (frames, labels, number of the batch) -> the same changed at random, by seed and number; None: they stay.
            Its repr tells trainings apart.
    """

    of_frame: Callable[[Any, DataSet, int, bool], Any]
    join: Callable[[Any, Sequence[Any]], Any]
    predict: Callable[[Any, Any, bool], Prediction]
    add_gradient: Callable[[Any, Any, Loss, bool], tuple[Prediction, Tensor]]
    change: Callable[[list, Labels, int], tuple[list, Labels]] | None = None


MOMENTS = Way(geometry.of_frame, lambda model, parts: geometry.join(parts), step.predict, step.add_gradient)
"""Families of moments, readout and pair forces."""
