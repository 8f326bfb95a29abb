"""A batch system for tests: sbatch, squeue and scancel of Slurm for jobs that are process groups of this machine."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

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

    def await_end(self) -> None:
        """Wait until no job runs."""
        deadline = time.monotonic() + 60
        while any(_exists(number) for number in self.submitted()):
            assert time.monotonic() < deadline, "jobs end with the farm"
            time.sleep(0.1)


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
