"""Campaigns: missing items are computed once, whatever happened before. Most tests have a plain loop for a pool."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import farm_tasks
import pytest
from repository import PYTHONPATH

from hpcpot.errors import FarmError, OutputError, StructureError
from hpcpot.farm.campaign import complete
from hpcpot.farm.item import Item, outcomes
from hpcpot.farm.results import Column, Results, Store
from hpcpot.farm.task import Task
from hpcpot.parallel import launch
from hpcpot.parallel.stop import STOPPED
from hpcpot.progress import Progress
from hpcpot.storage.content import content_key

SECONDS = 240
"""Time limit of what takes five on an idle machine."""
COLUMNS = {"value": Column(), "ragged": Column((None,)), "pid": Column((), "int64")}


class Loop:
    """A pool that computes where it stands, and can break down."""

    n_workers = 1

    def __init__(self, most=10**9):
        self.tried, self.most = [], most

    def run(self, compute, items, *, batched, total, stop):
        for item in items:
            if stop():
                return
            if len(self.tried) == self.most:
                raise FarmError("the scheduler went away")
            self.tried.append(item.input)
            yield item.key, dict(outcomes(compute, [item.input], batched))[0]


def squares(path, items, compute=farm_tasks.square_unless_odd_ten):
    return Task(kind="square", results=path, items=items, columns=COLUMNS, compute=compute, identity={})


def campaign(path, items, pool=None, stop=lambda: False, compute=farm_tasks.square_unless_odd_ten, **options):
    pool = pool or Loop()
    code, keys = complete(squares(path, items, compute), pool, stop, **options)
    assert keys == list(dict.fromkeys(item.key for item in items))
    return code, getattr(pool, "tried", None)


def items(inputs):
    return [Item(content_key(x), x, f"x = {x}") for x in inputs]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "squares.h5"


def test_only_what_is_missing_is_done(path, capsys):
    assert campaign(path, items(range(10))) == (0, list(range(10)))
    assert campaign(path, items(range(15))) == (1, [10, 11, 12, 13, 14])
    text = capsys.readouterr()
    assert "15 different items, 10 of them stored already" in text.out
    assert "14 of 15 done, 1 failed (1 ValueError now), 0 missing" in text.out
    assert "1 item failed: `hpcpot results squares.h5` says why" in text.err
    with Results(path) as results:
        assert results.keys() == [content_key(x) for x in range(15) if x != 11]
        assert [(label, failure.message) for _, label, failure in results.failed()] == [("x = 11", "11 is odd")]


def test_failed_items_are_tried_again_when_asked(path, capsys):
    campaign(path, items(range(9, 14)))
    assert campaign(path, items(range(9, 14))) == (1, [])
    assert "4 of 5 done, 1 failed, 0 missing" in capsys.readouterr().out.splitlines()[-1]
    assert campaign(path, items(range(9, 14)), retry_failed=True) == (1, [11])
    assert campaign(path, items(range(9, 14)), retry_failed=True, compute=farm_tasks.square) == (0, [11])


def test_items_may_be_a_lazy_sequence(path):
    """Looked at one by one, and drawn again where they are computed."""

    class Lazy(Sequence):
        drawn = 0

        def __len__(self):
            return 5

        def __getitem__(self, position):
            if not 0 <= position < 5:
                raise IndexError(position)
            self.drawn += 1
            return Item(content_key(position), position)

    lazy = Lazy()
    assert complete(squares(path, lazy), Loop()) == (0, [content_key(x) for x in range(5)]) and lazy.drawn == 10
    assert complete(squares(path, lazy), Loop())[0] == 0 and lazy.drawn == 15


def test_an_input_that_is_an_error_fails_with_it(path):
    broken = Item("b", StructureError("volume = 0: must be > 0; give another."), "x = 7")
    assert campaign(path, [*items(range(3)), broken]) == (1, [0, 1, 2, broken.input])
    with Results(path) as results:
        (_, label, failure), *others = results.failed()
    assert not others and label == "x = 7" and (failure.kind, failure.message[:10]) == ("StructureError", "volume = 0")


def test_equal_items_are_done_once(path, capsys):
    assert campaign(path, items([1, 2, 1, 1, 3])) == (0, [1, 2, 3])
    assert "3 different items" in capsys.readouterr().out


def test_stop_keeps_what_is_done(path, capsys):
    farm = Loop()
    code, tried = campaign(path, items(range(10)), farm, stop=lambda: len(farm.tried) == 4)
    assert code == STOPPED and tried == [0, 1, 2, 3]
    assert "stopped by a signal; the same command does what is missing" in capsys.readouterr().out
    assert campaign(path, items(range(10))) == (0, [4, 5, 6, 7, 8, 9])


def test_breakdown_keeps_what_is_done(path):
    with pytest.raises(FarmError):
        campaign(path, items(range(10)), Loop(most=3))
    assert campaign(path, items(range(10))) == (0, list(range(3, 10)))


class Refusing(Store):
    """Its disk is full the second time."""

    appends = 0

    def append(self, rows):
        self.appends += 1
        if self.appends == 2:
            self._abandon()
            raise OutputError("squares.h5 = cannot write to it")
        super().append(rows)


def test_an_error_of_the_disk_drops_nothing(path, monkeypatch):
    """Rows stay with the collector until they are stored; the end of the run tries again."""
    monkeypatch.setattr("hpcpot.farm.campaign.STORE_ROWS", 4)
    monkeypatch.setattr("hpcpot.farm.campaign.Store", Refusing)
    with pytest.raises(OutputError):
        campaign(path, items(range(10)), compute=farm_tasks.square)
    with Results(path) as results:
        assert results.keys() == [content_key(x) for x in range(8)] and len(results.provenance()) == 1


def test_values_that_do_not_fit_fail_alone(path):
    code, _ = campaign(path, items(range(6)), compute=lambda x: {"other": x} if x == 2 else farm_tasks.square(x))
    assert code == 1
    with Results(path) as results:
        assert len(results.keys()) == 5
        assert "must have the columns value, ragged, pid" in results.failed()[0][2].message


def test_progress_line(capsys):
    progress = Progress(1000)
    for k in range(250):
        progress.count(failed=k < 3)
    assert progress.line(2, progress.began + 50.0) == (
        "250/1000 items (25.0 %), 3 failed, 5 items/s, 2 workers, ETA 02:30"
    )
    progress.show(2)
    assert capsys.readouterr().out == "", "a log has a line a minute"
    progress.show(1, now=True)
    assert "250/1000 items" in capsys.readouterr().out
    nobody = "no workers yet (jobs wait, or ended at once: see the queue and their logs)"
    assert Progress(10).line(0, 1e9).endswith(f"0 items/s, {nobody}, ETA -")


def test_progress_on_a_terminal_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("hpcpot.progress.TERMINAL_SECONDS", 0.0)
    progress = Progress(4)
    for _ in range(4):
        progress.count(failed=False)
        progress.show(2)
    progress.end(2)
    text = capsys.readouterr().out
    assert text.count("\n") == 1 and text.endswith("\n")
    assert [part.split()[1] for part in text.split("\r\033[K")[1:]] == ["1/4", "2/4", "3/4", "4/4", "4/4"]


def test_a_log_has_a_line_a_minute(capsys, monkeypatch):
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr("hpcpot.progress.monotonic", lambda: float(next(clock)))
    progress = Progress(100)
    for _ in range(30):
        progress.count(failed=False)
        progress.show(2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10 and lines[0].startswith("3/100 items (3.0 %), 0 failed, 0.05 items/s, 2 workers, ETA 32:20")


COMMAND = """
import sys
from pathlib import Path
import farm_tasks
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.pool import WorkerPool
from hpcpot.parallel.stop import StopRequest
from farm.test_campaign import campaign, items
if __name__ == "__main__":
    stop = StopRequest()
    with WorkerPool(farm_settings.defaults(workers=2, chunk=10)) as pool:
        path, count, compute = sys.argv[1:]
        sys.exit(campaign(Path(path), items(range(int(count))), pool, stop, getattr(farm_tasks, compute))[0])
