"""Systems of DeePMD-kit as it and dpdata write them."""

import os

import h5py
import labelled
import numpy as np
import pytest
from ase.data import chemical_symbols

from hpcpot.dataset.files import load, save
from hpcpot.dataset.formats.reading import ReadOptions
from hpcpot.errors import DataError
from hpcpot.notices import InputNotice


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


def test_text_files_of_other_systems(tmp_path) -> None:
    """Marks of UTF-8, line ends of Windows, exponents of Fortran, a blank line."""
    arrays = system(tmp_path / "s", 2, ())
    for name, array in arrays.items():
        np.savetxt(tmp_path / "s" / f"{name}.raw", array.reshape(2, -1))
    for path in (tmp_path / "s").glob("*.raw"):
        text = path.read_text().replace("e+", "D+").replace("e-", "d-") if "type" not in path.name else path.read_text()
        path.write_bytes((text + "\n").replace("\n", "\r\n").encode("utf-8-sig"))
    data = load([tmp_path / "s"])
    assert data.elements == ("Si", "Li")
    np.testing.assert_array_equal(data.forces.ravel(), arrays["force"].ravel())


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("type.raw", "", r"s/type\.raw = empty: the type of each atom is required"),
        ("type.raw", "Li\nLi\nSi\n", r"s/type\.raw = Li: must be a whole number"),
        ("set.000/force.npy", "", r"s/set\.000/force\.npy = cannot be read as array of NumPy"),
        ("set.000/force.npy", "\x93NUMPY", r"s/set\.000/force\.npy = cannot be read as array of NumPy"),
    ],
)
def test_files_that_are_damaged_are_named(tmp_path, name, content, words) -> None:
    system(tmp_path / "s", 2, (2,))
    (tmp_path / "s" / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=words):
        load([tmp_path / "s"])


@pytest.mark.parametrize("n_frames", [1, 2, 4, 6])
@pytest.mark.parametrize("types", ["1\n1\n", "1\n1\n0\n0\n", "1\n"])
@pytest.mark.parametrize("is_text", [True, False])
def test_an_atom_too_few_or_too_many(tmp_path, n_frames, types, is_text) -> None:
    """Three atoms stand there; 18 numbers are two frames of them, not three of two atoms."""
    arrays = system(tmp_path / "s", n_frames, () if is_text else (n_frames,))
    if is_text:
        for name, array in arrays.items():
            np.savetxt(tmp_path / "s" / f"{name}.raw", array.reshape(n_frames, -1))
    (tmp_path / "s" / "type.raw").write_text(types)
    with pytest.raises(DataError, match=rf"coord\.(raw|npy) = .*shape \({n_frames}, 9\)"):
        load([tmp_path / "s"])


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
        ("coord", np.zeros((2, 6)), r"s/set\.000/coord\.npy = float64 of shape \(2, 6\): must be .* \(2, 3, 3\)"),
        ("coord", None, r"s/set\.000/coord\.npy = no such array"),
        ("coord", np.zeros((0, 9)), "s = no frames: at least one is required"),
        ("coord", np.full((2, 9), "x"), r"s/set\.000/coord\.npy = <U1 of shape \(2, 9\): must be numbers"),
        ("energy", np.zeros(1), r"s/set\.000/energy\.npy = float64 of shape \(1,\): must be numbers of shape \(2,\)"),
        ("force", np.zeros((2, 8)), r"s/set\.000/force\.npy = float64 of shape \(2, 8\): .* \(2, 3, 3\)"),
        ("box", None, r"s/set\.000/box\.npy = no such array: .* nopbc"),
        ("box", np.zeros((2, 9)), r"box of frame 0 \(s:0\) = .*: must have a volume; an empty file nopbc says"),
        ("real_atom_types", np.full((2, 3), 0.5), r"s/set\.000/real_atom_types\.npy = numbers with fractions"),
        ("real_atom_types", np.full((2, 3), -2), "s: types -2 to -2 = beyond the names"),
        ("real_atom_types", np.full((2, 3), -1), r"frame 0 \(s:0\) = 0 atoms"),
        ("real_atom_types", np.full((2, 3), np.nan), "numbers with fractions"),
        ("real_atom_types", np.full((2, 3), 1e300), "s: types .* = beyond the names"),
    ],
)
def test_inconsistent_systems_are_refused(tmp_path, name, array, words) -> None:
    system(tmp_path / "s", 2, (2,))
    if name == "real_atom_types":
        np.save(tmp_path / "s" / "set.000" / f"{name}.npy", 0)
    damaged(tmp_path / "s", name, array)
    with pytest.raises(DataError, match=words):
        load([tmp_path / "s"])


