"""Sources of the farm's workers: this machine, jobs of a batch system, or a scheduler that runs already."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

from hpcpot.errors import ConfigError, DependencyError
from hpcpot.farm import jobqueue, security
from hpcpot.farm.dask_settings import DASK_SETTINGS, load
from hpcpot.farm.settings import JOB_QUEUES, FarmSection
from hpcpot.farm.worker import GPUS
from hpcpot.parallel.launch import ENVIRONMENT, cores

NO_DASHBOARD = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
"""Dask's scheduler serves HTTP in any case: then for this machine alone, and on any port, as two farms may run here."""


def start(farm: FarmSection, stack: ExitStack) -> tuple[Any, Any]:
    """Start the cluster (None for one that was joined) and a client of it; leaving `stack` ends both.

    One of a batch system has no jobs yet, see `jobs.Jobs`.

    Raises:
        ConfigError, DependencyError, FarmError: what farm.cluster names is not there.
    """
    dask, distributed = load("dask"), load("distributed")
    settings = {
        **DASK_SETTINGS,
        "distributed.scheduler.allowed-failures": farm.retries,
        "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
        "distributed.admin.large-graph-warning-threshold": "1 GiB",  # a chunk carries its inputs, and a frame is large
        # How long fetching results from a worker that just died holds up all others; 30 s by default.
        "distributed.comm.timeouts.connect": "10 s",
        # Dask would cancel a job of one process that takes long to start again, and forget it.
        "distributed.deploy.lost-worker-timeout": "365 days",
        "distributed.scheduler.http.routes": [],  # as for workers, see DASK_SETTINGS
    }
    stack.enter_context(dask.config.set(settings))
    if farm.unencrypted:
        security.warn(farm.cluster)
    if farm.cluster == "local":
        cluster = _local(farm)
    elif farm.cluster in JOB_QUEUES:
        cluster = _batch_system(farm, stack)
    else:
        # Its own reports of a scheduler that goes away would come after ours.
        stack.enter_context(load("distributed.utils").silence_logging_cmgr("CRITICAL"))
        return None, stack.enter_context(security.join(farm.cluster))
    stack.callback(cluster.close)
    return cluster, stack.enter_context(distributed.Client(cluster, set_as_default=False))


def workers(farm: FarmSection) -> int:
    """Number of processes the farm is to have; 0 where a scheduler has its own.

    Raises:
        ConfigError: no GPU on this machine, or farm.jobqueue is wrong.
    """
    if farm.cluster == "local":
        most = gpus() if farm.device == "gpu" else cores()
        if farm.device == "gpu" and not 0 < (farm.workers or most) <= most:
            raise ConfigError(
                f"farm.device = gpu: this machine has {most} GPUs for {farm.workers or 'any'} workers, and each needs "
                "one; set farm.device: cpu, or farm.workers to at most that."
            )
        return farm.workers or most
    return (farm.workers or jobqueue.job_options(farm)["processes"]) if farm.cluster in JOB_QUEUES else 0


def gpus() -> int:
    """GPUs that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name and name != "-1"])
    if shutil.which("nvidia-smi") is None:
        return 0
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60)
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


def _local(farm: FarmSection) -> Any:
    n = workers(farm)
    environment = {GPUS: str(gpus())} if farm.device == "gpu" else {}
    return load("distributed").LocalCluster(
        n_workers=n,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        security=None if farm.unencrypted else security.certificates(),
        scheduler_kwargs=NO_DASHBOARD,
        env=environment,
        preload=jobqueue.PRELOAD,
        silence_logs="CRITICAL",
    )


def _batch_system(farm: FarmSection, stack: ExitStack) -> Any:
    kind = getattr(load("dask_jobqueue"), f"{JOB_QUEUES[farm.cluster]}Cluster")
    submit = kind.job_cls.submit_command.split()[0]
    if shutil.which(submit) is None:
        raise DependencyError(
            f"farm.cluster = {farm.cluster}: {submit} is not in PATH; run on a login node of the cluster, or set "
            "farm.cluster: local."
        )
    options = jobqueue.job_options(farm)
    folder = os.path.expandvars(os.path.expanduser(options.pop("shared_temp_directory", os.getcwd())))
    own = None if farm.unencrypted else security.in_files(security.certificates(), Path(folder), stack)
    with jobqueue.refusals(farm):
        return _numbering(kind)(
            job_cls=_keeping_refusals(kind.job_cls),
            scheduler_options=_scheduler_options(options),
            security=own,
            silence_logs="CRITICAL",
            **options,
        )


def _scheduler_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options of the scheduler, taken out of those of the cluster: it listens at one address."""
    given = {**NO_DASHBOARD, **options.pop("scheduler_options", {})}
    if "interface" not in options and not given.keys() & {"host", "interface"}:
        given["host"] = load("distributed.utils").get_ip()
    return given


def _numbering(cluster: type) -> type:
    """Derive a kind of cluster that uses no name twice: Dask would take a new job for an ended one of the same name."""
    numbers = count()

    def name(self: Any, number: int) -> str:
        return f"{self._name}-{next(numbers)}"

    return type(cluster.__name__, (cluster,), {"_new_worker_name": name})


def _keeping_refusals(job: type) -> type:
    """Derive a kind of job that keeps why it was refused in `refusal`, and counts as started: Dask would only log it."""
    process = load("distributed.deploy.spec").ProcessInterface

    async def start(self: Any) -> None:
        try:
            await job.start(self)
        except Exception as error:
            self.refusal = str(error)
            await process.start(self)

    async def close(self: Any) -> None:
        await job.close(self)
        await process.close(self)  # else Dask's own check at the end finds it running

    return type(job.__name__, (job,), {"start": start, "close": close, "refusal": None})


def attendance(jobs: Any) -> Any:
    """A plugin of the scheduler that calls jobs.arrive(address, name) and jobs.leave(address) for its workers."""

    def add_worker(self: Any, scheduler: Any, worker: str) -> None:
        jobs.arrive(worker, str(scheduler.workers[worker].name))

    def remove_worker(self: Any, scheduler: Any, worker: str, **_: Any) -> None:
        jobs.leave(worker)

    plugin = load("distributed").SchedulerPlugin
    return type("Attendance", (plugin,), {"add_worker": add_worker, "remove_worker": remove_worker})()
