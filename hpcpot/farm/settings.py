"""The section `farm`, common to all commands that use workers: its keys, their checks, and command line options."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot.config import Problem, Short, add_shorts, find_input, key
from hpcpot.config.kinds import Kind, boolean, choice, either, file_name, integer

JOB_QUEUES = {"slurm": "SLURM", "pbs": "PBS", "sge": "SGE", "lsf": "LSF", "oar": "OAR", "htcondor": "HTCondor"}
"""Batch systems and their names in dask-jobqueue (SLURMCluster, SLURMJob)."""
CLUSTERS = " | ".join(("local", *JOB_QUEUES, "the address of a scheduler, tls://host:port"))
ADDRESS = re.compile(r"(tcp|tls|ucx)://\S+:\d+")
WALLTIME = re.compile(r"(\d+-)?\d+:[0-5]\d:[0-5]\d|\d+-\d+:[0-5]\d")


def cluster() -> Kind:
    """Kind of the origin of workers."""

    def parse(value: Any) -> str:
        if value not in ("local", *JOB_QUEUES) and not (isinstance(value, str) and ADDRESS.fullmatch(value)):
            raise ValueError(f"must be {CLUSTERS}")
        return value

    names = {"enum": ["local", *JOB_QUEUES]}
    return Kind(CLUSTERS, parse, {"anyOf": [names, {"type": "string", "pattern": f"^{ADDRESS.pattern}$"}]})


def walltime() -> Kind:
    """Kind of a duration as batch systems write it, kept as text.

    Not 30:00, which is half an hour to Slurm and thirty hours to LSF.
    """

    def parse(value: Any) -> str:
        if isinstance(value, str) and re.fullmatch(r"\d+:[0-5]\d", value):
            raise ValueError(f"must be HH:MM:SS, as batch systems differ on it; write 00:{value:0>5} or {value}:00")
        if not isinstance(value, str) or not seconds(value):
            raise ValueError("must be a duration HH:MM:SS, e.g. 08:00:00")
        return value

    return Kind("a duration HH:MM:SS", parse, {"type": "string", "pattern": f"^({WALLTIME.pattern})$"})


def seconds(text: str) -> int:
    """Convert a walltime "HH:MM:SS", "D-HH:MM:SS" or "D-HH:MM" to seconds; 0 if it is none of these."""
    if not WALLTIME.fullmatch(text):
        return 0
    days, _, clock = text.rpartition("-")
    hours, minutes, rest = (int(part) for part in f"{clock}:00".split(":")[:3])
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + rest


@dataclass(frozen=True, kw_only=True)
class FarmSection:
    """Workers of the farm, and the distribution of work among them."""

    cluster: str = key(
        cluster(),
        "where workers run: on this machine, in jobs of a batch system, or under a running Dask scheduler",
        "local",
    )
    workers: int | None = key(
        integer(1),
        "number of single-threaded worker processes; null: one per core (or GPU) of this machine, or those of one job",
        None,
    )
    device: str = key(
        choice("cpu", "gpu"),
        "gpu: one worker for each GPU, which sees no other GPU; the potentials of this version do not use it",
        "cpu",
    )
    chunk: str | int = key(
        either(choice("auto"), integer(1)),
        "number of items per task; auto: 1 to 1000, about two seconds of work by measured times, "
        "with more than 100 workers 0.02 s for each",
        "auto",
    )
    window: int = key(integer(1), "tasks submitted per worker, running and waiting; more only loads the scheduler", 2)
    retries: int = key(
        integer(0),
        "how often a task whose worker died is given to another worker, before each of its items runs in a process of its "
        "own; at tls://host:port this is distributed.scheduler.allowed-failures of that scheduler",
        1,
    )
    walltime: str | None = key(walltime(), "walltime of each job; null: as in the file farm.jobqueue", None)
    unencrypted: bool = key(
        boolean(),
        "do without the certificate that keeps others out: whoever reaches a port of the farm, on this machine any user, "
        "then runs code as you; a scheduler at tcp:// is such a one",
        False,
    )
    adapt: bool = key(boolean(), "submit and end jobs according to the amount of work, up to farm.workers", False)
    jobqueue: Path = key(
        file_name(),
        "YAML file with the resources of a job; the shipped one has comments",
        "jobqueue.yaml",
        is_input=True,
    )


def check(farm: FarmSection) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    if farm.cluster not in JOB_QUEUES:
        if farm.adapt:
            yield "farm.adapt", f"needs jobs of a batch system, {', '.join(JOB_QUEUES)}; set false"
        if farm.walltime is not None:
            yield "farm.walltime", f"needs jobs of a batch system, {', '.join(JOB_QUEUES)}; set null"
    scheme = farm.cluster.partition("://")[0] if ADDRESS.fullmatch(farm.cluster) else ""
    if scheme in ("tcp", "ucx") and not farm.unencrypted:
        yield (
            "farm.cluster",
            "has no certificates, so that whoever reaches it runs code in the names of all who use it; give it some and "
            "use tls://, or set farm.unencrypted: true",
        )
    if scheme == "tls" and farm.unencrypted:
        yield "farm.unencrypted", "cannot hold for tls://; set false"
    if ADDRESS.fullmatch(farm.cluster) and farm.workers is not None:
        yield "farm.workers", "a running scheduler has its own workers; set null"
    if ADDRESS.fullmatch(farm.cluster) and farm.device == "gpu":
        yield "farm.device", "a running scheduler has its own workers, with the GPUs they were given; set cpu"


def defaults(**values: Any) -> FarmSection:
    """Return the section with default values, except for those given."""
    jobqueue = values.pop("jobqueue", "jobqueue.yaml")
    return FarmSection(jobqueue=find_input(str(jobqueue), Path.cwd()), **values)


SHORTS = (
    Short(("--cluster",), "farm.cluster", "NAME", "local, slurm, pbs, ..."),
    Short(("--workers",), "farm.workers", "N", "number of workers"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options common to all commands that use the farm."""
    add_shorts(parser, SHORTS)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the resolved config, the number of tasks and the job script, and stop",
    )
    parser.add_argument("--retry-failed", action="store_true", help="also repeat the items that failed")
    parser.add_argument(
        "--overwrite", action="store_true", help="start the results afresh; by default only missing items are computed"
    )
