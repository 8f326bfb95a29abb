"""Trajectories of other programs: the same positions, crossings and times whether atoms are wrapped or not."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

from hpcpot.errors import ConfigError, StructureError
from hpcpot.storage.foreign import ForeignTrajectory
from hpcpot.structure.formats import StructureOptions

CELL = np.array([[5.0, 0, 0], [1.0, 6.0, 0], [0, 0.5, 7.0]])
N = 12


def drifting(wrapped: bool, pbc: bool = True, times: bool = True) -> list[Atoms]:
    """Two atoms that move by 0.2 of the cell along a and -0.1 along c between frames."""
    frames = []
    for k in range(N):
        atoms = Atoms("LiSi", [[0.1, 0.2, 0.3], [3.0, 3.0, 3.0]], cell=CELL, pbc=pbc)
        atoms.positions += k * (0.2 * CELL[0] - 0.1 * CELL[2])
        atoms.set_velocities([[0.1 * k, 0, 0], [0, 0, 0]])
        if wrapped:
            atoms.wrap(eps=0)
        atoms.info |= {"time_fs": 3.0 * k, "step": 6 * k} if times else {}
        frames.append(atoms)
    return frames


def read(folder: Path, frames: list[Atoms], frame_fs: float | None = None) -> ForeignTrajectory:
    ase.io.write(folder / "x.extxyz", frames)
    return ForeignTrajectory(folder / "x.extxyz", StructureOptions(section="frames"), frame_fs)


@pytest.mark.parametrize("wrapped", [True, False])
def test_motion_is_unwrapped(tmp_path: Path, wrapped: bool) -> None:
    trajectory = read(tmp_path, drifting(wrapped))
    whole = trajectory.values("position") + trajectory.values("image") @ CELL
    expected = np.array([atoms.positions for atoms in drifting(False)])
    np.testing.assert_allclose(whole - whole[0], expected - expected[0], atol=1e-7)
    places = trajectory.values("position") @ np.linalg.inv(CELL)
    assert places.min() >= -1e-8 and places.max() < 1.0 + 1e-8
    np.testing.assert_array_equal(trajectory.times(), 3.0 * np.arange(N))
    np.testing.assert_array_equal(trajectory.steps(), 6 * np.arange(N))
    assert trajectory.elements == ["position", "image", "velocity"] and len(trajectory) == N


def test_no_boundaries_no_crossings(tmp_path: Path) -> None:
    trajectory = read(tmp_path, drifting(False, pbc=False))
    np.testing.assert_allclose(trajectory.values("position"), [atoms.positions for atoms in drifting(False)], atol=1e-7)
    assert not trajectory.values("image").any()


def test_times_are_stated_or_given(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(tmp_path, drifting(True, times=False), 2.0).times(), 2.0 * np.arange(N))
    with pytest.raises(ConfigError, match=r"frames.interval_fs = null: x.extxyz does not say times; give"):
        read(tmp_path, drifting(True, times=False))
    with pytest.raises(ConfigError, match=r"frames.interval_fs = 2: x.extxyz says times itself; leave it out"):
        read(tmp_path, drifting(True), 2.0)
    with pytest.raises(StructureError, match="times that do not grow"):
        read(tmp_path, drifting(True)[::-1])


def test_frames_of_other_atoms_are_refused(tmp_path: Path) -> None:
    frames = drifting(True)
    frames[3] = frames[3][::-1]
    with pytest.raises(StructureError, match="other atoms in frame 3 than in frame 0"):
        read(tmp_path, frames)


def test_long_moves_are_noted(tmp_path: Path) -> None:
    with pytest.warns(match="atoms move by more than 0.4 of the cell between frames"):
        read(tmp_path, drifting(True)[:4] + drifting(True)[6:8])
    with pytest.raises(StructureError, match="no such file"):
        ForeignTrajectory(tmp_path / "absent.extxyz", StructureOptions(section="frames"), None)
