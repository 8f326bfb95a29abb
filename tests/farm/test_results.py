import fcntl
import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from farm import campaign_rows
from farm.campaign_rows import COLUMNS, open_store, row, values, verify

from hpcpot.errors import OutputError
from hpcpot.farm.results import DONE, FAILED, Column, Results, Store
from hpcpot.storage.content import content_key
from hpcpot.storage.lock import Lock


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.h5"


def fill(path, start, stop, **options):
    with open_store(path, **options) as store:
        store.begin(stop, stop - start)
        store.append([row(x) for x in range(start, stop)])


def test_columns_and_rows_by_key(path):
    fill(path, 0, 30)
    with Results(path) as results:
        assert results.kind == "test" and list(results.columns.items()) == list(COLUMNS.items())
        assert results.read("cell").shape == (27, 3, 3) and results.read("cell").dtype == np.float64
        one = results.row(content_key(6))
        assert one.keys() == COLUMNS.keys() and one["path"].shape == (0, 3, 3) and one["energy"] == 3.0
        with pytest.raises(KeyError):
            results.row(content_key(3))


def test_each_run_says_where_it_began(path):
    for start, stop in ((0, 1), (1, 8), (8, 40)):
        fill(path, start, stop)
    with Results(path) as results:
        assert [run["first_row"] for run in results.provenance()] == [0, 1, 8]
        assert results.provenance()[2]["date"] == "today"


def test_plain_h5py_reads_it(path):
    fill(path, 0, 20)
    with h5py.File(path, "r") as file:
        assert file.attrs["format"] == "hpcpot results" and file["identity/potential"].asstr()[()] == "abc"
        state = file["rows/state"][:]
        assert (state == [FAILED if campaign_rows.is_bad(x) else DONE for x in range(20)]).all()
        assert file["rows/key"]["values"][4].decode() == content_key(4)
        end = file["columns/positions/end"][:]
        np.testing.assert_array_equal(file["columns/positions/values"][end[4] : end[5]], values(5)["positions"])
        assert file["columns/positions/values"].attrs["unit"] == "Angstrom"
        assert np.isnan(file["columns/energy/values"][3])


def test_a_failed_row_done_later_counts_as_done(path):
    fill(path, 0, 10)
    with open_store(path) as store:
        assert store.keys()[content_key(3)] == FAILED
        store.begin(10, 0)
        store.append([(content_key(3), "item 3", values(3))])
        assert store.keys()[content_key(3)] == DONE
    with Results(path) as results:
        assert results.failed() == [] and len(results.keys()) == 10 and results.missing() == 0
        assert results.row(content_key(3))["energy"] == 1.5


def test_missing_counts_items_without_a_row(path):
    with open_store(path) as store:
        store.begin(50, 50)
        store.append([row(x) for x in range(20)])
    with open_store(path) as store:
        store.begin(60, 40)
        store.append([row(x) for x in range(20, 25)])
        store.append([(content_key(3), "item 3", values(3))])  # tried again
    with Results(path) as results:
        assert results.missing() == 35


def test_nothing_is_written_without_rows(path):
    with open_store(path) as store:
        store.begin(5, 5)
        store.append([])
    assert not path.exists()


def test_overwrite_keeps_the_old_file_until_there_are_rows(path):
    fill(path, 0, 10)
    with open_store(path, existing="overwrite") as store:
        assert store.keys() == {}
    with Results(path) as results:
        verify(results, 10)
    fill(path, 0, 4, existing="overwrite")
    with Results(path) as results:
        verify(results, 4)


def test_first_rows_may_all_have_failed(path):
    with open_store(path) as store:
        store.append([row(3), row(13)])
        store.append([row(x) for x in range(30) if x not in (3, 13)])
    with Results(path) as results:
        assert len(results.failed()) == 3 and len(results.keys()) == 27


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"identity": {"potential": "other"}}, "potential"),
        ({"kind": "onsite"}, "kind"),
        ({"columns": {**COLUMNS, "energy": Column((), "float32")}}, "columns"),
        ({"identity": {"potential": "abc", "task": "fmax 0.01"}}, "task"),
    ],
)
def test_another_campaign_is_refused(change, name, path):
    fill(path, 0, 3)
    message = f"results.h5 = results with another {name}: one file holds .*or begin anew with"
    with pytest.raises(OutputError, match=message):
        open_store(path, **change)
    fill(path, 3, 5)  # the lock was given back


def test_newer_files_are_refused(path):
    fill(path, 0, 3)
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 2
    message = "results of version 2, by hpcpot .*reads up to version 1; take a newer hpcpot"
    with pytest.raises(OutputError, match=message):
        Results(path)


def test_unknown_column_is_refused(path):
    fill(path, 0, 3)
    with Results(path) as results, pytest.raises(OutputError, match="no column forces: it has energy, cell, "):
        results.read("forces")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"energy": np.zeros(2)}, r"item 0, energy = array of shape \(2,\): must be \(\)"),
        ({"positions": np.zeros((2, 2))}, r"positions = array of shape \(2, 2\): must be \(None, 3\)"),
        ({"species": np.zeros(2)}, "species = array of float64: must be int32"),
        ({"status": 3}, "status = 3: must be text"),
        ({"extra": 1.0}, "must have the columns energy, cell"),
    ],
)
def test_values_that_do_not_fit_are_a_bug_of_the_task(change, message, path):
    with open_store(path) as store, pytest.raises(ValueError, match=message):
        store.append([(content_key(0), "item 0", {**values(0), **change})])


