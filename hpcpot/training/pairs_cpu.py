"""`pairs` on a CPU: each a compiled loop over the pairs, which leaves out those that are there as padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hpcpot.compiled import FASTMATH, njit

if TYPE_CHECKING:
    from hpcpot.training.geometry import PairBlock


def moments(block: PairBlock, radial: Tensor) -> Tensor:
    """See `pairs.moments`."""
    n, _, a = block.omega.shape
    sums = radial.new_zeros(n, a, radial.shape[-1])
    _moments(block.directions.numpy(), block.omega.numpy(), radial.numpy(), sums.numpy())
    return sums


def add_forces(
    block: PairBlock, radial: Tensor, b_nac: Tensor, atoms: Tensor, frames: Tensor, forces: Tensor, virials: Tensor
) -> None:
    """See `pairs.add_forces`."""
    _add_forces(
        block.owners.numpy(),
        block.vectors.numpy(),
        block.directions.numpy(),
        block.omega.numpy(),
        block.slopes.numpy(),
        radial.numpy(),
        b_nac.contiguous().numpy(),
        atoms.numpy(),
        frames.numpy(),
        forces.numpy(),
        virials.numpy(),
    )


def moves(
    block: PairBlock, radial: Tensor, atoms: Tensor, frames: Tensor, of_forces: Tensor, of_virials: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """See `pairs.moves`."""
    n, _, a = block.omega.shape
    along, across = torch.zeros_like(block.omega), torch.zeros_like(block.omega)
    moved = radial.new_zeros(n, a, radial.shape[-1])
    _moves(
        block.owners.numpy(),
        block.vectors.numpy(),
        block.directions.numpy(),
        block.omega.numpy(),
        block.slopes.numpy(),
        radial.numpy(),
        atoms.numpy(),
        frames.numpy(),
        of_forces.contiguous().numpy(),
        of_virials.contiguous().numpy(),
        along.numpy(),
        across.numpy(),
        moved.numpy(),
    )
    return along, across, moved


def radial_gradient(block: PairBlock, of_moments: Tensor, moved: tuple[Tensor, Tensor] | None, b_nac: Tensor) -> Tensor:
    """See `pairs.radial_gradient`."""
    gradient = of_moments.new_zeros(2, *block.omega.shape[:2], of_moments.shape[-1])
    along, across = (torch.zeros_like(block.omega),) * 2 if moved is None else moved
    _radial_gradient(
        block.directions.numpy(),
        block.omega.numpy(),
        along.numpy(),
        across.numpy(),
        of_moments.contiguous().numpy(),
        b_nac.contiguous().numpy(),
        gradient.numpy(),
    )
    return gradient


@njit(error_model="numpy", fastmath=FASTMATH, inline="always")
def _is_padding(u, i, p):
    return u[i, p, 0] == 0.0 and u[i, p, 1] == 0.0 and u[i, p, 2] == 0.0


@njit(error_model="numpy", fastmath=FASTMATH)
def _moments(u, omega, radial, sums):
    n, k, size = omega.shape
    for i in range(n):
        for p in range(k):
            if _is_padding(u, i, p):
                continue
            for a in range(size):
                w = omega[i, p, a]
                for c in range(sums.shape[2]):
                    sums[i, a, c] += w * radial[0, i, p, c]


@njit(error_model="numpy", fastmath=FASTMATH)
def _add_forces(owners, vectors, u, omega, slopes, radial, b, atoms, frames, forces, virials):
    n, k, size = omega.shape
    channels = radial.shape[3]
    zero = omega.dtype.type(0)
    for i in range(n):
        atom, frame = atoms[i], frames[i]
        for p in range(k):
            if _is_padding(u, i, p):
                continue
            along, gx, gy, gz = zero, zero, zero, zero
            for a in range(size):
                value, slope = zero, zero
                for c in range(channels):
                    value += b[i, a, c] * radial[0, i, p, c]
                    slope += b[i, a, c] * radial[1, i, p, c]
                along += slope * omega[i, p, a]
                gx += slopes[i, p, 0, a] * value
                gy += slopes[i, p, 1, a] * value
                gz += slopes[i, p, 2, a] * value
            gx += along * u[i, p, 0]
            gy += along * u[i, p, 1]
            gz += along * u[i, p, 2]
            j = owners[i, p]
            forces[atom, 0] += gx
            forces[atom, 1] += gy
            forces[atom, 2] += gz
            forces[j, 0] -= gx
            forces[j, 1] -= gy
            forces[j, 2] -= gz
            for x in range(3):
                virials[frame, x, 0] -= vectors[i, p, x] * gx
                virials[frame, x, 1] -= vectors[i, p, x] * gy
                virials[frame, x, 2] -= vectors[i, p, x] * gz


@njit(error_model="numpy", fastmath=FASTMATH)
def _moves(owners, vectors, u, omega, slopes, radial, atoms, frames, of_forces, of_virials, along, across, moved):
    n, k, size = omega.shape
    channels = radial.shape[3]
    for i in range(n):
        atom, frame = atoms[i], frames[i]
        for p in range(k):
            if _is_padding(u, i, p):
                continue
            j = owners[i, p]
            rx, ry, rz = vectors[i, p, 0], vectors[i, p, 1], vectors[i, p, 2]
            w = of_virials[frame]
            vx = of_forces[atom, 0] - of_forces[j, 0] - (rx * w[0, 0] + ry * w[1, 0] + rz * w[2, 0])
            vy = of_forces[atom, 1] - of_forces[j, 1] - (rx * w[0, 1] + ry * w[1, 1] + rz * w[2, 1])
            vz = of_forces[atom, 2] - of_forces[j, 2] - (rx * w[0, 2] + ry * w[1, 2] + rz * w[2, 2])
            radially = u[i, p, 0] * vx + u[i, p, 1] * vy + u[i, p, 2] * vz
            for a in range(size):
                radially_moved = omega[i, p, a] * radially
                other = slopes[i, p, 0, a] * vx + slopes[i, p, 1, a] * vy + slopes[i, p, 2, a] * vz
                along[i, p, a], across[i, p, a] = radially_moved, other
                for c in range(channels):
                    moved[i, a, c] += radially_moved * radial[1, i, p, c] + other * radial[0, i, p, c]


@njit(error_model="numpy", fastmath=FASTMATH)
def _radial_gradient(u, omega, along, across, of_moments, b, gradient):
    n, k, size = omega.shape
    for i in range(n):
        for p in range(k):
            if _is_padding(u, i, p):
                continue
            for a in range(size):
                w, by_slope, other = omega[i, p, a], along[i, p, a], across[i, p, a]
                for c in range(gradient.shape[3]):
                    gradient[0, i, p, c] += w * of_moments[i, a, c] + other * b[i, a, c]
                    gradient[1, i, p, c] += by_slope * b[i, a, c]
