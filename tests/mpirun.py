"""Starts Python on several MPI ranks from an ordinary test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from repository import PYTHONPATH

from hpcpot.parallel import launch


def run_ranks(
    n: int, *arguments: str | Path, timeout: float = 300.0, check: bool = True, cwd: Path | None = None
) -> subprocess.CompletedProcess:
    """Run `python ARGUMENTS` on n ranks, more than there are cores allowed.

    Args:
        arguments: a script and its arguments, or `-m module ...`, or `-c code`.
        check: fail the test, with what was printed, when the exit code is not 0.
    """
    mpirun = ["mpirun", "-n", str(n), sys.executable, *map(str, arguments)]
    environment = launch.environment(os.environ) | {"PYTHONPATH": PYTHONPATH, "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        mpirun, env=environment, capture_output=True, text=True, timeout=timeout, cwd=cwd, stdin=subprocess.DEVNULL
    )
    if check:
        assert done.returncode == 0, f"{mpirun} = exit code {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done
