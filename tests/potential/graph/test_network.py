"""Graph networks: what they must not see, what they must see, and MEGNet's own layer."""

from __future__ import annotations

import json

import ase
import graph_networks
import numpy as np
import pytest
import torch
from graph_networks import periodic_cells, random_network
from repository import DATA

from hpcpot.neighbors import batch
from hpcpot.potential import cells
from hpcpot.potential.contract import CellResult
from hpcpot.potential.graph import graphs, network
from hpcpot.potential.graph.model import VARIANTS, Dense, GraphBlock, Set2Set, mapped
from hpcpot.potential.graph.potential import GraphPotential
from hpcpot.training.graph.model import quarter_turn

VARIANT = pytest.mark.parametrize("variant", VARIANTS)
DIRECT = pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "energy"])


def at(potential: GraphPotential, structures: list[ase.Atoms]) -> CellResult:
    near = [batch.build(a.positions, a.cell.array, a.pbc, potential.cutoff + 0.3) for a in structures]
    joined, tensors = batch.join(near), np.array([a.cell.array for a in structures])
    species = np.concatenate([[potential.elements.index(s) for s in a.symbols] for a in structures]).astype(np.int32)
    points = joined.points(np.concatenate([a.positions for a in structures]), tensors)
    return cells.compute(potential, joined, points, tensors, species)


def assert_same(one: CellResult, other: CellResult, tolerance: float) -> None:
    for name in ("energies", "forces", "virials"):
        values, expected = getattr(one, name), getattr(other, name)
        limit = tolerance * max(np.abs(expected).max(), 1.0)
        np.testing.assert_allclose(values, expected, rtol=0, atol=limit, err_msg=name)


@VARIANT
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-12), ("mixed", 1e-6)])
def test_a_batch_is_each_structure_alone(variant: str, precision: str, tolerance: float) -> None:
    potential, structures = GraphPotential(random_network(variant), precision), periodic_cells()
    alone = [at(potential, [atoms]) for atoms in structures]
    whole = CellResult(*(np.concatenate([getattr(r, n) for r in alone]) for n in ("energies", "forces", "virials")))
    assert_same(at(potential, structures), whole, tolerance)
    assert np.abs(whole.forces).max() > 1e-4 and np.abs(whole.virials).max() > 1e-3


@VARIANT
def test_translations_by_lattice_vectors_change_nothing(variant: str) -> None:
    potential, random = GraphPotential(random_network(variant)), np.random.default_rng(1)
    structures = periodic_cells()
    moved = [atoms.copy() for atoms in structures]
    for atoms in moved:
        atoms.positions += random.integers(-3, 4, (len(atoms), 3)) @ atoms.cell.array
    assert_same(at(potential, moved), at(potential, structures), 1e-10)


@VARIANT
def test_permuted_atoms_have_permuted_forces(variant: str) -> None:
    potential, atoms = GraphPotential(random_network(variant)), periodic_cells()[0]
    order = np.random.default_rng(2).permutation(len(atoms))
    one, other = at(potential, [atoms]), at(potential, [atoms[order]])
    other.forces[order] = other.forces.copy()
    assert_same(one, other, 1e-12)


@VARIANT
def test_forces_move_no_cell_and_stresses_are_symmetric(variant: str) -> None:
    for atoms in periodic_cells():
        found = at(GraphPotential(random_network(variant)), [atoms])
        np.testing.assert_allclose(found.forces.sum(axis=0), 0.0, atol=1e-10)
        np.testing.assert_allclose(found.virials[0], found.virials[0].T, atol=1e-12)


