"""Optimisers by name, and their state as flat arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

KINDS = {
    "adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "adamax": torch.optim.Adamax, "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
}  # fmt: skip
FUSED = ("adam", "adamw")
"""Those of which torch has a fused step on CPUs and GPUs."""


def make(name: str, parameters: Sequence[Tensor], weight_decay: float) -> torch.optim.Optimizer:
    """An optimiser of torch with its own defaults; the learning rate is set at each step."""
    options = {"fused": True} if name in FUSED else {}
    return KINDS[name](list(parameters), lr=1.0, weight_decay=weight_decay, **options)


def flat(tensors: Sequence[Tensor]) -> np.ndarray:
    """Values of all tensors in a row."""
    return torch.cat([t.detach().reshape(-1) for t in tensors]).cpu().numpy()


def fill(tensors: Sequence[Tensor], values: np.ndarray) -> None:
    """The inverse of `flat`, in place."""
    at = 0
    with torch.no_grad():
        for t in tensors:
            t.copy_(torch.tensor(values[at : at + t.numel()]).view(t.shape))
            at += t.numel()


def state(optimiser: torch.optim.Optimizer, parameters: Sequence[Tensor]) -> dict[str, np.ndarray]:
    """Its state by name, each in the order of the parameters; nothing before the first step."""
    if not optimiser.state:
        return {}
    of_first = optimiser.state[parameters[0]]
    return {name: flat([torch.as_tensor(optimiser.state[p][name]) for p in parameters]) for name in of_first}


def set_state(optimiser: torch.optim.Optimizer, parameters: Sequence[Tensor], values: dict[str, np.ndarray]) -> None:
    """The inverse of `state`."""
    for name, array in values.items():
        per_value = len(array) != len(parameters)
        at = 0
        for p in parameters:
            n = p.numel() if per_value else 1
            piece = torch.tensor(array[at : at + n], device=p.device)
            optimiser.state[p][name] = piece.view(p.shape) if per_value else piece[0]
            at += n
