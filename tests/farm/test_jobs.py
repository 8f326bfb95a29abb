"""Jobs that end are replaced, others are left alone: as a rule, and with workers on a batch system of scripts."""

import asyncio
import os
import signal
from types import SimpleNamespace

import pytest
from farm.batch_system import BatchSystem, Endless, await_end
from repository import PYTHONPATH

from hpcpot.errors import FarmError
from hpcpot.farm import jobs, pool
from hpcpot.farm import settings as farm_settings

pytest.importorskip("dask_jobqueue", reason="pip install 'hpcpot[farm]'")
dask = pytest.importorskip("dask")


class Cluster:
    """What `Jobs` needs of dask-jobqueue's cluster; a job begins at once, without workers."""

    def __init__(self):
        self.workers, self.scheduler, self.submitted = {}, SimpleNamespace(add_plugin=lambda plugin: None), 0
        self.refusal = None

    def scale(self, n):
        while len(self.workers) < n:
            number = None if self.refusal else f"{100 + self.submitted}.server"
            self.workers[f"Cluster-{self.submitted}"] = SimpleNamespace(job_id=number, refusal=self.refusal)
            self.submitted += 1

    async def scale_down(self, names):
        for name in names:
            del self.workers[name]

    def sync(self, function, *arguments):
        return asyncio.run(function(*arguments))


@pytest.fixture
def queue(monkeypatch):
    """What the batch system lists; None if it does not answer."""
    queue = SimpleNamespace(listed=set())
    monkeypatch.setattr(jobs, "LIST_SECONDS", 0.0)
    monkeypatch.setattr(jobs.Jobs, "_list", lambda self: queue.listed)
    return queue


@pytest.fixture
def make():
    def begin(name="slurm", refusal=None):
        cluster = Cluster()
        cluster.refusal = refusal
        return cluster, jobs.Jobs(farm_settings.defaults(cluster=name), cluster, 2)

    return begin


def look(found, times):
    for _ in range(times):
        found.look_after()


def come(found, *names):
    """A worker of each job."""
    for name in names:
        found.arrive(f"tcp://{name}", f"{name}-0")


def test_jobs_that_wait_or_restart_a_worker_are_left_alone(make, queue):
    cluster, found = make()
    queue.listed = {"100", "101"}
    look(found, 10)
    come(found, "Cluster-0")
    found.leave("tcp://Cluster-0")
    look(found, 10)
    assert list(cluster.workers) == ["Cluster-0", "Cluster-1"]


@pytest.mark.parametrize("name", farm_settings.JOB_QUEUES)
def test_a_job_that_ended_is_replaced(make, queue, name):
    cluster, found = make(name)
    queue.listed = {"100", "101"}
    come(found, "Cluster-0", "Cluster-1")
    found.leave("tcp://Cluster-1")
    found.look_after()
    queue.listed = {"100"}
    found.look_after()
    assert list(cluster.workers) == ["Cluster-0", "Cluster-1"], "a list may lag behind"
    found.look_after()
    assert list(cluster.workers) == ["Cluster-0", "Cluster-2"]
    queue.listed = {"100", "102"}
    look(found, 10)
    assert list(cluster.workers) == ["Cluster-0", "Cluster-2"]


def test_a_queue_that_does_not_answer_ends_nothing(make, queue):
    cluster, found = make()
    come(found, "Cluster-0", "Cluster-1")
    found.leave("tcp://Cluster-1")
    queue.listed = None
    look(found, 10)
    assert list(cluster.workers) == ["Cluster-0", "Cluster-1"]


@pytest.mark.parametrize("listed", [None, {"7"}])
def test_without_a_list_of_ours_a_job_ends_with_its_workers(make, queue, listed):
    cluster, found = make("pbs")
    queue.listed = listed
    come(found, "Cluster-0")
    found.leave("tcp://Cluster-0")
    look(found, 10)
    assert list(cluster.workers) == ["Cluster-1", "Cluster-2"], "the other may wait"


def test_jobs_that_end_before_their_workers_come_are_an_error_after_some(make, queue):
    cluster, found = make()
    with pytest.raises(FarmError, match="slurm: 3 times jobs ended before their workers came; read what they printed"):
        look(found, 100)
    assert cluster.submitted == 2 + 2 * (jobs.IN_VAIN - 1)


