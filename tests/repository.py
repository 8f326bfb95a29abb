"""Where things are in a checkout, so that no test counts folders."""

from pathlib import Path

TESTS = Path(__file__).resolve().parent
REPOSITORY = TESTS.parent
DATA = TESTS / "data"
CONFIGS = REPOSITORY / "configs"
JOBS = REPOSITORY / "jobs"
