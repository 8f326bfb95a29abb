"""The file farm.jobqueue: what a job asks its batch system for, checked like a config before anything is submitted.

A batch system is a section of it, as dask-jobqueue names its keys. What does not depend on the site is added here: one
thread a process, no spilling and pausing, the lifetime that follows from the walltime.
"""

from __future__ import annotations

import difflib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from hpcpot import inputs
from hpcpot.config import show, yaml_text
from hpcpot.config.kinds import Kind, boolean, integer
from hpcpot.errors import ConfigError, HpcpotError
from hpcpot.farm import security
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.dask_settings import DASK_SETTINGS, load, variable
from hpcpot.farm.settings import JOB_QUEUES, FarmSection
from hpcpot.farm.worker import GPUS
from hpcpot.notices import notice
from hpcpot.parallel.launch import ENVIRONMENT, SAFE_PATH

PRELOAD = "hpcpot.farm.worker"
DEPRECATED = {
    "extra": "worker-extra-args",
    "env-extra": "job-script-prologue",
    "job-extra": "job-extra-directives",
    "header-skip": "job-directives-skip",
}
"""Old key of dask-jobqueue, null in its own file -> what it is called today."""
MARGIN = (0.05, 60, 600)
"""Share of the walltime by which workers end before it, and its least and most in seconds; see `lifetime`."""
LEAST_MEMORY = 100e6
"""Bytes: no process of hpcpot lives on less."""
UNITS = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
AMOUNT = re.compile(r"(\d+\.?\d*)\s*([kmgt]i?)b?", re.IGNORECASE)


def _text(pattern: str, words: str) -> Kind:
    def parse(value: Any) -> str:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            raise ValueError(f"must be {words}, and YAML reads a number; put it in quotes")
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"must be {words}")
        return value

    return Kind(words, parse)


def _list(kind: Kind) -> Kind:
    def parse(value: Any) -> list[str]:
        if not isinstance(value, list):
            raise ValueError(f"must be a list, each entry {kind.words}")
        return [kind.parse(entry) for entry in value]

    return Kind(f"a list, each entry {kind.words}", parse)


