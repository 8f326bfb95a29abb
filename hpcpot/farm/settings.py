"""The config of the farm, which every command that uses it shares: keys, how they fit together, and options."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot.config import Problem, find_input, key
from hpcpot.config.kinds import Kind, boolean, choice, either, file_name, integer

JOB_QUEUES = {"slurm": "SLURM", "pbs": "PBS", "sge": "SGE", "lsf": "LSF", "oar": "OAR", "htcondor": "HTCondor"}
"""Batch systems, and what dask-jobqueue calls them: SLURMCluster, SLURMJob."""
CLUSTERS = " | ".join(("local", *JOB_QUEUES, "the address of a scheduler, tcp://host:port"))
ADDRESS = re.compile(r"(tcp|tls|ucx)://\S+:\d+")
WALLTIME = re.compile(r"(?:(\d+)-)?(\d+):([0-5]\d)(?::([0-5]\d))?")


def cluster() -> Kind:
    """Where workers come from."""

    def parse(value: Any) -> str:
        if value not in ("local", *JOB_QUEUES) and not (isinstance(value, str) and ADDRESS.fullmatch(value)):
            raise ValueError(f"must be {CLUSTERS}")
        return value

    names = {"enum": ["local", *JOB_QUEUES]}
    return Kind(CLUSTERS, parse, {"anyOf": [names, {"type": "string", "pattern": f"^{ADDRESS.pattern}$"}]})


def walltime() -> Kind:
    """A duration as batch systems write it; kept as text."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not seconds(value):
            raise ValueError("must be a duration HH:MM:SS, e.g. 08:00:00")
        return value

    return Kind("a duration HH:MM:SS", parse, {"type": "string", "pattern": f"^{WALLTIME.pattern}$"})


def seconds(text: str) -> int:
    """Seconds of a walltime "HH:MM:SS", "HH:MM" or "D-HH:MM:SS"; 0 if it is none."""
    match = WALLTIME.fullmatch(text)
    if not match:
        return 0
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


@dataclass(frozen=True, kw_only=True)
class FarmSection:
    """Where the workers of a farm come from, and how work is dealt out to them."""

    cluster: str = key(
        cluster(), "where workers run: this machine, jobs of a batch system, or those of a scheduler", "local"
    )
    workers: int | None = key(
        integer(1), "processes of one thread; null: for local the cores (or GPUs) of this machine, else one job's", None
    )
    device: str = key(
        choice("cpu", "gpu"),
        "gpu: one worker for each GPU, which sees no other; potentials of this version leave it idle",
        "cpu",
    )
    chunk: str | int = key(
        either(choice("auto"), integer(1)),
        "items that a worker gets at a time; auto: 1 to 1000, about two seconds of work by measured time",
        "auto",
    )
    window: int = key(integer(1), "chunks for each worker, running or waiting; more only fills the scheduler", 2)
    retries: int = key(
        integer(0),
        "how often a chunk whose worker died is given to another, before its items run in processes of their own; at "
        "tcp://host:port that is what its scheduler has as distributed.scheduler.allowed-failures",
        1,
    )
    walltime: str | None = key(walltime(), "of a job; null: that of the file farm.jobqueue", None)
    adapt: bool = key(boolean(), "jobs are submitted and ended as the work needs, up to farm.workers", False)
    jobqueue: Path = key(
        file_name(), "YAML file with what a job asks for; the shipped one is commented", "jobqueue.yaml", is_input=True
    )


def check(farm: FarmSection) -> Iterator[Problem]:
    """Yield what does not fit together."""
    if farm.cluster not in JOB_QUEUES:
        if farm.adapt:
            yield "farm.adapt", f"needs jobs of a batch system, {', '.join(JOB_QUEUES)}; set false"
        if farm.walltime is not None:
            yield "farm.walltime", f"needs jobs of a batch system, {', '.join(JOB_QUEUES)}; set null"
    if ADDRESS.fullmatch(farm.cluster) and farm.workers is not None:
        yield "farm.workers", "a scheduler that runs has its own workers; set null"
    if ADDRESS.fullmatch(farm.cluster) and farm.device == "gpu":
        yield "farm.device", "a scheduler that runs has its own workers, with the GPUs they were given; set cpu"


def defaults(**values: Any) -> FarmSection:
    """The farm section without a config file, with `values` of some of its keys."""
    jobqueue = values.pop("jobqueue", "jobqueue.yaml")
    return FarmSection(jobqueue=find_input(str(jobqueue), Path.cwd()), **values)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of every command that uses the farm."""
    parser.add_argument("--cluster", metavar="NAME", help="the same as --set farm.cluster=NAME: local, slurm, pbs, ...")
    parser.add_argument("--workers", metavar="N", help="the same as --set farm.workers=N")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the resolved config, the number of tasks and the job script, and stop",
    )
    parser.add_argument("--retry-failed", action="store_true", help="also do again the items that failed")
    parser.add_argument("--overwrite", action="store_true", help="begin the results anew; else what lacks is done")


def overrides(arguments: argparse.Namespace) -> list[str]:
    """The options as `config.load` takes overrides."""
    given = {"farm.cluster": arguments.cluster, "farm.workers": arguments.workers}
    return [f"{name}={value}" for name, value in given.items() if value is not None]
