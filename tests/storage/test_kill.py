"""SIGKILL at random moments of one of several ranks: committed rows are there, and whole; conformance/ has one rank."""

import os
import random
import signal
import subprocess
import sys
import time

import h5py
import pytest
from repository import PYTHONPATH
from storage import frames

from hpcpot.parallel import launch
from hpcpot.storage import layout

N_ATOMS = 50
LAST = 1000
WRITER = """
from hpcpot.storage import layout
from storage import frames
layout.CHUNK_BYTES = (4096, 2**30)
frames.main()
"""
"""Small chunks: their beginning is where a kill could do most harm."""


def start(path, mode, ranks, first):
    """The writer, its ranks' process ids, once it has committed its first step."""
    command = [sys.executable, "-u", "-c", WRITER, path, mode, N_ATOMS, first, LAST]
    if ranks > 1:
        command = ["mpirun", "-n", ranks, *command]
    environment = launch.environment(os.environ) | {"PYTHONPATH": PYTHONPATH}
    writer = subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
    processes, lines = [], []
    while not lines:
        line = writer.stdout.readline()
        assert line, "the writer ended before its first step"
        (processes if line.startswith("pid") else lines).append(int(line.split()[1]))
    return writer, processes


def kill_once(path, mode, ranks, first, random_state):
    """Write until a kill; the last step that the writer said was committed."""
    writer, processes = start(path, mode, ranks, first)
    time.sleep(random_state.uniform(0.0, 0.3))
    os.kill(random_state.choice(processes), signal.SIGKILL)
    said = [int(line.split()[1]) for line in writer.communicate(timeout=60)[0].splitlines() if line.startswith("step")]
    assert writer.returncode != 0
    return max(said, default=first)


def check_after_kill(path, said):
    with h5py.File(path, "r") as file:
        position = file["particles/trajectory/position"]
        assert len(position["value"]) - layout.committed(position["step"]) <= 1
    last = frames.verify(path, N_ATOMS)
    assert said <= last <= said + 1
    return last


@pytest.mark.mpi
@pytest.mark.parametrize(("mode", "ranks"), [("rank0", 2), ("parallel", 2)])
def test_killed_twice_and_continued(tmp_path, mode, ranks):
    path, random_state = tmp_path / "run.h5md", random.Random(1)
    last = check_after_kill(path, kill_once(path, mode, ranks, 0, random_state))
    first = last // 2 + 1
    said = kill_once(path, mode, ranks, first, random_state)
    check_after_kill(path, said)
    # As from a checkpoint: what comes after the last step that was committed whole is written again.
    frames.write(path, said + 3, n_atoms=N_ATOMS, first=said + 1)
    assert frames.verify(path, N_ATOMS) == said + 3


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize(("mode", "ranks", "kills"), [("rank0", 2, 15), ("parallel", 2, 20)])
def test_35_kills(tmp_path, mode, ranks, kills):
    random_state = random.Random(2)
    for k in range(kills):
        path = tmp_path / f"{k}.h5md"
        check_after_kill(path, kill_once(path, mode, ranks, 0, random_state))
        path.unlink()
