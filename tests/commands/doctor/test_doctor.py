import os
import re
import stat
import sys
import time

import pytest

from hpcpot import cli
from hpcpot.commands.doctor import checks, format_row
from hpcpot.commands.doctor.checks import Diagnosis


@pytest.fixture(autouse=True)
def forget():
    checks._succeeded.cache_clear()


def states(check) -> dict[str, str]:
    return {finding.name: finding.state for finding in check()}


def program(folder, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.mpi
def test_doctor_runs_and_finds_what_tests_need(capsys):
    began = time.monotonic()
    assert cli.main(["doctor"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert time.monotonic() - began < 120
    for name in (
        "hpcpot",
        "numpy",
        "numba",
        "compiled code",
        "BLAS",
        "cores",
        "memory",
        "mpi4py",
        "2 ranks",
        "parallel HDF5",
    ):
        assert any(re.match(rf"{name} +(ok|missing|failed) ", row) for row in rows), name


def test_a_probe_never_hangs():
    began = time.monotonic()
    assert checks.probe([sys.executable, "-c", "import time; time.sleep(60)"], 0.5) == (False, "no answer in 0.5 s")
    assert time.monotonic() - began < 10


def test_a_probe_tells_the_last_complaint():
    code = "import sys; print('first\\nValueError: last\\n\\n-----', file=sys.stderr); sys.exit(3)"
    assert checks.probe([sys.executable, "-c", code]) == (False, "ValueError: last")
    assert checks.probe([sys.executable, "-c", "import sys; sys.exit(3)"]) == (False, "exit code 3")
    assert checks.probe(["no-such-program"]) == (False, "cannot be started (No such file or directory)")
    assert checks.probe([sys.executable, "-c", "print('fine')"]) == (True, "fine")


def test_scripts_share_a_process_unless_one_ends_it(monkeypatch):
    begun = []
    monkeypatch.setattr(checks, "PACKAGES", {"json": "", "no_such_package": ""})
    monkeypatch.setattr(checks, "FARM_PACKAGES", ())
    monkeypatch.setattr(checks, "COMPILED", "print('compiled')")
    monkeypatch.setattr(checks, "HDF5_WITH_MPI", "print(1 / 0)")
    monkeypatch.setattr(checks.provenance, "package_version", lambda name: "1.0")
    monkeypatch.setattr(checks, "probe", lambda line, probe=checks.probe: begun.append(line) or probe(line))
    assert (
        checks.probe_python("import json") == (True, "") and checks.probe_python("print('compiled')")[1] == "compiled"
    )
    assert len(begun) == 1
    assert "No module named" in checks.probe_python("import no_such_package")[1]
    assert checks.probe_python("print(1 / 0)") == (False, "ZeroDivisionError: division by zero")
    monkeypatch.setattr(checks, "COMPILED", "import os; os.abort()")
    checks._succeeded.cache_clear()
    assert checks.probe_python("import json") == (True, "")
    assert len(begun) == 5 and begun[-1][2] == "import json"


def test_package_that_is_absent_or_broken(monkeypatch):
    absent = checks.package("no_such_package", "pip install it")
    assert (absent.state, absent.remedy) == ("missing", "pip install it")
    monkeypatch.setattr(checks.provenance, "package_version", lambda name: "1.0")
    broken = checks.package("no_such_package", "pip install it")
    assert broken.state == "failed" and "No module named" in broken.details


def test_machine_without_anything(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(checks.launch.sys, "executable", str(tmp_path / "python"))
    assert states(checks.gpu) == {"GPU": "none"}
    assert states(checks.schedulers) == {"schedulers": "none"}
    found = {finding.name: finding for finding in checks.mpi()}
    assert found["mpi4py"].state == found["mpirun"].state == "missing"
    assert "apt-get install openmpi-bin" in found["mpirun"].remedy
    hdf5 = next(iter(checks.parallel_hdf5()))
    assert hdf5.state == "missing" and "HDF5_MPI=ON" in hdf5.remedy


def test_schedulers_and_gpu_are_found(monkeypatch, tmp_path):
    program(tmp_path, "sbatch", "true")
    program(tmp_path, "condor_submit", "true")
    program(tmp_path, "nvidia-smi", "echo 'Card, 80 GiB'")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    row = next(iter(checks.schedulers()))
    assert row.state == "ok" and "Slurm" in row.details and "HTCondor" in row.details and "LSF" not in row.details
    card = next(iter(checks.gpu()))
    assert card.state == "ok" and card.details == "Card, 80 GiB"


def test_gpu_without_driver(monkeypatch, tmp_path):
    program(tmp_path, "nvidia-smi", "echo 'couldn'\"'\"'t communicate with the NVIDIA driver' >&2; exit 9")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    row = next(iter(checks.gpu()))
    assert row.state == "failed" and "communicate" in row.details


def test_mpirun_of_another_mpi(monkeypatch):
    answers = {"--version": (True, "HYDRA"), "-n": (True, "1 1\n1 1")}
    monkeypatch.setattr(checks, "probe", lambda line, *rest: answers.get(line[1], (True, "Open MPI v4.1.4, package")))
    row = {finding.name: finding for finding in checks.mpi()}["2 ranks"]
    assert row.state == "failed" and "another MPI" in row.details and "Open MPI v4.1.4 first in PATH" in row.remedy


def test_compiled_code(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (row,) = checks.compiled_code()
    assert (row.state, row.details) == (
        "ok",
        f"kept in {tmp_path}/hpcpot, 0 files, 0.0 MB; the first run compiles what lacks",
    )
    (tmp_path / "hpcpot").write_text("not a folder")
    checks._succeeded.cache_clear()
    (row,) = checks.compiled_code()
    assert row.state == "failed" and "hpcpot cannot be written, so each run compiles" in row.details
    assert row.remedy == "export NUMBA_CACHE_DIR=a folder of yours"


def test_packages_of_the_farm(monkeypatch):
    monkeypatch.setattr(checks, "package", lambda name, remedy: Diagnosis(name, "missing", "not installed", remedy))
    assert [row.name for row in checks.farm()] == ["distributed", "dask_jobqueue", "cryptography"]
    assert all("pip install 'hpcpot[farm]'" in row.remedy for row in checks.farm())


def test_file_locking(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HDF5_USE_FILE_LOCKING", raising=False)
    assert states(checks.file_locking) == {"file locking": "ok"}
    monkeypatch.setattr(checks, "LOCK", "raise OSError('no locks available')")
    row = next(iter(checks.file_locking()))
    assert row.state == "failed" and "export HDF5_USE_FILE_LOCKING=FALSE" in row.remedy
    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "FALSE")
    assert states(checks.file_locking) == {"file locking": "ok"}


def test_row():
    assert format_row(Diagnosis("GPU", "missing", "none here", "first\nsecond")) == (
        "GPU              missing  none here\n                          -> first\n                             second"
    )
