"""Few items on this machine: processes forked from the command compute them, without Dask."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import farm_tasks
import numpy as np
import pytest
from repository import PYTHONPATH

from hpcpot.farm import forked
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.item import Failure, Item
from hpcpot.farm.pool import WorkerPool
from hpcpot.parallel import launch

SECONDS = 120
"""Time limit of what takes one on an idle machine."""
MODULES = ("dask", "distributed", "cloudpickle", "matplotlib", "torch")


def prints_and_dies(x):
    print(f"working on {x}")
    print(f"still on {x}", file=sys.stderr)
    if x == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"value": x}


def greedy(x):
    return {"sum": float(np.ones(x).sum())}


def unsendable(x):
    return {"value": threading.Lock() if x == 1 else x}


def waits(x):
    print(f"pid {os.getpid()}", flush=True)
    time.sleep(SECONDS if x else 0)
    return {"value": x}


def signals_and_numbers(x):
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    return {
        "handlers": [str(signal.getsignal(name)) for name in names],
        "random": float(np.random.random()),  # noqa: NPY002
        "pid": os.getpid(),
    }


def dies_the_first_time(path):
    """Also when its neighbours are there to take its part over."""
    log = Path(path)
    if not log.exists():
        log.touch()
        os._exit(1)
    return {"value": 1}


def main():
    """With a function, its inputs and keys of the farm as JSON: print the outcomes as JSON, and what was imported."""
    function, inputs, batched, keys = json.loads(sys.argv[1])
    function = getattr(farm_tasks, function, None) or globals()[function]
    items = [Item(f"key {k}", x) for k, x in enumerate(inputs)]
    found = {}
    with WorkerPool(farm_settings.defaults(**keys)) as pool:
        for key, outcome in pool.run(function, items, batched=batched, total=len(items)):
            assert key not in found
            found[key] = vars(outcome) if isinstance(outcome, Failure) else outcome
    loaded = [name for name in MODULES if name in sys.modules]
    report = {"outcomes": [found[item.key] for item in items], "loaded": loaded, "n": pool.n_workers}
    print(json.dumps(report, default=lambda value: value.tolist()))


def start(function, inputs, batched=False, **keys):
    script = "from farm.test_forked import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", script, json.dumps([function, list(inputs), batched, keys])],
        env={**launch.environment(os.environ), "PYTHONPATH": PYTHONPATH},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(function, inputs, batched=False, **keys):
    process = start(function, inputs, batched, **keys)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


def kinds(outcomes):
    return {x: outcome["kind"] for x, outcome in enumerate(outcomes) if "kind" in outcome}


def values(outcomes):
    return {x: outcome["value"] for x, outcome in enumerate(outcomes) if "kind" not in outcome}


def test_it_does_what_a_loop_does_without_dask():
    report = run("square", range(20), workers=2)
    assert values(report["outcomes"]) == {x: x**2 for x in range(20)}
    assert report["loaded"] == [] and report["n"] == 2
    assert len({outcome["pid"] for outcome in report["outcomes"]}) == 2


@pytest.mark.parametrize(("n", "loaded"), [(2 * forked.ITEMS_EACH, []), (2 * forked.ITEMS_EACH + 1, list(MODULES[:3]))])
def test_up_to_so_many_items_for_each_worker(n, loaded):
    pytest.importorskip("distributed", reason="pip install 'hpcpot[farm]'")
    report = run("square", [1] * n, workers=2)
    assert report["loaded"] == loaded and len(values(report["outcomes"])) == n


def test_a_process_of_several_threads_does_not_fork():
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert not forked.can_fork()
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_bad_items_fail_alone(retries):
    outcomes = run("square_unless_bad", range(32), workers=2, retries=retries)["outcomes"]
    assert kinds(outcomes) == {7: "WorkerDied", 31: "WorkerDied", 13: "StructureError", 23: "StructureError"}
    assert outcomes[7]["message"] == "the process that computed this item ended with exit code 3"
    assert outcomes[31]["message"] == "the process that computed this item was killed by SIGSEGV"
    assert outcomes[13]["message"] == "x = 13: must not end in 3; take another."
    assert "raise StructureError" in outcomes[13]["traceback"]
    assert values(outcomes) == {x: x**2 for x in range(32) if x not in (7, 13, 23, 31)}


@pytest.mark.parametrize("chunk", ["auto", 30])
def test_bad_items_of_batches_fail_alone(chunk):
    outcomes = run("squares_of_many", range(30), batched=True, workers=2, chunk=chunk)["outcomes"]
    assert kinds(outcomes) == {5: "ValueError", 9: "WorkerDied", 20: "FloatingPointError", 21: "FloatingPointError"}
    assert values(outcomes) == {x: x**2 for x in range(30) if x not in (5, 9, 20, 21)}


def test_a_failed_row_has_the_last_words_of_its_process():
    outcomes = run("prints_and_dies", range(4), workers=1, chunk=4)["outcomes"]
    assert kinds(outcomes) == {2: "WorkerDied"}
    assert "still on 2" in outcomes[2]["traceback"] and "still on 1" not in outcomes[2]["traceback"]


def test_an_item_that_a_death_hit_by_chance_is_done(tmp_path):
    outcomes = run("dies_the_first_time", [str(tmp_path / "log")] * 3, workers=1, chunk=3, retries=0)["outcomes"]
    assert values(outcomes) == {0: 1, 1: 1, 2: 1}


def test_an_item_that_wants_more_memory_than_there_is_fails():
    outcomes = run("greedy", [10, forked.memory() // 8, 10], workers=1)["outcomes"]
    assert outcomes[0] == outcomes[2] == {"sum": 10.0}
    assert outcomes[1]["kind"] in ("MemoryError", "_ArrayMemoryError")


def test_a_value_that_cannot_be_sent_fails_its_item():
    outcomes = run("unsendable", range(3), workers=1)["outcomes"]
    assert kinds(outcomes) == {1: "TypeError"} and values(outcomes) == {0: 0, 2: 2}


@pytest.mark.parametrize("batched", [False, True])
def test_what_no_item_can_do_without_is_an_error_of_the_run(batched):
    """Also in a process of its own, where the items after 4 come to be."""
    function = "squares_without_model" if batched else "square_without_model"
    process = start(function, range(4, 14), batched, workers=1)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith("hpcpot.errors.FarmError: potential = lisi.h5: cannot be loaded on node3")


def test_workers_leave_ctrl_c_to_the_command_and_draw_their_own_numbers():
    outcomes = run("signals_and_numbers", range(2), workers=2)["outcomes"]
    ignored, default = str(signal.SIG_IGN), str(signal.SIG_DFL)
    assert outcomes[0]["handlers"] == [ignored, default, default]
    assert outcomes[0]["random"] != outcomes[1]["random"]


def test_workers_end_with_a_command_that_is_killed():
    process = start("waits", [1], workers=1)
    pid = int(process.stdout.readline().split()[1])
    process.kill()
    process.communicate()
    deadline = time.monotonic() + SECONDS / 2
    while Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < deadline, "it computes on"
        time.sleep(0.05)


def test_stop_ends_it_while_items_run():
    began = time.monotonic()
    items = [Item("0", 0), Item("1", 1)]
    workers = forked.ForkedWorkers(waits, items, False, 1, 1, 1)
    found = []
    for outcome in workers.run(lambda: len(found) == 1):
        found.append(outcome)  # noqa: PERF402  (stop looks at it meanwhile)
    assert found == [("0", {"value": 0})] and time.monotonic() - began < SECONDS
