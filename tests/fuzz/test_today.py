"""A minute of fuzzing, another one each day: what it prints repeats a fault."""

import os
import subprocess
import sys
from datetime import datetime, timezone

from fuzz.campaign import FAULTS_FOLLOW
from repository import REPOSITORY

SECONDS = 60


def test_today():
    seed = datetime.now(timezone.utc).strftime("%Y%m%d")
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", "--seconds", str(SECONDS), "--seed", seed, "--jobs", "1"],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": f"{REPOSITORY / 'tests'}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=30 * SECONDS,
    )
    faults = done.stdout.partition(f"seed {seed}, {FAULTS_FOLLOW}")[
        2
    ]  # all that is printed: reports are cut in the middle
    assert done.returncode == 0, faults or f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
