"""Runs that are asked to stop, and runs that are killed."""

import os
import random
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
from runs import command, contents, dataset, environment, prepare, run

from hpcpot.storage.lock import Lock

LONG = {
    "md__steps": 100000,
    "output__checkpoint_every": 50,
    "output__velocity_every": 5,
    "output__position_every": 5,
    "output__force_every": 0,
    "output__energy_every": 0,
}


def begin(config, *arguments, ranks=1):
    """Start a run and wait until it has printed its third line of the table."""
    process = subprocess.Popen(
        command(config, *arguments, ranks=ranks),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=config.parent,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    )
    lines, rows = [], 0
    for line in process.stdout:
        lines.append(line)
        rows += line.split()[:1] != [] and line.split()[0].isdigit()
        if rows == 3:
            return process
    raise AssertionError("".join(lines))


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_signal_writes_a_checkpoint_and_ends_with_75(sent, tmp_path):
    config = prepare(tmp_path, **LONG)
    process = begin(config)
    process.send_signal(sent)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 75, output
    assert "stopped by a signal at step" in output
    stopped = int(output.split("stopped by a signal at step")[1].split(";")[0])
    run(config, "--restart", "--set", f"md.steps={stopped + 10}")
    steps = dataset(tmp_path / "run.h5md", "observables/temperature/step")
    assert (np.diff(steps) == 5).all() and steps[-1] >= stopped + 5


def test_signal_during_the_start_is_not_lost(tmp_path):
    """Sent while libraries and files are being read; the run makes a step, writes its checkpoint and ends."""
    config = prepare(tmp_path, **LONG)
    process = subprocess.Popen(
        command(config), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path
    )
    mask = f"/proc/{process.pid}/status"
    while not caught(mask, signal.SIGUSR1):
        time.sleep(0.005)
    process.send_signal(signal.SIGUSR1)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 75, output
    assert (tmp_path / "run.checkpoint.h5").exists()


def caught(status, number):
    """Whether a process has a handler for a signal."""
    with open(status) as file:
        bits = next(line.split()[1] for line in file if line.startswith("SigCgt"))
    return bool(int(bits, 16) >> (number - 1) & 1)


def test_overwrite_forgets_the_old_checkpoint(tmp_path):
    """Else --restart after an early kill would join the old run's end to the new run's rows."""
    config = prepare(tmp_path)
    run(config)
    process = begin(config, "--overwrite", "--set", "md.steps=100000", "--set", "output.checkpoint_every=50000")
    process.kill()
    process.communicate(timeout=60)
    done = run(config, "--restart", code=1)
    assert "run.checkpoint.h5 = cannot read it" in done.stderr


def test_overwrite_beside_a_running_run_removes_nothing(tmp_path):
    config = prepare(tmp_path)
    run(config)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with held(tmp_path / "run.h5md"):
        done = run(config, "--overwrite", code=1)
        (tmp_path / "run.h5md.lock").unlink()
    assert "run.h5md = being written by" in done.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before and "run.checkpoint.h5" in before


@contextmanager
def held(path):
    """A file as if another run wrote it."""
    lock = Lock(path)
    try:
        yield
    finally:
        lock.release()


@pytest.mark.mpi
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGUSR1])
def test_signal_to_the_launcher_reaches_the_ranks(sent, tmp_path):
    """`--ranks` starts mpirun and hands signals on."""
    config = prepare(tmp_path, **LONG)
    process = begin(config, "--ranks", "2")
    process.send_signal(sent)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 75, output
    assert (tmp_path / "run.checkpoint.h5").exists()


@pytest.mark.mpi
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("ranks", [1, 2])
def test_a_run_after_a_signal_is_the_uninterrupted_one_bit_by_bit(ranks, sent, tmp_path):
    """At whatever step it came, under a barostat and pulled: the trajectory and all of the last checkpoint."""
    cell = {"md__barostat_axes": ["x", "z"], "md__deform": "cell", "md__deform_axis": "y"}
    changes = LONG | cell | {"md__integrator": "npt_nose_hoover", "md__strain_rate_per_ps": 0.05}
    config = prepare(tmp_path, **changes)
    stopped = interrupt(config, ranks, sent)
    total = ["--set", f"md.steps={stopped + 60}"]
    run(config, "--restart", *total, ranks=ranks)
    (tmp_path / "whole").mkdir()
    whole = prepare(tmp_path / "whole", **changes | {"output__checkpoint_every": 100000})
    run(whole, *total, ranks=ranks)
    for name in ("run.h5md", "run.checkpoint.h5"):
        expected, found = contents(tmp_path / "whole" / name), contents(tmp_path / name)
        assert set(found) == set(expected) and len(found) > 10
        assert [key for key, values in expected.items() if not same(values, found[key])] == []


