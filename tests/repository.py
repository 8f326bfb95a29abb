"""Where things are in a checkout, so that no test counts folders."""

from pathlib import Path

TESTS = Path(__file__).resolve().parent
REPOSITORY = TESTS.parent
DATA = TESTS / "data"
CONFIGS = REPOSITORY / "configs"
JOBS = REPOSITORY / "jobs"
PYTHONPATH = f"{TESTS}:{REPOSITORY}"
"""Of processes that import modules of the tests: these, and the package of this checkout."""
