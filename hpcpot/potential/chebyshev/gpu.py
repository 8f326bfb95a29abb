"""A Chebyshev network on the device: descriptors by chebyshev.cu, the network by cuBLAS."""

from __future__ import annotations

import numpy as np

from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.device import Device
from hpcpot.gpu.sources import Source, warps_for
from hpcpot.potential.chebyshev.model import Chebyshev
from hpcpot.potential.contract import DTYPES
from hpcpot.potential.moments.gpu.environments import CentreRows, Environments
from hpcpot.potential.moments.gpu.network import Network
from hpcpot.potential.moments.sets import monomials

PITCH = 33
"""Numbers in a row of chebyshev.cu's Batch: one more than lanes, against conflicts of banks."""


def prepare(device: Device, buffers: Buffers, family: Chebyshev, closest: float, precision: str) -> ChebyshevGpu:
    """The kernels of this module."""
    return ChebyshevGpu(device, buffers, family, precision)


class ChebyshevGpu:
    """Kernels, and numbers and network of each centre species.

    Attributes:
        bytes_per_row: of buffers, for each centre that is worked on at once, besides its environment.
        capturable: whether a graph may hold `add`.
    """

    capturable = True

    def __init__(self, device: Device, buffers: Buffers, family: Chebyshev, precision: str):
        self.dtype = DTYPES[precision]
        xp, self._buffers, n_species = device.xp, buffers, len(family.elements)
        as_real = lambda values: xp.asarray(np.ascontiguousarray(values, self.dtype))  # noqa: E731
        self.environments = Environments(device, buffers, family, self.dtype)
        exponents = monomials(family.angular_order)
        self._exponents = xp.asarray((exponents @ np.array([1, 256, 65536])).astype(np.int32))
        self._cutoffs = self.dtype(family.radial_cutoff), self.dtype(family.angular_cutoff)
        self._spins = [as_real(family.spins[i]) for i in range(n_species)]
        self._powers, self._at_one = (as_real(values) for values in family.angular_powers)
        self._scale = [as_real(values) for values in family.scale]
        self._offset = [as_real(values) for values in family.offset]
        self._inputs = family.scale.shape[1]
        self._sums = len(exponents) * min(n_species, 2)
        self._networks = [
            Network(
                device,
                buffers,
                i,
                family.networks[i],
                family.networks[i][0].weights,
                self.dtype,
                1.0 / family.energy_scale[i],
                float(family.energy_shift[i] + family.atomic_energies[i]),
            )
            for i in range(n_species)
        ]
        macros = {
            "N_SPECIES": n_species,
            "RADIAL_ORDER": family.radial_order,
            "ANGULAR_ORDER": family.angular_order,
            "PITCH": PITCH,
        }
        shared = np.dtype(self.dtype).itemsize * ((3 * (family.angular_order + 1) + 2) * PITCH + self._sums)
        self._kernels = device.build(Source("potential/chebyshev/gpu.cu", macros, self.dtype, warps_for(shared)))
        widest = max(network.numbers_per_row for network in self._networks)
        self.bytes_per_row = (2 * self._inputs + self._sums + widest) * np.dtype(self.dtype).itemsize

    def add(self, i: int, rows: CentreRows) -> None:
        """Energies of centres of species i; forces and virials added to what `rows` asks for."""
        env, n = self.environments(i, rows), len(rows.centres)
        inputs = self._buffers(f"inputs {i}", (n, self._inputs), self.dtype)
        sums = self._buffers(f"sums {i}", (n, self._sums), self.dtype)
        numbers = (*self._cutoffs, self._spins[i], self._powers, self._at_one)
        self._kernels.rows(
            "descriptors",
            n,
            env.room,
            env.bounds,
            env.vectors,
            *numbers,
            self._exponents,
            self._scale[i],
            self._offset[i],
            inputs,
            sums,
        )
        self._networks[i].forward(inputs, rows.centres, rows.energies)
        if rows.forces is None:
            return
        by_inputs = self._buffers(f"by inputs {i}", (n, self._inputs), self.dtype)
        self._networks[i].backward(by_inputs)
        self._kernels.rows(
            "pair_forces",
            n,
            env.room,
            rows.centres,
            env.bounds,
            env.partners,
            env.vectors,
            *numbers,
            self._scale[i],
            sums,
            by_inputs,
            *rows.receivers(),
        )
