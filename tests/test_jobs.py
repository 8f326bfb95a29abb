"""The job scripts with a scheduler made of echoes: what they start, and that exit code 75 submits them again."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

JOBS = Path(__file__).resolve().parent.parent / "jobs"


@pytest.fixture
def submit(tmp_path):
    def run(script: str, code: int, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        for name, text in {
            "srun": f"echo srun $@; exit {code}",
            "hpcpot": f"echo hpcpot $@; exit {code}",
            "sbatch": "echo sbatch $@",
            "qsub": "echo qsub $@",
        }.items():
            path = tmp_path / name
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        environment = (
            os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PBS_O_WORKDIR": str(tmp_path)} | variables
        )
        return subprocess.run(
            ["bash", JOBS / script, *arguments], capture_output=True, text=True, env=environment, timeout=60
        )

    return run


@pytest.mark.parametrize("code", [0, 1])
def test_slurm_done_or_failed(submit, code):
    done = submit("md.slurm", code, "x.yaml")
    assert done.returncode == code
    assert done.stdout == "srun --mpi=pmix hpcpot md x.yaml\n"


def test_slurm_stopped_by_the_walltime(submit):
    done = submit("md.slurm", 75, "x.yaml")
    assert done.returncode == 75
    assert done.stdout.splitlines()[1:] == ["sbatch jobs/md.slurm x.yaml --restart"]


def test_pbs_stopped_by_the_walltime(submit):
    done = submit("md.pbs", 75, CONFIG="x.yaml")
    assert done.returncode == 75
    assert done.stdout.splitlines() == [
        "hpcpot md x.yaml --ranks 16",
        "qsub -v CONFIG=x.yaml,RESTART=--restart jobs/md.pbs",
    ]


def test_pbs_goes_on(submit):
    done = submit("md.pbs", 0, CONFIG="x.yaml", RESTART="--restart")
    assert (done.returncode, done.stdout) == (0, "hpcpot md x.yaml --ranks 16 --restart\n")
