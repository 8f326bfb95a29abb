"""Optimisers by name, and their state as flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

KINDS = {
    "adam": partial(torch.optim.Adam, fused=True),
    "adamw": partial(torch.optim.AdamW, fused=True),
    "adamax": torch.optim.Adamax,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
}
"""Those of torch, with its own defaults; fused where torch has that on CPUs and GPUs."""
MUON_FACTOR = 20.0
"""Rate of the matrices over that of the rest: tried on Deep Potentials, 8 and 50 learn more slowly."""
MUON_NARROWEST = 16
"""Rows and columns of a matrix below which it stays with Adam: it has hardly any directions to put at right angles."""


@dataclass
class _Part:
    """An optimiser of torch, the parameters it moves, its rate over the rate that is asked for."""

    name: str
    kind: torch.optim.Optimizer
    parameters: list[Tensor]
    factor: float


class Optimiser:
    """A step downhill for all parameters.

    muon moves matrices along the nearest matrix with orthogonal columns to their averaged gradient (torch.optim.Muon,
    lengths as Adam's: 0.2 sqrt(max(in, out))), and everything else by Adam.

    Args:
        name: one of KINDS, or muon.

    Source: K. Jordan et al., Muon: an optimizer for hidden layers in neural networks (2024); lengths: J. Liu et al.,
    arXiv:2502.16982.
    """

    def __init__(self, name: str, parameters: Sequence[Tensor], weight_decay: float = 0.0):
        matrices = [p for p in parameters if name == "muon" and p.ndim == 2 and min(p.shape) >= MUON_NARROWEST]
        taken = {id(p) for p in matrices}
        rest = [p for p in parameters if id(p) not in taken]
        kind, decay = (KINDS["adam"], 0.0) if name == "muon" else (KINDS[name], weight_decay)
        self._parts = [_Part("", kind(rest, lr=1.0, weight_decay=decay), rest, 1.0)] if rest else []
        if matrices:
            muon = torch.optim.Muon(matrices, lr=1.0, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
            self._parts.append(_Part("muon_", muon, matrices, MUON_FACTOR))

    def step(self, rate: float) -> None:
        """Move the parameters by their `grad`."""
        for part in self._parts:
            for group in part.kind.param_groups:
                group["lr"] = rate * part.factor
            part.kind.step()

    @property
    def state(self) -> dict[str, np.ndarray]:
        """State of the optimiser by name, each in the order of the parameters."""
        arrays = {}
        for part in self._parts:
            states = [part.kind.state[p] for p in part.parameters if p in part.kind.state]
            for name in states[0] if states else ():
                arrays[part.name + name] = flat([torch.as_tensor(state[name]) for state in states])
        return arrays

    @state.setter
    def state(self, values: dict[str, np.ndarray]) -> None:
        for part in self._parts:
            for name, array in values.items():
                if name.startswith("muon_") == bool(part.name):
                    _set(part, name.removeprefix(part.name), array)


def _set(part: _Part, name: str, array: np.ndarray) -> None:
    per_value = len(array) != len(part.parameters)
    position = 0
    for p in part.parameters:
        n = p.numel() if per_value else 1
        piece = torch.tensor(array[position : position + n], device=p.device)
        part.kind.state[p][name] = piece.view(p.shape) if per_value else piece[0]
        position += n


def flat(tensors: Sequence[Tensor]) -> np.ndarray:
    """Values of all tensors in a row."""
    return torch.cat([t.detach().reshape(-1) for t in tensors]).cpu().numpy()


def fill(tensors: Sequence[Tensor], values: np.ndarray) -> None:
    """The inverse of `flat`, in place."""
    position = 0
    with torch.no_grad():
        for t in tensors:
            t.copy_(torch.tensor(values[position : position + t.numel()]).view(t.shape))
            position += t.numel()
