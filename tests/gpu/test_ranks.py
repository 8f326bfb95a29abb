"""Ranks that share a device give the trajectory of one rank, whichever way their ghosts go."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mpirun import run_ranks
from systems import chebyshev, crystal, simulation

from hpcpot.dynamics.steppers.device import on_device
from hpcpot.gpu.device import count
from hpcpot.potential.moments.gpu.potential import GpuPotential
from hpcpot.structure.state import MIGRATED, to_host

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


@pytest.mark.parametrize("n", [0, 64])
def test_atoms_are_handed_over_also_by_a_rank_that_has_none(n, device):
    state, engine = simulation(crystal(2), GpuPotential(chebyshev(), device))
    with on_device(state, engine):
        for name in MIGRATED:
            setattr(state, name, getattr(state, name)[:n])
        handed = []
        engine.domain.ranks = SimpleNamespace(rank=0, size=2, exchange=lambda blocks: handed.append(blocks) or blocks)
        engine.domain.cuts = [np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0]), np.array([0.0, 1.0])]
        before = {name: to_host(getattr(state, name)) for name in MIGRATED}
        right = to_host(engine.domain.fractions(state.positions))[:, 0] >= 0.5
        engine.domain._hand_over(state)
        after = {name: to_host(getattr(state, name)) for name in MIGRATED}
    assert [len(block) for block in handed[0]] == [0, right.sum()]
    assert state.n_owned == n
    for name, values in before.items():  # those that left came back from the fake exchange, behind the others
        np.testing.assert_array_equal(after[name], np.concatenate([values[~right], values[right]]), err_msg=name)
        assert after[name].dtype == values.dtype
