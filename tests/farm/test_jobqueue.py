"""Values of farm.jobqueue: each is checked before anything starts, and what is right comes out in the job script."""

import warnings
from dataclasses import replace

import pytest

from hpcpot.errors import ConfigError
from hpcpot.farm import jobqueue
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.pool import plan

dask = pytest.importorskip("dask", reason="pip install 'hpcpot[farm]'")
pytest.importorskip("dask_jobqueue", reason="pip install 'hpcpot[farm]'")

SOUND = {"cores": "4", "memory": "8 GB", "walltime": '"02:00:00"', "interface": "lo"}


@pytest.fixture
def farm(tmp_path):
    """The farm with a section that is sound but for the values given."""

    def make(cluster="slurm", device="cpu", **values):
        lines = SOUND | {name.replace("_", "-"): value for name, value in values.items()}
        path = tmp_path / "jobqueue.yaml"
        text = "".join(f"    {name}: {value}\n" for name, value in lines.items() if value is not None)
        path.write_text(f"jobqueue:\n  {cluster}:\n{text}")
        return farm_settings.defaults(cluster=cluster, device=device, jobqueue=path)

    return make


@pytest.mark.parametrize(
    ("name", "value", "requirement"),
    [
        ("memory", "32", "must be an amount with its unit, e.g. 32 GB or 32 MB"),
        ("memory", "all", "must be an amount with its unit, e.g. 32 GB"),
        ("memory", "0", "must be an amount with its unit"),
        ("memory", "0 GB", "must be more than 0"),
        ("memory", "-8 GB", "must be an amount with its unit"),
        ("memory", "true", "must be an amount with its unit"),
        ("memory", "[8 GB]", "must be an amount with its unit"),
        ("memory", "8 GX", "must be an amount with its unit"),
        ("memory", "32 kB", "must be at least 100 MB for each of 4 processes"),
        ("cores", "0", "must be >= 1"),
        ("cores", "-4", "must be >= 1"),
        ("cores", '"16"', "must be a number, not text"),
        ("cores", "1.5", "must be a whole number"),
        ("cores", "true", "must be a whole number"),
        ("cores", "[16]", "must be a whole number"),
        ("walltime", '"30:00"', "must be HH:MM:SS, as batch systems differ on it; write 00:30:00 or 30:00:00"),
        ("walltime", "5:00", "must be HH:MM:SS, as batch systems differ on it; write 00:05:00 or 5:00:00"),
        ("walltime", '"90"', "must be a duration HH:MM:SS"),
        ("walltime", "90", "must be a duration HH:MM:SS"),
        ("walltime", "00:99:00", "must be a duration HH:MM:SS"),
        ("walltime", "null", "is required, HH:MM:SS; give it, or set farm.walltime"),
        ("walltime", "00:02:00", "must be a duration HH:MM:SS of at least 00:05:00"),
        ("interface", "ib77", "this machine has no such interface, but .*lo.*scheduler-options: {interface: "),
        ("interface", "[lo]", "must be text without spaces"),
        ("queue", "2024", "must be text without spaces, and YAML reads a number; put it in quotes"),
        ("account", "0123", "must be text without spaces, and YAML reads a number; put it in quotes"),
        ("name", "my job", "must be text without spaces"),
        ("death_timeout", "soon", "must be a time in seconds"),
        ("death_timeout", "-1", "must be >= 1"),
        ("job_extra_directives", "--gres=gpu:4", "must be a list, each entry what follows #SBATCH"),
        ("job_extra_directives", "[1]", "must be what follows #SBATCH"),
        (
            "job_extra_directives",
            '["#SBATCH --exclusive"]',
            "must be what follows #SBATCH or the like in a line, without",
        ),
        ("shebang", "/bin/bash", "must be a line that begins with #!"),
        ("job_extra", "[--exclusive]", "an old key of dask-jobqueue: must be job-extra-directives; rename it"),
        ("job_script_prologue", "module load gcc", "must be a list"),
        ("scheduler_options", "[1]", "must be names with values"),
        ("wall_time", '"02:00:00"', "unknown key; did you mean walltime?"),
        ("mem", "8 GB", "unknown key; did you mean "),
    ],
)
def test_what_cannot_be_right_is_refused(farm, name, value, requirement):
    with pytest.raises(ConfigError, match=f"^jobqueue.yaml: jobqueue.slurm.{name.replace('_', '-')} = .*{requirement}"):
        plan(farm(**{name: value}), 10)


