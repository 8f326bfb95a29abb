"""Any family on the device: tables of its moment sets in moments.cu, and a readout."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.device import Device
from hpcpot.gpu.sources import Source
from hpcpot.potential.moments.cpu import Tabulated, tabulate
from hpcpot.potential.moments.gpu.environments import CentreRows, Environments, Neighbourhoods
from hpcpot.potential.moments.sets import monomials
from hpcpot.potential.moments.tables import TOLERANCE


class TabulatedGpu:
    """A family by moments, readout, pair forces, in float64.

    Attributes:
        bytes_per_row: of buffers, for each centre that is worked on at once, besides its environment.
        capturable: whether a graph may hold `add`: not where a readout allocates as it goes.
    """

    dtype = np.float64

    def __init__(
        self,
        device: Device,
        buffers: Buffers,
        family: Any,
        closest: float,
        readout: Any | None = None,
        tolerance: float = TOLERANCE,
    ):
        """Args: readout: like Expressions, which it is by default. tolerance: of the tables."""
        n_species = len(family.elements)
        self._xp, self._buffers, self._n_species = device.xp, buffers, n_species
        self.environments = Environments(device, buffers, family, np.float64)
        self._sets = [
            _Set(device, tabulate(moment_set, n_species, closest, tolerance), n_species)
            for moment_set in family.moment_sets()
        ]
        self._readout = readout or Expressions(family, device.xp)
        self.capturable = self._readout.capturable
        # Moments, their gradient, and what a readout keeps besides.
        self.bytes_per_row = 8 * (
            4 * sum(moment_set.entries for moment_set in self._sets) + self._readout.numbers_per_row
        )

    def add(self, i: int, rows: CentreRows) -> None:
        """Energies of centres of species i; forces and virials added to what `rows` asks for."""
        env, n = self.environments(i, rows), len(rows.centres)
        if n == 0:
            return
        moments = []
        for k, table in enumerate(self._sets):
            a_ntac = self._buffers(f"moments {k} {i}", (n, *table.shape), np.float64)
            a_ntac.fill(0.0)
            table.kernels.rows("moments", n, env.room, env.bounds, env.vectors, *table.table(i), a_ntac)
            moments.append(a_ntac)
        gradients = self._readout(i, rows, env, moments)
        if rows.forces is None:
            return
        rows.virials.fill(0.0)
        for table, gradient in zip(self._sets, gradients, strict=True):
            table.kernels.rows(
                "pair_forces",
                n,
                env.room,
                rows.centres,
                env.bounds,
                env.partners,
                env.vectors,
                *table.table(i),
                self._xp.ascontiguousarray(gradient),
                *rows.receivers(),
            )


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


class Expressions:
    """A family's own readout, by arrays of the device, which allocates as it goes.

    Attributes:
        numbers_per_row: of buffers, for each centre, about. capturable: whether a graph may hold a call.
    """

    numbers_per_row, capturable = 4096, False

    def __init__(self, family: Any, xp: Any):
        self._readout = _moved(family, xp).readout

    def __call__(self, i: int, rows: CentreRows, env: Neighbourhoods, moments: list[Any]) -> list[Any]:
        """Energies of the centres into their place; gradients with respect to the moments."""
        counts = (env.bounds[:, 1:] - env.bounds[:, :-1]).astype(np.float64)
        rows.energies[rows.centres], gradients = self._readout(i, moments, counts)
        return gradients


def _moved(value: Any, xp: Any) -> Any:
    if isinstance(value, np.ndarray):
        return xp.asarray(value)
    if isinstance(value, tuple):
        return tuple(_moved(item, xp) for item in value)
    if is_dataclass(value):
        return replace(value, **{f.name: _moved(getattr(value, f.name), xp) for f in fields(value)})
    return value
