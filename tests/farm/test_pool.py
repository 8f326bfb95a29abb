"""The farm on local workers of Dask, which all tests here share; they take a second or two to start."""

import os
import signal
import subprocess
import sys
from collections import Counter
from functools import partial
from math import ceil
from time import monotonic, sleep

import farm_tasks
import pytest
from repository import PYTHONPATH

from hpcpot.errors import FarmError
from hpcpot.farm import security
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.item import Failure, Item
from hpcpot.farm.pool import ItemChunk, WorkerPool
from hpcpot.notices import InputNotice

pytest.importorskip("distributed", reason="pip install 'hpcpot[farm]'")


@pytest.fixture(scope="module")
def farm():
    with WorkerPool(farm_settings.defaults(workers=2, chunk=5)) as farm:
        yield farm


@pytest.fixture(autouse=True)
def _dask(monkeypatch):
    """Also for few items, which `test_forked` is about."""
    monkeypatch.setattr("hpcpot.farm.forked.ITEMS_EACH", 0)


def items(n):
    return [Item(f"key {x}", x, f"item {x}") for x in range(n)]


def run(farm, task, n, **options):
    """Outcomes by input; each item has come once."""
    found = list(farm.run(task, items(n), total=n, **options))
    assert Counter(key for key, _ in found) == Counter(f"key {x}" for x in range(n))
    return {int(key.split()[1]): outcome for key, outcome in found}


def values(outcomes):
    return {x: (outcome["value"], outcome["ragged"].tolist()) for x, outcome in outcomes.items()}


def failures(outcomes):
    return {x: outcome.kind for x, outcome in outcomes.items() if isinstance(outcome, Failure)}


def expected(n):
    return values({x: farm_tasks.square(x) for x in range(n)})


def test_it_does_what_a_loop_does(farm):
    found = run(farm, farm_tasks.square, 100)
    assert values(found) == expected(100)
    assert len({outcome["pid"] for outcome in found.values()} - {os.getpid()}) == 2, "two workers, neither of them here"


@pytest.mark.parametrize("task", [farm_tasks.square_with_note, farm_tasks.square_with_note_unless_seven])
def test_notes_of_workers_and_of_their_processes_are_given_here(farm, task):
    with pytest.warns(InputNotice, match="squared, though cubes are meant") as given:
        found = run(farm, task, 10)
    where = {note.message.where for note in given if isinstance(note.message, InputNotice)}
    assert where == {f"item {x}" for x in range(10) if not isinstance(found[x], Failure)} and len(where) >= 9


def test_no_more_workers_than_items():
    with WorkerPool(farm_settings.defaults(workers=3, chunk=5)) as farm:
        assert values(run(farm, farm_tasks.square, 1)) == expected(1)
        assert len(farm._addresses()) == 1
        assert values(run(farm, farm_tasks.square, 20)) == expected(20)
        deadline = monotonic() + 60
        while len(farm._addresses()) < 3:
            assert monotonic() < deadline, "more items want more workers"
            sleep(0.1)


def test_bad_items_fail_alone(farm):
    found = run(farm, farm_tasks.square_unless_bad, 60)
    assert failures(found) == {
        7: "WorkerDied",
        31: "WorkerDied",
        **dict.fromkeys((13, 23, 33, 43, 53), "StructureError"),
    }
    assert found[13].message == "x = 13: must not end in 3; take another."
    assert "raise StructureError" in found[13].traceback
    assert found[7].message == "the process that computed this item ended with exit code 3"
    assert found[31].message == "the process that computed this item was killed by SIGSEGV" and found[31].host
    done = {x: outcome for x, outcome in found.items() if x not in failures(found)}
    assert values(done) == {x: value for x, value in expected(60).items() if x in done}


def test_bad_items_of_batches_fail_alone(farm):
    found = run(farm, farm_tasks.squares_of_many, 30, batched=True)
    assert failures(found) == {5: "ValueError", 9: "WorkerDied", 20: "FloatingPointError", 21: "FloatingPointError"}
    assert values({x: found[x] for x in (0, 8, 10, 22)}) == {x: expected(30)[x] for x in (0, 8, 10, 22)}


def test_killed_worker_loses_nothing(farm):
    found, killed = {}, None
    for key, outcome in farm.run(farm_tasks.slow_square, items(200), total=200):
        assert key not in found
        found[key] = outcome
        if len(found) == 50:
            killed = outcome["pid"]
            os.kill(killed, signal.SIGKILL)
    outcomes = {int(key.split()[1]): outcome for key, outcome in found.items()}
    assert values(outcomes) == expected(200)
    pids, tries = {outcome["pid"] for outcome in outcomes.values()}, 0
    while len(pids) < 3 and (tries := tries + 1) < 100:  # a new worker takes seconds to start, more on a busy machine
        pids |= {outcome["pid"] for _, outcome in farm.run(farm_tasks.slow_square, items(50), total=50)}
    assert len(pids) == 3, "the killed worker was replaced"


def test_window_is_bounded(farm):
    drawn = 0

    def draw():
        nonlocal drawn
        for item in items(400):
            drawn += 1
            yield item

    for done, _ in enumerate(farm.run(farm_tasks.square, draw())):
        assert drawn <= ceil((done + 1) / 5) * 5 + 2 * 2 * 5
    assert done == 399


