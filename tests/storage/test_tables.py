import h5py
import numpy as np
import pytest

from hpcpot.errors import OutputError
from hpcpot.storage.tables import Tables, read_csv, write_csv, write_rows

COLUMNS = {"strain": np.array([0.0, 1 / 3]), "count": np.array([1, 2]), "name": np.array(["a", "b"])}


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "analysis.h5"
    with Tables(path, {"commit": "abc", "ranks": 2}) as tables:
        tables.add("numbers", COLUMNS)
        tables.reserve("atoms/shear", (3, 4), "f4", "Angstrom2")
        tables.set("atoms/shear", 1, np.arange(4.0))
        np.testing.assert_array_equal(tables.all("atoms/shear")[1], np.arange(4.0))
        assert not path.exists()
        tables.commit()
    with h5py.File(path) as file:
        assert file["provenance/ranks"][()] == 2 and file["numbers/strain"][1] == 1 / 3
        assert file["numbers/name"].asstr()[:].tolist() == ["a", "b"]
        assert file["atoms/shear"].attrs["unit"] == "Angstrom2"
    assert [one.name for one in tmp_path.iterdir()] == ["analysis.h5"]


def test_an_error_leaves_nothing_and_spares_the_old(tmp_path):
    path = tmp_path / "analysis.h5"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), Tables(path, {}) as tables:
        tables.add("numbers", COLUMNS)
        raise ZeroDivisionError
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match="No such file or directory"):
        Tables(tmp_path / "absent" / "analysis.h5", {})
    with pytest.raises(OutputError, match=r"table.csv = cannot be written \(No such file"):
        write_csv(tmp_path / "absent" / "table.csv", COLUMNS)


def test_a_table_that_breaks_off_spares_the_old(tmp_path):
    path = tmp_path / "table.csv"
    write_csv(path, COLUMNS)
    old = path.read_text()
    with pytest.raises(ZeroDivisionError):
        write_rows(path, ["x"], ([1 / x] for x in (1, 0)))
    assert path.read_text() == old and list(tmp_path.iterdir()) == [path]


def test_csv_reads_back_exactly(tmp_path):
    path = tmp_path / "table.csv"
    write_csv(path, {"strain": COLUMNS["strain"], "stress_GPa": np.array([-3.0, np.pi])})
    assert path.read_text().splitlines()[0] == "strain,stress_GPa"
    np.testing.assert_array_equal(read_csv(path, 2), [[0.0, -3.0], [1 / 3, np.pi]])


def test_csv_of_others(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("# digitised\nstrain, stress\n .1, 2, note\n\n-0.2,1e-3\n")
    np.testing.assert_array_equal(read_csv(path, 2), [[0.1, 2.0], [-0.2, 1e-3]])
    path.write_text("0.1, two\n")
    with pytest.raises(OutputError, match=r"points.csv = line 1, '0.1, two': must have 2 numbers, comma between"):
        read_csv(path, 2)
    path.write_text("strain, stress\n")
    with pytest.raises(OutputError, match="points.csv = no line of numbers: must have 2 a line"):
        read_csv(path, 2)
