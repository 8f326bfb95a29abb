"""The farm on a real Slurm of one node on this machine, which .ci/slurm_local.sh starts."""

import os
import random
import shutil
import socket
import stat
import subprocess

import farm_tasks
import pytest
from farm import stranger
from farm.batch_system import Endless, await_end
from repository import PYTHONPATH, REPOSITORY

from hpcpot.farm import jobs, pool
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.item import Item
from hpcpot.farm.pool import WorkerPool

pytest.importorskip("dask_jobqueue", reason="pip install 'hpcpot[farm]'")

JOBS = """
jobqueue:
  slurm:
    name: hpcpot-test
    cores: 2
    memory: 2 GB
    walltime: "00:20:00"
    interface: lo
    death-timeout: 60
    local-directory: {folder}
    job-extra-directives: ["--output={folder}/%j.log"]
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A Slurm that is ours, and the file of its jobs."""
    if shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip("Slurm is not installed: apt-get install --no-install-recommends slurm-wlm munge")
    if os.geteuid() != 0:
        pytest.skip("starting a Slurm of one's own needs root")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin")
    monkeypatch.setenv("SLURM_LOCAL_DIR", str(tmp_path / "slurm"))
    monkeypatch.setenv("SLURM_LOCAL_PORT", str(free_ports()))
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm" / "slurm.conf"))
    monkeypatch.setenv("PYTHONPATH", PYTHONPATH)  # jobs inherit it, and find farm_tasks
    script = REPOSITORY / ".ci" / "slurm_local.sh"
    subprocess.run([script, "start"], check=True, timeout=240, stdout=subprocess.DEVNULL, cwd=tmp_path)
    file = tmp_path / "jobqueue.yaml"
    file.write_text(JOBS.format(folder=tmp_path))
    yield file
    subprocess.run([script, "stop"], check=True, timeout=60)


def free_ports():
    """The first of two ports in a row that nobody listens on, below those that the system hands out."""
    while True:
        port = random.randrange(20000, 32000, 2)
        with socket.socket() as one, socket.socket() as two:
            try:
                one.bind(("127.0.0.1", port))
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def running():
    """Numbers of the jobs that run."""
    listed = subprocess.run(["squeue", "-h", "-t", "R", "-o", "%i"], capture_output=True, text=True, check=True)
    return listed.stdout.split()


def test_another_user_is_refused(slurm, tmp_path, monkeypatch):
    """By the scheduler, the workers and their nannies, which all listen on the interface that was named."""
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    settings = farm_settings.defaults(cluster="slurm", jobqueue=slurm, workers=2)
    with WorkerPool(settings) as farm:
        assert len(list(farm.run(farm_tasks.square, [Item(str(x), x) for x in range(8)]))) == 8
        [folder] = (tmp_path / "run").iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
        addresses = stranger.addresses(farm._cluster)
        assert len(set(addresses)) >= 3 and all(address.startswith("tls://127.0.0.1:") for address in addresses)
        assert stranger.asks(addresses) == {"refused"}
        assert set((stranger.listening() | stranger.of_jobs(folder)).values()) == {"127.0.0.1"}
    await_end(running)
    assert not list((tmp_path / "run").iterdir())


def test_killed_job_loses_nothing_and_is_replaced(slurm, monkeypatch):
    monkeypatch.setattr(pool, "LOOK_SECONDS", 0.5)
    monkeypatch.setattr(jobs, "LIST_SECONDS", 0.5)
    campaign, pids, killed = Endless(slurm, workers=4), set(), []
    for n, pid in enumerate(campaign.run()):
        pids.add(pid)
        if len(pids) == 4 and not killed:
            killed.append(running()[n % 2])
            subprocess.run(["scancel", "--signal=KILL", "--full", killed[0]], check=True)
        elif killed and n % 20 == 0:
            campaign.enough = len(pids) > 4 and len(set(running()) - set(killed)) == 2
    await_end(running)
