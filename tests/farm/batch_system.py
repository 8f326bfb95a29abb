"""For tests of jobs: a run without end, and a batch system of scripts, whose jobs are process groups."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import farm_tasks

from hpcpot.farm import settings as farm_settings
from hpcpot.farm.item import Item
from hpcpot.farm.pool import WorkerPool

SECONDS = 240
"""Time limit of what takes five on an idle machine."""

SCRIPTS = {
    "sbatch": """
if [ -s "$folder/refuse" ]; then sed -i 1d "$folder/refuse"; echo 'sbatch: error: too many jobs' >&2; exit 1; fi
cp "$1" "$folder/$$.sh"
setsid bash "$folder/$$.sh" > "$folder/$$.log" 2>&1 < /dev/null &
echo $! >> "$folder/numbers"
echo "Submitted batch job $!"
""",
    "squeue": """
while read number; do kill -0 -- "-$number" 2> /dev/null && echo "$number"; done < "$folder/numbers"
true
""",
    "scancel": """
kill -TERM -- "-$1"
""",
}
JOBS = """
jobqueue:
  slurm:
    name: hpcpot-test
    cores: 1
    memory: 2 GB
    walltime: "00:20:00"
    interface: lo
    death-timeout: 60
    local-directory: {folder}
    job-script-prologue: [{prologue}]
"""


class BatchSystem:
    """What the programs, which are in `folder` / bin, did and are to do.

    Attributes:
        jobs: the file for farm.jobqueue.
    """

    def __init__(self, folder: Path, prologue: str = ""):
        self.folder = folder
        (folder / "bin").mkdir()
        for name, text in SCRIPTS.items():
            program = folder / "bin" / name
            program.write_text(f"#!/bin/bash\nfolder={folder}\n{text}")
            program.chmod(0o755)
        (folder / "numbers").touch()
        self.jobs = folder / "jobqueue.yaml"
        self.jobs.write_text(JOBS.format(folder=folder, prologue=prologue))

    def submitted(self) -> list[int]:
        """Numbers of all jobs there ever were, in order."""
        return [int(line) for line in (self.folder / "numbers").read_text().split()]

    def refuse(self, times: int) -> None:
        """Refuse the next jobs."""
        (self.folder / "refuse").write_text("x\n" * times)

    def kill(self, number: int) -> None:
        """SIGKILL for all processes of a job."""
        os.killpg(number, signal.SIGKILL)

    def running(self) -> list[int]:
        """Numbers of the jobs that run."""
        return [number for number in self.submitted() if _exists(number)]


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


class Endless:
    """A run of items until `enough` is set; each has to come once.

    Args:
        jobs: the file for farm.jobqueue.
    """

    def __init__(self, jobs: Path, **settings):
        self.settings = farm_settings.defaults(cluster="slurm", chunk=5, jobqueue=jobs, **settings)
        self.enough = False
        self._found, self._drawn = Counter(), 0
        self._deadline = time.monotonic() + SECONDS

    def _draw(self) -> Iterator[Item]:
        while not self.enough:
            assert time.monotonic() < self._deadline, f"{self._drawn} items, and still not enough"
            yield Item(str(self._drawn), self._drawn)
            self._drawn += 1

    def run(self) -> Iterator[int]:
        """The process that computed each item."""
        with WorkerPool(self.settings) as farm:
            for key, outcome in farm.run(farm_tasks.slow_square, self._draw()):
                self._found[key] += 1
                assert outcome["value"] == float(key) ** 2
                yield outcome["pid"]
        assert len(self._found) == self._drawn and set(self._found.values()) == {1}


def await_end(jobs: Callable[[], Sequence]) -> None:
    """Wait until none of the jobs is left."""
    deadline = time.monotonic() + SECONDS
    while jobs():
        assert time.monotonic() < deadline, f"{jobs()} should have ended with the farm"
        time.sleep(0.1)
