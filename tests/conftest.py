"""One BLAS thread for each process, as in a run: tests share the cores with the ranks that they start."""

import os

from hpcpot.parallel.launch import ENVIRONMENT

for name, value in ENVIRONMENT.items():
    os.environ.setdefault(name, value)
