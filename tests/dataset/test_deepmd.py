"""Systems of DeePMD-kit as it and dpdata write them."""

import labelled
import numpy as np
import pytest

from hpcpot.dataset.files import load, save
from hpcpot.dataset.formats.reading import ReadOptions
from hpcpot.errors import DataError


def system(folder, n_frames: int = 3, sets: tuple[int, ...] = (2, 1), energy_shape=()) -> dict[str, np.ndarray]:
    """A system of two Li and a Si, types in the order Si Li, as DeePMD-kit describes it."""
    rng = np.random.default_rng(0)
    arrays = {
        "box": np.tile(np.diag([4.0, 5.0, 6.0]).ravel(), (n_frames, 1)),
        "coord": rng.uniform(0, 4, (n_frames, 9)),
        "energy": rng.normal(size=(n_frames, *energy_shape)),
        "force": rng.normal(size=(n_frames, 9)),
        "virial": rng.normal(size=(n_frames, 9)),
    }
    folder.mkdir()
    (folder / "type.raw").write_text("1\n1\n0\n")
    (folder / "type_map.raw").write_text("Si\nLi\n")
    begin = 0
    for k, count in enumerate(sets):
        (folder / f"set.{k:03d}").mkdir()
        for name, array in arrays.items():
            np.save(
                folder / f"set.{k:03d}" / f"{name}.npy",
                array[begin : begin + count].astype(np.float32 if k else np.float64),
            )
        begin += count
    return arrays


@pytest.mark.parametrize("energy_shape", [(), (1,)])
def test_sets_types_and_units(tmp_path, energy_shape) -> None:
    arrays = system(tmp_path / "s", energy_shape=energy_shape)
    data = load([tmp_path / "s"])
    assert data.elements == ("Si", "Li") and data.species.tolist() == [1, 1, 0] * 3
    np.testing.assert_allclose(data.positions.ravel(), arrays["coord"].ravel(), rtol=1e-6)
    np.testing.assert_array_equal(data.positions[:6].ravel(), arrays["coord"][:2].ravel())
    np.testing.assert_allclose(data.energies, arrays["energy"].ravel(), rtol=1e-6)
    np.testing.assert_allclose(data.virials[0].ravel(), arrays["virial"][0])
    np.testing.assert_allclose(data.cells[0], np.diag([4.0, 5.0, 6.0]))
    assert data.periodic.all() and data.groups.tolist() == ["s"] * 3 and data.sources.tolist() == ["s:0", "s:1", "s:2"]


def test_mixed_types_with_padding(tmp_path) -> None:
    system(tmp_path / "s", 2, (2,))
    (tmp_path / "s" / "type.raw").write_text("0\n0\n0\n")
    np.save(tmp_path / "s" / "set.000" / "real_atom_types.npy", np.array([[1, 0, 0], [1, 0, -1]]))
    data = load([tmp_path / "s"])
    assert data.sizes.tolist() == [3, 2] and data.species.tolist() == [1, 0, 0, 1, 0]
    coordinates = np.load(tmp_path / "s" / "set.000" / "coord.npy").reshape(2, 3, 3)
    np.testing.assert_array_equal(data.positions[3:], coordinates[1, :2])


def test_text_files_of_deepmd_raw(tmp_path) -> None:
    arrays = system(tmp_path / "s", 2, ())
    for name, array in arrays.items():
        np.savetxt(tmp_path / "s" / f"{name}.raw", array.reshape(2, -1))
    data = load([tmp_path / "s"])
    np.testing.assert_allclose(data.energies, arrays["energy"])
    np.testing.assert_allclose(data.forces.ravel(), arrays["force"].ravel())


def test_elements_without_type_map(tmp_path) -> None:
    system(tmp_path / "s")
    (tmp_path / "s" / "type_map.raw").unlink()
    with pytest.raises(DataError, match=r"no type_map\.raw: .* --elements Li,Si"):
        load([tmp_path / "s"])
    assert load([tmp_path / "s"], ReadOptions(elements=("Li", "Si"))).elements == ("Li", "Si")


def test_a_system_that_is_not_periodic_needs_no_box(tmp_path) -> None:
    system(tmp_path / "s", 1, (1,))
    (tmp_path / "s" / "nopbc").touch()
    (tmp_path / "s" / "set.000" / "box.npy").unlink()
    data = load([tmp_path / "s"])
    assert not data.periodic.any() and data.volumes[0] > 0


def damaged(folder, name: str, array: np.ndarray | None) -> None:
    path = folder / "set.000" / f"{name}.npy"
    path.unlink()
    if array is not None:
        np.save(path, array)


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("coord", np.zeros((2, 6)), "coord of shape .* must have 18 values"),
        ("energy", np.zeros(1), "set.000 has different numbers of frames"),
        ("force", None, "set.001 has box coord energy force virial, but set.000"),
        ("box", np.zeros((2, 9)), "a cell has no volume"),
    ],
)
def test_inconsistent_systems_are_refused(tmp_path, name, array, words) -> None:
    system(tmp_path / "s", 4 if name == "force" else 2, (2, 2) if name == "force" else (2,))
    damaged(tmp_path / "s", name, array)
    with pytest.raises(DataError, match=words):
        load([tmp_path / "s"])


def test_types_beyond_the_map(tmp_path) -> None:
    system(tmp_path / "s")
    (tmp_path / "s" / "type.raw").write_text("2\n1\n0\n")
    with pytest.raises(DataError, match="types 0 to 2, but type_map has Si Li"):
        load([tmp_path / "s"])


def test_frames_with_different_labels_are_different_systems(tmp_path) -> None:
    data = labelled.dataset(3).select([0, 0, 0])
    data.virials[1], data.forces[8:16] = np.nan, np.nan
    save(data, tmp_path / "tree", {})
    names = sorted(one.parent.name for one in (tmp_path / "tree").rglob("type.raw"))
    assert len(names) == 2 and names[1].endswith(".no_force.no_virial")
    found = load([tmp_path / "tree"])
    assert np.isnan(found.virials).any(axis=(1, 2)).tolist() == [False, False, True]
    assert np.unique(found.groups).tolist() == ["hot"]
