import argparse
from dataclasses import dataclass

import pytest

from hpcpot import config
from hpcpot.config import Schema
from hpcpot.errors import ConfigError
from hpcpot.farm import settings as farm_settings


@dataclass(frozen=True, kw_only=True)
class Settings:
    farm: farm_settings.FarmSection = farm_settings.FarmSection()


SCHEMA = Schema(Settings, lambda settings: farm_settings.check(settings.farm))


def load(tmp_path, *overrides):
    path = tmp_path / "farm.yaml"
    path.write_text("farm:\n  chunk: auto\n")
    return config.load(path, SCHEMA, overrides).farm


def test_defaults_are_this_machine_and_the_shipped_jobs(tmp_path):
    farm = load(tmp_path)
    assert (farm.cluster, farm.workers, farm.chunk, farm.window) == ("local", None, "auto", 2)
    assert farm.jobqueue.name == "jobqueue.yaml" and farm.jobqueue.is_file()
    assert vars(farm_settings.defaults()) == vars(farm)
    assert farm_settings.defaults(workers=3).workers == 3


def test_own_jobs_file_beside_the_config_wins(tmp_path):
    (tmp_path / "jobqueue.yaml").write_text("jobqueue: {}\n")
    assert load(tmp_path).jobqueue == (tmp_path / "jobqueue.yaml").resolve()


@pytest.mark.parametrize("cluster", ["local", "slurm", "pbs", "sge", "lsf", "oar", "htcondor", "tls://10.0.0.1:8786"])
def test_clusters(cluster, tmp_path):
    assert load(tmp_path, f"farm.cluster={cluster}").cluster == cluster


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("farm.cluster=slurms", r"farm.cluster = slurms \(--set\): must be local \| slurm \|"),
        ("farm.cluster=tcp://host", "must be local"),
        ("farm.walltime=90", "farm.walltime = 90 .*must be a duration HH:MM:SS"),
        ("farm.walltime=1h", "must be a duration HH:MM:SS"),
        ("farm.walltime=30:00", "must be HH:MM:SS, as batch systems differ on it; write 00:30:00 or 30:00:00"),
        ("farm.cluster=tcp://10.0.0.1:8786", "farm.cluster = tcp.*has no certificates"),
        ("farm.workers=0", "farm.workers = 0 .*must be >= 1"),
        ("farm.chunk=some", r"farm.chunk = some .*must be auto"),
        ("farm.adapt=true", "farm.adapt = true .*needs jobs of a batch system, slurm, pbs"),
        ("farm.walltime=01:00:00", "farm.walltime = 01:00:00 .*needs jobs of a batch system"),
    ],
)
def test_wrong_values(override, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, override)


def test_a_running_scheduler_has_its_own_workers(tmp_path):
    with pytest.raises(ConfigError, match="farm.workers = 4 .*a running scheduler has its own workers; set null"):
        load(tmp_path, "farm.cluster=tls://10.0.0.1:8786", "farm.workers=4")
    with pytest.raises(ConfigError, match="farm.device = gpu .*a running scheduler"):
        load(tmp_path, "farm.cluster=tls://10.0.0.1:8786", "farm.device=gpu")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:30:00", 1800),
        ("100:00:01", 360001),
        ("1-00:00:00", 86400),
        ("2-08:30", 203400),
        ("08:00", 0),
        ("0:99:00", 0),
        ("", 0),
    ],
)
def test_seconds(text, seconds):
    assert farm_settings.seconds(text) == seconds


def test_options_are_overrides():
    parser = argparse.ArgumentParser()
    farm_settings.add_arguments(parser)
    assert parser.parse_args([]).overrides == []
    given = parser.parse_args(["--cluster", "slurm", "--workers", "64", "--retry-failed"])
    assert given.overrides == ["farm.cluster=slurm", "farm.workers=64"] and given.retry_failed
    assert [override.option for override in given.overrides] == ["--cluster", "--workers"]
