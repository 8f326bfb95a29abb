"""Moment tensor potentials: lists, energies and forces against motep, both kernels on all kinds of bases."""

import json
from dataclasses import replace
from hashlib import sha256

import ase
import numpy as np
import pytest
import systems
from ase.build import bulk
from model_files import DATA

from hpcpot.errors import ConfigError, SimulationError
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import evaluate
from hpcpot.potential.files import load
from hpcpot.potential.moment_tensor.basis import basis
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.structure import crystals

LISTS = {
    2: (1, 1, 1, 0, "719f59b51d1d4e12"),
    4: (2, 2, 1, 1, "6f712a450a0047ff"),
    6: (5, 8, 5, 5, "e40feeea66a021af"),
    8: (9, 18, 11, 14, "c739f69827a6869e"),
    10: (16, 41, 25, 42, "fa610715e3bf2dbb"),
    12: (29, 84, 46, 117, "64cba9e1d4ff4e3b"),
    14: (52, 174, 81, 348, "4015bc38c01e50b1"),
    16: (92, 350, 130, 969, "7ffd92b5daa2c10e"),
    18: (163, 718, 201, 2634, "b907c1d9f91585a9"),
    20: (288, 1352, 295, 6349, "48a2bea8cc3ecc24"),
    22: (500, 2621, 421, 15431, "e7aca99c8d67feb2"),
    24: (864, 4991, 581, 36170, "29766590e754f275"),
    26: (1464, 9396, 706, 82520, "6a5b0d71bb3076d0"),
}
"""Scalars, moments, basic moments and products of each level, and the beginning of a sha256 of alpha_index_basic,
alpha_index_times and alpha_moment_mapping, of the .mtp files of MLIP-2 among motep's tests (crystals/cubic)."""

KERNELS = ("reference", "cpu")


@pytest.mark.parametrize(
    "level", [pytest.param(level, marks=pytest.mark.slow if level > 22 else ()) for level in LISTS]
)
def test_lists_are_those_of_mlip(level):
    found = basis(level)
    arrays = (found.basics, found.products, found.scalars)
    digest = sha256(repr([array.tolist() for array in arrays]).encode()).hexdigest()[:16]
    assert (len(found.scalars), found.n_moments, len(found.basics), len(found.products), digest) == LISTS[level]


@pytest.mark.slow
def test_the_highest_level_has_as_many_moments_as_mlips():
    found = basis(28)
    assert (found.n_moments, len(found.scalars)) == (17366, 2445)


@pytest.mark.parametrize("kernels", KERNELS)
def test_energies_forces_and_stresses_against_motep(kernels):
    potential = BlockPotential(load(DATA / "mtp" / "lisi16.mtp", elements=("Li", "Si")), kernels)
    structures = json.loads((DATA / "mtp" / "golden.json").read_text())["structures"]
    assert len(structures) == 3
    for golden in structures:
        atoms = ase.Atoms(golden["numbers"], golden["positions"], cell=golden["cell"], pbc=True)
        result = evaluate(atoms, potential)
        assert abs(result.energies.sum() - golden["energy"]) < 1e-12
        np.testing.assert_allclose(result.forces, golden["forces"], rtol=0, atol=1e-13)
        np.testing.assert_allclose(-result.virial / atoms.get_volume(), golden["stress"], rtol=0, atol=1e-14)


