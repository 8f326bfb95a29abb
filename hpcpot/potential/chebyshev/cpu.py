"""Chebyshev networks on the CPU: descriptor, network and forces of a few atoms side by side, in a sweep over the atoms.

The descriptor and its slopes take a multiply-add for each neighbour and order (see `loops`), far less than a table's look-up.
The network's weights are each multiplied with the inputs of all lanes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from hpcpot.compiled import njit, source_hash
from hpcpot.potential.chebyshev import layers, loops
from hpcpot.potential.chebyshev.loops import CLOSE, SIZE
from hpcpot.potential.chebyshev.model import Chebyshev
from hpcpot.potential.network import ACTIVATIONS
from hpcpot.potential.vectors import emit, sweep
from hpcpot.potential.vectors.sweep import Sweep, aligned

SOURCES = (*sweep.SOURCES, *(source_hash(module.__file__) for module in (layers, loops)))
"""Of what generates code: compiled code is kept by it."""

N_IN, N_OUT, FIRST_IN, FIRST_OUT, WEIGHTS, BIASES, BACK, TIMESTEP, SKIP, ACTIVATION, COLUMNS = range(11)
"""Columns of the table of layers: inputs, outputs, their first rows, first numbers of weights, biases, transposed weights
and timesteps (-1: none), whether there is a skip, activation."""


def prepare(family: Chebyshev, closest: float, precision: str) -> Sweep:
    """The kernels of this module."""
    return Sweep(family, precision, ChebyshevMiddle(family, precision))


class DescriptorNumbers(NamedTuple):
    """Numbers of a model, reals in the kernel's precision.

    Attributes:
        inverse_cutoffs: (2,) 1/Å, radial and angular. angular_cutoff: (1,) Å.
        argument: (2,), y = argument[0] cos + argument[1].
        spins, scale, offset: as in the model. energy_scale: (species,), its inverse.
        layers: (species, layers, COLUMNS) int64, -1 in what is none; weights: (k,) of all networks.
    """

    inverse_cutoffs: np.ndarray
    angular_cutoff: np.ndarray
    argument: np.ndarray
    spins: np.ndarray
    scale: np.ndarray
    offset: np.ndarray
    energy_scale: np.ndarray
    layers: np.ndarray
    weights: np.ndarray


class DescriptorBuffers(NamedTuple):
    """Buffers of a group.

    Attributes:
        close: (sets * CLOSE, lanes). origin, close_spins: (sets, lanes), the sets they come from, int64, and spins.
        counts: (lanes,) int64, how many. most: (1,).
        inputs, input_gradients: (inputs, lanes). series: coefficients, twice as many.
        values, derivatives: rows of all layers; back: of gradients.
    """

    close: np.ndarray
    origin: np.ndarray
    close_spins: np.ndarray
    counts: np.ndarray
    most: np.ndarray
    inputs: np.ndarray
    input_gradients: np.ndarray
    series: np.ndarray
    values: np.ndarray
    derivatives: np.ndarray
    back: np.ndarray


class ChebyshevMiddle:
    """See sweep.Middle."""

    size = SIZE

    def __init__(self, family: Chebyshev, precision: str):
        self._family, self._dtype = family, "float64" if precision == "float64" else "float32"
        self.inner = float(family.angular_cutoff)
        self.constants, self._rows = constants(family, self._dtype)
        self.base = family.energy_shift + family.atomic_energies

    def steps(self, forces: bool) -> tuple[tuple[str, Callable], ...]:
        """See sweep.Middle."""
        family = self._family
        orders = int(family.radial_order) + 1, int(family.angular_order) + 1
        return steps(*orders, len(family.elements) > 1, layer_widths(family), self._dtype, forces)

    def own(self, most: int) -> DescriptorBuffers:
        """See sweep.Middle."""
        lanes, inputs = emit.lanes_of(self._dtype), self._family.scale.shape[1]
        row = lambda count: aligned((count, lanes), self._dtype)  # noqa: E731
        return DescriptorBuffers(
            row(most * CLOSE),
            np.zeros((most, lanes), np.int64),
            row(most),
            np.zeros(lanes, np.int64),
            np.zeros(1, np.int64),
            row(inputs),
            row(self._rows),
            row(2 * inputs),
            row(self._rows),
            row(self._rows),
            row(3 * self._rows),
        )


def constants(family: Chebyshev, dtype: str) -> tuple[DescriptorNumbers, int]:
    """Numbers of a model as the kernel takes them, and rows that the layers of a network need."""
    depth = max(len(network) for network in family.networks)
    table = np.full((len(family.elements), depth, COLUMNS), -1, np.int64)
    widest = max(layer_widths(family))
    numbers, used, rows = [np.zeros(widest)], widest, 0

    def put(matrix: np.ndarray) -> int:
        nonlocal used
        numbers.append(matrix.ravel())
        used += matrix.size
        return used - matrix.size

    for i, network in enumerate(family.networks):
        first_in, first = 0, family.scale.shape[1]
        for k, layer in enumerate(network):
            n_in, n_out = layer.weights.shape
            places = put(layer.weights), put(layer.bias[None]), put(layer.weights.T)
            timestep = -1 if layer.timestep is None else put(layer.timestep[None])
            activation = ACTIVATIONS.index(layer.activation)
            table[i, k] = n_in, n_out, first_in, first, *places, timestep, layer.resnet, activation
            first_in, first = first, first + n_out
        rows = max(rows, first)
    argument = [1.0, 0.0] if family.angular_domain == "cos" else [2.0 / np.pi, -1.0]
    return DescriptorNumbers(
        np.array([1.0 / family.radial_cutoff, 1.0 / family.angular_cutoff], dtype),
        np.array([family.angular_cutoff], dtype),
        np.array(argument, dtype),
        family.spins.astype(dtype),
        family.scale.astype(dtype),
        family.offset.astype(dtype),
        (1.0 / family.energy_scale).astype(dtype),
        table,
        np.concatenate(numbers).astype(dtype),
    ), max(rows, widest)


def layer_widths(family: Chebyshev) -> tuple[int, ...]:
    """Numbers of inputs and outputs that occur among the layers."""
    return tuple(sorted({count for network in family.networks for layer in network for count in layer.weights.shape}))


@cache
def steps(
    n_radial: int, n_angular: int, several: bool, widths: tuple[int, ...], dtype: str, forces: bool
) -> tuple[tuple[str, Callable], ...]:
    """Compiled steps of a descriptor and its networks, see sweep.Middle.

    Args:
        several: whether there is a part weighted by spins. widths: of the layers.
    """
    half, key = n_radial + n_angular, (n_radial, n_angular, several, SOURCES)
    make = lambda names, write, *more: emit.kernel(names, dtype, write, (*more, *key))  # noqa: E731
    zero = make(("out",), loops.write_zero, "zero")
    names = ("held", "inverse_cutoffs", "spins", "inputs")
    radial_sums = make(names, loops.radial_sums_writer(n_radial, half, several))
    names = ("held", "angular_cutoff", "spins", "counts", "origin", "close_spins")
    choose = make(names, loops.write_choice)
    close = make(("held", "inverse_cutoffs", "counts", "origin", "close"), loops.write_close)
    give_back = make(("close", "origin", "held"), loops.write_return)
    names = ("close", "close_spins", "argument", "inputs")
    angular_sums = make(names, loops.angular_sums_writer(n_radial, n_angular, half, several))
    dense = make(("weights", "in", "out"), layers.dense_writer(widths), widths)
    affine = make(("in", "offset", "scale", "out"), layers.write_affine)
    product = make(("in", "out"), layers.write_product, "product")
    scaled_rows = make(("in", "scale", "out"), layers.write_scaled)
    activations = [make(("out", "derivatives"), layers.activation_writer(name), name) for name in ACTIVATIONS]
    linear, tanh, logistic, scaled, twisted = activations
    names = ("held", "inverse_cutoffs", "spins", "input_gradients", "series")
    radial_back = make(names, loops.radial_back_writer(n_radial, half, several))
    names = ("close", "close_spins", "argument", "input_gradients", "series")
    angular_back = make(names, loops.angular_back_writer(n_radial, n_angular, half, several))

    @njit(error_model="numpy")
    def activate(own, kind, first, count):
        arrays = (own.values, own.derivatives)
        if kind == 0:
            linear(arrays, (first, count))
        elif kind == 1:
            tanh(arrays, (first, count))
        elif kind == 2:
            logistic(arrays, (first, count))
        elif kind == 3:
            scaled(arrays, (first, count))
        else:
            twisted(arrays, (first, count))

    @njit(error_model="numpy")
    def finish(own, weights, row):
        """Timesteps and the skip of a residual layer."""
        for o in range(row[N_OUT]):
            k = row[FIRST_OUT] + o
            for lane in range(own.values.shape[1]):
                if row[TIMESTEP] >= 0:
                    own.values[k, lane] *= weights[row[TIMESTEP] + o]
                    own.derivatives[k, lane] *= weights[row[TIMESTEP] + o]
                if row[SKIP]:
                    own.values[k, lane] += own.values[row[FIRST_IN] + o % row[N_IN], lane]

    @njit(error_model="numpy")
    def network(group, own, constants, kind, sets):
        """Energies of the lanes from the inputs; with forces the gradients with respect to these."""
        layers, inputs = constants.layers[kind], len(own.inputs)
        affine((own.inputs, constants.offset, constants.scale, own.values), (inputs, kind * inputs))
        depth = 0
        while depth < len(layers) and layers[depth, N_IN] >= 0:
            row = layers[depth]
            numbers = (row[N_IN], row[N_OUT], row[FIRST_IN], row[FIRST_OUT], row[WEIGHTS], row[BIASES])
            dense((constants.weights, own.values, own.values), numbers)
            activate(own, row[ACTIVATION], row[FIRST_OUT], row[N_OUT])
            if row[TIMESTEP] >= 0 or row[SKIP]:
                finish(own, constants.weights, row)
            depth += 1
        output = layers[depth - 1, FIRST_OUT]
        scale = constants.energy_scale[kind]
        for lane in range(own.inputs.shape[1]):
            group.energy[0, lane] = own.values[output, lane] * scale
        if forces:
            room = len(own.back) // 3
            start, other = 0, room
            for lane in range(own.inputs.shape[1]):
                own.back[start, lane] = scale
            for k in range(depth - 1, -1, -1):
                row = layers[k]
                product((own.derivatives, own.back), (row[N_OUT], row[FIRST_OUT], start, 2 * room))
                dense((constants.weights, own.back, own.back), (row[N_OUT], row[N_IN], 2 * room, other, row[BACK], 0))
                if row[SKIP]:
                    for o in range(row[N_OUT]):
                        for lane in range(own.back.shape[1]):
                            own.back[other + o % row[N_IN], lane] += own.back[start + o, lane]
                start, other = other, start
            scaled_rows((own.back, constants.scale, own.input_gradients), (inputs, start, kind * inputs))

    @njit(error_model="numpy")
    def close_neighbors(group, own, constants, kind, sets):
        """Those within the angular cutoff side by side."""
        types, most, fewest = len(group.stops) - 1, 0, sets
        own.counts[:] = 0
        arrays = (group.held, constants.angular_cutoff, constants.spins, own.counts, own.origin, own.close_spins)
        for s in range(types):
            choose(arrays, (group.stops[s], group.stops[s + 1], kind * types + s))
        for lane in range(own.inputs.shape[1]):
            most, fewest = max(most, own.counts[lane]), min(fewest, own.counts[lane])
        for c in range(fewest, most):
            for lane in range(own.inputs.shape[1]):
                if c >= own.counts[lane]:
                    own.origin[c, lane] = 0  # any set, with a cutoff function of zero
        own.most[0] = most
        close((group.held, constants.inverse_cutoffs, own.counts, own.origin, own.close), (most,))

    @njit(error_model="numpy")
    def radial_part(group, own, constants, kind, sets):
        zero((own.inputs,), (len(own.inputs),))
        types = len(group.stops) - 1
        for s in range(types):
            arrays = (group.held, constants.inverse_cutoffs, constants.spins, own.inputs)
            radial_sums(arrays, (group.stops[s], group.stops[s + 1], kind * types + s))

    @njit(error_model="numpy")
    def angular_part(group, own, constants, kind, sets):
        angular_sums((own.close, own.close_spins, constants.argument, own.inputs), (own.most[0],))

    @njit(error_model="numpy")
    def radial_gradients(group, own, constants, kind, sets):
        types = len(group.stops) - 1
        for s in range(types):
            arrays = (group.held, constants.inverse_cutoffs, constants.spins, own.input_gradients, own.series)
            radial_back(arrays, (group.stops[s], group.stops[s + 1], kind * types + s))

    @njit(error_model="numpy")
    def angular_gradients(group, own, constants, kind, sets):
        arrays = (own.close, own.close_spins, constants.argument, own.input_gradients, own.series)
        angular_back(arrays, (own.most[0],))
        give_back((own.close, own.origin, group.held), (own.most[0],))

    energies = (
        ("close neighbours", close_neighbors),
        ("radial sums", radial_part),
        ("angular sums", angular_part),
        ("network", network),
    )
    if not forces:
        return energies
    return (*energies, ("radial gradients", radial_gradients), ("angular gradients", angular_gradients))
