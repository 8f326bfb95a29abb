"""Neighbours, potentials, random numbers and minimisers."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import systems
from bounds.table import BAD, HUGE, INFINITE, case, refused

from hpcpot.dynamics import chain, loops
from hpcpot.dynamics.random import Stream, normals
from hpcpot.errors import SimulationError, StructureError
from hpcpot.neighbors import batch, pairs
from hpcpot.neighbors.pairs import Pairs
from hpcpot.parallel import loops as exchange
from hpcpot.potential import contacts
from hpcpot.potential.blocks import MOST_SPECIES, BlockPotential
from hpcpot.potential.contract import CLOSEST, Result, refuse_lost
from hpcpot.potential.deep_potential import cpu as deep_cpu
from hpcpot.potential.deep_potential import readout
from hpcpot.potential.local_change import LocalChange
from hpcpot.potential.moments import cpu, environment_cpu
from hpcpot.potential.moments.sets import Environment
from hpcpot.potential.moments.tables import interpolate
from hpcpot.relaxation import minimizers
from hpcpot.relaxation.coordinates import RelaxationCoordinates
from hpcpot.structure.random.placing import place

NOTHING = Pairs(np.zeros(1, np.int64), np.zeros(0, np.int32))
ALONE = 1e4
"""Å, where an atom has no neighbours."""


class Cluster(NamedTuple):
    """16 atoms in free space, and their pairs."""

    potential: BlockPotential
    positions: np.ndarray
    pairs: Pairs
    species: np.ndarray

    def moved(self, number: float) -> np.ndarray:
        """Positions with one number of one atom replaced."""
        positions = self.positions.copy()
        positions[3, 1] = number
        return positions


def cluster(model, precision: str = "float64") -> Cluster:
    potential = BlockPotential(model, "cpu", precision)
    atoms = systems.cluster()[:16]
    species = np.array([len(s) % len(potential.elements) for s in atoms.symbols], np.int32)
    positions = atoms.positions * (1.6 if model.elements == ("Ar",) else 1.0)
    return Cluster(potential, positions, pairs.build(positions, 16, potential.cutoff + 1.0), species)


def check_potential(model, precision: str = "float64") -> None:
    sound = cluster(model, precision)
    potential, kinds = sound.potential, sound.species
    result = potential.compute(sound.positions, sound.pairs, kinds, atom_virials=True)
    assert np.isfinite(result.energies).all() and np.isfinite(result.forces).all()
    for number in (np.nan, *INFINITE):
        refused(SimulationError, potential.compute, sound.moved(number), sound.pairs, kinds)
    far = past_the_border(sound, ALONE)
    for number in (*INFINITE, *HUGE):
        np.testing.assert_array_equal(past_the_border(sound, number).energies, far.energies)
    refused(SimulationError, past_the_border, sound, np.nan)
    refused(SimulationError, potential.compute, np.zeros((16, 3)), sound.pairs, kinds)
    empty = potential.compute(np.zeros((0, 3)), NOTHING, np.zeros(0, np.int32))
    assert empty.energies.shape == (0,)
    without_pairs = potential.compute(sound.positions, Pairs(np.zeros(17, np.int64), np.zeros(0, np.int32)), kinds)
    assert np.isfinite(without_pairs.energies).all() and not without_pairs.forces.any()
    for others in (
        (sound.positions[:8], sound.pairs, kinds[:8]),
        (sound.positions, sound.pairs, kinds[:8]),
        (sound.positions, sound.pairs, kinds + 2),
        (sound.positions, sound.pairs, kinds - 2),
        (sound.positions, Pairs(sound.pairs.first, sound.pairs.neighbors + np.int32(2**30)), kinds),
        (sound.positions, Pairs(sound.pairs.first, sound.pairs.neighbors - np.int32(20)), kinds),
        (sound.positions, Pairs(sound.pairs.first * 1000, sound.pairs.neighbors), kinds),
        (sound.positions, Pairs(sound.pairs.first[::-1].copy(), sound.pairs.neighbors), kinds),
    ):
        refused(StructureError, potential.compute, *others)


def past_the_border(sound: Cluster, number: float) -> Result:
    """What the kernels make of a number, which `compute` lets pass only where it is finite."""
    potential, n = sound.potential, len(sound.positions)
    if hasattr(potential._steps, "compute"):
        return potential._steps.compute(sound.moved(number), sound.pairs, sound.species, True, True)
    result = Result(np.full(n, np.nan), np.zeros((n, 3)), np.zeros((3, 3)), 0, np.zeros((n, 3, 3)))
    for i, present, centres in potential._by_environment(sound.pairs, sound.species):
        potential._steps.add(sound.moved(number), sound.pairs, sound.species, i, present, centres, result)
    return result


@case(
    "potential.deep_potential.cpu:_pair_terms",
    "potential.deep_potential.cpu:_moments.kernel",
    "potential.deep_potential.cpu:_pair_forces.kernel",
    "potential.deep_potential.readout:invariants.kernel",
    "potential.deep_potential.readout:gradient.kernel",
    "potential.deep_potential.readout:tanh_layer",
    "potential.deep_potential.readout:tanh_layer_32",
)
def deep_potential() -> None:
    check_potential(systems.deep_potential())
    check_potential(systems.deep_potential(), "mixed")


@case("potential.moments.cpu:_moments_kernel.kernel", "potential.moments.cpu:_pair_forces_kernel.kernel")
def tables_of_moments() -> None:
    check_potential(systems.deep_potential_with_first_skip())
    check_potential(systems.argon())


@case("potential.chebyshev.", "potential.vectors.")
def chebyshev() -> None:
    check_potential(systems.chebyshev())
    check_potential(systems.chebyshev(domain="angle"))
    check_potential(systems.chebyshev(), "mixed")


@case("potential.moment_tensor.", "potential.vectors.")
def moment_tensor() -> None:
    check_potential(systems.moment_tensor())
    check_potential(systems.moment_tensor(), "mixed")
    check_potential(systems.moment_tensor(level=22))


@case("potential.deep_potential.cpu:_pair_terms")
def places_in_the_table_of_a_deep_potential() -> None:
    family = systems.deep_potential()
    steps = deep_cpu.DeepPotentialSteps(family, CLOSEST, "float64")
    last = len(steps.nodes[0][0]) - 2
    r = np.array([*BAD, 0.0, -3.0, 1.0, 4.4999])
    terms, interval = np.zeros((5, len(r))), np.full(len(r), -1, np.int32)
    bounds, weights = np.array([[0, len(r), len(r)]]), steps.weight_numbers(0, 0)
    deep_cpu._pair_terms(bounds, 0, r, weights, steps.start, 1.0 / steps.step, float(last), terms, interval)
    assert interval.tolist()[:7] == [0, last, 0, last, 0, 0, 0] and 0 < interval[7] < interval[8] <= last
    assert np.isnan(terms[:, 0]).all() and not np.isfinite(terms[deep_cpu.FRACTION, 1:3]).any()


@case("potential.moments.cpu:_moments_kernel.kernel", "potential.moments.cpu:_pair_forces_kernel.kernel")
def distances_outside_the_tables() -> None:
    for family in (systems.deep_potential(), systems.argon()):
        moment_set = family.moment_sets()[0]
        table = cpu.tabulate(moment_set, len(family.elements), CLOSEST)
        for r in (*BAD, 0.0, -3.0):
            env = alone(r)
            moments = cpu.moments(table, env, len(family.elements))
            gradients = np.zeros((1, 3))
            cpu.pair_forces(table, env, np.ones_like(moments), gradients)
            if r >= moment_set.cutoff:
                assert not moments.any() and not gradients.any()
            elif r > -1e100 and moment_set.weights is None:  # before the first node: by the first two
                left, right = table.nodes[0, 0, :2]
                value, _ = interpolate(left, right, (r - table.start) / table.step, table.step)
                np.testing.assert_allclose(moments[0, 0, 0], value, rtol=1e-6)
            elif not (r > -1e100):  # also nan
                assert not np.isfinite(moments).all() and not np.isfinite(gradients).all()


def alone(r: float) -> Environment:
    """A centre with one neighbour at a distance."""
    first, kinds = np.array([0, 1]), np.zeros(1, np.int32)
    return Environment(kinds, 0, first, kinds, kinds, np.array([r]), np.array([[0.0, 0.6, 0.8]]), np.ones((1, 2)), 0)


@case("potential.deep_potential.readout:tanh_layer", "potential.deep_potential.readout:tanh_layer_32")
def tanh() -> None:
    for layer, kind in ((readout.tanh_layer, np.float64), (readout.tanh_layer_32, np.float32)):
        z = np.array([[np.nan, np.inf, -np.inf, 3e38, -3e38, 0.0]], kind)
        slope, nothing = np.zeros_like(z), np.zeros((1, 0), kind)
        layer(z, np.zeros(6, kind), np.ones(6, kind), slope)
        np.testing.assert_allclose(z, [[np.nan, 1, -1, 1, -1, 0]], atol=1e-6)
        np.testing.assert_allclose(slope, [[np.nan, 0, 0, 0, 0, 1]], atol=2e-6)
        layer(nothing, np.zeros(0, kind), np.zeros(0, kind), nothing.copy())


@case("potential.moments.environment_cpu:_environment")
def environments() -> None:
    sound = cluster(systems.deep_potential())
    centres = np.flatnonzero(sound.species == 0).astype(np.int32)
    for number in (*BAD, 0.0, sound.positions[3, 1]):
        for slots in ([0, 0], [1, 2], [-5, 3], [2**40, 2**40]):
            env = environment_cpu.environment(
                sound.moved(number), sound.pairs, sound.species, centres, 4.5, np.array(slots), 2
            )
            assert (np.diff(env.first) == env.counts.sum(axis=1)).all() and env.first[-1] == len(env.neighbors)
            assert (env.counts <= np.maximum(slots, 0)).all()
            assert len(env.neighbors) == 0 or 0 <= env.neighbors.min() <= env.neighbors.max() < 16
    none = environment_cpu.environment(sound.positions, sound.pairs, sound.species, centres[:0], 4.5, None, 2)
    assert none.first.tolist() == [0]


@case("potential.moments.environment_cpu:_scatter", "potential.moments.environment_cpu:_scatter_virials")
def scatter() -> None:
    for number in BAD:
        forces, virial, virials = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 3, 3))
        env = alone(1.0)
        env.neighbors = np.array([2], np.int32)
        environment_cpu.scatter(env, np.full((1, 3), number), forces, virial, virials)
        np.testing.assert_array_equal(forces, [[number] * 3, [0.0] * 3, [-number] * 3])
        np.testing.assert_array_equal(virials[0], virials[2])
        assert not virials[1].any() and not (np.abs(virial[1:]) < 1e299).any()


@case(
    "neighbors.pairs:_box",
    "neighbors.pairs:sort_into_bins",
    "neighbors.pairs:_search",
    "neighbors.pairs:_neighbor_species",
)
def neighbours() -> None:
    positions = systems.cluster().positions
    for number in BAD:
        broken = positions.copy()
        broken[5, 2] = number
        refused(StructureError, pairs.build, broken, 10, 5.0)
        broken[:, 2] = number
        assert not np.isfinite(pairs._box(broken)[1][2]) or abs(number) == 1e300
    for reach in (*BAD, 0.0, -1.0):
        refused(StructureError, pairs.build, positions, 10, reach)
    assert len(pairs.build(positions, 64, 1e10).neighbors) == 64 * 63
    assert not len(pairs.build(positions, 64, 1e-300).neighbors)
    assert not len(pairs.build(np.zeros((0, 3)), 0, 5.0).neighbors)
    assert pairs.build(np.zeros((5, 3)), 5, 5.0).neighbors.tolist() == [
        *range(1, 5),
        0,
        2,
        3,
        4,
        0,
        1,
        3,
        4,
        0,
        1,
        2,
        4,
        0,
        1,
        2,
        3,
    ]
    line = np.array([[0.0, 0, 0], [1e-3, 0, 0], [1.9e10, 0, 0], [-1.9e10, 0, 0]])
    assert pairs.build(line, 4, 0.01).neighbors.tolist() == [1, 0]


@case("neighbors.pairs:sort_into_bins", "neighbors.pairs:_search")
def bins() -> None:
    counts = np.array([3, 1, 2])
    positions = np.array([[a, b, c] for a in (*BAD, 0.0, 1.0) for b in (np.nan, 0.5) for c in (1.5, -np.inf)])
    order, ordered, start, places = pairs.sort_into_bins(positions, np.zeros(3), 1.0, counts)
    assert sorted(order[: -pairs.AHEAD]) == list(range(len(positions))) and start[-1] == len(positions)
    assert (places >= 0).all() and (places < counts).all()
    n = len(positions)
    first, neighbors = np.zeros(n + 1, np.int64), np.empty(n * n + pairs.AHEAD, np.int32)
    search = (n, 25.0, order, ordered, start, places, counts, 2)
    assert pairs._search(*search, 0, first, np.empty(0, np.int32)) < n  # no room: where to go on
    assert pairs._search(*search, 0, first, neighbors) == n
    finite = np.isfinite(positions).all(axis=1) & (np.abs(positions) < 1e9).all(axis=1)
    assert finite.sum() == 2 and np.diff(first).tolist() == finite.astype(int).tolist()


@case("neighbors.batch:_closest", "neighbors.batch:_fold", "structure.images:images")
def batches() -> None:
    atoms = systems.crystal(1)
    for number in (np.nan, *INFINITE, 0.0):
        cell = atoms.cell.array.copy()
        cell[1] = number
        refused(StructureError, batch.build, atoms.positions, cell, atoms.pbc, 5.0)
    for reach in (*BAD, 0.0, -1.0, 1e5):
        refused(StructureError, batch.build, atoms.positions, atoms.cell.array, atoms.pbc, reach)
    for number in BAD:
        positions = atoms.positions.copy()
        positions[0, 0] = number
        refused(StructureError, batch.build, positions, atoms.cell.array, np.zeros(3, bool), 5.0)
    joined = batch.join([batch.build(atoms.positions, atoms.cell.array, np.asarray(atoms.pbc), 5.0)])
    points = joined.points(atoms.positions, atoms.cell.array[None])
    closest = joined.closest(points)
    for number in BAD:
        moved, forces = points.copy(), np.zeros_like(points)
        moved[-1], forces[-1] = number, number
        assert joined.closest(moved) >= closest
        folded, virials = joined.fold(points, forces)
        assert abs(folded[joined.owners[-1], 0]) == abs(number) or np.isnan(folded[joined.owners[-1], 0])
        assert not (np.abs(virials) < 1e200).all()


@case("potential.contacts:_closest")
def closest_pairs() -> None:
    sound = cluster(systems.deep_potential())
    limits = np.full((2, 2), 3.0)
    arguments = sound.pairs.first, sound.pairs.neighbors
    assert contacts.closest(sound.positions, *arguments, sound.species, limits)
    for number in BAD:
        assert all(
            pair.distance < 3.0 for pair in contacts.closest(sound.moved(number), *arguments, sound.species, limits)
        )
        assert not contacts.closest(np.full((16, 3), number), *arguments, sound.species, limits) or abs(number) == 1e300
        contacts.closest(sound.positions, *arguments, sound.species, np.full((2, 2), number))
    assert contacts.closest(np.zeros((0, 3)), NOTHING.first, NOTHING.neighbors, np.zeros(0, np.int32), limits) == []
    for species in (sound.species + 2, sound.species - 2):
        refused(StructureError, contacts.closest, sound.positions, *arguments, species, limits)


@case("potential.local_change:_affected", "potential.local_change:_without")
def removals() -> None:
    atoms, potential = systems.crystal(1), BlockPotential(systems.deep_potential())
    change = LocalChange(atoms, potential)
    assert np.isfinite(change.removals(np.array([0, 7, 7]))).all()
    assert change.removals(np.zeros(0, int)).shape == (0,)
    for site in (-1, 8, 2**31, 2**62):
        refused(StructureError, change.removals, np.array([0, site]))
    for number in (np.nan, *INFINITE):
        broken = atoms.copy()
        broken.positions[2, 0] = number
        refused(StructureError, LocalChange, broken, potential)


@case("potential.contract:_is_sound")
def atoms_that_are_nowhere() -> None:
    for n in (1, 3, 16, 1001):
        positions, species = np.ones((n, 3)), np.zeros(n, np.int32)
        refuse_lost(positions, species, ("Li", "Si"))
        for k in {0, n // 2, n - 1}:
            for number in (np.nan, *INFINITE):
                broken = positions.copy()
                broken[k, k % 3] = number
                refused(SimulationError, refuse_lost, broken, species, ("Li", "Si"))
            for kind in (-1, 2, 2**31 - 1, -(2**31)):
                unknown = species.copy()
                unknown[k] = kind
                refused(StructureError, refuse_lost, positions, unknown, ("Li", "Si"))
    for number in (1e300, -1e300, 1.7e308, 0.0):
        refuse_lost(np.full((9, 3), number), np.ones(9, np.int32), ("Li", "Si"))
    refuse_lost(np.zeros((0, 3)), np.zeros(0, np.int32), ("Li", "Si"))


@case("neighbors.pairs:_neighbor_species")
def elements_beyond_the_bits_of_an_integer() -> None:
    names = tuple(f"X{k}" for k in range(66))
    few = cluster(systems.argon())
    model = replace(
        few.potential.family, elements=names, epsilon=np.full((66, 66), 0.0104), sigma=np.full((66, 66), 3.4)
    )
    potential = BlockPotential(model, "reference")
    species = np.arange(16, dtype=np.int32) + 50
    expected = few.potential.compute(few.positions, few.pairs, few.species)
    result = potential.compute(few.positions, few.pairs, species)
    np.testing.assert_allclose(result.forces, expected.forces, rtol=1e-9)
    many = np.arange(MOST_SPECIES + 1, dtype=np.int32)
    positions = np.arange(3.0 * len(many)).reshape(-1, 3) * 5.0
    refused(StructureError, potential.compute, positions, pairs.build(positions, len(many), 9.0), many)


@case("dynamics.loops:kick", "dynamics.loops:drift", "dynamics.loops:kinetic", "dynamics.loops:farthest")
def motion() -> None:
    n, m = 5, 9
    species, frozen, masses = np.arange(m, dtype=np.int32) % 2, np.arange(n) == 1, np.array([7.0, 28.0])
    for number in (*BAD, 0.0):
        x, v, f = np.ones((m, 3)), np.ones((n, 3)), np.full((m, 3), number)
        loops.kick(v, f, species, frozen, masses)
        assert (v[1] == 1.0).all() or not np.isfinite(number), "a frozen atom"
        v[3, 2] = number
        loops.drift(x, v, 1.0)
        assert (x[n:] == 1.0).all(), "ghosts"
        assert not np.isfinite(number) or abs(number) == 1e300 or np.isfinite(loops.kinetic(v, species, masses))
        built_at = np.ones((n, 3))
        for k in range(n):
            x = np.ones((m, 3))
            x[k, 1], x[n] = number, np.nan
            farthest = loops.farthest(x, built_at, np.eye(3))
            assert farthest == (number - 1.0) * (number - 1.0) or np.isnan(number)
            assert np.isnan(farthest) == np.isnan(number)
        assert np.isfinite(number) or not np.isfinite(
            loops.farthest(np.ones((m, 3)), built_at, np.full((3, 3), number))
        )
    none = np.zeros((0, 3))
    loops.kick(none, none, species[:0], frozen[:0], masses)
    loops.drift(none, none, 1.0)
    assert loops.kinetic(none, species[:0], masses) == 0.0 and loops.farthest(none, none, np.eye(3)) == 0.0


@case("dynamics.chain:_move")
def chains() -> None:
    q = chain.masses(30, 0.03, 50.0)
    for number in (*BAD, 0.0):
        scalars = chain.at_rest(q, 0.03)
        chain.half_step(scalars, q, number, 30, 0.03, 1.0)
        chain.half_step(scalars, q * 0.0, 1.0, 30, number, 1.0)
        assert {len(values) for values in scalars.values()} == {chain.LENGTH}


@case("parallel.loops:shifted", "parallel.loops:add", "parallel.loops:near_face")
def ghosts() -> None:
    inverse, none = np.array([0.1, 0.0, 0.0]), np.zeros(0, np.int64)
    for number in BAD:
        x = np.array([[1.0, 0, 0], [number, 0, 0], [9.0, 0, 0], [5.0, 0, 0]])
        upper, lower = (exchange.near_face(x, 0, inverse, limit, limit > 0.5).tolist() for limit in (0.8, 0.2))
        assert upper == ([1, 2] if number > 0 else [2]) and lower == ([0, 1] if number < 0 else [0])
        assert exchange.near_face(x, 4, inverse, number, True).tolist() == []
        out = np.zeros((2, 3))
        exchange.shifted(x, np.array([3, 1]), np.ones(3), out)
        assert out[0].tolist() == [6.0, 1.0, 1.0]
        for width in (3, 9):
            values = np.zeros((4, width))
            exchange.add(values, np.array([3, 3]), np.full((2, width), number))
            np.testing.assert_array_equal(values[3], [number + number] * width)
            assert not values[:3].any()
    exchange.shifted(x, none, np.ones(3), np.zeros((0, 3)))
    exchange.add(np.zeros((0, 3)), none, np.zeros((0, 3)))


@case("parallel.loops:by_bin")
def order_in_space() -> None:
    ends = np.iinfo(np.int64)
    for bins in (
        [[0, 0, 0]] * 4,
        [[ends.min] * 3, [ends.max] * 3],
        [[ends.min] * 3] * 2,
        [[ends.max] * 3] * 2,
        [[3, -2, 9]],
    ):
        bins, ids = np.array(bins), np.arange(len(bins))[::-1].copy()
        order = exchange.by_bin(bins, ids)
        expected = np.lexsort([ids, bins[:, 2], bins[:, 1], bins[:, 0]])
        assert len(order) == 0 or order.tolist() == expected.tolist()
        assert len(order) or np.ptp(bins.astype(float)) > 0.0
    assert len(exchange.by_bin(np.zeros((0, 3), np.int64), np.zeros(0, np.int64))) == 0


@case("dynamics.random:_normals")
def random_numbers() -> None:
    ids = np.array([0, -1, 2**62, -(2**63), 2**63 - 1])
    for seed, step in ((0, 0), (2**64 - 1, 2**56 - 1), (2**63, 2**32)):
        assert np.isfinite(normals(seed, step, Stream.LANGEVIN, ids)).all()
    assert normals(1, 1, Stream.VELOCITIES, ids[:0]).shape == (0, 3)


@case("relaxation.minimizers:_lbfgs")
def steps_of_lbfgs() -> None:
    for number in (*BAD, 0.0):
        for enthalpy in (number, -1.0):
            coordinates = RelaxationCoordinates()
            cells, frozen = [np.eye(3) * 9.0] * 2, [np.zeros(4, bool)] * 2
            positions = [np.arange(12.0).reshape(4, 3)] * 2
            coordinates.add(positions, cells, frozen, minimizers.MINIMIZERS["lbfgs"].memory)
            for _ in range(3):
                coordinates.forces[:] = 0.1
                coordinates.forces[2] = number
                coordinates.enthalpies[:] = enthalpy
                moves = minimizers.lbfgs(coordinates, minimizers.MinimizerOptions())
                lengths = np.sqrt((moves[7:] ** 2).sum(axis=1))
                assert (lengths <= 0.2 + 1e-12).all(), "the other structure"
                assert np.isfinite(number) or np.isnan(moves[2]).any() or enthalpy == np.inf
                coordinates.x += moves


@case("structure.random.placing:place")
def random_atoms():
    """Cells that are flat or not finite, points anywhere, and no atoms: it ends, and says that they are too close."""
    identity, nowhere = np.eye(3)[None], np.zeros((1, 3))
    images, owners = np.zeros(2, np.int64), np.arange(2)

    def placed(cell, points, least, step=0.25):
        each = np.full((1, 1), least)
        kinds, projections = np.zeros(2, np.int64), np.repeat(np.eye(3)[None], 2, axis=0)
        return place(cell, identity, nowhere, images, owners, kinds, projections, points, each, step, 60)

    cube, points = 5.0 * np.eye(3), np.array([[0.1, 0.2, 0.3], [0.2, 0.2, 0.3]])
    assert placed(cube, points.copy(), 2.0)[1]
    assert placed(cube, points.copy(), 0.0)[1]
    for number in BAD:
        moved = points.copy()
        moved[1, 1] = number
        placed(cube, moved, 2.0)
        placed(cube, points.copy(), number)
        placed(cube, points.copy(), 2.0, number)
        flat = cube.copy()
        flat[2, 2] = number
        placed(flat, points.copy(), 2.0)
    assert not placed(cube, np.full((2, 3), np.nan), 2.0)[1]
    thin = np.diag([5.0, 5.0, 1e-9])
    placed(thin, points.copy(), 2.0)
    empty = np.zeros(0, np.int64)
    nothing = (np.zeros((0, 3, 3)), np.zeros((0, 3)), np.zeros((0, 0)))
    assert place(cube, identity, nowhere, empty, empty, empty, *nothing, 0.25, 5)[1]