def test_a_worker_that_comes_is_a_new_beginning(make, queue):
    cluster, found = make()
    for _ in range(10):
        look(found, 2 * jobs.ABSENCES)
        name = list(cluster.workers)[-1]
        come(found, name)
        found.leave(f"tcp://{name}")
    assert cluster.submitted > 20


def test_refused_jobs_are_an_error_at_first_and_tried_again_later(make, queue):
    with pytest.raises(FarmError, match="no job was accepted; mend .*.yaml by what the batch system says:\ntoo many"):
        make(refusal="too many\n")[1].look_after()
    cluster, found = make()
    come(found, "Cluster-0", "Cluster-1")
    queue.listed = {"100", "101"}
    found.leave("tcp://Cluster-1")
    queue.listed, cluster.refusal = {"100"}, "timed out"
    look(found, jobs.ABSENCES)
    assert cluster.workers["Cluster-2"].refusal == "timed out"
    look(found, 5 * jobs.ABSENCES)
    cluster.refusal = None
    look(found, jobs.ABSENCES)
    assert all(job.refusal is None for job in cluster.workers.values()) and "Cluster-0" in cluster.workers


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("slurm", "12\n345\n"),
        ("pbs", "\nserver:\n   Req'd\nJob ID  Username\n------- --\n12.server  ann batch\n345.server  ann batch\n"),
        ("sge", "job-ID  prior   name\n-----------\n     12 0.55500 hpcpot ann r\n    345 0.55500 hpcpot ann qw\n"),
        ("lsf", "12      ann     RUN   normal\n345     ann     PEND  normal\n"),
        ("oar", "Job id     Name\n---------- ----\n12         hpcpot   ann\n345        hpcpot   ann\n"),
        ("htcondor", "12\n345\n"),
    ],
)
def test_lists_are_read(make, monkeypatch, tmp_path, name, text):
    program = tmp_path / jobs.LISTS[name].split()[0]
    program.write_text(f"#!/bin/sh\n[ \"$FAIL\" ] && exit 1\ncat <<'END'\n{text}END\n")
    program.chmod(0o755)
    _, found = make(name)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert found._list() == {"12", "345"}
    monkeypatch.setenv("FAIL", "1")
    assert found._list() is None
    monkeypatch.setenv("PATH", "/nowhere")
    assert found._list() is None


@pytest.fixture
def batch_system(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", PYTHONPATH)
    monkeypatch.setattr(jobs, "LIST_SECONDS", 0.3)
    monkeypatch.setattr(pool, "LOOK_SECONDS", 0.1)
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "0 s"}):  # as if all took as long
        yield BatchSystem(tmp_path)


def test_killed_jobs_are_replaced_in_any_order(batch_system):
    campaign, pids, kills = Endless(batch_system.jobs, workers=2), [], [1, 0]  # first the last one, then what remains
    for pid in campaign.run():
        if pid in pids:
            continue
        pids.append(pid)
        if len(pids) in (2, 3) and len(batch_system.submitted()) == len(pids):
            batch_system.kill(batch_system.submitted()[kills.pop(0)])
        campaign.enough = len(pids) == 4
    assert len(batch_system.submitted()) == 4
    await_end(batch_system.running)


def test_a_killed_worker_does_not_cost_its_job(batch_system):
    campaign, pids = Endless(batch_system.jobs, workers=1), []
    for pid in campaign.run():
        if pid not in pids:
            pids.append(pid)
            if len(pids) == 1:
                os.kill(pid, signal.SIGKILL)
        campaign.enough = len(pids) == 2
    assert len(batch_system.submitted()) == 1


def test_adaptive_jobs_come_with_the_work_and_are_replaced(batch_system):
    campaign, pids = Endless(batch_system.jobs, workers=2, adapt=True), []
    for pid in campaign.run():
        if pid not in pids:
            pids.append(pid)
            if len(pids) == 2:
                batch_system.kill(batch_system.submitted()[1])
        campaign.enough = len(pids) == 3
    assert len(batch_system.submitted()) == 3
    await_end(batch_system.running)