def test_virials_of_six_numbers_are_refused(tmp_path) -> None:
    """DeePMD-kit and dpdata shape nine, and fail."""
    system(tmp_path / "s", 2, (2,))
    np.save(tmp_path / "s" / "set.000" / "virial.npy", np.zeros((2, 6)))
    with pytest.raises(
        DataError, match=r"set.000/virial.npy = six numbers a frame \(Voigt\): must be nine, row by row"
    ):
        load([tmp_path / "s"])


def test_types_beyond_the_map(tmp_path) -> None:
    system(tmp_path / "s")
    (tmp_path / "s" / "type.raw").write_text("2\n1\n0\n")
    with pytest.raises(
        DataError, match=r"types 0 to 2 = beyond the names of .*type_map\.raw \(Si Li\): must be 0 to 1"
    ):
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


def test_labels_that_a_set_has_not(tmp_path) -> None:
    """Of sets of two frames the first alone has virials, the second alone has forces."""
    arrays = system(tmp_path / "s", 4, (2, 2))
    (tmp_path / "s" / "set.001" / "virial.npy").unlink()
    (tmp_path / "s" / "set.000" / "force.npy").unlink()
    data = load([tmp_path / "s"])
    assert np.isnan(data.virials).all(axis=(1, 2)).tolist() == [False, False, True, True]
    np.testing.assert_array_equal(data.virials[:2].reshape(2, 9), arrays["virial"][:2])
    assert np.isnan(data.forces[:6]).all() and np.isfinite(data.forces[6:]).all() and np.isfinite(data.energies).all()


def test_a_mixed_set_among_others(tmp_path) -> None:
    system(tmp_path / "s", 4, (2, 2))
    np.save(tmp_path / "s" / "set.001" / "real_atom_types.npy", np.zeros((2, 3), int))
    with pytest.raises(DataError, match=r"set\.000/real_atom_types\.npy = no such array: set\.001 has it"):
        load([tmp_path / "s"])


def test_what_is_not_used_is_named(tmp_path) -> None:
    system(tmp_path / "s", 2, (2,))
    np.savetxt(tmp_path / "s" / "energy.raw", np.zeros(2))
    np.save(tmp_path / "s" / "set.000" / "spin.npy", np.zeros((2, 9)))
    with pytest.warns(InputNotice) as notes:
        load([tmp_path / "s"])
    assert {str(note.message).partition("s: ")[2] for note in notes} == {
        "energy.raw = not used: the frames are those of set.*",
        "spin.npy = not used: hpcpot reads box, coord, energy, force, virial, real_atom_types of a set",
    }


def test_a_map_of_all_elements_makes_a_model_of_two(tmp_path) -> None:
    system(tmp_path / "s")
    (tmp_path / "s" / "type_map.raw").write_text("\n".join([*chemical_symbols[1:], "EP0"]))
    (tmp_path / "s" / "type.raw").write_text("2\n2\n13\n")
    with pytest.warns(InputNotice, match="type_map.raw: EP0 = no symbols of elements: passed over, as no atom is of"):
        data = load([tmp_path / "s"])
    assert data.elements == ("Li", "Si") and data.species.tolist() == [0, 0, 1] * 3


@pytest.mark.parametrize("names", ["li si", "Type_0 Type_1", "EP0 Si", "X Li"])
def test_names_that_are_no_elements(tmp_path, names) -> None:
    system(tmp_path / "s")
    (tmp_path / "s" / "type_map.raw").write_text(names)
    with pytest.raises(DataError, match=r"s: type_map\.raw = .*: must be symbols of elements; .* --elements Li,Si"):
        load([tmp_path / "s"])
    data = load([tmp_path / "s"], ReadOptions(elements=("Si", "Li")))
    assert data.elements == ("Si", "Li") and data.species.tolist() == [1, 1, 0] * 3