def _mapping() -> Kind:
    def parse(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise ValueError("must be names with values, or {}")
        return value

    return Kind("names with values", parse)


def _amount() -> Kind:
    def parse(value: Any) -> str:
        if isinstance(value, str) and AMOUNT.fullmatch(value.strip()) and not in_bytes(value):
            raise ValueError("must be more than 0")
        if not isinstance(value, str) or not in_bytes(value):
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
            raise ValueError(
                f"must be an amount with its unit, e.g. {f'{value} GB or {value} MB' if number else '32 GB'}"
            )
        return value

    return Kind("an amount with its unit", parse)


WORD = _text(r"\S+", "text without spaces")
LINE = _text(r"\S[^\n]*", "one line of text")
TEXT = _text(r"(.|\n)*", "text")
TIME = _text(r"\d+(\.\d+)?\s?(s|min|h)?", "a time in seconds, e.g. 120")
SECONDS = Kind(
    TIME.words,
    lambda value: integer(1).parse(value) if isinstance(value, (int, float)) else TIME.parse(value).replace(" ", ""),
)
LINES = _list(LINE)
DIRECTIVE = _text(r"[^\s#][^\n]*", "what follows #SBATCH or the like in a line, without that")

KINDS: dict[str, Kind] = {
    **dict.fromkeys(("name", "queue", "account", "project", "interface"), WORD),
    **dict.fromkeys(("local-directory", "shared-temp-directory", "log-directory", "worker-command"), WORD),
    **dict.fromkeys(("python", "resource-spec", "memory-per-core-property-name", "job-mem"), LINE),
    **dict.fromkeys(("cores", "processes", "job-cpu", "ncpus", "mem"), integer(1)),
    **dict.fromkeys(("memory", "disk"), _amount()),
    **dict.fromkeys(("job-directives-skip", "submit-command-extra", "cancel-command-extra"), LINES),
    "worker-extra-args": LINES,
    "job-extra-directives": _list(DIRECTIVE),
    "shebang": _text(r"#![^\n]+", "a line that begins with #!"),
    "lsf-units": _text(r"(?i:[kmgtpez]b)", "KB, MB, GB, TB, PB, EB or ZB"),
    "job-script-prologue": _list(TEXT),
    "scheduler-options": _mapping(),
    "death-timeout": SECONDS,
    "use-stdin": boolean(),
}
"""Kinds of dask-jobqueue's keys; a key that a later version adds goes to it as it is."""
REQUIRED = {"cores", "memory"}


def job_script(farm: FarmSection) -> str:
    """The script of one job of a batch system; starts nothing."""
    kind = getattr(load("dask_jobqueue"), f"{JOB_QUEUES[farm.cluster]}Cluster").job_cls
    options = job_options(farm)
    options.pop("scheduler_options", None)
    folder = options.pop("shared_temp_directory", None)
    scheme = "tcp" if farm.unencrypted else "tls"
    if not farm.unencrypted:
        options |= {"protocol": "tls://", "security": security.files(Path(folder or Path.cwd(), "CERTIFICATES"))}
    with refusals(farm):
        return kind(f"{scheme}://SCHEDULER:PORT", name="hpcpot-0", **options).job_script()


@contextmanager
def refusals(farm: FarmSection) -> Iterator[None]:
    """Turn what dask-jobqueue finds wrong with options, in any exception, into a ConfigError."""
    try:
        yield
    except HpcpotError:
        raise
    except Exception as error:
        raise ConfigError(
            f"{_where(farm)} = refused by dask-jobqueue ({' '.join(str(error).split())}): its keys must go together; see "
            "https://jobqueue.dask.org."
        ) from error


def job_options(farm: FarmSection) -> dict[str, Any]:
    """Arguments of dask-jobqueue's cluster: its own defaults, those of farm.jobqueue, and ours.

    Raises:
        ConfigError: farm.jobqueue has no such section, an unknown key, or a value that cannot be right.
    """
    section = _section(farm)
    section["processes"] = _processes(farm, section)
    extra = [*(section.get("worker-extra-args") or []), "--nthreads", "1", "--preload", PRELOAD, "--no-dashboard"]
    extra += ["--dashboard-address", "127.0.0.1:0"]  # HTTP is served in any case
    exports = {**ENVIRONMENT, **SAFE_PATH, **{variable(name): value for name, value in DASK_SETTINGS.items()}}
    if farm.device == "gpu":
        exports[GPUS] = section["processes"]
    if walltime := farm.walltime or section.get("walltime"):
        extra += lifetime(walltime, f"{_where(farm)}.walltime" if farm.walltime is None else "farm.walltime")
        section["walltime"] = in_queue_format(walltime, farm.cluster)
    if farm.cluster == "htcondor":
        section.pop("walltime", None)  # it has none; what a pool sets is for job-extra-directives
    section["worker-extra-args"] = extra
    prologue = [f"export {name}={value}" for name, value in exports.items()]
    section["job-script-prologue"] = prologue + (section.get("job-script-prologue") or [])
    section["job-name"] = section.pop("name")
    return {name.replace("-", "_"): value for name, value in section.items() if value is not None}


def _where(farm: FarmSection) -> str:
    return f"{farm.jobqueue.name}: jobqueue.{farm.cluster}"


def _section(farm: FarmSection) -> dict[str, Any]:
    """The section of farm.jobqueue, over dask-jobqueue's own values; every value checked."""
    load("dask_jobqueue")  # registers its own values
    own = load("dask").config.get(f"jobqueue.{farm.cluster}")
    known = {name: value for name, value in own.items() if name not in DEPRECATED}
    if farm.cluster == "htcondor":
        known["walltime"] = None
    given = _read(farm)
    where, problems = _where(farm), [*_unknown(farm, given, known)]
    section = {**known, **{name: value for name, value in given.items() if name in known}}
    required = REQUIRED | {"disk"} if farm.cluster == "htcondor" else REQUIRED
    for name, value in section.items():
        if value is None:
            if name in required:
                problems.append(f"{where}.{name} = missing: is required, what one job asks for; give it.")
            elif name == "walltime" and name in given and farm.cluster != "htcondor" and farm.walltime is None:
                problems.append(f"{where}.walltime = null: is required, HH:MM:SS; give it, or set farm.walltime.")
            continue
        try:
            section[name] = _kind(name, farm.cluster).parse(value)
        except ValueError as error:
            problems.append(f"{where}.{name} = {show(value)}: {error}.")
    if not problems:
        problems += _inconsistent(farm, section, given)
    if problems:
        raise ConfigError("\n".join(problems))
    return section


def _read(farm: FarmSection) -> dict[str, Any]:
    """The section of the file as it is."""
    path = farm.jobqueue
    try:
        tree, repeated = yaml_text.parse(inputs.read_text(path))
    except (OSError, ValueError) as error:  # not UTF-8 is a ValueError, too
        raise ConfigError(f"farm.jobqueue = {path}: cannot be read ({error}); give a YAML file.") from error
    if repeated:
        name, line = repeated[0]
        raise ConfigError(f"farm.jobqueue = {path}: {name} appears twice, again in line {line}; keep one.")
    jobs = tree.get("jobqueue") if isinstance(tree, dict) else None
    section = jobs.get(farm.cluster) if isinstance(jobs, dict) else None
    if not isinstance(section, dict):
        raise ConfigError(
            f"farm.jobqueue = {path}: has no section jobqueue: {farm.cluster}: for farm.cluster; add one, as in the "
            "shipped jobs/jobqueue.yaml."
        )
    return section


def _unknown(farm: FarmSection, given: dict, known: dict[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        if name in DEPRECATED:
            if value not in (None, []):
                yield f"{_where(farm)}.{name} = an old key of dask-jobqueue: must be {DEPRECATED[name]}; rename it."
        elif name not in known:
            near = difflib.get_close_matches(str(name).replace("_", "-"), known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}."
            yield f"{_where(farm)}.{name} = unknown key; {hint}"


def _kind(name: str, cluster: str) -> Kind:
    if name == "job-extra-directives" and cluster == "htcondor":
        return _mapping()
    if name == "walltime":
        return _walltime(cluster)
    return KINDS.get(name) or Kind("anything", lambda value: value)


def _walltime(cluster: str) -> Kind:
    """Kind of a walltime in the file: one way of writing it for all batch systems, as each reads 30:00 in its own."""

    def parse(value: Any) -> str:
        if cluster == "lsf" and isinstance(value, str) and re.fullmatch(r"\d+:[0-5]\d", value):
            return f"{value}:00"  # what LSF itself takes, and no other
        return farm_settings.walltime().parse(value)

    return Kind("a duration HH:MM:SS", parse)


def _processes(farm: FarmSection, section: dict[str, Any]) -> int:
    return section["cores"] if farm.device == "cpu" else section.get("processes") or 1


def _inconsistent(farm: FarmSection, section: dict[str, Any], given: dict[str, Any]) -> Iterator[str]:
    """Yield what values that are valid by themselves contradict."""
    where, processes = _where(farm), _processes(farm, section)
    if processes > section["cores"]:
        yield f"{where}.processes = {processes}: must be at most cores ({section['cores']}); give each GPU a core."
    if in_bytes(section["memory"]) < LEAST_MEMORY * processes:
        yield (
            f"{where}.memory = {section['memory']}: must be at least 100 MB for each of {processes} processes of a job; "
            "give more."
        )
    if farm.device == "cpu" and given.get("processes") not in (None, processes):
        _tell_unused(f"{where}.processes = {given['processes']}")
    options = section.get("scheduler-options") or {}
    interface = options.get("interface") or (None if "host" in options else section.get("interface"))
    if interface and (reason := _no_address(interface)):
        yield (
            f"{where}.interface = {show(interface)}: {reason}; name the network that nodes share with this machine, or "
            "that of this machine as scheduler-options: {interface: ...}."
        )


def _no_address(interface: Any) -> str | None:
    """Reason why the scheduler cannot listen on an interface of this machine."""
    networks = load("psutil").net_if_addrs()  # comes with Dask
    if interface not in networks:
        return f"this machine has no such interface, but {', '.join(sorted(networks))}"
    if all(address.family != socket.AF_INET for address in networks[interface]):
        return "it has no IPv4 address here"
    return None


@cache
def _tell_unused(where: str) -> None:
    notice(where, "not used: with farm.device: cpu each of the cores has one")


def in_bytes(text: str) -> float:
    """Bytes of an amount such as "32 GB", "1.5 GiB" or "500M"; 0 if it is none."""
    match = AMOUNT.fullmatch(text.strip())
    return float(match[1]) * UNITS[match[2].lower()] if match else 0


def lifetime(walltime: str, where: str) -> list[str]:
    """Options by which a worker ends before its job does, so that what it has not begun moves on in order.

    lifetime + stagger = walltime - margin, stagger = margin: workers that began together do not end together.
    """
    total = farm_settings.seconds(walltime)
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
