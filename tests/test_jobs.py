"""The job scripts with a scheduler made of echoes: what they start, and that exit code 75 submits them again."""

import os
import stat
import subprocess

import pytest
from repository import JOBS


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
            ["bash", JOBS / script, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            cwd=tmp_path,
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


def test_fracture_under_slurm_from_structure_to_figures(submit, tmp_path):
    done = submit("fracture.slurm", 0, "bulk_104448", "configs/analyze_fracture.yaml", "--set", "md.seed=2")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "hpcpot build configs/build_li13si4_104448.yaml -o li13si4_104448.extxyz",
        "srun --mpi=pmix hpcpot md configs/fracture_bulk_104448.yaml --set md.seed=2",
        "srun --mpi=pmix hpcpot analyze configs/analyze_fracture.yaml --set trajectory=fracture_bulk_104448.h5md",
    ]
    (tmp_path / "stack50.extxyz").write_text("")
    stopped = submit("fracture.slurm", 75, "stack50", "fracture_stack50.h5md")
    assert stopped.returncode == 75
    assert stopped.stdout.splitlines() == [
        "srun --mpi=pmix hpcpot md configs/fracture_stack50.yaml",
        "sbatch jobs/fracture.slurm stack50 fracture_stack50.h5md --restart",
    ]


def test_fracture_under_pbs_from_structure_to_figures(submit, tmp_path):
    (tmp_path / "particle_lisi.extxyz").write_text("")
    case = {"CASE": "particle_lisi", "ANALYSIS": "configs/analyze_particle.yaml"}
    assert submit("fracture.pbs", 0, **case).stdout.splitlines() == [
        "hpcpot md configs/fracture_particle_lisi.yaml --ranks 16",
        "hpcpot analyze configs/analyze_particle.yaml --set trajectory=fracture_particle_lisi.h5md --ranks 16",
    ]
    stopped = submit("fracture.pbs", 75, **case)
    assert stopped.returncode == 75
    assert stopped.stdout.splitlines()[1:] == [
        "qsub -v CASE=particle_lisi,ANALYSIS=configs/analyze_particle.yaml,RESTART=--restart jobs/fracture.pbs"
    ]


def test_fracture_ends_with_its_error(submit, tmp_path):
    done = submit("fracture.slurm", 1, "stack80", "fracture_stack80.h5md")
    assert done.returncode == 1
    assert done.stdout == "hpcpot build configs/build_stack80.yaml -o stack80.extxyz\n", (
        "nothing runs without a structure"
    )


CASES = ("bulk_28900", "bulk_104448", "particle_li13si4", "particle_lisi", "particle_lisi3", "stack50", "stack80")


@pytest.mark.parametrize("case", CASES)
def test_structures_of_the_cases_are_what_the_job_builds(case):
    """The job names a case's structure after the case."""
    path, structure = JOBS.parent / f"configs/fracture_{case}.yaml", case.replace("bulk_", "li13si4_")
    assert f"file: {structure}.extxyz" in path.read_text()
    assert (JOBS.parent / f"configs/build_{structure}.yaml").exists()
