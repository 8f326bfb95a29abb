"""Any family on the device: tables of its moment sets in moments.cu, and its own readout."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.device import Device
from hpcpot.gpu.sources import Source
from hpcpot.potential.deep_potential import DeepPotential
from hpcpot.potential.moment_tensor import MomentTensor
from hpcpot.potential.moments.cpu import Tabulated, tabulate
from hpcpot.potential.moments.gpu.environments import Environments, Rows
from hpcpot.potential.moments.sets import monomials


class TabulatedGpu:
    """A family by moments, readout, pair forces, in float64.

    Attributes:
        bytes_per_row: of buffers, for each centre that is worked on at once, besides its environment.
        capturable: whether a graph may hold `add`: not where a readout allocates as it goes.
    """

    dtype, capturable = np.float64, False

    def __init__(self, device: Device, buffers: Buffers, family: Any, closest: float):
        n_species = len(family.elements)
        self._xp, self._buffers, self._n_species = device.xp, buffers, n_species
        self.environments = Environments(device, buffers, family, np.float64)
        self._sets = [_Set(device, tabulate(one, n_species, closest), n_species) for one in family.moment_sets()]
        self._readout = on_device(family, device.xp).readout
        # Moments, their gradient, and what a readout may keep besides.
        self.bytes_per_row = 8 * (4 * sum(one.entries for one in self._sets) + 4096)

    def add(self, i: int, rows: Rows) -> None:
        """Energies of centres of species i; forces and virials added to what `rows` asks for."""
        env, n = self.environments(i, rows), len(rows.centres)
        if n == 0:
            return
        counts = (env.bounds[:, 1:] - env.bounds[:, :-1]).astype(np.float64)
        moments = []
        for k, one in enumerate(self._sets):
            a_ntac = self._buffers(f"moments {k} {i}", (n, *one.shape), np.float64)
            a_ntac.fill(0.0)
            one.kernels.rows("moments", n, env.room, env.bounds, env.vectors, *one.table(i), a_ntac)
            moments.append(a_ntac)
        energies, gradients = self._readout(i, moments, counts)
        rows.energies[rows.centres] = energies
        if rows.forces is None:
            return
        rows.virials.fill(0.0)
        for one, gradient in zip(self._sets, gradients, strict=True):
            one.kernels.rows(
                "pair_forces", n, env.room, rows.centres, env.bounds, env.partners, env.vectors, *one.table(i),
                self._xp.ascontiguousarray(gradient), *rows.receivers(),
            )  # fmt: skip


class _Set:
    """A moment set's tables and kernels.

    Attributes:
        shape: (t, a, c) of the moments of one centre; entries: their number.
    """

    def __init__(self, device: Device, table: Tabulated, n_species: int):
        channels, n_monomials, rank, by_neighbor, weighted = table.sizes
        xp = device.xp
        self.shape = (n_species if by_neighbor else 1, n_monomials, channels)
        self.entries = int(np.prod(self.shape))
        macros = {"N_SPECIES": n_species, "CHANNELS": channels, "RANK": rank}
        macros |= {"BY_NEIGHBOR": int(by_neighbor), "WEIGHTED": int(weighted)}
        self.kernels = device.build(Source("potential/moments/gpu/moments.cu", macros))
        self._nodes, self._weights = xp.asarray(table.nodes), xp.asarray(table.weights)
        self._cutoff, self._n_nodes = np.float64(table.moment_set.cutoff), np.int32(table.nodes.shape[2])
        self._grid = np.float64(table.start), np.float64(1.0 / table.step)
        self._exponents = xp.asarray((monomials(rank) @ np.array([1, 256, 65536])).astype(np.int32))

    def table(self, i: int) -> tuple[Any, ...]:
        """Arguments of the kernels for centres of species i."""
        return self._cutoff, self._nodes[i], self._weights[i], self._n_nodes, *self._grid, self._exponents


def on_device(family: Any, xp: Any) -> Any:
    """The family with its arrays on the device, for the readout."""
    if isinstance(family, MomentTensor):  # whose readout takes numbers and places from its arrays, one by one
        return family
    if not isinstance(family, DeepPotential):
        return _moved(family, xp)
    empty = tuple(family.empty_slots(i) for i in range(len(family.elements)))
    own = {f.name: getattr(family, f.name) for f in fields(family)}
    return _moved(_EmptySlotsKnown(**own, empty=empty), xp)


@dataclass(frozen=True)
class _EmptySlotsKnown(DeepPotential):
    """A Deep Potential whose empty slots are worked out beforehand, on the host.

    Attributes:
        empty: for each centre species what `empty_slots` returns.
    """

    empty: tuple[Any, ...] = ()

    def empty_slots(self, i: int) -> Any:
        return self.empty[i]


def _moved(value: Any, xp: Any) -> Any:
    if isinstance(value, np.ndarray):
        return xp.asarray(value)
    if isinstance(value, tuple):
        return tuple(_moved(one, xp) for one in value)
    if is_dataclass(value):
        return replace(value, **{f.name: _moved(getattr(value, f.name), xp) for f in fields(value)})
    return value
