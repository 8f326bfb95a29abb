"""Checks of `hpcpot doctor`. Whatever may hang or crash runs in another process, with a time limit."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import hpcpot
from hpcpot import provenance
from hpcpot.errors import DependencyError
from hpcpot.parallel import launch
from hpcpot.wording import plural

SECONDS = 60
"""Time limit of each probe."""
GIB, MB = 2**30, 1e6
SCHEDULERS = {"Slurm": "sbatch", "PBS or SGE": "qsub", "LSF": "bsub", "HTCondor": "condor_submit", "OAR": "oarsub"}
TWO_RANKS = """
from mpi4py import MPI
total = MPI.COMM_WORLD.allreduce(MPI.COMM_WORLD.rank + 1)
if MPI.COMM_WORLD.rank == 0:
    print(MPI.COMM_WORLD.size, total)
"""
TWO_RANKS_WRITE = """
import os, sys
from mpi4py import MPI
import h5py
world = MPI.COMM_WORLD
folder = world.bcast(sys.argv[1])
path = os.path.join(folder, "doctor.h5")
with h5py.File(path, "w", driver="mpio", comm=world) as file:
    rows = file.create_dataset("rows", (2 * world.size,), "i8")
    with rows.collective:
        rows[2 * world.rank : 2 * world.rank + 2] = world.rank + 1
world.Barrier()
if world.rank == 0:
    with h5py.File(path, "r") as file:
        print(file["rows"][()].tolist())
"""
LOCK = """
import fcntl, tempfile
with tempfile.TemporaryFile(dir=".") as file:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
"""
COMPILED = """
from hpcpot import compiled
folder = compiled.folder()
sizes = [path.stat().st_size for path in folder.glob(f"*{compiled.SUFFIX}")]
print(folder, len(sizes), sum(sizes), compiled.refusal(folder) or "", sep="\\n")
"""
HDF5_WITH_MPI = "import h5py; print(h5py.get_config().mpi)"
PACKAGES = {
    "numpy": "pip install 'numpy>=1.26'",
    "numba": "pip install 'numba>=0.59'",
    "h5py": "pip install 'h5py>=3.10'",
    "ase": "pip install 'ase>=3.23'",
    "matplotlib": "pip install 'hpcpot[plot]', for figures and hpcpot report",
    "plotly": "pip install 'hpcpot[plot]', for pages of hpcpot report",
    "torch": "pip install 'hpcpot[train]', for hpcpot train",
}
FARM_PACKAGES = ("distributed", "dask_jobqueue", "cryptography")
TOGETHER = """
import contextlib, io, json, sys
for code in sys.argv[1:]:
    try:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            exec(code, {})
    except BaseException:
        continue
    print(json.dumps([code, said.getvalue().strip()]), flush=True)