def test_the_old_keys_of_dask_jobqueue_are_null_in_its_own_file(farm):
    values = dict.fromkeys(("extra", "env_extra", "job_extra", "header_skip"), "null")
    assert jobqueue.job_script(farm(**values)) == jobqueue.job_script(farm())


def test_a_time_is_one_word_in_the_script(farm):
    assert "--death-timeout 2min --" in jobqueue.job_script(farm(death_timeout="2 min"))


def test_units_of_lsf(farm):
    with pytest.raises(ConfigError, match="lsf-units = XB: must be KB, MB, GB, TB, PB, EB or ZB"):
        jobqueue.job_script(farm("lsf", lsf_units="XB"))


def test_all_that_is_wrong_is_said_at_once(farm):
    with pytest.raises(ConfigError) as refusal:
        plan(farm(cores="0", memory="32", walltime="90", coers="4"), 10)
    assert [line.split(" = ")[0].rpartition(".")[2] for line in str(refusal.value).splitlines()] == [
        "coers",
        "cores",
        "memory",
        "walltime",
    ]


@pytest.mark.parametrize(
    "text", ["", "slurm", "- a", "jobqueue: 3", "jobqueue:\n  slurm: 3", "jobqueue:\n  slurm: null"]
)
def test_a_file_without_the_section(farm, text):
    settings = farm()
    settings.jobqueue.write_text(text)
    with pytest.raises(ConfigError, match="has no section jobqueue: slurm: for farm.cluster; add one"):
        plan(settings, 10)


@pytest.mark.parametrize("text", [b"a: [", b"\xff\xff", b"jobqueue: {slurm: {}}\njobqueue: {}\n"])
def test_a_file_that_is_no_config(farm, text):
    settings = farm()
    settings.jobqueue.write_bytes(text)
    with pytest.raises(ConfigError, match="cannot be read|jobqueue appears twice, again in line 2; keep one"):
        plan(settings, 10)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"memory": "8 GiB"}, "#SBATCH --mem=8G"),
        ({"memory": "8000M"}, "#SBATCH --mem=8G"),
        ({"memory": "1.5 TB"}, "#SBATCH --mem=1397G"),
        ({"walltime": "1-12:30"}, "#SBATCH -t 36:30:00"),
        ({"walltime": '"00:30:00"'}, "#SBATCH -t 00:30:00"),
        ({"queue": '"2024"'}, "#SBATCH -p 2024"),
        ({"job_mem": '"0"'}, "#SBATCH --mem=0"),
        ({"job_extra_directives": "[--mem-per-cpu=2G]"}, "#SBATCH --mem-per-cpu=2G"),
    ],
)
def test_what_is_right_is_in_the_script(farm, values, line):
    assert line in jobqueue.job_script(farm(**values)).splitlines()


def test_a_directive_may_be_left_out(farm):
    """As on clusters that share out memory by cores."""
    script = jobqueue.job_script(farm(job_directives_skip='["--mem"]'))
    assert "--mem=" not in script and "--memory-limit 1.86GiB" in script


def test_lsf_takes_hours_and_minutes(farm):
    assert "#BSUB -W 30:00" in jobqueue.job_script(farm("lsf", walltime='"30:00"', lsf_units="mb"))


def test_the_walltime_of_the_config_wins(farm):
    script = jobqueue.job_script(replace(farm(walltime="null"), walltime="03:00:00"))
    assert "#SBATCH -t 03:00:00" in script


def test_more_processes_than_cores(farm):
    with pytest.raises(
        ConfigError, match="jobqueue.slurm.processes = 8: must be at most cores .4.; give each GPU a core"
    ):
        plan(farm(device="gpu", processes="8"), 10)


def test_processes_have_no_effect_on_cpus_and_that_is_said(farm):
    jobqueue._tell_unused.cache_clear()
    with pytest.warns(UserWarning, match="jobqueue.slurm.processes = 2 = not used: with farm.device: cpu"):
        assert "--nworkers 4 " in jobqueue.job_script(farm(processes="2"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "--nworkers 2 " in jobqueue.job_script(farm(device="gpu", processes="2"))


def test_a_network_of_the_scheduler_alone(farm):
    """Login nodes may have another one than the nodes of jobs."""
    script = jobqueue.job_script(farm(interface="ib77", scheduler_options="{interface: lo}"))
    assert "--interface ib77" in script


def test_htcondor_needs_a_disk(farm):
    with pytest.raises(ConfigError, match="jobqueue.htcondor.disk = missing: is required"):
        plan(farm("htcondor", disk="null"), 10)
