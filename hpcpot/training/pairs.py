"""Work of a step pair by pair, in torch for any device: the readable version. `pairs_cpu` does the same in one pass each.

All take a block of pairs and its radial functions R, (2, n, k, c), value and slope along r.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from hpcpot.training.geometry import PairBlock


def moments(block: PairBlock, radial: Tensor) -> Tensor:
    """A[a, c] = sum over the pairs of each centre of Omega_a R_c: (n, a, c)."""
    return block.omega.mT @ radial[0]


def add_forces(
    block: PairBlock, radial: Tensor, b_nac: Tensor, atoms: Tensor, frames: Tensor, forces: Tensor, virials: Tensor
) -> None:
    """Forces and virials of the pairs: g = sum_ac B (R'_c Omega_a u + R_c grad Omega_a), f_i += g, f_j -= g, W -= r (x) g.

    Args:
        b_nac: (n, a, c), dE_i/dA_i. atoms, frames: (n,) of the centres.
        forces: (atoms, 3); virials: (frames, 3, 3): added to.
    """
    along = ((radial[1] @ b_nac.mT) * block.omega).sum(-1, keepdim=True)
    g_nkc = along * block.directions + (block.slopes @ (radial[0] @ b_nac.mT)[..., None])[..., 0]
    forces.index_add_(0, atoms, g_nkc.sum(1))
    forces.index_add_(0, block.owners.reshape(-1), g_nkc.reshape(-1, 3), alpha=-1)
    virials.index_add_(0, frames, block.vectors.mT @ g_nkc, alpha=-1)


def moves(
    block: PairBlock, radial: Tensor, atoms: Tensor, frames: Tensor, of_forces: Tensor, of_virials: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Change of Omega and of the moments when each pair moves along v = L_F,i - L_F,j - r L_W.

    Args:
        of_forces: (atoms, 3), of_virials: (frames, 3, 3): the loss's gradient.
    Returns:
        Omega_a (u . v), (n, k, a); v . grad Omega_a, (n, k, a); the moments' derivative, (n, a, c).
    """
    v_nkc = of_forces[atoms][:, None] - of_forces[block.owners] - block.vectors @ of_virials[frames]
    along = block.omega * (block.directions * v_nkc).sum(-1, keepdim=True)
    across = (v_nkc[..., None, :] @ block.slopes)[..., 0, :]
    return along, across, along.mT @ radial[1] + across.mT @ radial[0]


def radial_gradient(block: PairBlock, of_moments: Tensor, moved: tuple[Tensor, Tensor] | None, b_nac: Tensor) -> Tensor:
    """The gradient with respect to R, (2, n, k, c), from that with respect to the moments and, moving, to their derivative.

    Args:
        of_moments: (n, a, c). moved: the first two of `moves`, or None for energies alone. b_nac: (n, a, c).
    """
    value = block.omega @ of_moments
    if moved is None:
        return torch.stack([value, torch.zeros_like(value)])
    along, across = moved
    return torch.stack([value + across @ b_nac, along @ b_nac])
