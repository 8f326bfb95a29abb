import numpy as np
from ase.build import bulk

from hpcpot.analysis.bonds import broken, coordination, make_bonds

LENGTHS = np.array([[2.0, 2.6], [2.6, 2.8]])


def zinc_blende():
    """Each atom has four of the other kind at 2.34 Å, and twelve of its own at 3.82 Å."""
    atoms = bulk("SiC", "zincblende", 5.4, cubic=True) * 2
    return atoms, (atoms.numbers == 14).astype(int)


def test_coordination_by_species():
    atoms, species = zinc_blende()
    counts = coordination(atoms.positions, atoms.cell.array, atoms.pbc, species, LENGTHS)
    np.testing.assert_array_equal(counts[species == 0], [[0, 4]] * 32)
    np.testing.assert_array_equal(counts[species == 1], [[4, 0]] * 32)
    longer = np.array([[4.0, 2.0], [2.0, 2.8]])
    counts = coordination(atoms.positions, atoms.cell.array, atoms.pbc, species, longer)
    np.testing.assert_array_equal(counts[species == 0], [[12, 0]] * 32)
    np.testing.assert_array_equal(counts[species == 1], [[0, 0]] * 32)


def test_bonds_break_where_an_atom_leaves():
    atoms, species = zinc_blende()
    bonds = make_bonds(atoms.positions, atoms.cell.array, atoms.pbc, species, LENGTHS)
    assert bonds.coordination.sum() == 4 * 64
    moved = atoms.positions.copy()
    moved[0] += 2.7  # into the empty tetrahedral site opposite, far from its four
    lost = broken(bonds, moved, atoms.cell.array, 1.2)
    assert lost[0] >= 3 and lost.sum() == 2 * lost[0]
    assert np.count_nonzero(lost) == 1 + lost[0]


def test_a_bond_breaks_beyond_the_stretch():
    atoms, species = zinc_blende()
    bonds = make_bonds(atoms.positions, atoms.cell.array, atoms.pbc, species, LENGTHS)
    length = 5.4 * np.sqrt(3) / 4
    for strain in (0.0, 0.2, 0.3, 0.4):
        lost = broken(bonds, atoms.positions * (1 + strain), atoms.cell.array * (1 + strain), 1.2)
        assert (lost == (4 if length * (1 + strain) > 1.2 * 2.6 else 0)).all()
