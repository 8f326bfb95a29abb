"""The farm on a real Slurm of one node on this machine, which .ci/slurm_local.sh starts."""

import os
import shutil
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import farm_tasks
import pytest

from hpcpot.parallel import farm, farm_settings
from hpcpot.parallel.chunks import Item

pytest.importorskip("dask_jobqueue", reason="pip install 'hpcpot[farm]'")

REPOSITORY = Path(__file__).resolve().parents[2]
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
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY / "tests"))  # jobs inherit it, and find farm_tasks
    script = REPOSITORY / ".ci" / "slurm_local.sh"
    subprocess.run([script, "start"], check=True, timeout=60, stdout=subprocess.DEVNULL, cwd=tmp_path)
    jobs = tmp_path / "jobqueue.yaml"
    jobs.write_text(JOBS.format(folder=tmp_path))
    yield jobs
    subprocess.run([script, "stop"], check=True, timeout=60)


def free_ports():
    """The first of two ports in a row that nobody listens on."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def running():
    """Numbers of the jobs that run."""
    listed = subprocess.run(["squeue", "-h", "-t", "R", "-o", "%i"], capture_output=True, text=True, check=True)
    return listed.stdout.split()


def test_killed_job_loses_nothing_and_is_replaced(slurm, monkeypatch):
    monkeypatch.setattr(farm, "LOOK_SECONDS", 1.0)
    settings = farm_settings.defaults(cluster="slurm", workers=4, chunk=5, jobqueue=slurm)
    found, pids, killed = Counter(), set(), []
    after = set()

    drawn = []

    def draw():
        """Items for as long as the killed job has no successor."""
        deadline = time.monotonic() + 60
        while len(drawn) < 500 or len(after - set(killed)) < 2:
            assert time.monotonic() < deadline, f"jobs {after}, of which {killed} was killed"
            drawn.append(Item(str(len(drawn)), len(drawn)))
            yield drawn[-1]

    with farm.Farm(settings) as workers:
        for key, outcome in workers.run(farm_tasks.slow_square, draw()):
            found[key] += 1
            assert outcome["value"] == float(key) ** 2
            if killed:
                after.update(running() if len(found) % 20 == 0 else [])
                continue
            pids.add(outcome["pid"])
            if len(pids) == 4:
                killed.append(running()[0])
                subprocess.run(["scancel", "--signal=KILL", "--full", killed[0]], check=True)
    assert killed and len(found) == len(drawn) and set(found.values()) == {1}
    deadline = time.monotonic() + 20
    while running():
        assert time.monotonic() < deadline, "jobs end with the farm"
        time.sleep(0.2)