"""
"""Runs some scripts in one process: most import NumPy and Numba."""


@dataclass(frozen=True)
class Diagnosis:
    """One row: what, "ok" or "missing" or "failed" or "none", what was found, and the command that gets it."""

    name: str
    state: str
    details: str
    remedy: str = ""


def probe(line: Sequence[str], seconds: float = SECONDS, folder: str | None = None) -> tuple[bool, str]:
    """Run a command: whether it succeeded, and its output, or the last line of what it complained."""
    try:
        done = subprocess.run(
            line,
            env={**launch.SAFE_PATH, **launch.environment(os.environ)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            cwd=folder,
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer in {seconds:g} s"
    except OSError as error:
        return False, f"cannot be started ({error.strerror})"
    if done.returncode == 0:
        return True, done.stdout.strip()
    complaint = [text for text in done.stderr.splitlines() if text.strip(" -")]
    return False, (complaint or [f"exit code {done.returncode}"])[-1].strip()


def probe_python(code: str) -> tuple[bool, str]:
    """Run a script as `probe` does, with all others in one process; in one of its own if it does not succeed there."""
    if code in _succeeded():
        return True, _succeeded()[code]
    return probe([sys.executable, "-c", code])


@cache
def _succeeded() -> dict[str, str]:
    """Scripts of `probe_python` that succeeded together -> what they said."""
    installed = [name for name in (*PACKAGES, *FARM_PACKAGES) if provenance.package_version(name) != provenance.ABSENT]
    scripts = (*(f"import {name}" for name in installed), COMPILED, HDF5_WITH_MPI)
    is_fine, text = probe([sys.executable, "-c", TOGETHER, *scripts])
    return dict(map(json.loads, text.splitlines())) if is_fine else {}


def python() -> Iterator[Diagnosis]:
    commit = provenance.git_commit()
    yield Diagnosis("hpcpot", "ok", f"{hpcpot.__version__}, commit {commit}, Python {platform.python_version()}")
    for name, remedy in PACKAGES.items():
        yield package(name, remedy)


def package(name: str, remedy: str) -> Diagnosis:
    """Check that a package imports; an installed one may not, if versions do not fit."""
    version = provenance.package_version(name)
    if version == provenance.ABSENT:
        return Diagnosis(name, "missing", "not installed", remedy)
    is_fine, text = probe_python(f"import {name}")
    return Diagnosis(name, "ok", version) if is_fine else Diagnosis(name, "failed", f"{version}: {text}", remedy)


def compiled_code() -> Iterator[Diagnosis]:
    """Check where compiled loops are kept, and that they can be."""
    is_fine, text = probe_python(COMPILED)
    if not is_fine:
        yield Diagnosis("compiled code", "failed", text, "see numba above")
        return
    folder, count, size, refusal = (*text.splitlines(), "")[:4]
    if refusal:
        details = f"{folder} {refusal}, so each run compiles for half a minute before it starts"
        yield Diagnosis("compiled code", "failed", details, "export NUMBA_CACHE_DIR=a folder of yours")
    else:
        details = f"kept in {folder}, {plural(int(count), 'file')}, {int(size) / MB:.1f} MB; the first run compiles what lacks"
        yield Diagnosis("compiled code", "ok", details)


def machine() -> Iterator[Diagnosis]:
    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    yield Diagnosis("BLAS", "ok", f"{blas['name']} {blas['version']}")
    yield Diagnosis("cores", "ok", f"{launch.cores()} of {os.cpu_count()} usable; {provenance.cpu_model()}")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    yield Diagnosis("memory", "ok", f"{memory:.1f} GiB")


def mpi() -> Iterator[Diagnosis]:
    """mpi4py, mpirun, and whether the two fit."""
    is_library, library = probe([sys.executable, "-c", "from mpi4py import MPI; print(MPI.Get_library_version())"])
    remedy = "apt-get install openmpi-bin libopenmpi-dev (on a cluster: module load openmpi), then pip install mpi4py"
    library = (library.splitlines() or [""])[0].split(",")[0]
    if is_library:
        yield Diagnosis("mpi4py", "ok", f"{provenance.package_version('mpi4py')} on {library}")
    else:
        yield Diagnosis("mpi4py", "missing", f"{library}; without it hpcpot runs on one core", remedy)
    try:
        mpirun = launch.find_mpirun(2)
    except DependencyError:
        yield Diagnosis("mpirun", "missing", "not in PATH", remedy)
        return
    _, version = probe([mpirun, "--version"], 10)
    yield Diagnosis("mpirun", "ok", f"{mpirun}, {(version.splitlines() or ['version unknown'])[0]}")
    if not is_library:
        return
    is_run, text = probe([mpirun, "-n", "2", sys.executable, "-c", TWO_RANKS])
    if is_run and text == "2 3":
        yield Diagnosis("2 ranks", "ok", "ran and talked to each other")
    elif is_run:
        yield Diagnosis(
            "2 ranks",
            "failed",
            "two runs of one rank: mpi4py was made for another MPI than this mpirun",
            f"put the mpirun of {library} first in PATH, or pip install mpich in this environment",
        )
    else:
        yield Diagnosis("2 ranks", "failed", text, f"see what it says: {mpirun} -n 2 hostname")


def parallel_hdf5() -> Iterator[Diagnosis]:
    """Check that h5py was built with MPI, and that two ranks really write one file."""
    if probe_python(HDF5_WITH_MPI) != (True, "True"):
        details = "h5py has no MPI: rank 0 writes for all, into the same layout"
        yield Diagnosis("parallel HDF5", "missing", details, hdf5_remedy())
        return
    try:
        mpirun = launch.find_mpirun(2)
    except DependencyError:
        yield Diagnosis("parallel HDF5", "failed", "h5py has MPI, but there is no mpirun to try it with", "see mpirun")
        return
    with tempfile.TemporaryDirectory() as folder:
        is_run, text = probe([mpirun, "-n", "2", sys.executable, "-c", TWO_RANKS_WRITE, folder])
    if is_run and text == "[1, 1, 2, 2]":
        yield Diagnosis("parallel HDF5", "ok", "two ranks wrote one file")
    else:
        yield Diagnosis("parallel HDF5", "failed", text, f"set parallel.hdf5: rank0, or rebuild h5py:\n{hdf5_remedy()}")


def hdf5_remedy() -> str:
    """Commands that build h5py with MPI on Debian; isolation is off because pip would build an old mpi4py in it."""
    multiarch = sysconfig.get_config_var("MULTIARCH") or "x86_64-linux-gnu"
    return (
        "in a checkout: make venv; else, on Debian or Ubuntu:\n"
        "apt-get install openmpi-bin libopenmpi-dev libhdf5-openmpi-dev pkg-config gcc\n"
        "pip install mpi4py setuptools wheel pkgconfig 'Cython<4'\n"
        f"CC=mpicc.openmpi HDF5_MPI=ON HDF5_DIR=/usr/lib/{multiarch}/hdf5/openmpi \\\n"
        "  pip install --no-build-isolation --no-deps --no-binary=h5py --force-reinstall h5py"
    )


def file_locking() -> Iterator[Diagnosis]:
    """Check that files can be locked in the current folder; network file systems often refuse, and HDF5 then stops."""
    setting = os.environ.get("HDF5_USE_FILE_LOCKING", "not set")
    is_fine, text = probe([sys.executable, "-c", LOCK], 10)
    if is_fine or setting.upper() in ("FALSE", "0", "BEST_EFFORT"):
        details = (
            "works in this folder"
            if is_fine
            else f"does not work in this folder ({text}), and HDF5 does not ask for it"
        )
        yield Diagnosis("file locking", "ok", f"{details}; HDF5_USE_FILE_LOCKING {setting}")
    else:
        yield Diagnosis("file locking", "failed", text, "export HDF5_USE_FILE_LOCKING=FALSE, or run in another folder")


def gpu() -> Iterator[Diagnosis]:
    """NVIDIA GPUs and CuPy."""
    if shutil.which("nvidia-smi") is None:
        yield Diagnosis("GPU", "none", "no nvidia-smi in PATH; the CPU engine needs none")
        return
    is_fine, text = probe(["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"], 20)
    if not is_fine:
        yield Diagnosis(
            "GPU", "failed", f"nvidia-smi: {text}", "install or reload the NVIDIA driver; the CPU engine needs none"
        )
        return
    yield Diagnosis("GPU", "ok", "; ".join(text.splitlines()))
    yield package("cupy", "pip install 'cupy-cuda12x[ctk]'")


def schedulers() -> Iterator[Diagnosis]:
    """Batch systems by their submit commands."""
    installed = [f"{name} ({shutil.which(command)})" for name, command in SCHEDULERS.items() if shutil.which(command)]
    if installed:
        yield Diagnosis("schedulers", "ok", ", ".join(installed))
    else:
        yield Diagnosis(
            "schedulers", "none", f"none of {', '.join(SCHEDULERS.values())} in PATH; runs start from this shell"
        )


def farm() -> Iterator[Diagnosis]:
    """Check the packages that campaigns need."""
    for name in FARM_PACKAGES:
        yield package(name, "pip install 'hpcpot[farm]', for hpcpot onsite and relax")


ALL = (python, compiled_code, machine, mpi, parallel_hdf5, file_locking, gpu, schedulers, farm)
