import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from hpcpot.report.window import MARGIN, around, heights


def test_heights_of_a_tilted_cell():
    atoms = Atoms("Li", cell=[[4, 0, 0], [0, 5, 0], [3, 0, 6.0]], pbc=True)
    assert heights(atoms) == pytest.approx([4 * 6 / np.hypot(3, 6), 5, 6])


def test_a_full_cell_is_shown_as_it_is():
    atoms = bulk("Si", "diamond", a=5.43, cubic=True) * (2, 3, 4)
    atoms.positions += 3.1
    window = around([atoms])
    assert np.array_equal(window.starts, [0, 0, 0])
    assert window.lengths == pytest.approx([10.86, 16.29, 21.72])
    atoms.wrap()
    assert np.allclose(window.coordinates(atoms), atoms.positions)


@pytest.mark.parametrize("shift", [0.0, 7.0, -2.0, 33.0, 61.3])
def test_a_slab_is_never_cut(shift):
    z = np.arange(0.0, 30.0, 1.5)
    atoms = Atoms(f"Li{len(z)}", positions=[[1, 1, one] for one in z], cell=[4, 4, 50.0], pbc=True)
    atoms.positions[:, 2] += shift
    atoms.wrap()
    shown = around([atoms]).coordinates(atoms)[:, 2]
    assert np.ptp(shown) == pytest.approx(28.5)
    assert shown.min() - around([atoms]).starts[2] == pytest.approx(MARGIN)
    assert np.allclose((shown - atoms.positions[:, 2] + 25) % 50 - 25, 0, atol=1e-9)
    assert -25 <= around([atoms]).starts[2] < 25


def test_open_edges_hold_all_atoms_of_all_frames():
    first = Atoms("Li2", positions=[[1, 1, -3.0], [2, 2, 5.0]], cell=[6, 6, 10.0], pbc=[True, True, False])
    last = first.copy()
    last.positions[1, 2] = 14.0
    window = around([first, last])
    assert window.starts[2] == pytest.approx(-3) and window.lengths[2] == pytest.approx(17)
    assert np.allclose(window.coordinates(last)[:, 2], [-3, 14])
