import io
import os
import signal
import subprocess
import sys
import time

import pytest

from hpcpot.errors import ConfigError, DependencyError
from hpcpot.parallel import launch

DRIVER = """
import sys
from hpcpot.parallel import launch
launch.command = lambda size, arguments: [launch.find_mpirun(size), "-n", str(size), sys.executable, *arguments]
sys.exit(launch.run(2, sys.argv[1:]))
"""
HEAD = """
import os, signal, sys, time
from mpi4py import MPI
world = MPI.COMM_WORLD
def say(text):
    world.Barrier()
    if world.rank == 0:
        print(text, flush=True)
"""
WAITING = (
    HEAD
    + """
asked = []
signal.signal(signal.SIGUSR1, lambda number, frame: asked.append(number))
say("ready")
start = time.monotonic()
while not asked and time.monotonic() - start < 30:
    time.sleep(0.02)
if "deaf" in sys.argv:
    say("deaf")
    time.sleep(30)
time.sleep(0.3)
say("written")
world.Barrier()
sys.exit(75 if asked else 3)
"""
)
BLOCK = "-" * 74 + "\n{}\n" + "-" * 74 + "\n"


def start(tmp_path, script: str, *arguments: str) -> subprocess.Popen:
    (tmp_path / "driver.py").write_text(DRIVER)
    (tmp_path / "script.py").write_text(script)
    return subprocess.Popen(
        [sys.executable, "driver.py", "script.py", *arguments],
        cwd=tmp_path,
        text=True,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for(process: subprocess.Popen, line: str) -> None:
    assert process.stdout.readline().strip() == line


@pytest.mark.mpi
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_signals_let_the_ranks_write_and_end_with_75(tmp_path, number):
    process = start(tmp_path, WAITING)
    wait_for(process, "ready")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 75
    assert out == "written\n"
    assert err == f"{number.name}: asking the ranks to write a checkpoint and end\n"


@pytest.mark.mpi
def test_a_second_interrupt_ends_at_once(tmp_path):
    process = start(tmp_path, WAITING, "deaf")
    wait_for(process, "ready")
    process.send_signal(signal.SIGINT)
    wait_for(process, "deaf")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode not in (0, 75)
    assert time.monotonic() - began < 15


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("say(world.size)", 0, ""),
        ("world.Barrier(); sys.exit(2)", 2, ""),
        ("print('why', file=sys.stderr) if world.rank else time.sleep(20)\nworld.Abort(1)", 1, "why\n"),
    ],
)
def test_exit_codes_come_out_without_remarks(tmp_path, body, code, said):
    process = start(tmp_path, HEAD + body)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err == said
    assert out == ("2\n" if code == 0 else "")


@pytest.mark.mpi
def test_a_killed_rank_is_told(tmp_path):
    process = start(tmp_path, HEAD + "if world.rank: os.kill(os.getpid(), signal.SIGKILL)\nworld.Barrier()")
    _, err = process.communicate(timeout=60)
    assert process.returncode in (9, 137)
    assert "signal 9" in err


@pytest.mark.mpi
def test_one_thread_a_rank(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    process = start(
        tmp_path, HEAD + "say(world.gather([os.environ[name] for name in ('OMP_NUM_THREADS', 'NUMBA_NUM_THREADS')]))"
    )
    out, _ = process.communicate(timeout=60)
    assert out == "[['1', '1'], ['1', '1']]\n"


@pytest.mark.mpi
def test_command_line_to_ranks(tmp_path):
    """The whole way: hpcpot, mpirun, hpcpot on two ranks, an error of each in its own words, exit code 1."""
    done = subprocess.run(
        [sys.executable, "-m", "hpcpot", "md", "absent.yaml", "--ranks", "2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "ConfigError: config = absent.yaml: cannot be read" in done.stderr
    assert "Traceback" not in done.stderr and "MPI_ABORT" not in done.stderr


@pytest.mark.parametrize("name", launch.RANK_VARIABLES)
def test_one_rank_is_the_first(monkeypatch, name):
    for other in launch.RANK_VARIABLES:
        monkeypatch.delenv(other, raising=False)
    assert launch.is_first()
    monkeypatch.setenv(name, "0")
    assert launch.is_first()
    monkeypatch.setenv(name, "3")
    assert not launch.is_first()


def test_command():
    line = launch.command(3, ["md", "x.yaml"])
    assert line[1:] == ["-n", "3", sys.executable, "-m", "hpcpot", "md", "x.yaml"]
    assert os.path.basename(line[0]) in ("mpirun", "mpiexec")


def test_what_cannot_be_launched(monkeypatch):
    with pytest.raises(ConfigError, match=r"--ranks = 0: must be >= 1"):
        launch.command(0, [])
    with monkeypatch.context() as patch:
        patch.setenv("OMPI_COMM_WORLD_SIZE", "4")
        with pytest.raises(ConfigError, match=r"--ranks = 2: mpirun has started 4 ranks already; leave --ranks out"):
            launch.command(2, [])
    with monkeypatch.context() as patch:
        patch.setattr(launch, "find_spec", lambda name: None)
        with pytest.raises(DependencyError, match=r"--ranks = 2: mpi4py is not installed; pip install mpi4py"):
            launch.command(2, [])
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "/nowhere")
        patch.setattr(launch.sys, "executable", "/nowhere/python")
        with pytest.raises(DependencyError, match=r"--ranks = 2: no mpirun in PATH; apt-get install openmpi-bin"):
            launch.command(2, [])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="PYTHONSAFEPATH is of Python 3.11")
def test_what_lies_in_the_current_folder_is_not_imported(tmp_path):
    (tmp_path / "colorsys.py").write_text("open('ran', 'w')")
    for arguments in (["-c", "import colorsys"], ["-m", "colorsys"]):
        line = [sys.executable, *arguments]
        subprocess.run(line, cwd=tmp_path, env={**os.environ, **launch.SAFE_PATH}, check=True)
        assert not (tmp_path / "ran").exists()
    subprocess.run(line, cwd=tmp_path, check=True)
    assert (tmp_path / "ran").exists(), "else the test shows nothing"


def test_environment(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    user = launch.environment({"OMPI_MCA_hwloc_base_binding_policy": "core", "HOME": "/home/user"})
    assert user["OMPI_MCA_hwloc_base_binding_policy"] == "core"
    assert user["HOME"] == "/home/user" and user["OPENBLAS_NUM_THREADS"] == "1"
    assert "OMPI_ALLOW_RUN_AS_ROOT" not in user
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert launch.environment({})["OMPI_ALLOW_RUN_AS_ROOT"] == "1"


def test_without_ranks():
    assert launch.without_ranks(["md", "--ranks", "4", "x.yaml"]) == ["md", "x.yaml"]
    assert launch.without_ranks(["md", "x.yaml", "--ranks=4", "--dry-run"]) == ["md", "x.yaml", "--dry-run"]


def test_relay_keeps_what_the_exit_code_does_not_say():
    slots = BLOCK.format("There are not enough slots available in the system")
    said = (
        "rank says\n"
        + BLOCK.format("mpirun detected that one or more processes exited with non-zero status")
        + slots
        + "end\n"
    )
    said = said.replace(
        "end\n", "[host:1] [[1,0],0] ORTE_ERROR_LOG: Data unpack in file orte/util/show_help.c at line 501\nend\n"
    )
    out = io.StringIO()
    launch.relay(io.StringIO(said), out)
    assert out.getvalue() == "rank says\n" + slots + "end\n"


def test_exit_code_of_a_signal():
    assert launch.exit_code(-9) == 137
    assert launch.exit_code(75) == 75
