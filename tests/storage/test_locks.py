"""Files on file systems that have no locks, or that another program holds locked, are read all the same."""

import ast
import fcntl
import os
import subprocess
import sys

import pytest
from model_files import DATA
from repository import REPOSITORY

from hpcpot import data
from hpcpot.dataset.files import load as load_data
from hpcpot.potential.files import load

NATIVE = DATA / "dp" / "small_oneside.dp"


def test_no_file_is_opened_with_locks():
    for path in sorted((REPOSITORY / "hpcpot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "h5py.File":
                keywords = {keyword.arg: keyword.value for keyword in node.keywords}
                is_plain = "driver" in keywords or None in keywords
                assert is_plain or ast.unparse(keywords["locking"]) == "False", f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", [data.find("lisi.h5"), NATIVE], ids=lambda path: path.name)
def test_a_locked_model_is_read(path, tmp_path):
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    with copy.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert load(copy).elements == ("Li", "Si")


def test_a_locked_data_set_is_read(tmp_path):
    copy = tmp_path / "frames.h5"
    copy.write_bytes(data.find("lisi_training.h5").read_bytes())
    with copy.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert len(load_data([copy])) == len(load_data(["lisi_training"]))


def test_a_lock_that_the_user_demands_is_told_from_damage(tmp_path):
    copy = tmp_path / NATIVE.name
    copy.write_bytes(NATIVE.read_bytes())
    with copy.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = subprocess.run(
            [sys.executable, "-m", "hpcpot", "convert", str(copy), "-o", str(tmp_path / "a.h5")],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"HDF5_USE_FILE_LOCKING": "TRUE"},
        )
    assert done.returncode == 1 and "cannot be locked: its file system has no locks" in done.stderr
    assert "damaged" not in done.stderr and "HDF5_USE_FILE_LOCKING=FALSE" in done.stderr
