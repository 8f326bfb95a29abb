"""A Deep Potential on the device: reduced.py's functions and invariants, in the kernels of deep_potential.cu."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.device import Device
from hpcpot.gpu.sources import Source, listed, warps_for
from hpcpot.potential.deep_potential.cpu import DeepPotentialSteps, WeightNumber
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.potential.deep_potential.reduced import PRECISIONS
from hpcpot.potential.moments.gpu.environments import CentreRows, Environments
from hpcpot.potential.moments.gpu.network import Network
from hpcpot.potential.moments.gpu.tabulated import Expressions, TabulatedGpu

LANES = 4
"""Functions of a neighbour species are padded to a multiple of this: one 16-byte read of float32."""


def prepare(
    device: Device, buffers: Buffers, family: DeepPotential, closest: float, precision: str
) -> DeepPotentialGpu | TabulatedGpu:
    """The kernels of this module, or those from tables with a skip around the first fitting layer (see cpu.prepare)."""
    if not family.has_first_skip:
        return DeepPotentialGpu(device, buffers, family, closest, precision)
    empty = tuple(family.empty_slots(i) for i in range(len(family.elements)))
    known = _EmptySlotsKnown(**{f.name: getattr(family, f.name) for f in fields(family)}, empty=empty)
    return TabulatedGpu(device, buffers, family, closest, Expressions(known, device.xp))


@dataclass(frozen=True)
class _EmptySlotsKnown(DeepPotential):
    """A Deep Potential whose empty slots are worked out beforehand, on the host.

    Attributes:
        empty: for each centre species what `empty_slots` returns.
    """

    empty: tuple[Any, ...] = ()

    def empty_slots(self, i: int) -> Any:
        return self.empty[i]


class DeepPotentialGpu:
    """Tables, network and kernels of each centre species.

    Attributes:
        bytes_per_row: of buffers, for each centre that is worked on at once, besides its environment.
        capturable: whether a graph may hold `add`.
    """

    capturable = True

    def __init__(self, device: Device, buffers: Buffers, family: DeepPotential, closest: float, precision: str):
        self.family, self.dtype = family, PRECISIONS[precision].dtype
        steps = DeepPotentialSteps(family, closest, precision)
        self._buffers = buffers
        self.environments = Environments(device, buffers, family, self.dtype)
        self._species = [_OneSpecies(device, buffers, steps, i, self.dtype) for i in range(len(family.elements))]
        self.bytes_per_row = max(part.numbers_per_row for part in self._species) * np.dtype(self.dtype).itemsize

    def add(self, i: int, rows: CentreRows) -> None:
        """Energies of centres of species i; forces and virials added to what `rows` asks for."""
        self._species[i].add(rows, self.environments(i, rows))


class _OneSpecies:
    """Tables, network and kernels for the centres of one species."""

    def __init__(self, device: Device, buffers: Buffers, steps: DeepPotentialSteps, i: int, dtype: type):
        family, xp = steps.family, device.xp
        self._i, self._buffers, self._dtype = i, buffers, dtype
        n_species = len(family.elements)
        first = steps.readout.first_layer(i, (1 << n_species) - 1)
        widths = np.diff(first.offsets)
        padded = -(-widths // LANES) * LANES
        starts = np.cumsum([0, *padded])
        place = np.concatenate([starts[t] + np.arange(widths[t]) for t in range(n_species)])
        self._channels, self._axis = int(starts[-1]), family.axis
        # Where each function of the reduced form went; those that pad are zero.
        empty, project = np.zeros((n_species, self._channels)), np.zeros((self._channels, family.axis))
        empty[:, place], project[place] = first.empty, first.project
        tables = [np.pad(steps.nodes[i][t], ((0, 0), (0, 0), (0, padded[t] - widths[t]))) for t in range(n_species)]
        places, weights = [], []
        for single in (False, True):
            for part in (p for p in first.parts if p.single == single):
                for q, kept in enumerate(part.kept):
                    places.append(q * self._channels + place[part.offset : part.offset + kept])
            if first.weights[single] is not None:
                weights.append(first.weights[single])
        places = np.concatenate(places)
        rows = np.full(family.axis * self._channels, -1, np.int32)
        rows[places] = np.arange(len(places))
        self._n_invariants = len(places)
        as_real = lambda values: xp.asarray(np.ascontiguousarray(values, dtype))  # noqa: E731
        self._nodes, self._n_nodes = as_real(np.concatenate([t.ravel() for t in tables])), np.int32(len(tables[0]))
        self._numbers = as_real([steps.weight_numbers(i, t) for t in range(n_species)])
        self._grid = dtype(steps.start), dtype(1.0 / steps.step)
        self._slots, self._empty, self._project = as_real(family.slots), as_real(empty), as_real(project)
        self._places, self._rows = xp.asarray(places.astype(np.int32)), xp.asarray(rows)
        self._network = Network(
            device, buffers, i, family.fittings[i], np.concatenate(weights), dtype, 1.0, float(family.energy_shift[i])
        )
        macros = {
            "N_SPECIES": n_species,
            "WIDTHS": listed(padded),
            "AXIS": family.axis,
            "N_INVARIANTS": self._n_invariants,
        }
        shared = np.dtype(dtype).itemsize * (16 * 32 + 4 * self._channels + max(4 * family.axis, 5 * 32)) + 4 * 32
        self._kernels = device.build(
            Source("potential/deep_potential/gpu.cu", macros, dtype, warps_for(shared), (WeightNumber,))
        )

    @property
    def numbers_per_row(self) -> int:
        own = 4 * (self._channels + self._axis) + 2 * self._n_invariants
        return own + self._network.numbers_per_row

    def add(self, rows: CentreRows, env: Any) -> None:
        n = len(rows.centres)
        moments = self._buffer("moments", n, 4 * self._channels)
        low = self._buffer("low", n, 4 * self._axis)
        invariants = self._buffer("invariants", n, self._n_invariants)
        table = (self._nodes, self._n_nodes, self._numbers, *self._grid)
        self._kernels.rows(
            "moments",
            n,
            env.room,
            env.bounds,
            env.vectors,
            *table,
            self._slots,
            self._empty,
            self._project,
            self._places,
            moments,
            low,
            invariants,
        )
        self._network.forward(invariants, rows.centres, rows.energies)
        if rows.forces is None:
            return
        by_invariants = self._buffer("by invariants", n, self._n_invariants)
        self._network.backward(by_invariants)
        self._kernels.rows(
            "pair_forces",
            n,
            env.room,
            rows.centres,
            env.bounds,
            env.partners,
            env.vectors,
            *table,
            self._project,
            self._rows,
            moments,
            low,
            by_invariants,
            *rows.receivers(),
        )

    def _buffer(self, name: str, n: int, width: int) -> Any:
        return self._buffers(f"{name} {self._i}", (n, width), self._dtype)