def test_forces_of_the_energy_variant_are_its_derivatives() -> None:
    potential, h = GraphPotential(random_network("energy")), 1e-5
    atoms = periodic_cells()[2]  # no distance is near the cutoff, where energies jump
    found = at(potential, [atoms])
    for axis in range(3):
        ends = [atoms.copy(), atoms.copy()]
        strained = [atoms.copy(), atoms.copy()]
        for sign, moved, cell in zip((1, -1), ends, strained, strict=True):
            moved.positions[2, axis] += sign * h
            strain = np.eye(3)
            strain[axis, (axis + 1) % 3] += 0.5 * sign * h
            strain[(axis + 1) % 3, axis] += 0.5 * sign * h
            cell.set_cell(cell.cell.array @ strain, scale_atoms=True)
        up, down = at(potential, ends).energies
        assert found.forces[2, axis] == pytest.approx((down - up) / (2 * h), rel=1e-6, abs=1e-6)
        up, down = at(potential, strained).energies
        assert found.virials[0, axis, (axis + 1) % 3] == pytest.approx((down - up) / (2 * h), rel=1e-6, abs=1e-6)


@DIRECT
def test_forces_of_the_others_turn_with_no_cell_but_differ_from_the_gradient(variant: str) -> None:
    """They are direct, and not equivariant: a turned cell has other components, which augmentation teaches."""
    potential, atoms = GraphPotential(random_network(variant)), periodic_cells()[0]
    turn = quarter_turn(2, 1)
    turned = ase.Atoms(atoms.symbols, atoms.positions @ turn.T, cell=atoms.cell.array @ turn.T, pbc=True)
    assert np.abs(at(potential, [turned]).forces - at(potential, [atoms]).forces @ turn.T).max() > 1e-3


def test_distances_to_planes_are_those_of_geometry() -> None:
    """d n is the foot of the perpendicular: its end lies in the plane through the origin and two lattice vectors."""
    atoms = periodic_cells()[1]
    near = batch.build(atoms.positions, atoms.cell.array, atoms.pbc, 4.0)
    joined, n = batch.join([near]), len(atoms)
    built = graphs.build(joined, near.points, atoms.cell.array[None], np.zeros(n, np.int32), 4.0, "planes", 2)
    arms, cell = built.vectors[built.n_pairs :].reshape(3, n, 3), atoms.cell.array
    wrapped = atoms.get_scaled_positions() @ cell
    for k in range(3):
        normal = np.cross(cell[(k + 1) % 3], cell[(k + 2) % 3])
        np.testing.assert_allclose((wrapped - arms[k]) @ normal, 0.0, atol=1e-10)
        np.testing.assert_allclose(np.cross(arms[k], normal), 0.0, atol=1e-10)
        np.testing.assert_allclose(np.linalg.norm(arms[k], axis=1), built.depths[:, k], atol=1e-12)
    corner = graphs.build(joined, near.points, cell[None], np.zeros(n, np.int32), 4.0, "corner", 2)
    arms = corner.vectors[corner.n_pairs :].reshape(3, n, 3)
    np.testing.assert_allclose(wrapped + arms, np.repeat(cell[:, None], n, axis=1), atol=1e-10)


def test_a_block_is_the_layer_of_megnet() -> None:
    """Numbers of the Keras layer of megnet 1.3.2; tests/data/README.md says how they were made."""
    golden = json.loads((DATA / "graph" / "megnet_block.json").read_text())
    values = {name: torch.tensor(array, dtype=torch.float64) for name, array in golden["arrays"].items()}
    layers = {
        part: tuple(Dense(values[f"{part}_{k}_weights"], values[f"{part}_{k}_bias"]) for k in range(3))
        for part in ("edges", "nodes", "state")
    }
    block = GraphBlock((), (), (), **layers)
    centres, neighbors = (torch.tensor(golden[name]) for name in ("centres", "neighbors"))
    cell_of = torch.tensor(golden["cell_of"])
    n = len(cell_of)
    made = graphs.Graphs(
        torch.bincount(cell_of), None, cell_of, cell_of, centres, neighbors, len(centres), None, torch.zeros(n, 3)
    )
    x = network.Features(values["v"], values["e"], values["u"])
    found = network.message(block, made, x, n)
    for name in ("v", "e", "u"):
        after = getattr(found, name) - getattr(x, name)  # the skip is around the layer
        np.testing.assert_allclose(after, values[f"{name}_after"], rtol=0, atol=1e-6)