def test_stop_ends_it_and_the_farm_goes_on(farm):
    found = []
    for outcome in farm.run(farm_tasks.slow_square, items(10000), total=10000, stop=lambda: len(found) >= 20):
        found.append(outcome)  # noqa: PERF402  (stop looks at it meanwhile)
    assert 20 <= len(found) < 200
    assert values(run(farm, farm_tasks.square, 10)) == expected(10)


def test_workers_have_one_thread_and_leave_ctrl_c_to_the_client(farm):
    found = run(farm, farm_tasks.surroundings, 2)
    assert found[0]["threads"] == "1 1 1 1"
    assert found[0]["ignores_sigint"] == 1
    assert found[0]["profiled"] == 0  # the profiler frees objects of h5py in a second thread


def test_each_gpu_worker_sees_one_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    with WorkerPool(farm_settings.defaults(device="gpu", chunk=1)) as farm:
        found = run(farm, farm_tasks.surroundings, 8)
    assert {outcome["gpu"] for outcome in found.values()} == {"3", "5"}


def test_nothing_to_do_starts_nothing():
    with WorkerPool(farm_settings.defaults(cluster="slurm")) as idle:
        assert list(idle.run(farm_tasks.square, [])) == []
        assert idle.n_workers == 0


def test_task_that_workers_cannot_load_is_an_error_of_the_run(farm):
    message = "farm.cluster = local: a worker could not take a chunk of 5 items .ModuleNotFoundError: no such module"
    with pytest.raises(FarmError, match=message):
        list(farm.run(farm_tasks.Unloadable(), items(10)))
    assert values(run(farm, farm_tasks.square, 10)) == expected(10)


@pytest.mark.parametrize(
    ("task", "first"),
    [(farm_tasks.square_without_model, 5), (farm_tasks.squares_without_model, 5), (farm_tasks.square_without_model, 4)],
)
def test_what_no_item_can_do_without_is_an_error_of_the_run(farm, task, first):
    """Also in a process of its own, where the items after 4 come to be."""
    wanted = [Item(f"key {x}", x) for x in range(first, first + 10)]
    with pytest.raises(FarmError, match="^potential = lisi.h5: cannot be loaded on node3"):
        list(farm.run(task, wanted, batched=task is farm_tasks.squares_without_model))
    assert values(run(farm, farm_tasks.square, 10)) == expected(10)


@pytest.mark.parametrize(("times", "done"), [(1, True), (10**6, False)])
def test_worker_that_starts_no_processes_is_a_failed_worker(farm, tmp_path, monkeypatch, times, done):
    """Its chunk goes to another one, as often as farm.retries says; then the items have failed, and the run goes on."""
    monkeypatch.setattr("hpcpot.farm.pool.ItemChunk", partial(ItemChunk, isolated=True))
    run(farm, farm_tasks.square, 1)
    farm._client.run(farm_tasks.replace_isolation, str(tmp_path / "refusals"), times)
    try:
        found = run(farm, farm_tasks.square, 10)
    finally:
        farm._client.run(farm_tasks.restore_isolation)
    assert (tmp_path / "refusals").stat().st_size in ((1, 2) if done else (4,)), "two chunks, each tried twice"
    if done:
        assert values(found) == expected(10)
    else:
        assert failures(found) == dict.fromkeys(range(10), "WorkerDied")
        assert "starts no process for it: [Errno 28] No space left on device" in found[3].message


def test_joins_a_scheduler_that_runs():
    with WorkerPool(farm_settings.defaults(workers=2, chunk=5, unencrypted=True)) as farm:
        run(farm, farm_tasks.square, 2)
        address = farm._cluster.scheduler_address
        with WorkerPool(farm_settings.defaults(cluster=address, chunk=5, unencrypted=True)) as joined:
            assert values(run(joined, farm_tasks.square_slowly_at_first, 40)) == expected(40)
            assert joined.n_workers == 2
        assert values(run(farm, farm_tasks.square, 10)) == expected(10), "leaving it does not end it"


SCHEDULER = """
import signal
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    print(cluster.scheduler_address, flush=True)
    signal.pause()
"""


def test_a_scheduler_that_goes_away_is_an_error(tmp_path):
    script = tmp_path / "scheduler.py"  # a file: its worker starts from it
    script.write_text(SCHEDULER)
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH}
    scheduler = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        address = scheduler.stdout.readline().strip()
        with WorkerPool(farm_settings.defaults(cluster=address, chunk=5, unencrypted=True)) as joined:
            with pytest.raises(FarmError, match="farm.cluster = tcp://.*: the scheduler went away; what was"):
                for _ in joined.run(farm_tasks.slow_square, items(10**6)):
                    scheduler.kill()
    finally:
        scheduler.kill()
        scheduler.wait(60)
        scheduler.stdout.close()


def test_no_scheduler_there(monkeypatch):
    monkeypatch.setattr(security, "CONNECT_SECONDS", 1)
    settings = farm_settings.defaults(cluster="tcp://127.0.0.1:9", unencrypted=True)
    with pytest.raises(FarmError, match="farm.cluster = tcp://127.0.0.1:9: no scheduler answers there within 1 s"):
        list(WorkerPool(settings).run(farm_tasks.square, items(1)))
