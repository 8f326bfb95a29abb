"""What must hold of every potential: kernels of the host and of a GPU, ASE calculators, a family of another package."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import ase
import numpy as np
import pytest
import systems
from ase.build import bulk
from ase.calculators.emt import EMT
from conformance.outside.morse import Morse
from gpu.on_cpu import OnCpu

from hpcpot.errors import ConfigError, DomainError, SimulationError
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import AsePotential, Calculator, evaluate
from hpcpot.potential.contract import Potential
from hpcpot.potential.moments.gpu.potential import GpuPotential
from hpcpot.potential.registry import FAMILIES, PRECISIONS

MODELS = {**systems.li_si_models(), "lennard_jones": systems.argon(), "morse": Morse(("Li", "Si"), 1.1, 1.4, 2.4, 4.5)}


class Implementation(NamedTuple):
    """A potential under test.

    Attributes:
        make: makes it for some atoms. elements: that the atoms have. scale: of the cells below.
        is_whole_cell: whether it needs all atoms of a cell as centres, and has no virials of atoms.
    """

    make: Callable[[ase.Atoms], Potential]
    elements: tuple[str, ...]
    scale: float = 1.0
    is_whole_cell: bool = False


def on_host(name: str, kernels: str) -> Implementation:
    return _of(name, cache(partial(BlockPotential, MODELS[name], kernels)))


def on_gpu(name: str) -> Implementation:
    return _of(name, cache(lambda: GpuPotential(MODELS[name], OnCpu())))


def _of(name: str, make: Callable[[], Potential]) -> Implementation:
    return Implementation(lambda atoms: make(), MODELS[name].elements, 1.6 if name == "lennard_jones" else 1.0)


def by_ase(calculator: Callable[[], ase.calculators.calculator.Calculator], elements: tuple[str, ...], scale: float):
    return Implementation(lambda atoms: AsePotential(calculator(), atoms), elements, scale, True)


IMPLEMENTATIONS = {
    **{f"{name}, {kernels}": on_host(name, kernels) for name in MODELS for kernels in ("reference", "cpu")},
    **{f"{name}, gpu": on_gpu(name) for name in MODELS},
    "ASE calculator of hpcpot": by_ase(partial(Calculator, systems.chebyshev()), ("Li", "Si"), 1.0),
    "ASE's EMT": by_ase(EMT, ("Al", "Cu"), 1.1),
}


def test_every_family_is_here():
    """But those of whole cells, which tests/potential/graph holds to what they promise."""
    of_atoms = {name for name, row in FAMILIES.items() if row.whole_cells is None}
    assert {name.partition(",")[0] for name in MODELS} == of_atoms


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def implementation(request) -> Implementation:
    return IMPLEMENTATIONS[request.param]


def small_cells(implementation: Implementation) -> dict[str, ase.Atoms]:
    """Cells shorter than the cutoff, skewed, partly periodic, and free."""
    lattice = 5.4 * implementation.scale
    skewed = systems.mixed(bulk("Si", "diamond", lattice), 1)
    skewed.symbols = ["Li", "Si"]
    slab = systems.mixed(bulk("Si", "diamond", lattice, cubic=True), 2)
    slab.pbc = (True, False, True)
    free = systems.mixed(bulk("Si", "diamond", lattice, cubic=True), 3)
    free.set_cell(np.zeros((3, 3)))
    free.pbc = False
    cells = {"skewed": skewed, "slab": slab, "free": free}
    for atoms in cells.values():
        atoms.symbols = [implementation.elements[0 if s == "Li" else -1] for s in atoms.symbols]
    return cells


def at(implementation: Implementation, atoms: ase.Atoms):
    return evaluate(atoms, implementation.make(atoms))


class Cluster(NamedTuple):
    """Free atoms as `compute` takes them."""

    positions: np.ndarray
    pairs: Pairs
    species: np.ndarray


def free(implementation: Implementation, skin: float = 0.0, n_centres: int | None = None) -> tuple[Potential, Cluster]:
    atoms = small_cells(implementation)["free"]
    potential = implementation.make(atoms)
    species = np.array([potential.elements.index(symbol) for symbol in atoms.symbols], np.int32)
    n = len(atoms) if n_centres is None else n_centres
    return potential, Cluster(atoms.positions, potential.pairs(atoms.positions, n, potential.cutoff + skin), species)


def test_what_a_potential_says_of_itself(implementation):
    potential = implementation.make(small_cells(implementation)["free"])
    assert set(implementation.elements) <= set(potential.elements) and isinstance(potential.elements, tuple)
    assert 0.0 < potential.cutoff <= potential.reach
    assert potential.kernel_set and potential.device_name and potential.precision in PRECISIONS
    needed = potential.working_bytes(1000, 1500, 60_000)
    assert isinstance(needed, int) and needed >= 0


@pytest.mark.parametrize("cell", ["skewed", "slab", "free"])
def test_forces_are_minus_the_gradient(implementation, cell):
    atoms, h = small_cells(implementation)[cell], 1e-4
    forces = at(implementation, atoms).forces
    for atom in (0, len(atoms) - 1):
        for axis in range(3):
            energy = []
            for sign in (1, -1):
                moved = atoms.copy()
                moved.positions[atom, axis] += sign * h
                energy.append(at(implementation, moved).energies.sum())
            assert forces[atom, axis] == pytest.approx(-(energy[0] - energy[1]) / (2 * h), abs=1e-6)


@pytest.mark.parametrize("cell", ["skewed", "slab"])
def test_virial_is_minus_the_strain_derivative(implementation, cell):
    atoms, h = small_cells(implementation)[cell], 1e-5
    virial = at(implementation, atoms).virial
    for a in range(3):
        for b in range(3):
            energy = []
            for sign in (1, -1):
                strain = np.eye(3)
                strain[a, b] += sign * h
                strained = atoms.copy()
                strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
                energy.append(at(implementation, strained).energies.sum())
            slope = -(energy[0] - energy[1]) / (2 * h)
            found = 0.5 * (virial[a, b] + virial[b, a]) if implementation.is_whole_cell else virial[a, b]
            assert found == pytest.approx(slope, abs=1e-6)


def test_translation_rotation_permutation(implementation):
    atoms = small_cells(implementation)["slab"]
    atoms.pbc = True
    atoms.set_cell(atoms.cell.array @ np.array([[1, 0, 0], [0.2, 1, 0], [0.1, -0.1, 1]]), scale_atoms=True)
    before = at(implementation, atoms)
    rng = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    order = rng.permutation(len(atoms))
    moved = atoms[order]
    moved.positions = (atoms.positions[order] + np.array([3.3, -20.1, 7.0])) @ rotation
    moved.set_cell(atoms.cell.array @ rotation, scale_atoms=False)
    after = at(implementation, moved)
    np.testing.assert_allclose(after.energies, before.energies[order], rtol=0, atol=1e-9)
    np.testing.assert_allclose(after.forces, before.forces[order] @ rotation, rtol=0, atol=1e-9)
    np.testing.assert_allclose(after.virial, rotation.T @ before.virial @ rotation, rtol=0, atol=1e-8)


def test_small_cell_equals_its_supercell(implementation):
    atoms = small_cells(implementation)["skewed"]
    small, large = at(implementation, atoms), at(implementation, atoms * (3, 2, 2))
    np.testing.assert_allclose(large.energies.reshape(12, 2), np.tile(small.energies, (12, 1)), rtol=0, atol=1e-9)
    np.testing.assert_allclose(large.forces.reshape(12, 2, 3), np.tile(small.forces, (12, 1, 1)), rtol=0, atol=1e-9)
    np.testing.assert_allclose(large.virial, 12 * small.virial, rtol=0, atol=1e-7)


def test_shapes_and_types_of_a_result(implementation):
    potential, cluster = free(implementation)
    result = potential.compute(*cluster)
    n = len(cluster.positions)
    assert result.energies.shape == (n,) and result.forces.shape == (n, 3) and result.virial.shape == (3, 3)
    assert {values.dtype.name for values in (result.energies, result.forces, result.virial)} == {"float64"}
    assert result.truncated == 0 and result.atom_virials is None


def test_nothing_that_is_given_is_changed_and_a_second_call_gives_the_same_bits(implementation):
    potential, cluster = free(implementation)
    before = (
        cluster.positions.copy(),
        cluster.species.copy(),
        cluster.pairs.first.copy(),
        cluster.pairs.neighbors.copy(),
    )
    first, second = potential.compute(*cluster), potential.compute(*cluster)
    after = cluster.positions, cluster.species, cluster.pairs.first, cluster.pairs.neighbors
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(first.energies, second.energies)
    np.testing.assert_array_equal(first.forces, second.forces)
    np.testing.assert_array_equal(first.virial, second.virial)


def test_energies_alone_are_those_with_forces(implementation):
    potential, cluster = free(implementation)
    alone = potential.compute(*cluster, forces=False)
    np.testing.assert_array_equal(alone.energies, potential.compute(*cluster).energies)
    assert alone.forces is None and alone.virial is None and alone.atom_virials is None


def test_pairs_beyond_the_cutoff_are_ignored(implementation):
    potential, cluster = free(implementation)
    _, wider = free(implementation, skin=2.0)
    assert wider.pairs.first[-1] >= cluster.pairs.first[-1]
    near, far = potential.compute(*cluster), potential.compute(*wider)
    np.testing.assert_allclose(far.energies, near.energies, rtol=0, atol=1e-12)
    np.testing.assert_allclose(far.forces, near.forces, rtol=0, atol=1e-11)


def test_atoms_without_neighbours(implementation):
    for element in implementation.elements:
        atoms = ase.Atoms(f"{element}2", [[0, 0, 0], [90, 0, 0]])
        apart = at(implementation, atoms)
        assert apart.forces.tolist() == [[0.0] * 3] * 2 and apart.energies[0] == apart.energies[1]
        assert np.isfinite(apart.energies).all() and not apart.virial.any()


def test_no_centres(implementation):
    potential, _ = free(implementation)
    if implementation.is_whole_cell:
        pytest.skip("a calculator needs all atoms")
    none = potential.compute(
        np.zeros((0, 3)), Pairs(np.zeros(1, np.int64), np.zeros(0, np.int32)), np.zeros(0, np.int32)
    )
    assert none.energies.shape == (0,) and none.forces.shape == (0, 3) and not none.virial.any()


def test_ghosts_have_forces_and_no_energy(implementation):
    """Of centres alone is the energy; its gradient goes to all atoms, ghosts too."""
    potential, cluster = free(implementation, n_centres=5)
    if implementation.is_whole_cell:
        with pytest.raises(DomainError, match=r"ranks = 5 of 8 atoms on one rank: .*; run on one rank"):
            potential.compute(*cluster)
        return
    result, h = potential.compute(*cluster), 1e-4
    assert len(result.energies) == 5 and len(result.forces) == 8
    for atom in (0, 6, 7):
        energy = []
        for sign in (1, -1):
            moved = cluster.positions.copy()
            moved[atom, 1] += sign * h
            energy.append(potential.compute(moved, cluster.pairs, cluster.species, forces=False).energies.sum())
        assert result.forces[atom, 1] == pytest.approx(-(energy[0] - energy[1]) / (2 * h), abs=1e-6)
    np.testing.assert_allclose(result.forces.sum(axis=0), 0.0, atol=1e-10)


def test_atom_virials_share_the_virial(implementation):
    potential, cluster = free(implementation)
    if implementation.is_whole_cell:
        with pytest.raises(
            ConfigError, match="atom_virials = asked of an ASE calculator: .* use a potential of hpcpot"
        ):
            potential.compute(*cluster, atom_virials=True)
        return
    whole, alone = potential.compute(*cluster, atom_virials=True), potential.compute(*cluster)
    assert whole.atom_virials.shape == (8, 3, 3)
    np.testing.assert_allclose(whole.atom_virials.sum(axis=0), alone.virial, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(whole.forces, alone.forces)


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("distance", [0.3, np.nan, np.inf])
def test_contact_is_an_error(implementation, distance):
    first, last = implementation.elements[0], implementation.elements[-1]
    atoms = ase.Atoms([first, last], [[0, 0, 0], [2.0, 0, 0]])
    potential = implementation.make(atoms)
    species = np.array([potential.elements.index(symbol) for symbol in atoms.symbols], np.int32)
    atoms.positions[1, 0] = distance
    touching = Pairs(np.array([0, 1, 2]), np.array([1, 0], np.int32))
    message = f"distance ({first}-{last}|{last}-{first}) = {distance:.3g} Å: atoms must stay 0.5 Å apart"
    if not np.isfinite(distance):
        message = rf"{message}|position of atom 1 \({last}\) = \[{distance}, 0.0, 0.0\] Å: must be finite"
    with pytest.raises(SimulationError, match=message):
        potential.compute(atoms.positions, touching, species)


def test_work_is_a_whole_number_for_each_centre(implementation):
    potential, cluster = free(implementation)
    work = potential.work(cluster.pairs, cluster.species)
    assert work.shape == (8,) and work.dtype == np.int64 and (work > 0).all()