def test_set2set_by_hand() -> None:
    """One group at a time, with loops."""
    random = np.random.default_rng(4)
    pool = Set2Set(
        Dense(random.normal(size=(5, 3)), random.normal(size=3)),
        Dense(random.normal(size=(6, 12)), random.normal(size=12)),
    )
    x, groups = random.normal(size=(7, 5)), np.array([0, 0, 0, 2, 2, 2, 2])

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values)

    held = Set2Set(*(Dense(tensor(d.weights), tensor(d.bias)) for d in (pool.items, pool.gates)))
    found = network.pooled(held, tensor(x), tensor(groups), 3).numpy()

    def logistic(y: np.ndarray) -> np.ndarray:
        return 1.0 / (1.0 + np.exp(-y))

    for group in range(3):
        m = x[groups == group] @ pool.items.weights + pool.items.bias
        q, carry = np.zeros(6), np.zeros(3)
        for _ in range(3):
            i, f, g, o = np.split(q @ pool.gates.weights + pool.gates.bias, 4)
            carry = logistic(f) * carry + logistic(i) * np.tanh(g)
            h = logistic(o) * np.tanh(carry)
            a = np.exp(m @ h)
            q = np.concatenate([h, a @ m / a.sum() if len(m) else np.zeros(3)])
        np.testing.assert_allclose(found[group], q, atol=1e-12)


@VARIANT
def test_gradients_by_the_parameters_are_those_of_differences(variant: str) -> None:
    """Also through the forces of the energy variant, which are derivatives themselves."""
    model, h = random_network(variant), 1e-6
    atoms = periodic_cells(1)[0]
    near = batch.build(atoms.positions, atoms.cell.array, atoms.pbc, 4.0)
    species = np.array([("Li", "Si").index(s) for s in atoms.symbols], np.int32)
    built = graphs.build(batch.join([near]), near.points, atoms.cell.array[None], species, 4.0, variant, 2)
    made = network.to_tensors(built, torch.float64, torch.device("cpu"))
    leaves: list[torch.Tensor] = []

    def leaf(values: np.ndarray) -> torch.Tensor:
        leaves.append(torch.tensor(values, requires_grad=True))
        return leaves[-1]

    net = mapped(model, leaf)

    def loss() -> torch.Tensor:
        found = network.evaluate(net, made, share=1.0)
        return found.energies.sum() + found.forces.pow(2).sum() + found.stresses.pow(3).sum() * 100.0

    loss().backward()
    for k in (0, 2, len(leaves) // 2, len(leaves) - 8):
        p = leaves[k]
        slope, (row, *column) = p.grad.clone(), np.unravel_index(int(p.grad.abs().argmax()), p.shape)
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                p[(row, *column)] += sign * h
                ends.append(float(loss()))
                p[(row, *column)] -= sign * h
        assert float(slope[(row, *column)]) == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-4, abs=1e-6)


def test_the_energy_alters_the_blocks_by_its_share_alone() -> None:
    model, atoms = random_network(), periodic_cells(1)[0]
    near = batch.build(atoms.positions, atoms.cell.array, atoms.pbc, 4.0)
    built = graphs.build(
        batch.join([near]), near.points, atoms.cell.array[None], np.zeros(len(atoms), np.int32), 4.0, "planes", 2
    )
    made = network.to_tensors(built, torch.float64, torch.device("cpu"))
    slopes = []
    for share in (0.0, 0.5, 1.0):
        leaves: list[torch.Tensor] = []
        net = mapped(model, lambda v, into=leaves: into.append(torch.tensor(v, requires_grad=True)) or into[-1])
        network.evaluate(net, made, share).energies.sum().backward()
        slopes.append((leaves[0].grad, net.energy[0].weights.grad))
    assert slopes[0][0] is None or not slopes[0][0].any()
    torch.testing.assert_close(2.0 * slopes[1][0], slopes[2][0])
    torch.testing.assert_close(slopes[0][1], slopes[2][1])


def test_facts_say_what_it_is_for() -> None:
    facts = graph_networks.random_network().facts()
    assert facts["network"].startswith("2 blocks of 8 features, ")
    assert "no gradient of a smooth energy" in facts["limits"]