"""


def start(path, count, compute):
    environment = {**launch.environment(os.environ), "PYTHONPATH": PYTHONPATH}
    script = path.with_name("command.py")  # a file: workers start from it
    script.write_text(COMMAND)
    return subprocess.Popen(
        [sys.executable, "-u", script, path, str(count), compute],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def assert_gone(pids):
    """Workers end with their client."""
    deadline = time.monotonic() + SECONDS
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def end_after_new_rows(path, process, sent):
    """Wait until the run has stored rows, send the signal to all its processes, as Ctrl-C does; its exit code."""
    output = []
    for line in process.stdout:
        output.append(line)
        if "stored already" in line:
            break
    size = path.stat().st_mtime_ns if path.exists() else 0
    while not path.exists() or path.stat().st_mtime_ns == size:
        assert process.poll() is None, output
        time.sleep(0.02)
    if sent == signal.SIGKILL:
        process.kill()  # the client alone
    else:
        os.killpg(process.pid, sent)
    output.append(process.communicate(timeout=SECONDS)[0])
    return process.returncode, "".join(output)


@pytest.mark.parametrize(("count", "compute"), [(3000, "slow_square"), (32, "slower_square")])
def test_killed_and_stopped_campaign_ends_with_each_result_once(path, count, compute):
    """On Dask, and in processes that are forked for few items."""
    stored = 0
    for sent, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, STOPPED), (signal.SIGINT, STOPPED)):
        found, output = end_after_new_rows(path, start(path, count, compute), sent)
        assert found == code, output
        assert f"{count} different items, {stored} of them stored already" in output
        assert "Traceback" not in output
        with Results(path) as results:
            assert stored < len(results.keys()) < count
            stored = len(results.keys())
            assert_gone(set(results.read("pid")))
    assert "stopped by a signal; the same command does what is missing" in output
    process = start(path, count, "square")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    with Results(path) as results:
        assert sorted(results.read("value")) == [float(x) ** 2 for x in range(count)] and results.failed() == []
        assert len(results._keys) == count, "no row was written twice"
