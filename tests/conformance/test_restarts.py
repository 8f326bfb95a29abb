"""A run that was stopped, killed or ended, and went on, is the uninterrupted one bit by bit.

All that the state holds is compared, with the trajectory, the tables of observables and the printed rows; for every
integrator of the table with every motion.
"""

from __future__ import annotations

import json

import pytest
from conformance import restart_runs
from mpirun import run_ranks


def differences(folder, ranks: int, which: str) -> dict[str, list[str]]:
    """What restart_runs.py found, by combination."""
    run_ranks(ranks, restart_runs.__file__, folder, which, timeout=1800.0)
    found = json.loads((folder / "found.json").read_text())
    assert len(found) >= len(restart_runs.MOTIONS)
    return found


def test_every_integrator_with_every_motion(tmp_path):
    found = differences(tmp_path, 1, "all")
    assert found == {f"{integrator} {motion}": [] for integrator, motion in restart_runs.combinations()}


@pytest.mark.mpi
def test_two_ranks_that_shift_their_boundaries(tmp_path):
    found = differences(tmp_path, 2, "some")
    assert found == {f"{integrator} {motion}": [] for integrator, motion in restart_runs.some()}


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_every_way_to_end(ranks, tmp_path):
    found = differences(tmp_path, ranks, "every")
    assert found == {f"{integrator} {motion}": [] for integrator, motion in restart_runs.combinations()}
