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
from typing import Protocol

import torch
from torch import Tensor

from hpcpot.training.geometry import Block, Centres, Described, Geometry, moments


class Trained(Described, Protocol):
    """A family in torch.

    Attributes:
        parameters: what training changes.
    """

    parameters: list[Tensor]

    def radial(self, s: int, i: int, j: int, block: Block) -> Tensor: ...

    def readout(self, i: int, moments: list[Tensor], counts: Tensor) -> tuple[Tensor, list[Tensor]]: ...


@dataclass
class Prediction:
    """energies (frames,) float64, eV; forces (atoms, 3), eV/Å, and virials (frames, 3, 3), eV, or None."""

    energies: Tensor
    forces: Tensor | None
    virials: Tensor | None


@dataclass
class _Species:
    """What is kept of the centres of one species between the two halves of a step."""

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
    found = _forward(model, geometry, training=True)
    with torch.no_grad():
        prediction = _prediction(model, geometry, found, forces)
    leaves = [t.requires_grad_() for t in vars(prediction).values() if t is not None]
    value = loss(prediction)
    of_energy, of_forces, of_virials = [*torch.autograd.grad(value, leaves, allow_unused=True), None, None][:3]
    for one in found:
        weights = torch.zeros_like(one.energies) if of_energy is None else of_energy[one.frames].to(model.dtype)
        goals, weights, moves = [one.energies], [weights], []
        if of_forces is not None or of_virials is not None:
            given = (one, of_forces, of_virials, model.dtype)
            moves = [[_moves(block, *given) for block in row] for row in one.centres.blocks]
            goals += one.gradients
            weights += _moved_moments(model, one, moves)
        torch.autograd.backward(goals, weights)
        if not model.fixed_radial:
            _radial_gradient(model, one, moves)
    return prediction, value.detach()


def _forward(model: Trained, geometry: Geometry, training: bool = False) -> list[_Species]:
    """The readout of each species that has atoms."""
    result = []
    for i, centres in enumerate(geometry.centres):
        if not len(centres.atoms):
            continue
        radial = [[model.radial(s, i, j, block) for j, block in enumerate(row)] for s, row in enumerate(centres.blocks)]
        sums = centres.moments or [
            moments(row, [r[0].detach() for r in of_row], model.by_neighbor[s]).requires_grad_(training)
            for s, (row, of_row) in enumerate(zip(centres.blocks, radial, strict=True))
        ]
        # A copy: a readout may work in place.
        energies, gradients = model.readout(i, [m.clone() for m in sums], centres.counts)
        result.append(_Species(centres, geometry.frames[centres.atoms], radial, sums, energies, gradients))
    return result


def _prediction(model: Trained, geometry: Geometry, found: list[_Species], forces: bool) -> Prediction:
    device = geometry.frames.device
    energies = torch.zeros(geometry.n_frames, dtype=torch.float64, device=device)
    for one in found:
        energies.index_add_(0, one.frames, one.energies.detach().double())
    if not forces:
        return Prediction(energies, None, None)
    f_nc = torch.zeros(len(geometry.frames), 3, dtype=model.dtype, device=device)
    virials = torch.zeros(geometry.n_frames, 3, 3, dtype=model.dtype, device=device)
    for one in found:
        for s, row in enumerate(one.centres.blocks):
            for j, block in enumerate(row):
                b_nac = one.gradients[s][:, j if model.by_neighbor[s] else 0].detach()
                r, r1 = one.radial[s][j].detach()
                along = ((r1 @ b_nac.mT) * block.omega).sum(-1, keepdim=True)
                g_nkc = along * block.directions + (block.slopes @ (r @ b_nac.mT)[..., None])[..., 0]
                f_nc.index_add_(0, one.centres.atoms, g_nkc.sum(1))
                f_nc.index_add_(0, block.owners.reshape(-1), g_nkc.reshape(-1, 3), alpha=-1)
                virials.index_add_(0, one.frames, block.vectors.mT @ g_nkc, alpha=-1)
    return Prediction(energies, f_nc, virials)


def _moves(
    block: Block, one: _Species, of_forces: Tensor | None, of_virials: Tensor | None, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Omega times the move of each pair along its own direction, (n, k, a), and the derivative of Omega, (n, k, a)."""
    v_nkc = torch.zeros_like(block.vectors)
    if of_forces is not None:
        v_nkc = (of_forces[one.centres.atoms][:, None] - of_forces[block.owners]).to(dtype)
    if of_virials is not None:
        v_nkc = v_nkc - block.vectors @ of_virials[one.frames].to(dtype)
    along = block.omega * (block.directions * v_nkc).sum(-1, keepdim=True)
    return along, (v_nkc[..., None, :] @ block.slopes)[..., 0, :]


def _moved_moments(model: Trained, one: _Species, moves: list) -> list[Tensor]:
    """A' of each set: the moments' derivative when the pairs move."""
    result = []
    for s, (row, of_row) in enumerate(zip(one.radial, moves, strict=True)):
        parts = [
            along.mT @ r[1].detach() + across.mT @ r[0].detach() for r, (along, across) in zip(row, of_row, strict=True)
        ]
        result.append(torch.stack(parts, 1) if model.by_neighbor[s] else sum(parts[1:], parts[0])[:, None])
    return result


def _radial_gradient(model: Trained, one: _Species, moves: list) -> None:
    """Backward through radial functions that are trained."""
    slopes = []
    for s, row in enumerate(one.centres.blocks):
        for j, block in enumerate(row):
            r, t = one.radial[s][j], j if model.by_neighbor[s] else 0
            slope, b_nac = one.moments[s].grad[:, t], one.gradients[s][:, t].detach()
            slopes.append(torch.empty_like(r))
            if not moves:
                torch.matmul(block.omega, slope, out=slopes[-1][0])
                slopes[-1][1] = 0.0
                continue
            along, across = moves[s][j]
            torch.matmul(torch.cat([block.omega, across], -1), torch.cat([slope, b_nac], 1), out=slopes[-1][0])
            torch.matmul(along, b_nac, out=slopes[-1][1])
    torch.autograd.backward([r for row in one.radial for r in row], slopes)
