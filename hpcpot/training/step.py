"""Energies, forces and virials of a batch, and the gradient of any loss of them: the same for all families.

With the moments A_i = sum_p Omega_p (x) R_p of the pairs p of centre i and the readout's B_i = dE_i/dA_i, the gradient
of a pair is g_p = sum_ac B_i (R'_c Omega_a u + R_c grad Omega_a), forces are f_i += g_p, f_j -= g_p.

A loss L(E, F, W) has the gradient of sum_f L_E E_f + sum_p g_p . v_p at fixed L_E, v_p = L_F,i - L_F,j - r_p L_W, and
the second sum is B_i . A'_i with A'_i the derivative of the moments when each r_p moves along v_p. So one directional
derivative, forward, takes the place of a second backward pass through all pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

import torch
from torch import Tensor

from hpcpot.training import pairs, pairs_cpu
from hpcpot.training.geometry import Centres, Described, Geometry, PairBlock, by_neighbor


class Trained(Described, Protocol):
    """A family in torch.

    Attributes:
        parameters: what training changes.
    """

    parameters: list[Tensor]

    def radial(self, s: int, i: int, j: int, block: PairBlock) -> Tensor: ...

    def readout(self, i: int, moments: list[Tensor], counts: Tensor) -> tuple[Tensor, list[Tensor]]: ...


@dataclass
class Prediction:
    """energies (frames,) float64, eV; forces (atoms, 3), eV/Å, and virials (frames, 3, 3), eV, or None."""

    energies: Tensor
    forces: Tensor | None
    virials: Tensor | None


@dataclass
class _Species:
    """Results for the centres of one species, kept between the two halves of a step."""

    centres: Centres
    frames: Tensor
    radial: list[list[Tensor]]
    moments: list[Tensor]
    energies: Tensor
    gradients: list[Tensor]


Loss = Callable[[Prediction], Tensor]


def predict(model: Trained, geometry: Geometry, forces: bool = True) -> Prediction:
    """Energies, and forces and virials if wanted, of all frames of a batch."""
    with torch.no_grad():
        return _prediction(model, geometry, _forward(model, geometry), forces)


def add_gradient(model: Trained, geometry: Geometry, loss: Loss, forces: bool = True) -> tuple[Prediction, Tensor]:
    """Add the gradient of a loss to `grad` of the parameters.

    Args:
        loss: of a prediction, differentiable.
        forces: whether the loss needs forces or virials.
    Returns:
        The prediction, and the loss.
    """
    parts = _forward(model, geometry, training=True)
    with torch.no_grad():
        prediction = _prediction(model, geometry, parts, forces)
    leaves = [t.requires_grad_() for t in vars(prediction).values() if t is not None]
    value = loss(prediction)
    of_energy, of_forces, of_virials = [*torch.autograd.grad(value, leaves, allow_unused=True), None, None][:3]
    if of_forces is not None or of_virials is not None:
        of_forces, of_virials = (
            torch.zeros_like(t) if g is None else g
            for t, g in ((prediction.forces, of_forces), (prediction.virials, of_virials))
        )
    for part in parts:
        weights = torch.zeros_like(part.energies) if of_energy is None else of_energy[part.frames].to(model.dtype)
        goals, weights, moves = [part.energies], [weights], []
        if of_forces is not None:
            moves = _moves(part, of_forces, of_virials)
            goals += part.gradients
            weights += [by_neighbor([m[2] for m in row], model.by_neighbor[s]) for s, row in enumerate(moves)]
        torch.autograd.backward(goals, weights)
        if not model.fixed_radial:
            _radial_gradient(model, part, moves)
    return prediction, value.detach()


def _forward(model: Trained, geometry: Geometry, training: bool = False) -> list[_Species]:
    """The readout of each species that has atoms."""
    result, kernels = [], _kernels(geometry.frames.device)
    for i, centres in enumerate(geometry.centres):
        if not len(centres.atoms):
            continue
        radial = [[model.radial(s, i, j, block) for j, block in enumerate(row)] for s, row in enumerate(centres.blocks)]
        sums = centres.moments or [
            by_neighbor(
                [kernels.moments(block, r.detach()) for block, r in zip(row, of_row, strict=True)], model.by_neighbor[s]
            ).requires_grad_(training)
            for s, (row, of_row) in enumerate(zip(centres.blocks, radial, strict=True))
        ]
        # A copy: a readout may work in place.
        energies, gradients = model.readout(i, [m.clone() for m in sums], centres.counts)
        result.append(_Species(centres, geometry.frames[centres.atoms], radial, sums, energies, gradients))
    return result


def _prediction(model: Trained, geometry: Geometry, parts: list[_Species], forces: bool) -> Prediction:
    device = geometry.frames.device
    energies = torch.zeros(geometry.n_frames, dtype=torch.float64, device=device)
    for part in parts:
        energies.index_add_(0, part.frames, part.energies.detach().double())
    if not forces:
        return Prediction(energies, None, None)
    kernels = _kernels(device)
    f_nc = torch.zeros(len(geometry.frames), 3, dtype=model.dtype, device=device)
    virials = torch.zeros(geometry.n_frames, 3, 3, dtype=model.dtype, device=device)
    for part in parts:
        for s, row in enumerate(part.centres.blocks):
            for j, block in enumerate(row):
                b_nac = part.gradients[s][:, j if model.by_neighbor[s] else 0].detach()
                given = (b_nac, part.centres.atoms, part.frames, f_nc, virials)
                kernels.add_forces(block, part.radial[s][j].detach(), *given)
    return Prediction(energies, f_nc, virials)


def _moves(part: _Species, of_forces: Tensor, of_virials: Tensor) -> list[list[tuple[Tensor, Tensor, Tensor]]]:
    """`pairs.moves` of each block."""
    kernels, given = _kernels(of_forces.device), (part.centres.atoms, part.frames, of_forces, of_virials)
    return [
        [kernels.moves(block, r.detach(), *given) for block, r in zip(row, of_row, strict=True)]
        for row, of_row in zip(part.centres.blocks, part.radial, strict=True)
    ]


def _radial_gradient(model: Trained, part: _Species, moves: list) -> None:
    """Backward through radial functions that are trained."""
    slopes = []
    for s, row in enumerate(part.centres.blocks):
        for j, block in enumerate(row):
            t = j if model.by_neighbor[s] else 0
            slope, b_nac = part.moments[s].grad[:, t], part.gradients[s][:, t].detach()
            moved = moves[s][j][:2] if moves else None
            slopes.append(_kernels(slope.device).radial_gradient(block, slope, moved, b_nac))
    torch.autograd.backward([r for row in part.radial for r in row], slopes)


def _kernels(device: torch.device) -> ModuleType:
    return pairs_cpu if device.type == "cpu" else pairs
