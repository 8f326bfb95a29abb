"""The same trajectory on any number of ranks."""

from pathlib import Path

import numpy as np
import pytest
from mpirun import run_ranks

SCRIPT = Path(__file__).with_name("moves.py")


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    path = tmp_path_factory.mktemp("serial") / "moves.npz"
    run_ranks(1, SCRIPT, path)
    return dict(np.load(path))


@pytest.mark.mpi
@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_trajectory_does_not_depend_on_ranks(n, serial, tmp_path):
    run_ranks(n, SCRIPT, tmp_path / "moves.npz")
    found = np.load(tmp_path / "moves.npz")
    assert set(found) == set(serial)
    for name, values in serial.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-10, err_msg=name)
