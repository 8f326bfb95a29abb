"""Any family on the device: tables of its moment sets in moments.cu, and its own readout, for a moment tensor in CUDA."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.device import NULL, Device
from hpcpot.gpu.sources import Source
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.moments.cpu import Tabulated, tabulate
from hpcpot.potential.moments.gpu.environments import Environments, Neighbourhoods, Rows
from hpcpot.potential.moments.sets import monomials
from hpcpot.potential.moments.tables import TOLERANCE

POLYNOMIALS = 1e-11
"""Tolerance of the tables of a moment tensor's radial functions, which are polynomials, and on the CPU computed as such."""


class TabulatedGpu:
    """A family by moments, readout, pair forces, in float64.

    Attributes:
        bytes_per_row: of buffers, for each centre that is worked on at once, besides its environment.
        capturable: whether a graph may hold `add`: not where a readout allocates as it goes.
    """

    dtype = np.float64

    def __init__(self, device: Device, buffers: Buffers, family: Any, closest: float):
        n_species = len(family.elements)
        self._xp, self._buffers, self._n_species = device.xp, buffers, n_species
        self.environments = Environments(device, buffers, family, np.float64)
        self.capturable = is_products = isinstance(family, MomentTensor)
        tolerance = POLYNOMIALS if is_products else TOLERANCE
        self._sets = [
            _Set(device, tabulate(one, n_species, closest, tolerance), n_species) for one in family.moment_sets()
        ]
        self._readout = Products(device, buffers, family) if is_products else Expressions(family, device.xp)
        # Moments, their gradient, and what a readout keeps besides.
        self.bytes_per_row = 8 * (4 * sum(one.entries for one in self._sets) + self._readout.numbers_per_row)

    def add(self, i: int, rows: Rows) -> None:
        """Energies of centres of species i; forces and virials added to what `rows` asks for."""
        env, n = self.environments(i, rows), len(rows.centres)
        if n == 0:
            return
        moments = []
        for k, one in enumerate(self._sets):
            a_ntac = self._buffers(f"moments {k} {i}", (n, *one.shape), np.float64)
            a_ntac.fill(0.0)
            one.kernels.rows("moments", n, env.room, env.bounds, env.vectors, *one.table(i), a_ntac)
            moments.append(a_ntac)
        gradients = self._readout(i, rows, env, moments)
        if rows.forces is None:
            return
        rows.virials.fill(0.0)
        for one, gradient in zip(self._sets, gradients, strict=True):
            one.kernels.rows(
                "pair_forces",
                n,
                env.room,
                rows.centres,
                env.bounds,
                env.partners,
                env.vectors,
                *one.table(i),
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
    """A family's own readout, by arrays of the device, which allocates as it goes."""

    numbers_per_row = 4096

    def __init__(self, family: Any, xp: Any):
        self._readout = on_device(family, xp).readout

    def __call__(self, i: int, rows: Rows, env: Neighbourhoods, moments: list[Any]) -> list[Any]:
        """Energies of the centres into their place; gradients with respect to the moments."""
        counts = (env.bounds[:, 1:] - env.bounds[:, :-1]).astype(np.float64)
        rows.energies[rows.centres], gradients = self._readout(i, moments, counts)
        return gradients


class Products:
    """The readout of a moment tensor potential in moment_tensor.cu."""

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

    def __call__(self, i: int, rows: Rows, env: Neighbourhoods, moments: list[Any]) -> list[Any]:
        """As Expressions."""
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


def on_device(family: Any, xp: Any) -> Any:
    """The family with its arrays on the device, for the readout."""
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