def assert_kernels_agree(model: MomentTensor, atoms: ase.Atoms) -> None:
    exact, fast = (evaluate(atoms, BlockPotential(model, kernels)) for kernels in KERNELS)
    np.testing.assert_allclose(fast.energies, exact.energies, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(fast.forces, exact.forces, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(fast.virial, exact.virial, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize(("level", "size"), [(2, 1), (4, 2), (6, 3), (8, 8), (14, 6), (22, 4)])
def test_kernels_agree_at_every_level_and_size(level, size):
    model = systems.moment_tensor(level=level, size=size)
    for count in (1, 3):  # 8 and 216 atoms: less and more than the lanes
        assert_kernels_agree(model, systems.mixed(bulk("Si", "diamond", 5.4, cubic=True) * count, count))


def test_kernels_agree_with_three_species_and_with_one():
    model = systems.moment_tensor(elements=("Li", "Si", "O"))
    atoms = systems.mixed(bulk("Si", "diamond", 5.4, cubic=True), 3)
    atoms.symbols[0] = "O"
    assert_kernels_agree(model, atoms)
    atoms.symbols = ["O"] * len(atoms)
    assert_kernels_agree(model, atoms)


def test_kernels_agree_where_a_file_lacks_some_ranks():
    """Of mu 1 only rank 2, of mu 0 only ranks 3 and 0, and a scalar made of three."""
    tensors = [
        (0, 0, 0, 0),
        *((0, a, b, 3 - a - b) for a in range(3, -1, -1) for b in range(3 - a, -1, -1)),
        (1, 2, 0, 0),
    ]
    products = [(1, 1, 1, 12), (0, 12, 2, 13), (11, 13, -1, 14)]
    model = replace(
        systems.moment_tensor(level=6),
        basics=np.array(tensors),
        products=np.array(products),
        scalars=np.array([0, 13, 14]),
        coefficients=np.array([0.3, -0.2, 0.1]),
    )
    assert_kernels_agree(model, systems.mixed(bulk("Si", "diamond", 5.4, cubic=True), 3))


@pytest.mark.parametrize("kernels", KERNELS)
def test_nearer_than_its_shortest_distance_the_polynomials_go_on(kernels):
    """As in MLIP-2: T_b(x) at x < -1. A level of 2 is a pair potential, E_i = c sum_j f(r)."""
    model = systems.moment_tensor(level=2, size=4)
    r = 1.3
    assert r < model.min_distance
    x = 2.0 * (r - model.min_distance) / (model.cutoff - model.min_distance) - 1.0
    t = np.array([1.0, x, 2 * x * x - 1, 4 * x**3 - 3 * x])
    f = model.scaling * (model.cutoff - r) ** 2 * (model.radial[0, 1, 0] @ t)
    result = evaluate(ase.Atoms("LiSi", [[0, 0, 0], [r, 0, 0]]), BlockPotential(model, kernels))
    assert result.energies[0] == pytest.approx(model.species_energies[0] + model.coefficients[0] * f, abs=1e-12)


@pytest.mark.parametrize("kernels", KERNELS)
def test_contact_is_refused(kernels):
    model = systems.moment_tensor()
    with pytest.raises(SimulationError, match="distance Si-Si = 0.3 Å: atoms must stay 0.5 Å apart"):
        evaluate(ase.Atoms("Si2", [[0, 0, 0], [0.3, 0, 0]]), BlockPotential(model, kernels))


def test_mixed_precision_is_near_float64_and_the_reference_has_none():
    model = load("lisi_mtp")
    atoms = crystals.build("Li13Si4", (2, 1, 1))
    atoms.rattle(0.15, seed=3)
    exact, mixed = (evaluate(atoms, BlockPotential(model, precision=precision)) for precision in ("float64", "mixed"))
    assert 1e-9 < np.abs(mixed.forces - exact.forces).max() < 1e-4
    np.testing.assert_allclose(mixed.energies, exact.energies, rtol=0, atol=2e-5)
    np.testing.assert_allclose(mixed.virial, exact.virial, rtol=0, atol=1e-3)
    np.testing.assert_allclose(mixed.forces.sum(axis=0), 0.0, atol=1e-12)  # sums of forces are in float64
    with pytest.raises(ConfigError, match="potential.precision = mixed"):
        BlockPotential(model, "reference", "mixed")


def test_pairs_are_made_ready_again_when_species_change():
    """Monte Carlo moves change species and keep the pairs."""
    model = systems.moment_tensor()
    atoms = systems.mixed(bulk("Si", "diamond", 5.4, cubic=True), 3)
    atoms.pbc = False
    species = np.array([model.elements.index(symbol) for symbol in atoms.symbols], np.int32)
    potential, exact = BlockPotential(model), BlockPotential(model, "reference")
    pairs = potential.pairs(atoms.positions, len(atoms), model.cutoff)
    for _ in range(2):
        expected = exact.compute(atoms.positions, pairs, species)
        np.testing.assert_allclose(
            potential.compute(atoms.positions, pairs, species).forces, expected.forces, atol=1e-11
        )
        species[:4] = 1 - species[:4]


def test_centres_with_no_neighbours_and_with_very_many():
    """One lane has none, others 62."""
    model = systems.moment_tensor()
    positions = np.concatenate([[[50.0, 0, 0]], bulk("Si", "fcc", 2.9, cubic=True).repeat(4).positions])
    atoms = ase.Atoms(f"Li{len(positions)}", positions)
    assert_kernels_agree(model, atoms)
    assert evaluate(atoms, BlockPotential(model)).energies[0] == model.species_energies[0]


def test_products_in_any_order_that_makes_moments_before_they_are_used():
    model, rng = systems.moment_tensor(level=12), np.random.default_rng(0)
    left, order = model.products.tolist(), []
    while left:
        unfinished = {k for *_, k in left}
        ready = [row for row in left if not unfinished & set(row[:2])]
        order.append(ready[rng.integers(len(ready))])
        left.remove(order[-1])
    assert order != model.products.tolist()
    shuffled = replace(model, products=np.array(order))
    assert not list(shuffled.problems())
    assert_kernels_agree(shuffled, systems.crystal(1))
    np.testing.assert_allclose(
        evaluate(systems.crystal(1), BlockPotential(shuffled)).energies,
        evaluate(systems.crystal(1), BlockPotential(model)).energies,
        rtol=1e-12,
    )


def test_a_moment_that_is_used_before_it_is_complete_is_refused():
    model = systems.moment_tensor(level=12)
    used = next(a for a, *_ in model.products.tolist() if a >= len(model.basics))
    (problem,) = list(replace(model, products=np.vstack([model.products, [[0, 0, 1, used]]])).problems())
    assert "products = refers to moments not made before" in problem
