"""The kernel sets of the host against each other, and what is refused; what holds of each alone is in conformance/."""

import ase
import numpy as np
import pytest
import systems
from ase.build import bulk

from hpcpot.errors import ConfigError, ModelError
from hpcpot.neighbors import pairs as neighbors
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import evaluate
from hpcpot.potential.vectors.sweep import GROUP_BYTES

MODELS = systems.li_si_models()
KERNELS = ("reference", "cpu")


def small_cells() -> dict[str, ase.Atoms]:
    """Cells shorter than the cutoff, skewed, partly periodic, and free."""
    skewed = systems.mixed(bulk("Si", "diamond", 5.4), 1)
    skewed.symbols = ["Li", "Si"]
    slab = systems.mixed(bulk("Si", "diamond", 5.4, cubic=True), 2)
    slab.pbc = (True, False, True)
    free = systems.mixed(bulk("Si", "diamond", 5.4, cubic=True), 3)
    free.set_cell(np.zeros((3, 3)))
    free.pbc = False
    return {"skewed": skewed, "slab": slab, "free": free}


@pytest.mark.parametrize("family", MODELS)
def test_tables_agree_with_the_exact_functions(family):
    for atoms in small_cells().values():
        exact, tabulated = (evaluate(atoms, BlockPotential(MODELS[family], k)) for k in KERNELS)
        np.testing.assert_allclose(tabulated.energies, exact.energies, rtol=0, atol=1e-7)
        np.testing.assert_allclose(tabulated.forces, exact.forces, rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("distance", [0.95, 1.2, 1.6, 2.4, 4.2, 4.25, 4.4])
def test_tables_agree_along_a_bond(family, distance):
    """Also in short bonds and inside a narrow switch."""
    for shift in np.linspace(0.0, 0.02, 5):
        atoms = ase.Atoms("LiSi2", [[0, 0, 0], [distance + shift, 0, 0], [0, 2.3, 0.4]])
        exact, tabulated = (evaluate(atoms, BlockPotential(MODELS[family], k)) for k in KERNELS)
        np.testing.assert_allclose(tabulated.energies, exact.energies, rtol=0, atol=1e-7)
        np.testing.assert_allclose(tabulated.forces, exact.forces, rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", MODELS)
def test_energy_is_smooth_at_the_cutoff(family):
    model = MODELS[family]
    energies = []
    for distance in model.cutoff + np.array([-1e-6, 1e-6]):
        pair = ase.Atoms("LiSi", [[0, 0, 0], [distance, 0, 0]])
        energies.append(evaluate(pair, BlockPotential(model)).energies.sum())
    assert abs(energies[1] - energies[0]) < 1e-10


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_result_does_not_depend_on_the_block(block):
    atoms, model = systems.crystal(2), systems.deep_potential()
    whole, blocks = evaluate(atoms, BlockPotential(model)), evaluate(atoms, BlockPotential(model, block=block))
    np.testing.assert_allclose(blocks.forces, whole.forces, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("family", "kernels"),
    [("deep_potential, first skip", "cpu"), ("deep_potential", "reference"), ("chebyshev", "reference")],
)
def test_mixed_precision_is_refused_where_there_is_none(family, kernels):
    with pytest.raises(ConfigError, match="potential.precision = mixed: .* set float64"):
        BlockPotential(MODELS[family], kernels, "mixed")


@pytest.mark.parametrize("lacking", ["Li", "Si"])
def test_centres_without_a_species_around_them(lacking):
    """They have invariants of their own: an absent species is one function there."""
    atoms = systems.mixed(bulk("Si", "diamond", 5.4, cubic=True), 6)
    atoms.symbols = ["Si" if lacking == "Li" else "Li"] * len(atoms)
    model = systems.deep_potential()
    for precision, tolerance in (("float64", 1e-7), ("mixed", 1e-5)):
        exact, fast = (
            evaluate(atoms, BlockPotential(model, "reference")),
            evaluate(atoms, BlockPotential(model, "cpu", precision)),
        )
        np.testing.assert_allclose(fast.energies, exact.energies, rtol=0, atol=tolerance)
        np.testing.assert_allclose(fast.forces, exact.forces, rtol=0, atol=10 * tolerance)


def test_atoms_without_neighbours_and_of_one_species():
    for model in MODELS.values():
        lone = evaluate(ase.Atoms("Li"), BlockPotential(model))
        reference = evaluate(ase.Atoms("Li"), BlockPotential(model, "reference"))
        assert lone.forces.tolist() == [[0.0, 0.0, 0.0]]
        assert lone.energies[0] == pytest.approx(reference.energies[0], abs=1e-8)


def test_unknown_element_and_kernels():
    with pytest.raises(ModelError, match="structure = has Na: the potential knows Li, Si only"):
        evaluate(ase.Atoms("Na"), BlockPotential(systems.deep_potential()))
    with pytest.raises(ConfigError, match="potential.kernels = fast: must be cpu or reference"):
        BlockPotential(systems.deep_potential(), "fast")


def free_pairs(atoms, potential):
    """Positions, pairs and species of a free cluster."""
    species = np.array([potential.elements.index(s) for s in atoms.symbols], np.int32)
    return atoms.positions, neighbors.build(atoms.positions, len(atoms), potential.cutoff), species


@pytest.mark.parametrize("family", MODELS)
def test_atom_virials_agree(family):
    found, exact = (
        potential.compute(*free_pairs(small_cells()["free"], potential), atom_virials=True).atom_virials
        for potential in (BlockPotential(MODELS[family], kernels) for kernels in reversed(KERNELS))
    )
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kernels", KERNELS)
def test_atom_virials_of_a_pair_potential_are_half_of_each_bond(kernels):
    atoms = ase.Atoms("Ar3", [[0, 0, 0], [3.6, 0.5, 0.0], [0.3, 4.0, -0.8]])
    potential = BlockPotential(systems.argon(), kernels)
    cluster = free_pairs(atoms, potential)
    h, expected = 1e-5, np.zeros((3, 3, 3))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        energy = []
        for sign in (1, -1):
            bond = ase.Atoms("Ar2", atoms.positions[[i, j]])
            unit = (bond.positions[1] - bond.positions[0]) / bond.get_distance(0, 1)
            bond.positions[1] += sign * h * unit
            energy.append(evaluate(bond, potential).energies.sum())
        r = atoms.positions[j] - atoms.positions[i]
        pull = -(energy[0] - energy[1]) / (2 * h) * r / np.linalg.norm(r)
        expected[[i, j]] += 0.5 * np.outer(r, pull)
    np.testing.assert_allclose(potential.compute(*cluster, atom_virials=True).atom_virials, expected, atol=1e-8)


@pytest.mark.parametrize("family", ["chebyshev", "moment_tensor"])
def test_memory_of_a_sweep_is_that_of_its_arrays(family):
    atoms = systems.crystal(6)
    potential = BlockPotential(MODELS[family])
    species = np.array([potential.elements.index(symbol) for symbol in atoms.symbols], np.int32)
    pairs = potential.pairs(atoms.positions, len(atoms), potential.cutoff)
    result = potential.compute(atoms.positions, pairs, species)
    sweep = potential._steps
    held = sum(array.nbytes for array in (*sweep._ready[2], sweep._ready[1], sweep._room, result.forces))
    needed = potential.working_bytes(len(atoms), len(atoms), len(pairs.neighbors)) - GROUP_BYTES
    assert held <= 1.05 * needed and needed <= 1.3 * held