@pytest.mark.parametrize("existing", ["continue", "overwrite"])
def test_append_after_an_error_goes_on(path, existing, monkeypatch):
    fill(path, 0, 3)
    with open_store(path, existing=existing) as store:
        store.append([row(x) for x in range(3, 6)])
        with monkeypatch.context() as broken:
            broken.setattr("hpcpot.storage.growing.os.fsync", lambda descriptor: os.fdopen(-1))
            with pytest.raises(OutputError, match="cannot write to it"):
                store.append([row(6)])
        store.append([row(x) for x in range(6, 9)])
    with Results(path) as results:
        if existing == "continue":
            verify(results, 9)
        else:
            assert results.labels() == ["item 4", "item 5", "item 6", "item 7", "item 8"]
    assert list(path.parent.iterdir()) == [path], "the lock was given back"


def test_long_and_sparse_ragged_rows(path, monkeypatch):
    """Read in pieces, whatever their size is."""
    fill(path, 0, 60)
    for size in (1, 100, 500):
        monkeypatch.setattr("hpcpot.storage.growing.READ_BYTES", size)
        with Results(path) as results:
            verify(results, 60)


def test_ragged_rows_are_read_together(path, monkeypatch):
    fill(path, 0, 200)
    reads, read = [], h5py.Dataset.__getitem__
    monkeypatch.setattr(h5py.Dataset, "__getitem__", lambda self, at: reads.append(at) or read(self, at))
    with Results(path) as results:
        reads.clear()
        results.read("path")
    assert len(reads) <= 4


def test_one_writer(path):
    with open_store(path) as store:
        store.append([row(0)])
        with pytest.raises(OutputError, match=f"being written by process {os.getpid()} on .*: a file has one writer"):
            open_store(path)
        with Results(path) as results:  # readers are welcome
            verify(results, 1)
        store.append([row(1)])
    fill(path, 2, 3)


def test_a_lock_that_vanishes_while_it_is_looked_at(path, monkeypatch):
    """Another holder removes the file after it was opened, or seen: it is made anew."""
    lock, flock, taken = path.with_name("results.h5.lock"), fcntl.flock, []

    def take(descriptor, operation):
        flock(descriptor, operation)
        taken.append(descriptor)
        if len(taken) == 1:
            lock.unlink()

    monkeypatch.setattr("hpcpot.storage.lock.fcntl.flock", take)
    monkeypatch.setattr(Path, "exists", lambda self: True)
    held = Lock(path)
    assert len(taken) == 2 and lock.read_text().startswith(f"process {os.getpid()}")
    held.release()


def test_a_lock_through_a_link_is_refused(path):
    foreign = path.with_name("precious")
    foreign.write_text("mine")
    path.with_name("results.h5.lock").symlink_to(foreign)
    with pytest.raises(OutputError, match=r"results.h5.lock = cannot create it .*: a link lies there, .*; remove it"):
        Lock(path)
    assert foreign.read_text() == "mine"


def test_content_key_knows_content_and_type():
    assert len(content_key(1)) == 32 and content_key(1, "a") == content_key(1, "a")
    same = [np.arange(3.0), np.arange(6.0)[::2] / 2, np.array([-0.0, 1.0, 2.0])]
    assert len({content_key(array) for array in same}) == 1
    assert content_key({"a": 1, "b": None}) == content_key({"b": None, "a": 1})
    assert content_key(np.float64(0.1)) == content_key(0.1) and content_key((1, 2)) == content_key([1, 2])
    different = [
        1,
        1.0,
        "1",
        True,
        None,
        [1],
        [[1]],
        [1, 1],
        np.array(1),
        np.array([1]),
        np.array([1.0]),
        np.array([1], np.int32),
        {"a": 1},
        [],
        "",
        "a b",
        ["a", "b"],
    ]
    assert len({content_key(part) for part in different}) == len(different)
    with pytest.raises(ValueError, match="content_key = <object .*: must be arrays, text"):
        content_key(object())
    with pytest.raises(ValueError, match="array of objects"):
        content_key(np.array([None, 1], dtype=object))


def test_a_hundred_thousand_rows_are_fast_and_small(path):
    with Store(
        path,
        kind="test",
        columns={"energy": Column(), "forces": Column((None, 3))},
        identity={},
        provenance={},
        expected_rows=100000,
    ) as store:
        began = time.perf_counter()
        forces = np.zeros((2, 3))
        for start in range(0, 100000, 1000):
            store.append([(f"{x:032x}", "", {"energy": x, "forces": forces}) for x in range(start, start + 1000)])
        seconds = time.perf_counter() - began
    assert seconds < 30  # 2 s on an idle machine
    assert path.stat().st_size < 1.2 * 100000 * (32 + 1 + 8 + 8 + 8 + 8 + 48)
    with Results(path) as results:
        assert results.read("energy")[-1] == 99999.0 and len(results.keys()) == 100000
