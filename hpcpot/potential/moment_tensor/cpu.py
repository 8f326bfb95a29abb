"""Moment tensor potentials on the CPU: straight-line vector code from the lists of the basis, in a sweep over the atoms.

Radial functions are polynomials of x by Horner's scheme, cheaper than a table's look-up and exact; see `program` for the
rest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from hpcpot.compiled import njit, source_hash
from hpcpot.potential.moment_tensor import loops, program
from hpcpot.potential.moment_tensor.basis import Basis
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.moment_tensor.program import (
    ContractionProgram,
    Reduced,
    collect_basics,
    order_of_numbers,
    rows_of,
    spread_basics,
)
from hpcpot.potential.vectors import emit, sweep
from hpcpot.potential.vectors.sweep import Sweep, aligned
from hpcpot.potential.vectors.tape import Instruction, for_stores, fused, parted

SOURCES = (*sweep.SOURCES, *(source_hash(module.__file__) for module in (loops, program)))
"""Of what generates code: compiled code is kept by it."""


MOST_PRODUCTS = 8000
"""Longest list of products that becomes straight-line code (level 20 has 6,349, which compile in 10 s); longer ones, up
to 200,000, are looped over, at about half the speed."""

PART = 100
"""Instructions of that code between which only memory keeps values: a third faster with AVX-512 than whole, 6 % with AVX2."""


def prepare(family: MomentTensor, closest: float, precision: str) -> Sweep:
    """The kernels of this module."""
    return Sweep(family, precision, MomentTensorMiddle(family, precision))


def mixed_kernels(model: MomentTensor) -> tuple[str, ...]:
    """Kernel sets with mixed precision."""
    return ("cpu",)


class ModelNumbers(NamedTuple):
    """Numbers of a model, reals in the kernel's precision.

    Attributes:
        weights: (species, species, mu, b), of the powers of x. radial: (3,) low, stretch, cutoff.
        scalars, tops: see program.ContractionProgram.
        coefficients, places, products: as in the model: what contraction by lists takes.
    """

    weights: np.ndarray
    radial: np.ndarray
    scalars: np.ndarray
    tops: np.ndarray
    coefficients: np.ndarray
    places: np.ndarray
    products: np.ndarray


class ContractionBuffers(NamedTuple):
    """Buffers of a group: heads of chains (sets, lanes); reduced moments and gradients (k, lanes); of all moments, or none."""

    chains: np.ndarray
    moments: np.ndarray
    gradients: np.ndarray
    all: np.ndarray
    back: np.ndarray


class MomentTensorMiddle:
    """See sweep.Middle."""

    inner = 0.0

    def __init__(self, family: MomentTensor, precision: str):
        lists = family.basis.key
        self._dtype = "float64" if precision == "float64" else "float32"
        self._reduced = Reduced.of(family.basis)
        self.size = rows_of(family.basis.n_radial)
        self.constants = constants(family, self._dtype)
        self.base = np.array(family.species_energies, np.float64)
        self._n_listed = 0 if is_straight(family.basis) else family.basis.n_moments
        self._lists, self._polynomials = lists, family.radial.shape[3]

    def steps(self, forces: bool) -> tuple[tuple[str, Callable], ...]:
        """See sweep.Middle."""
        return steps(self._lists, self._polynomials, self._dtype, forces)

    def own(self, most: int) -> ContractionBuffers:
        """See sweep.Middle."""
        lanes, k = emit.lanes_of(self._dtype), len(self._reduced)
        return ContractionBuffers(
            *(aligned((rows, lanes), self._dtype) for rows in (most, k, k, self._n_listed, self._n_listed))
        )


def is_straight(basis: Basis) -> bool:
    """Whether a basis is contracted by straight-line code rather than by its lists."""
    return len(basis.products) <= MOST_PRODUCTS


def constants(family: MomentTensor, dtype: str) -> ModelNumbers:
    """Numbers of a model as the kernel takes them."""
    weights = np.zeros(family.radial.shape)
    for index in np.ndindex(family.radial.shape[:3]):
        powers = np.polynomial.chebyshev.cheb2poly(family.scaling * family.radial[index])
        weights[index][: len(powers)] = powers
    coefficients, factors, scalars, tops = family.coefficients, family.products[:, 2], [], []
    if is_straight(family.basis):
        by_scalar, by_top = order_of_numbers(family.basis)
        scalars = [coefficients[s] for _, s in by_scalar]
        tops = [coefficients[s] * factors[row] for row, s in by_top]
    stretch = 2.0 / (family.cutoff - family.min_distance)
    return ModelNumbers(
        weights.astype(dtype),
        np.array([family.min_distance, stretch, family.cutoff], dtype),
        np.array(scalars, dtype),
        np.array(tops, dtype),
        coefficients.astype(dtype),
        np.ascontiguousarray(family.scalars, np.int64),
        np.ascontiguousarray(family.products, np.int64),
    )


@cache
def contraction(lists: tuple) -> ContractionProgram:
    """The program of a basis, by Basis.key."""
    return ContractionProgram(Basis.of_key(lists))


@cache
def steps(lists: tuple, polynomials: int, dtype: str, forces: bool) -> tuple[tuple[str, Callable], ...]:
    """Compiled steps of a basis, see sweep.Middle."""
    basis, key = Basis.of_key(lists), (lists, polynomials, SOURCES)
    reduced, n_radial = Reduced.of(basis), basis.n_radial
    size = rows_of(n_radial)
    names = ("held", "weights", "radial")
    radial = emit.kernel(names, dtype, loops.radial_writer(n_radial, polynomials), key)
    sums = emit.kernel(("held", "chains", "moments"), dtype, loops.sums_writer(reduced), key)
    slopes = emit.kernel(("held", "gradients"), dtype, loops.sets_writer(reduced, program.slopes(reduced)), key)
    contract = (straight_contraction if is_straight(basis) else listed_contraction)(lists, dtype, forces, key)

    @njit(error_model="numpy")
    def functions(group, own, constants, kind, sets):
        """Radial functions of all sets of neighbours."""
        types = len(group.stops) - 1
        for s in range(types):
            weights = (kind * types + s) * n_radial * polynomials
            radial(
                (group.held, constants.weights, constants.radial), (group.stops[s], group.stops[s + 1], weights, size)
            )

    @njit(error_model="numpy")
    def summed(group, own, constants, kind, sets):
        sums((group.held, own.chains, own.moments), (sets,))

    @njit(error_model="numpy")
    def gradients(group, own, constants, kind, sets):
        slopes((group.held, own.gradients), (sets,))

    energies = ("radial functions", functions), ("sums over neighbours", summed), ("contraction", contract)
    return (*energies, ("gradients of pairs", gradients)) if forces else energies


def straight_contraction(lists: tuple, dtype: str, forces: bool, key: tuple) -> Callable:
    """The compiled step: energies, and gradients if forces, as straight-line code."""
    names = ("moments", "gradients", "energy", "scalars", "tops")

    def code() -> list[Instruction]:
        whole = fused(contraction(lists).tape.code)
        return parted(whole if forces else for_stores(whole, {"energy"}), PART)

    run = emit.straight(names, dtype, code, (forces, *key))

    @njit(error_model="numpy")
    def contract(group, own, constants, kind, sets):
        run((own.moments, own.gradients, group.energy, constants.scalars, constants.tops))

    return contract


def listed_contraction(lists: tuple, dtype: str, forces: bool, key: tuple) -> Callable:
    """The same by loops over the lists."""
    basis = Basis.of_key(lists)
    n_basics, n_moments = len(basis.basics), basis.n_moments
    spread = emit.kernel(("moments", "all"), dtype, emit.straight_writer(fused(spread_basics(basis).code)), key)
    collect = emit.kernel(
        ("back", "gradients"),
        dtype,
        emit.straight_writer(for_stores(fused(collect_basics(basis).code), {"gradients"})),
        key,
    )
    forward = emit.kernel(("all", "products"), dtype, loops.write_products, key)
    energies = emit.kernel(("all", "back", "energy", "places", "coefficients"), dtype, loops.write_scalars, key)
    backward = emit.kernel(("all", "back", "products"), dtype, loops.write_products_back, key)

    @njit(error_model="numpy")
    def contract(group, own, constants, kind, sets):
        n_products = len(constants.products)
        spread((own.moments, own.all), (0,))
        forward((own.all, constants.products), (n_products, n_basics, n_moments))
        scalars = (own.all, own.back, group.energy, constants.places, constants.coefficients)
        energies(scalars, (len(constants.places), n_moments))
        if forces:
            backward((own.all, own.back, constants.products), (n_products,))
            collect((own.back, own.gradients), (0,))

    return contract
