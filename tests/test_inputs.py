import gzip
from pathlib import Path

import pytest

from hpcpot import data, inputs
from hpcpot.errors import DataError, ModelError


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The folder of a config, and the current one."""
    for name in ("config", "here", "shipped"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(data, "FOLDER", tmp_path / "shipped")
    (tmp_path / "shipped" / "demo.h5").touch()
    return tmp_path / "config", tmp_path / "here"


def test_beside_the_config_then_here_then_shipped(folders):
    config, here = folders
    assert inputs.find("absent", config) is None
    assert inputs.find("demo", config) == inputs.find("demo.h5", config) == data.FOLDER / "demo.h5"
    (here / "demo").touch()
    assert inputs.find("demo", config) == Path("demo")
    (config / "demo").touch()
    assert inputs.find("demo", config) == config / "demo"
    assert inputs.find(here / "demo", config) == here / "demo"


def test_folders_only_where_they_are_wanted(folders):
    config, _ = folders
    (config / "systems").mkdir()
    assert inputs.find("systems", config) is None and inputs.find_all("systems", config) == []
    assert inputs.find("systems", config, or_folder=True) == config / "systems"
    (config / "demo").mkdir()
    assert inputs.find("demo", config) == data.FOLDER / "demo.h5"


def test_home(folders, monkeypatch):
    config, here = folders
    monkeypatch.setenv("HOME", str(config))
    (config / "a.xyz").touch()
    assert inputs.find("~/a.xyz", here) == config / "a.xyz"
    assert inputs.find_all("~/*.xyz", here) == [config / "a.xyz"]


def test_patterns(folders):
    config, here = folders
    (here / "b1.xyz").touch()
    assert inputs.find_all("b*.xyz", config) == [Path("b1.xyz")]
    for name in ("b3.xyz", "b2.xyz", "b.txt", "demo[1].xyz"):
        (config / name).touch()
    (config / "b4.xyz").mkdir()
    assert inputs.find_all("b*.xyz", config) == [config / "b2.xyz", config / "b3.xyz"]
    assert inputs.find_all("b[34].xyz", config, or_folder=True) == [config / "b3.xyz", config / "b4.xyz"]
    assert inputs.find_all("demo[1].xyz", config) == [config / "demo[1].xyz"]
    assert inputs.find_all("demo", config) == [data.FOLDER / "demo.h5"]
    assert inputs.find_all("c*", config) == []


def test_errors_of_reading_name_the_file(tmp_path):
    path = tmp_path / "a.nn"
    with pytest.raises(ModelError) as refusal, inputs.reading(path, "aenet network", ModelError):
        path.read_text()
    text = "cannot be opened (No such file or directory): aenet network is required; check the path."
    assert str(refusal.value) == f"{path} = {text}"
    with pytest.raises(DataError) as refusal, inputs.reading(path, "table", DataError):
        float("three\nlines")
    text = "cannot be read as table (could not convert string to float: 'three\\nlines'): a whole file of that kind is "
    text += "required;"
    assert str(refusal.value) == f"{path} = {text} check what wrote it, and whether all of it was copied."
    with (
        pytest.raises(DataError, match=r"= cannot be read as table: a whole"),
        inputs.reading(path, "table", DataError),
    ):
        raise TypeError("unsupported operand type(s) for +")  # whose words are about the code, not about the file
    with pytest.raises(DataError, match="no elements"), inputs.reading(path, "table", ModelError):
        raise DataError("no elements")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_marks_of_encodings(tmp_path, encoding):
    text = "4\nÅ\n"
    content = (text if encoding != "utf-16-le" else "\ufeff" + text).encode(encoding)
    for name, pack in (("a.txt", bytes), ("a.txt.gz", gzip.compress)):
        (tmp_path / name).write_bytes(pack(content))
        with inputs.open_text(tmp_path / name) as file:
            assert file.read() == text
