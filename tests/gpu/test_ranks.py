"""Ranks that share a device give the trajectory of one rank, whichever way their ghosts go."""

from pathlib import Path

import numpy as np
import pytest
from mpirun import run_ranks

from hpcpot.gpu.device import count

SCRIPT = Path(__file__).with_name("shared_gpu.py")


@pytest.fixture(scope="module")
def one(tmp_path_factory) -> dict[str, np.ndarray]:
    path = tmp_path_factory.mktemp("ranks") / "one.npz"
    run_ranks(1, SCRIPT, path, "pinned")
    return dict(np.load(path))


@pytest.mark.mpi
@pytest.mark.parametrize(("ranks", "how"), [(2, "pinned"), (3, "pinned"), (2, "direct")])
def test_several_ranks_are_one(ranks, how, one, tmp_path):
    if how == "direct" and count()[0]:
        pytest.skip("on a GPU only with a GPU-aware MPI")
    run_ranks(ranks, SCRIPT, tmp_path / "several.npz", how)
    several = np.load(tmp_path / "several.npz")
    assert len(one) == 4
    for name, wanted in one.items():
        np.testing.assert_allclose(several[name], wanted, rtol=0, atol=1e-10, err_msg=name)