def test_elements_that_the_system_names_otherwise(tmp_path) -> None:
    system(tmp_path / "s")
    with pytest.warns(InputNotice, match="s: --elements Li,Si = not used: its type_map.raw names the elements"):
        assert load([tmp_path / "s"], ReadOptions(elements=("Li", "Si"))).elements == ("Si", "Li")


def test_a_header_that_claims_terabytes(tmp_path) -> None:
    system(tmp_path / "s", 2, (2,))
    path = tmp_path / "s" / "set.000" / "force.npy"
    path.write_bytes(
        path.read_bytes().replace(b"(2, 9), ", b"(1" + b"0" * 11 + b", 9), ").replace(b" " * 11 + b"\n", b"\n")
    )
    with pytest.raises(DataError, match=r"s/set\.000/force\.npy = cannot be read as array of NumPy"):
        load([tmp_path / "s"])


def test_links_are_followed_once(tmp_path) -> None:
    for name in ("here/a", "away/b", "away/c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        system(tmp_path / name)
    os.symlink(tmp_path / "away" / "b", tmp_path / "here" / "b")
    assert len(load([tmp_path / "here"])) == 6
    os.symlink(tmp_path / "away", tmp_path / "here" / "deeper")
    os.symlink(tmp_path / "here", tmp_path / "away" / "circle")
    os.symlink(tmp_path / "nowhere", tmp_path / "here" / "lost")
    with pytest.warns(InputNotice) as notes:
        data = load([tmp_path / "here"])
    assert sorted({source.partition(":")[0] for source in data.sources}) == ["here/a", "here/b", "here/deeper/c"]
    assert sorted(str(note.message).rpartition("here/")[2] for note in notes) == [
        "deeper/b = a link to a folder that was read already: not read again",
        "deeper/circle = a link to a folder that was read already: not read again",
        "lost = a link to nothing: not read",
    ]


def in_hdf5(group, arrays, mapped: bool = True) -> None:
    group["type.raw"] = np.array([1, 1, 0])
    if mapped:
        group.create_dataset("type_map.raw", data=np.array(["Si", "Li"], "S"))
    for name, values in arrays.items():
        group[f"set.000/{name}.npy"] = values.astype(np.float32)


def test_systems_in_an_hdf5_file(tmp_path) -> None:
    arrays = system(tmp_path / "s", 3, (3,))
    with h5py.File(tmp_path / "all.hdf5", "w") as file:
        in_hdf5(file.create_group("hot/Li2Si1"), arrays)
        in_hdf5(file.create_group("cold/Li2Si1"), {name: arrays[name][:1] for name in ("coord", "energy")})
        file["cold/Li2Si1/nopbc"] = True
    path = tmp_path / "all.hdf5"
    data = load([path])
    assert data.elements == ("Si", "Li") and data.groups.tolist() == ["cold"] + ["hot"] * 3
    assert data.sources.tolist()[:2] == ["all.hdf5#cold/Li2Si1:0", "all.hdf5#hot/Li2Si1:0"]
    assert data.periodic.all(axis=1).tolist() == [False, True, True, True]
    np.testing.assert_allclose(data.forces[3:].ravel(), arrays["force"].ravel(), rtol=1e-6)
    assert np.isnan(data.forces[:3]).all() and np.isnan(data.virials[0]).all()
    for name in ("hot/Li2Si1", "/hot/Li2Si1", "hot"):
        labelled.assert_same(load([f"{path}#{name}"]), data.select([1, 2, 3]))
    with pytest.raises(DataError, match=r"all\.hdf5#warm = no system warm: must be one of cold/Li2Si1, hot/Li2Si1"):
        load([f"{path}#warm"])
    assert len(load([tmp_path])) == 3 + 4


def test_a_single_system_in_an_hdf5_file(tmp_path) -> None:
    arrays = system(tmp_path / "s", 3, (3,))
    with h5py.File(tmp_path / "one.h5", "w") as file:
        in_hdf5(file, arrays, mapped=False)
    with pytest.raises(DataError, match=r"one\.h5# = no type_map\.raw: .* --elements Li,Si"):
        load([tmp_path / "one.h5"])
    data = load([f"{tmp_path / 'one.h5'}#"], ReadOptions(elements=("Si", "Li")))
    assert data.groups.tolist() == ["one"] * 3 and len(data) == 3
