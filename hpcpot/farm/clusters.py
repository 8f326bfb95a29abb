"""Sources of the farm's workers: this machine, jobs of a batch system, or a scheduler that runs already.

A batch system is a section of farm.jobqueue, as dask-jobqueue names its keys. What does not depend on the site is added
here: one thread a process, no spilling and pausing, the lifetime that follows from the walltime.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import ExitStack
from importlib import import_module
from itertools import count
from types import ModuleType
from typing import Any

from hpcpot.config import yaml_text
from hpcpot.errors import ConfigError, DependencyError, FarmError
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import JOB_QUEUES, FarmSection
from hpcpot.farm.worker import GPUS
from hpcpot.parallel.launch import ENVIRONMENT, cores

DASK_SETTINGS = {
    # The log of messages holds them whole: by default the inputs of the last 1000 chunks.
    "distributed.admin.low-level-log-length": 10,
    # Items hold no data for Dask to spill, and a worker that pauses would wait for ever.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
}
NO_DASHBOARD = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
"""Dask's scheduler serves HTTP in any case: then for this machine alone, and on any port, as two farms may run here."""
PRELOAD = "hpcpot.farm.worker"
DEPRECATED = ("extra", "env-extra", "job-extra", "header-skip")
CONNECT_SECONDS = 20
MARGIN = (0.05, 60, 600)
"""Share of the walltime by which workers end before it, and its least and most in seconds; see `lifetime`."""


