"""The jobs of a batch system under a farm: as many as it wants, and others for those that ended.

Dask keeps waiting for workers that are gone. Here a job without workers that its batch system does not list any more
has ended, as has one that was refused, and gets a successor. Where no list can be had, or none that ever named a job of
ours, one whose workers came and went has ended. A job that is listed waits, starts, or restarts a worker: it is left
alone.
"""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from collections import Counter
from time import monotonic
from typing import Any

from hpcpot.errors import FarmError
from hpcpot.farm import clusters, jobqueue
from hpcpot.farm.settings import FarmSection

LISTS = {
    "slurm": "squeue --noheader --format=%A --user={user}",
    "pbs": "qstat -u {user}",
    "sge": "qstat -u {user}",
    "lsf": "bjobs -noheader -u {user}",
    "oar": "oarstat -u {user}",
    "htcondor": "condor_q {user} -autoformat ClusterId",
}
"""Commands that list the waiting and running jobs of a user, one a line, which begins with its number."""
LIST_SECONDS = 60.0
"""Time between two lists: batch systems ask not to be asked often."""
ABSENCES = 2
"""Consecutive lists without a job that show it has ended: a list may lag behind."""
IN_VAIN = 3
"""Consecutive replacements of jobs that ended before their workers came; then the run ends."""


class Jobs:
    """The jobs of one farm.

    Args:
        farm: its settings. cluster: of dask-jobqueue, without jobs yet. workers: how many processes there are to be.
    """

    def __init__(self, farm: FarmSection, cluster: Any, workers: int):
        self._farm, self._cluster, self._workers = farm, cluster, workers
        self._processes = jobqueue.job_options(farm)["processes"]
        self._had_workers: set[str] = set()
        self._present: dict[str, str] = {}
        self._absences: Counter[str] = Counter()
        self._accepted, self._in_vain, self._listed = False, 0, monotonic()
        self._trusted = farm.cluster == "slurm"  # its list is tested; those of others are known from their manuals
        cluster.scheduler.add_plugin(clusters.attendance(self))
        if farm.adapt:
            # Dask sees but the window of the work that is left: so it shall want a worker for each chunk there.
            cluster.adapt(minimum=0, maximum=workers, target_duration="0.1s", wait_count=10)
        else:
            cluster.scale(workers)

    def arrive(self, address: str, worker: str) -> None:
        """A worker came; called by the scheduler's thread."""
        job = worker if self._processes == 1 else worker.rpartition("-")[0]
        self._present[address] = job
        self._had_workers.add(job)
        self._in_vain = 0

    def leave(self, address: str) -> None:
        """A worker went; called by the scheduler's thread."""
        self._present.pop(address, None)

    def look_after(self) -> None:
        """Replace the jobs that ended.

        Raises:
            FarmError: the batch system took none, or they end before their workers come.
        """
        jobs = dict(self._cluster.workers)
        refusals = [job.refusal for job in jobs.values() if job.refusal]
        self._accepted = self._accepted or len(refusals) < len(jobs)
        if refusals and not self._accepted:
            raise self._refused(refusals[0])
        present = set(self._present.values())
        absent = {name: job for name, job in jobs.items() if name not in present}
        if not absent or monotonic() - self._listed < LIST_SECONDS:
            return
        ended = self._ended(absent)
        if not ended:
            return
        if not present and not self._had_workers.issuperset(ended):
            self._in_vain += 1
        if self._in_vain >= IN_VAIN:
            raise (
                self._refused(refusals[0])
                if refusals
                else FarmError(
                    f"farm.cluster = {self._farm.cluster}: {IN_VAIN} times jobs ended before their workers came; read what "
                    f"they printed, mend {self._farm.jobqueue} (job-script-prologue, memory, interface), and start again."
                )
            )
        self._cluster.sync(self._replace, ended)

    def _ended(self, absent: dict[str, Any]) -> list[str]:
        """Which of the jobs without workers have ended."""
        listed, self._listed = self._list(), monotonic()
        numbers = {name: re.match(r"\d*", job.job_id or "")[0] for name, job in absent.items()}
        self._trusted = self._trusted or not (listed or set()).isdisjoint(numbers.values())
        absences = Counter()
        for name, job in absent.items():
            unlisted = listed is not None and numbers[name] not in listed
            if job.refusal or (unlisted if self._trusted else name in self._had_workers):
                absences[name] = self._absences[name] + 1
        self._absences = absences
        return [name for name, n in absences.items() if n >= ABSENCES]

    def _list(self) -> set[str] | None:
        """Numbers of the jobs that wait or run; None if the batch system does not say."""
        command = LISTS[self._farm.cluster].format(user=pwd.getpwuid(os.geteuid()).pw_name).split()
        try:
            listed = subprocess.run(command, capture_output=True, text=True, timeout=LIST_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return set(re.findall(r"^\s*(\d+)", listed.stdout, re.MULTILINE)) if listed.returncode == 0 else None

    async def _replace(self, ended: list[str]) -> None:
        await self._cluster.scale_down(ended)
        if not self._farm.adapt:  # else Dask sees itself that there are too few
            self._cluster.scale(self._workers)

    def _refused(self, words: str) -> FarmError:
        return FarmError(
            f"farm.cluster = {self._farm.cluster}: no job was accepted; mend {self._farm.jobqueue} by what the batch "
            f"system says:\n{words.strip()}"
        )
