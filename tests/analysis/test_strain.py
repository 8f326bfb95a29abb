import json

import numpy as np
import pytest
import systems
from ase.build import bulk
from repository import DATA

from hpcpot.analysis.reference import make_reference
from hpcpot.analysis.strain import strain
from hpcpot.errors import StructureError

GOLDEN = json.loads((DATA / "strain" / "golden.json").read_text())
PERIODIC = np.ones(3, bool)
DEFORMATION = np.array([[1.1, 0.05, 0.0], [0.0, 0.95, 0.02], [0.03, 0.0, 1.2]])


def shear_of(deformation: np.ndarray) -> tuple[float, float]:
    """Shear and volumetric strain of an affine deformation of row vectors."""
    eta = 0.5 * (deformation @ deformation.T - np.eye(3))
    off = eta[1, 2] ** 2 + eta[0, 2] ** 2 + eta[0, 1] ** 2
    x, y, z = np.diag(eta)
    return np.sqrt(off + ((y - z) ** 2 + (x - z) ** 2 + (x - y) ** 2) / 6), np.trace(eta) / 3


@pytest.mark.parametrize(("mapping", "name"), [("off", "Off"), ("to_reference", "ToReference")])
def test_ovito(mapping, name):
    reference = make_reference(np.array(GOLDEN["ref"]), np.diag(GOLDEN["ref_cell"]), PERIODIC, GOLDEN["cutoff"])
    found = strain(reference, np.array(GOLDEN["cur"]), np.diag(GOLDEN["cell"]), mapping)
    assert found.valid.all()
    for values, key in ((found.shear, "shear"), (found.volumetric, "vol"), (found.d2min, "d2min")):
        np.testing.assert_allclose(values, GOLDEN["ovito"][name][key], rtol=0, atol=1e-10)


@pytest.mark.parametrize("atoms", [systems.crystal(2), systems.triclinic(), bulk("Si", "diamond", 5.4)])
def test_affine_deformation_is_found_exactly(atoms):
    """Also in a primitive cell that is shorter than the cutoff, and with atoms on the other side of the cell."""
    reference = make_reference(atoms.positions, atoms.cell.array, atoms.pbc, 4.6)
    deformed = atoms.copy()
    deformed.set_cell(atoms.cell.array @ DEFORMATION, scale_atoms=True)
    deformed.positions += [3.0, -20.0, 7.0]
    deformed.wrap()
    found = strain(reference, deformed.positions, deformed.cell.array)
    shear, volumetric = shear_of(DEFORMATION)
    np.testing.assert_allclose(found.shear, shear, rtol=1e-10)
    np.testing.assert_allclose(found.volumetric, volumetric, rtol=1e-10)
    np.testing.assert_allclose(found.d2min, 0.0, atol=1e-12)
    mapped = strain(reference, deformed.positions, deformed.cell.array, "to_reference")
    np.testing.assert_allclose(mapped.shear, 0.0, atol=1e-12)


def test_d2min_of_one_moved_atom():
    atoms = bulk("Si", "diamond", 5.4, cubic=True) * 3
    reference = make_reference(atoms.positions, atoms.cell.array, atoms.pbc, 2.5)
    moved = atoms.positions.copy()
    moved[0] += [0.3, 0.0, 0.0]
    found = strain(reference, moved, atoms.cell.array)
    # Its four neighbours all seem displaced alike, which no linear map about it explains: 4 x 0.3².
    assert found.d2min[0] == pytest.approx(4 * 0.09, rel=1e-10)
    assert np.count_nonzero(found.d2min > 1e-12) == 5


def test_atoms_without_enough_neighbours_are_flagged():
    """A chain, and a plane, of atoms: their neighbours fix no deformation."""
    chain = np.arange(6)[:, None] * [2.0, 0.0, 0.0] + 5.0
    plane = np.array([[x, y, 0.0] for x in range(4) for y in range(4)]) * 2.0 + [5.0, 5.0, 30.0]
    lone = np.array([[35.0, 35.0, 35.0]])
    positions, cell = np.concatenate([chain, plane, lone]), 40.0 * np.eye(3)
    found = strain(make_reference(positions, cell, PERIODIC, 3.0), positions + 0.01, cell)
    assert not found.valid.any()
    assert not found.shear.any() and not found.d2min.any() and not found.volumetric.any()


def test_free_boundaries_have_no_images():
    atoms = systems.cluster()
    atoms.set_cell([12.0, 12.0, 12.0])
    inside = make_reference(atoms.positions, atoms.cell.array, atoms.pbc, 4.0)
    assert len(inside.owners) == len(atoms)
    turned = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    found = strain(inside, atoms.positions @ turned, atoms.cell.array)
    np.testing.assert_allclose(found.shear[found.valid], 0.0, atol=1e-12)


def test_rows_of_a_frame_are_those_of_the_whole():
    atoms = systems.crystal(2)
    reference = make_reference(atoms.positions, atoms.cell.array, atoms.pbc, 4.0)
    moved = atoms.positions + np.random.default_rng(1).normal(0, 0.2, atoms.positions.shape)
    whole, part = (strain(reference, moved, atoms.cell.array, rows=rows) for rows in (slice(None), slice(10, 30)))
    np.testing.assert_array_equal(part.shear, whole.shear[10:30])
    np.testing.assert_array_equal(part.d2min, whole.d2min[10:30])


def test_frames_that_do_not_fit():
    atoms = systems.crystal(2)
    reference = make_reference(atoms.positions, atoms.cell.array, atoms.pbc, 4.0)
    with pytest.raises(StructureError, match="frame = 63 atoms: must be the 64 of the reference frame"):
        strain(reference, atoms.positions[1:], atoms.cell.array)
    with pytest.raises(StructureError, match="cell of a frame = .*: must have a volume"):
        strain(reference, atoms.positions, np.ones((3, 3)))
    broken = atoms.positions.copy()
    broken[5, 1] = np.nan
    with pytest.raises(StructureError, match="positions of a frame = not finite"):
        strain(reference, broken, atoms.cell.array)
    with pytest.raises(StructureError, match="positions of a frame = not finite"):
        make_reference(broken, atoms.cell.array, atoms.pbc, 4.0)
