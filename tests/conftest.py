"""One BLAS thread for each process, as in a run: tests share the cores with the ranks that they start."""

import os

from hpcpot.parallel.launch import ENVIRONMENT

for name, value in ENVIRONMENT.items():
    os.environ.setdefault(name, value)
os.environ.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")  # a rank that waits leaves its core to the one that works

LONG = ("tests/dynamics", "tests/docs", "tests/farm", "tests/commands", "tests/gpu")
"""Folders whose files take longest, so that they begin first and no core waits for them at the end."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
