"""Frames that are passed over, by hand-made cells and distances."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from scipy.spatial.transform import Rotation

from hpcpot.learning.boxes import BoxLimits, ratios, why_bad

TILTED = np.array([[4.0, 0, 0], [2.0, 5.0, 0], [-1.0, 3.0, 6.0]])


def test_ratios_of_a_tilted_cell():
    found = ratios(TILTED)
    assert found["length_ratio"] == pytest.approx(np.sqrt(46) / 4)
    faces = [np.linalg.norm(np.cross(TILTED[k - 2], TILTED[k - 1])) for k in range(3)]
    assert found["height_ratio"] == pytest.approx(np.sqrt(46) * max(faces) / 120)
    assert found["wrap_ratio"] == pytest.approx(3 / 5)
    assert found["tilt_ratio"] == pytest.approx(3 / 6)


@pytest.mark.parametrize("seed", range(3))
def test_ratios_do_not_depend_on_how_the_cell_lies(seed):
    turned = TILTED @ Rotation.random(random_state=seed).as_matrix().T
    for cell in (turned, -turned, turned * [1, 1, -1]):
        assert ratios(cell) == pytest.approx(ratios(TILTED), rel=1e-12)


@pytest.mark.parametrize("name", ["length_ratio", "height_ratio", "wrap_ratio", "tilt_ratio"])
def test_each_ratio_is_a_limit_by_itself(name):
    atoms = Atoms("Li", cell=TILTED, pbc=True)
    found = ratios(TILTED)[name]
    assert why_bad(atoms, BoxLimits(**{name: found})) is None
    assert why_bad(atoms, BoxLimits(**{name: found * 0.99})) == f"{name} {found:.4g} > {found * 0.99:g}"


def test_the_cell_of_dpgens_bad_frames():
    atoms = Atoms("Si", cell=[3, 3, 27], pbc=True)
    assert why_bad(atoms, BoxLimits(length_ratio=5, height_ratio=5)) == "length_ratio 9 > 5"
    atoms.pbc = [True, True, False]  # the third axis is vacuum
    assert why_bad(atoms, BoxLimits(length_ratio=5, height_ratio=5)) is None


def test_close_atoms_through_the_boundary():
    atoms = bulk("Si", "diamond", 5.43, cubic=True)
    limits = BoxLimits(minimum_distance=2.0)
    assert why_bad(atoms, limits) is None
    atoms.append("Li")
    atoms.positions[-1] = atoms.positions[0] - [1.5, 0, 0]
    assert why_bad(atoms, limits) == "Si-Li 1.5 Å < 2 Å"
    assert why_bad(Atoms("Li", cell=[1.9, 4, 4], pbc=True), limits) == "Li-Li 1.9 Å < 2 Å"
    assert why_bad(Atoms("Li", cell=[2.0, 4, 4], pbc=True), limits) is None