def load(name: str) -> ModuleType:
    """Import a module of Dask.

    Importing dask_jobqueue sets a handler of SIGINT that ends the process without a word; the one before is put back.

    Raises:
        DependencyError: Dask is not installed.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("_", "-")
        raise DependencyError(
            f"farm = {package} cannot be imported ({error}): the farm runs on Dask; pip install 'hpcpot[farm]'."
        ) from error
    finally:
        if signal.getsignal(signal.SIGINT) is not handler:
            signal.signal(signal.SIGINT, handler)


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
    }
    stack.enter_context(dask.config.set(settings))
    if farm.cluster == "local":
        cluster = _local(farm)
    elif farm.cluster in JOB_QUEUES:
        cluster = _batch_system(farm)
    else:
        # Its own reports of a scheduler that goes away would come after ours.
        stack.enter_context(load("distributed.utils").silence_logging_cmgr("CRITICAL"))
        return None, stack.enter_context(_join(farm.cluster))
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
    return (farm.workers or job_options(farm)["processes"]) if farm.cluster in JOB_QUEUES else 0


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
        scheduler_kwargs=NO_DASHBOARD,
        env=environment,
        preload=PRELOAD,
        silence_logs="CRITICAL",
    )


def _join(address: str) -> Any:
    try:
        return load("distributed").Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise FarmError(
            f"farm.cluster = {address}: no scheduler answers there within {CONNECT_SECONDS} s; start one with "
            f"`dask scheduler`, and workers with `dask worker {address} --nthreads 1`, or give another address."
        ) from error


def _batch_system(farm: FarmSection) -> Any:
    kind = getattr(load("dask_jobqueue"), f"{JOB_QUEUES[farm.cluster]}Cluster")
    submit = kind.job_cls.submit_command.split()[0]
    if shutil.which(submit) is None:
        raise DependencyError(
            f"farm.cluster = {farm.cluster}: {submit} is not in PATH; run on a login node of the cluster, or set "
            "farm.cluster: local."
        )
    options = job_options(farm)
    scheduler_options = {**NO_DASHBOARD, **options.pop("scheduler_options", {})}
    return _numbering(kind)(
        job_cls=_keeping_refusals(kind.job_cls), scheduler_options=scheduler_options, silence_logs="CRITICAL", **options
    )


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


def job_script(farm: FarmSection) -> str:
    """The script of one job of a batch system; starts nothing."""
    kind = getattr(load("dask_jobqueue"), f"{JOB_QUEUES[farm.cluster]}Cluster").job_cls
    options = job_options(farm)
    options.pop("scheduler_options", None)
    options.pop("shared_temp_directory", None)
    return kind("tcp://SCHEDULER:PORT", name="hpcpot-0", **options).job_script()


def job_options(farm: FarmSection) -> dict[str, Any]:
    """Arguments of dask-jobqueue's cluster: its own defaults, those of farm.jobqueue, and ours.

    Raises:
        ConfigError: farm.jobqueue has no such section, an unknown key, or no cores, memory or sound walltime.
    """
    section = _section(farm)
    where = f"{farm.jobqueue.name}: jobqueue.{farm.cluster}"
    for name in ("cores", "memory"):
        if section.get(name) is None:
            raise ConfigError(f"{where}.{name} = missing: is required, what one job asks for; give it.")
    section["processes"] = section["cores"] if farm.device == "cpu" else section.get("processes") or 1
    extra = [*(section.get("worker-extra-args") or []), "--nthreads", "1", "--preload", PRELOAD, "--no-dashboard"]
    exports = {**ENVIRONMENT, **{_variable(name): value for name, value in DASK_SETTINGS.items()}}
    if farm.device == "gpu":
        exports[GPUS] = section["processes"]
    if walltime := farm.walltime or section.get("walltime"):
        extra += lifetime(walltime, f"{where}.walltime" if farm.walltime is None else "farm.walltime")
        section["walltime"] = in_queue_format(walltime, farm.cluster)
    if farm.cluster == "htcondor":
        section.pop("walltime", None)  # it has none; what a pool sets is for job-extra-directives
    section["worker-extra-args"] = extra
    prologue = [f"export {name}={value}" for name, value in exports.items()]
    section["job-script-prologue"] = prologue + (section.get("job-script-prologue") or [])
    section["job-name"] = section.pop("name")
    return {name.replace("-", "_"): value for name, value in section.items() if value is not None}


def _section(farm: FarmSection) -> dict[str, Any]:
    """The section of farm.jobqueue, over dask-jobqueue's own values."""
    load("dask_jobqueue")  # registers its own values
    own = load("dask").config.get(f"jobqueue.{farm.cluster}")
    known = {name: value for name, value in own.items() if name not in DEPRECATED}
    path = farm.jobqueue
    try:
        tree, _ = yaml_text.parse(path.read_text(encoding="utf-8"))
        section = tree["jobqueue"][farm.cluster]
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ConfigError(f"farm.jobqueue = {path}: cannot be read ({error}); give a YAML file.") from error
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"farm.jobqueue = {path}: has no section jobqueue: {farm.cluster}: for farm.cluster; add one, as in the "
            "shipped jobs/jobqueue.yaml."
        ) from error
    for name in section:
        if name not in known:
            raise ConfigError(
                f"{path.name}: jobqueue.{farm.cluster}.{name} = unknown key; known are {', '.join(sorted(known))}."
            )
    return {**known, "walltime": None, **section} if farm.cluster == "htcondor" else {**known, **section}


def lifetime(walltime: str, where: str) -> list[str]:
    """Options by which a worker ends before its job does, so that what it has not begun moves on in order.

    lifetime + stagger = walltime - margin, stagger = margin: workers that began together do not end together.
    """
    total = farm_settings.seconds(walltime) if isinstance(walltime, str) else 0
    share, least, most = MARGIN
    margin = int(min(max(share * total, least), most))
    if total < 5 * margin:
        raise ConfigError(f"{where} = {walltime}: must be a duration HH:MM:SS of at least 00:05:00; give a longer one.")
    return ["--lifetime", f"{total - 2 * margin}s", "--lifetime-stagger", f"{margin}s"]


def in_queue_format(walltime: str, cluster: str) -> str:
    """HH:MM:SS, and HH:MM for LSF."""
    minutes, rest = divmod(farm_settings.seconds(walltime), 60)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}"
    return text if cluster == "lsf" else f"{text}:{rest:02d}"


def _variable(name: str) -> str:
    """A key of Dask's config as an environment variable."""
    return "DASK_" + name.upper().replace(".", "__").replace("-", "_")
