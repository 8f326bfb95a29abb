"""Provenance of a file: programs, machine, date and command line, as flat text for HDF5 attributes."""

from __future__ import annotations

import platform
import shlex
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import cache
from importlib import metadata
from pathlib import Path

import hpcpot
from hpcpot import citations

PACKAGES = ("numpy", "scipy", "numba", "h5py", "ase", "mpi4py", "distributed")
ABSENT = "none"
CHECKOUT = Path(hpcpot.__file__).resolve().parent.parent
"""Folder above the package; a git checkout unless hpcpot was installed."""


def collect(ranks: int = 1, cites: Sequence[str] = ()) -> dict[str, str | int]:
    """Facts by name; "none" where there is nothing to tell.

    Args:
        ranks: how many ranks the run has.
        cites: keys of hpcpot.citations, whose BibTeX is added, with that of hpcpot; none: neither.
    """
    return {
        "hpcpot": hpcpot.__version__,
        "commit": git_commit(),
        "python": platform.python_version(),
        **{name: package_version(name) for name in PACKAGES},
        "mpi": mpi_library(),
        "host": socket.gethostname(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": cpu_model(),
        "ranks": ranks,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": command_line(),
        **({"bibtex": citations.bibtex(cites)} if cites else {}),
    }


def command_line() -> str:
    """Command line of this process; hpcpot itself by its name alone, wherever it is installed."""
    program, *arguments = sys.argv
    ours = Path(program).name == "hpcpot" or Path(program) == Path(hpcpot.__file__).with_name("__main__.py")
    return shlex.join(["hpcpot" if ours else program, *arguments])


@cache  # once a process: it starts git twice
def git_commit(folder: Path = CHECKOUT) -> str:
    """The commit of a checkout, with "+changes" if its tracked files differ from it; "none" outside of a checkout."""
    if not (folder / ".git").exists():  # else git would answer for whatever checkout surrounds an installed hpcpot
        return ABSENT
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if not commit:
        return ABSENT
    return commit + ("+changes" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def package_version(name: str) -> str:
    """The installed version of a package, without importing it."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ABSENT


def mpi_library() -> str:
    """The MPI that this process has loaded; a serial run loads none."""
    module = sys.modules.get("mpi4py.MPI")
    return module.Get_library_version().split(",")[0].splitlines()[0].strip() if module else ABSENT


def cpu_model() -> str:
    """The processor's name as Linux or the platform gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _git(folder: Path, *arguments: str) -> str:
    """Run git and return its output; empty if there is no git or it refuses."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
