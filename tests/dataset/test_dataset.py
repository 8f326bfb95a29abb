"""The data set itself: building, choosing, joining."""

from dataclasses import replace

import labelled
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from hpcpot.dataset.dataset import RawLabels, build, frame_key, frame_keys, from_frames, join
from hpcpot.errors import DataError
from hpcpot.potential.calculator import Calculator


def test_frames_keep_labels_in_ase_signs() -> None:
    data = labelled.dataset(2)
    atoms = data.frame(0)
    atoms_again = atoms.copy()
    atoms_again.calc = Calculator(labelled.MODEL)
    assert atoms.get_potential_energy() == pytest.approx(atoms_again.get_potential_energy(), abs=1e-10)
    np.testing.assert_allclose(atoms.get_forces(), atoms_again.get_forces(), atol=1e-10)
    np.testing.assert_allclose(atoms.get_stress(), atoms_again.get_stress(), atol=1e-12)
    back = from_frames([data.frame(k) for k in range(2)], data.elements)
    np.testing.assert_allclose(back.virials[0], data.virials[0], atol=1e-10)
    assert back.groups.tolist() == ["hot", "cold"] and back.sources.tolist() == ["frames:0", "frames:1"]


def test_frames_by_themselves_are_the_data_set() -> None:
    data = labelled.dataset(3)
    labelled.assert_same(build([data.labelled(k) for k in range(3)], data.elements), data)


def test_keys_are_those_of_the_frames() -> None:
    salt = bulk("NaCl", "rocksalt", a=5.6)
    slab = salt.copy()
    slab.pbc = (True, True, False)
    frames = [salt, bulk("Si"), slab]
    data = from_frames(frames, ("Cl", "Si", "Na"))
    assert frame_keys(data) == [frame_key(data.frame(k)) for k in range(3)]
    assert frame_keys(data)[:2] == [frame_key(atoms) for atoms in frames[:2]]
    assert len(set(frame_keys(data))) == 3


def test_missing_labels_are_nan() -> None:
    bare = labelled.structures(3)
    assert np.isnan(bare.energies).all() and np.isnan(bare.forces).all() and np.isnan(bare.virials).all()
    assert bare.frame(0).calc.results == {}


def test_sizes_and_counts() -> None:
    data = labelled.structures(4)
    assert data.sizes.tolist() == [8, 16, 8, 16] and len(data) == 4
    assert data.frame_of.tolist() == [0] * 8 + [1] * 16 + [2] * 8 + [3] * 16
    assert (data.counts.sum(axis=1) == data.sizes).all()
    assert data.counts[1, 0] == (data.species[8:24] == 0).sum()
    assert data.volumes[0] == pytest.approx(abs(np.linalg.det(data.cells[0])))


def test_select_by_index_and_by_mask() -> None:
    data = labelled.dataset(5)
    chosen = data.select([3, 0])
    assert chosen.sources.tolist() == ["made:3", "made:0"] and chosen.first.tolist() == [0, 16, 24]
    np.testing.assert_array_equal(chosen.forces[:16], data.forces[data.first[3] : data.first[4]])
    labelled.assert_same(data.select(data.groups == "hot"), data.select([0, 2, 4]))
    empty = data.select([])
    assert len(empty) == 0 and empty.first.tolist() == [0]


def test_join_is_the_inverse_of_select() -> None:
    data = labelled.dataset(5)
    labelled.assert_same(join([data.select([0, 1]), data.select([2, 3, 4])]), data)


def test_join_takes_the_union_of_elements() -> None:
    silicon = from_frames([bulk("Si")])
    lithium = from_frames([bulk("Li", cubic=True)])
    both = join([silicon, lithium])
    assert both.elements == ("Li", "Si") and both.species.tolist() == [1, 1, 0, 0]
    with pytest.raises(DataError, match="data sets = none"):
        join([])


def test_with_elements() -> None:
    data = labelled.structures(2)
    turned = data.with_elements(("Si", "Ge", "Li"))
    assert [turned.elements[t] for t in turned.species] == [data.elements[t] for t in data.species]
    with pytest.raises(DataError, match=r"element of frame 0 \(made:0\) = Li: must be one of Si"):
        data.with_elements(["Si"])


def test_stress_of_frames_with_an_open_axis_is_nan() -> None:
    data = labelled.dataset(2)
    assert np.isfinite(data.stresses[0]).all() and np.isnan(data.stresses[1]).all()
    assert np.isfinite(data.virials[1]).all()


def test_a_free_molecule_gets_a_cell_with_a_volume() -> None:
    data = from_frames([Atoms("Si2", [[0, 0, 0], [0, 0, 2.3]])])
    assert data.volumes[0] > 0 and not data.periodic.any()


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (Atoms("Si", [[np.nan, 0, 0]], cell=[3, 3, 3], pbc=True), "frames:0 = a position that is not finite"),
        (Atoms("Si", [[0, 0, 0]], pbc=True), "frames:0: cell vector a = 0 on a periodic axis"),
        (Atoms(cell=[3, 3, 3]), "frames:0 = 0 atoms"),
        (Atoms("X", [[0, 0, 0]], cell=[3, 3, 3], pbc=True), "frames:0 = elements X"),
    ],
)
def test_what_is_no_structure_is_refused(atoms, message) -> None:
    with pytest.raises(DataError, match=message):
        from_frames([atoms])


def test_forces_of_another_number_of_atoms_are_refused() -> None:
    atoms = bulk("Si")
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0)
    atoms.calc.results["forces"] = np.zeros((3, 3))
    with pytest.raises(DataError, match=r"frames:0 = forces of shape \(3, 3\) on 2 atoms"):
        from_frames([atoms])


def test_no_frames_and_foreign_elements() -> None:
    with pytest.raises(DataError, match="frames = none"):
        build([])
    with pytest.raises(DataError, match="elements of frames:0 = Si: must be of Li"):
        from_frames([bulk("Si")], elements=["Li"])


def test_it_is_not_changed_by_what_is_made_of_it() -> None:
    data = labelled.dataset(2)
    before = replace(data, positions=data.positions.copy(), forces=data.forces.copy())
    data.frame(0).positions += 1.0
    data.frame(0).get_forces()[:] = 0.0
    data.select([0]).forces[:] = 0.0
    labelled.assert_same(data, before)


def test_raw_labels_go_with_their_frames() -> None:
    """Frames without a correction have none in a joined set."""
    data = labelled.dataset(4)
    whole = join([data.select([0, 1]), labelled.with_raw(data.select([2, 3]))])
    part = whole.select([3, 0])
    assert part.raw.energies[0] == data.energies[3] + 1.0 and np.isnan(part.raw.energies[1])
    np.testing.assert_array_equal(part.raw.forces[: data.sizes[3]], data.forces[data.first[3] :] + 2.0)
    np.testing.assert_array_equal(part.raw.virials[0], data.virials[3] + 3.0)
    assert np.isnan(part.raw.virials[1]).all() and join([data, data]).raw is None


def test_raw_labels_of_other_shapes_or_without_end_are_refused() -> None:
    data = labelled.dataset(2)
    with pytest.raises(
        DataError, match=r"raw energies = float64 of shape \(1,\): must be an array of float64 of shape"
    ):
        replace(data, raw=RawLabels(data.energies[:1], data.forces, data.virials))
    with pytest.raises(DataError, match="raw energy of frame 1 .*: must be numbers below"):
        replace(data, raw=RawLabels(np.array([0.0, np.inf]), data.forces, data.virials))
