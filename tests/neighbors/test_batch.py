"""Many periodic structures in one call: the same energies, forces and virials as one at a time."""

from __future__ import annotations

import numpy as np
import pytest
import systems
from ase.build import bulk

from hpcpot.errors import StructureError
from hpcpot.neighbors import batch
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import evaluate
from hpcpot.potential.contract import Potential

CUTOFF, SKIN = 4.5, 0.8


def structures() -> list:
    tiny = systems.mixed(bulk("Si", "diamond", 5.4), 8, 0.05)
    sheared = tiny.copy()
    sheared.set_cell(sheared.cell.array @ np.array([[1, 0, 0], [0.9, 1, 0], [-0.6, 0.8, 1.0]]), scale_atoms=True)
    outside = systems.crystal(1)
    outside.positions += np.random.default_rng(1).integers(-2, 3, (len(outside), 3)) @ outside.cell.array
    return [tiny, systems.cluster(), sheared, outside, systems.slab(), systems.triclinic()]


def together(all_atoms: list, where: list, potential: Potential):
    """Energies, forces and virials at `where`, with the pairs of `all_atoms`."""
    parts = [batch.build(a.positions, a.cell.array, np.asarray(a.pbc), CUTOFF + SKIN) for a in all_atoms]
    joined = batch.join(parts)
    species = np.concatenate([[potential.elements.index(s) for s in a.symbols] for a in where]).astype(np.int32)
    positions, cells = np.concatenate([a.positions for a in where]), np.array([a.cell.array for a in where])
    points = joined.points(positions, cells)
    result = potential.compute(points, joined.pairs, species[joined.owners])
    return parts, joined, points, joined.sums(result.energies), *joined.fold(points, result.forces)


def test_a_batch_equals_its_structures() -> None:
    potential, all_atoms = BlockPotential(systems.deep_potential()), structures()
    *_, energies, forces, virials = together(all_atoms, all_atoms, potential)
    alone = [evaluate(atoms, potential) for atoms in all_atoms]
    np.testing.assert_allclose(energies, [one.energies.sum() for one in alone], rtol=0, atol=1e-9)
    np.testing.assert_allclose(forces, np.concatenate([one.forces for one in alone]), rtol=0, atol=1e-9)
    np.testing.assert_allclose(virials, [one.virial for one in alone], rtol=0, atol=1e-8)


def test_pairs_serve_until_the_skin_is_used_up() -> None:
    potential, all_atoms, rng = BlockPotential(systems.deep_potential()), structures(), np.random.default_rng(2)
    moved = []
    for atoms in all_atoms:
        other = atoms.copy()
        other.positions += rng.uniform(-0.13, 0.13, other.positions.shape)
        if other.pbc.all():
            other.set_cell(other.cell.array @ (np.eye(3) + rng.uniform(-0.01, 0.01, (3, 3))), scale_atoms=True)
        moved.append(other)
    parts, _, _, energies, *_ = together(all_atoms, moved, potential)
    positions, cells = np.concatenate([a.positions for a in moved]), np.array([a.cell.array for a in moved])
    assert batch.still_hold(parts, positions, cells, CUTOFF + SKIN, CUTOFF).all()
    np.testing.assert_allclose(energies, [evaluate(a, potential).energies.sum() for a in moved], rtol=0, atol=1e-9)
    positions[0] += 0.6  # one atom of the first structure
    cells[3] *= 1.0 - 0.2
    assert batch.still_hold(parts, positions, cells, CUTOFF + SKIN, CUTOFF).tolist() == [
        False,
        True,
        True,
        False,
        True,
        True,
    ]


def test_closest_distance_of_each() -> None:
    all_atoms = structures()
    _, joined, points, *_ = together(all_atoms, all_atoms, BlockPotential(systems.deep_potential()))
    expected = []
    for atoms in all_atoms:
        near = batch.build(atoms.positions, atoms.cell.array, np.asarray(atoms.pbc), CUTOFF)
        expected.append(np.linalg.norm(near.pairs.vectors(near.points), axis=1).min())
    np.testing.assert_allclose(joined.closest(points), expected, rtol=1e-12)
    assert (joined.closest(points) > 1.0).all()


def test_a_flat_cell_is_refused() -> None:
    with pytest.raises(StructureError, match="cell = 0.05 Å thin: must be at least 0.1 Å along periodic axes"):
        batch.build(np.zeros((1, 3)), np.diag([4.0, 4.0, 0.05]), np.ones(3, bool), 4.0)
