"""Checks that every store of rows passes: a row counts once it is marked, whatever ends the process that writes it."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

import h5py
import pytest
from conformance.stores import STORES, StoreKind
from repository import PYTHONPATH

from hpcpot.errors import OutputError


@pytest.fixture(params=STORES, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> StoreKind:
    return request.param


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.h5"


def write(kind: StoreKind, path: Path, first: int, stop: int, existing: str = "continue") -> None:
    with kind.open(path, existing) as store:
        kind.append(store, first, stop)


def test_rows_come_back(kind: StoreKind, path: Path) -> None:
    write(kind, path, 0, 30)
    assert kind.verify(path) == 30
    assert list(path.parent.iterdir()) == [path], "neither lock nor unfinished file is left"


def test_a_file_is_continued_where_it_ends(kind: StoreKind, path: Path) -> None:
    for first, stop in ((0, 1), (1, 8), (8, 40)):
        write(kind, path, first, stop)
        assert kind.verify(path) == stop


def test_a_file_in_use_shows_the_committed_rows(kind: StoreKind, path: Path) -> None:
    with kind.open(path) as store:
        for k in range(8):
            kind.append(store, k, k + 1)
            assert kind.verify(path) == k + 1


def test_a_row_without_mark_does_not_count_and_is_written_over(kind: StoreKind, path: Path) -> None:
    write(kind, path, 0, 13)
    kind.unmark(path)
    assert kind.verify(path) == 12
    write(kind, path, 12, 15)
    assert kind.verify(path) == 15


def test_overwriting_replaces_the_file(kind: StoreKind, path: Path) -> None:
    write(kind, path, 0, 20)
    write(kind, path, 0, 4, "overwrite")
    assert kind.verify(path) == 4


def test_rows_of_another_origin_are_refused(kind: StoreKind, path: Path) -> None:
    write(kind, path, 0, 5)
    before = path.read_bytes()
    with pytest.raises(OutputError, match="rows.h5 = "):
        kind.open_as_another(path)
    assert path.read_bytes() == before
    write(kind, path, 5, 7)
    assert kind.verify(path) == 7


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("foreign", r"rows.h5 = no (results file|trajectory of hpcpot).*give another path"),
        ("text", r"rows.h5 = cannot (read|open) it .*: it is no HDF5 file; give another path"),
        ("cut", r"rows.h5 = cannot (read|open) it .*: it ends too early; take an older copy, or make it anew"),
    ],
)
def test_damaged_and_foreign_files_are_refused(kind: StoreKind, path: Path, damage: str, message: str) -> None:
    if damage == "foreign":
        with h5py.File(path, "w") as file:
            file["x"] = 1
    elif damage == "text":
        path.write_text("no HDF5\n" * 100)
    else:
        write(kind, path, 0, 13)
        path.write_bytes(path.read_bytes()[:5000])
    before = path.read_bytes()
    for use in (kind.verify, kind.open):
        with pytest.raises(OutputError, match=message):
            use(path)
    assert path.read_bytes() == before


def test_a_path_that_cannot_be_used_is_refused(kind: StoreKind, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot read it \(No such file or directory\): the path must exist"):
        kind.verify(tmp_path / "absent.h5")
    with pytest.raises(OutputError, match=r"No such file or directory\): the path must exist; make its folder"):
        kind.open(tmp_path / "absent" / "rows.h5")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"Not a directory\): a folder of the path is a file; give another path"):
        kind.open(tmp_path / "file" / "rows.h5")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder = .*(Is a directory|exists: .*remove the folder)"):
        write(kind, tmp_path / "folder", 0, 1, "overwrite")


def test_a_full_disk_keeps_the_committed_rows(kind: StoreKind, path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with kind.open(path) as store:
        kind.append(store, 0, 5)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10_000, hard))
        try:
            with pytest.raises(OutputError, match="rows.h5 = cannot write .*to it .*too large.*ulimit"):
                for first in range(5, 20_000, 50):
                    kind.append(store, first, first + 50)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    count = kind.verify(path)
    assert count >= 5
    write(kind, path, count, count + 5)
    assert kind.verify(path) == count + 5


def killed(kind: StoreKind, path: Path, first: int, chance: random.Random) -> int:
    """Kill the writer at a random moment; how many rows count then, which are all that it said to be committed."""
    writer = subprocess.Popen(
        kind.writer(path, first), env=os.environ | {"PYTHONPATH": PYTHONPATH}, text=True, stdout=subprocess.PIPE
    )
    line = writer.stdout.readline()
    while not re.match(r"step|stored", line):
        assert line, "the writer ended before its first row"
        line = writer.stdout.readline()
    time.sleep(chance.uniform(0.0, 0.2))
    writer.send_signal(signal.SIGKILL)
    said = 0
    for printed in (line, *writer.communicate(timeout=60)[0].splitlines()):
        if match := re.fullmatch(r"(step|stored) (\d+)\s*", printed):
            said = int(match[2]) + (match[1] == "step")  # the number of the row, or of rows
    count = kind.verify(path)
    assert said <= count <= said + kind.at_once
    return count


def test_killed_again_and_again_and_finished(kind: StoreKind, path: Path) -> None:
    chance, count = random.Random(1), 0
    for _ in range(4):
        before, count = count, killed(kind, path, count, chance)
        assert count > before
    write(kind, path, count, count + 10)
    assert kind.verify(path) == count + 10


@pytest.mark.slow
def test_40_kills(kind: StoreKind, path: Path) -> None:
    chance = random.Random(2)
    for _ in range(40):
        killed(kind, path, 0, chance)
        path.unlink()