def interrupt(config, ranks, sent):
    """Start a run, send it a signal once it has a checkpoint, and return the last step that is in its trajectory."""
    is_launched = sent == signal.SIGTERM and ranks > 1  # mpirun itself ends its ranks on SIGTERM; --ranks hands it on
    process = begin(config, *(["--ranks", str(ranks)] if is_launched else []), ranks=1 if is_launched else ranks)
    while not (config.parent / "run.checkpoint.h5").exists():
        assert process.poll() is None
        time.sleep(0.01)
    if sent == signal.SIGKILL:
        kill_one_rank(process.pid, random.Random(ranks))
    else:
        process.send_signal(sent)
    output, _ = process.communicate(timeout=60)
    assert (process.returncode == 75) == (sent == signal.SIGTERM) and process.returncode, output
    return int(dataset(config.parent / "run.h5md", "observables/temperature/step").max())


def same(one, other):
    one, other = np.asarray(one), np.asarray(other)
    return (
        one.shape == other.shape and (one.dtype == object or one.tobytes() == other.tobytes()) and (one == other).all()
    )


def kill_and_check(folder, ranks, mode, rng):
    """SIGKILL one rank at a random moment; every marked frame is whole, and the run goes on from its checkpoint."""
    config = prepare(folder, **LONG, parallel__hdf5=mode)
    process = begin(config, ranks=ranks)
    while not (folder / "run.checkpoint.h5").exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(rng.uniform(0.0, 0.5))
    kill_one_rank(process.pid, rng)
    process.communicate(timeout=60)
    assert process.returncode != 0
    rows = check_frames(folder / "run.h5md")
    run(config, "--restart", "--set", f"md.steps={5 * rows + 200}", ranks=ranks, timeout=600.0)
    assert check_frames(folder / "run.h5md") == rows_expected(5 * rows + 200)


def kill_one_rank(parent, rng):
    """Kill a Python process below `parent`, or `parent` itself when it has none."""
    children = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and parent_of(p) == parent]
    os.kill(rng.choice(sorted(children)) if children else parent, signal.SIGKILL)


def parent_of(process):
    """The parent's process id; None of a process that is gone by now."""
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def rows_expected(steps):
    return steps // 5 + 1


def check_frames(path):
    """Every marked frame has positions in the cell and finite velocities at the right temperature; returns their number."""
    with h5py.File(path, "r", locking=False) as file:
        group = file["particles/trajectory"]
        steps = group["position/step"][:]
        marked = int((steps >= 0).sum())
        assert marked >= 1 and (steps[:marked] == 5 * np.arange(marked)).all()
        seen = file["observables/temperature/value"][:]
        mass = 39.95 * 103.642696527
        for k in range(marked):
            position, velocity = group["position/value"][k], group["velocity/value"][k]
            assert np.isfinite(position).all() and (np.abs(position).sum(axis=1) > 0).sum() >= len(position) - 1
            kinetic = 0.5 * mass * (velocity**2).sum()
            temperature = 2 * kinetic / ((3 * len(velocity) - 3) * 8.617333262e-5)
            assert temperature == pytest.approx(seen[k], rel=1e-3), "velocities and temperature are of one frame"
    return marked


@pytest.mark.mpi
@pytest.mark.parametrize(("ranks", "mode"), [(1, "rank0"), (2, "rank0"), (2, "parallel")])
def test_killed_run_keeps_its_frames(ranks, mode, tmp_path):
    kill_and_check(tmp_path, ranks, mode, random.Random(ranks))


@pytest.mark.mpi
@pytest.mark.slow
def test_fifty_kills(tmp_path):
    rng = random.Random(0)
    for k in range(50):
        folder = tmp_path / str(k)
        folder.mkdir()
        kill_and_check(folder, rng.choice([1, 2, 3]), rng.choice(["rank0", "parallel"]), rng)
