"""Ranks that share a device give the trajectory of one rank."""

from pathlib import Path

import numpy as np
import pytest
from mpirun import run_ranks

SCRIPT = Path(__file__).with_name("shared_gpu.py")


@pytest.mark.mpi
def test_two_ranks_are_one(tmp_path):
    run_ranks(1, SCRIPT, tmp_path / "one.npz")
    run_ranks(2, SCRIPT, tmp_path / "two.npz")
    one, two = np.load(tmp_path / "one.npz"), np.load(tmp_path / "two.npz")
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=0, atol=1e-10, err_msg=name)
