"""A moment tensor potential on the device: moments and forces from tables, as of any family, and its products in CUDA."""

from __future__ import annotations

from typing import Any

import numpy as np

from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.device import NULL, Device
from hpcpot.gpu.sources import Source
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.moments.gpu.environments import CentreRows, Neighbourhoods
from hpcpot.potential.moments.gpu.tabulated import TabulatedGpu
from hpcpot.potential.moments.sets import monomials

TOLERANCE = 1e-11
"""Of the tables of the radial functions, which are polynomials, and on the CPU computed as such."""


def prepare(device: Device, buffers: Buffers, family: MomentTensor, closest: float, precision: str) -> TabulatedGpu:
    """Tables of the radial functions, with the products of this module as readout."""
    return TabulatedGpu(device, buffers, family, closest, Products(device, buffers, family), TOLERANCE)


class Products:
    """The readout of a moment tensor potential in gpu.cu."""

    capturable = True

    def __init__(self, device: Device, buffers: Buffers, family: MomentTensor):
        xp, basis = device.xp, family.basis
        self._buffers, self._n_moments = buffers, basis.n_moments
        self._kernels = device.build(Source("potential/moment_tensor/gpu.cu"))
        self._species_energies = family.species_energies.astype(float)
        number = {tuple(row): a for a, row in enumerate(monomials(int(basis.basics[:, 1:].sum(axis=1).max())).tolist())}
        places = [number[tuple(powers)] * family.radial.shape[2] + mu for mu, *powers in basis.basics.tolist()]
        as_int = lambda values: xp.asarray(np.asarray(values, np.int32))  # noqa: E731
        self._basics = np.int32(len(places)), as_int(places)
        self._products = np.int32(len(basis.products)), as_int(basis.products)
        self._scalars = (
            np.int32(len(basis.scalars)),
            as_int(basis.scalars),
            xp.asarray(family.coefficients.astype(float)),
        )

    @property
    def numbers_per_row(self) -> int:
        return 2 * self._n_moments

    def __call__(self, i: int, rows: CentreRows, env: Neighbourhoods, moments: list[Any]) -> list[Any]:
        """See moments.gpu.tabulated.Expressions."""
        (a_ntac,), n = moments, len(rows.centres)
        space = (self._buffers(f"{name} {i}", (self._n_moments, n), np.float64) for name in ("values", "gradients"))
        by_moments = NULL
        if rows.forces is not None:
            by_moments = self._buffers(f"by moments {i}", a_ntac.shape, np.float64)
            by_moments.fill(0.0)
        self._kernels.elements(
            "readout",
            n,
            np.int32(a_ntac.size // n),
            rows.centres,
            np.float64(self._species_energies[i]),
            a_ntac,
            *self._basics,
            np.int32(self._n_moments),
            *self._products,
            *self._scalars,
            *space,
            rows.energies,
            by_moments,
        )
        return [by_moments]
