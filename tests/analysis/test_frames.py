"""Frames over ranks; as a script, on the ranks of mpirun: python test_frames.py N_FRAMES [FAILS]."""

import sys

import numpy as np
import pytest
from mpirun import run_ranks

from hpcpot.analysis.frames import over_frames
from hpcpot.errors import OutputError
from hpcpot.parallel.ranks import SERIAL, Ranks, start


def compute(frame: int) -> dict[str, np.ndarray]:
    return {"squares": np.arange(5.0) * frame**2, "frame": np.int64(frame), "flag": np.array([frame % 2 == 0])}


def shared(ranks: Ranks, frames: list[int]) -> list[tuple[int, dict]]:
    found = []
    over_frames(ranks, frames, compute, lambda frame, arrays: found.append((frame, arrays)))
    return found


def check(found: list[tuple[int, dict]], frames: list[int]) -> None:
    assert [frame for frame, _ in found] == frames
    for frame, arrays in found:
        assert arrays["frame"] == frame and arrays["flag"].tolist() == [frame % 2 == 0]
        np.testing.assert_array_equal(arrays["squares"], np.arange(5.0) * frame**2)


def test_serial():
    check(shared(SERIAL, [3, 5, 9]), [3, 5, 9])


@pytest.mark.mpi
@pytest.mark.parametrize(("ranks", "frames"), [(2, 5), (3, 2)])
def test_ranks_share_the_frames(ranks, frames):
    done = run_ranks(ranks, __file__, str(frames))
    assert done.stdout == "right\n"


@pytest.mark.mpi
@pytest.mark.parametrize("where", ["compute", "store"])
def test_an_error_on_one_rank_ends_all(where):
    done = run_ranks(2, __file__, "4", where, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count(f"OutputError: {where} = broken") == 1


if __name__ == "__main__":
    ranks, numbers = start(), list(range(10, 10 + int(sys.argv[1])))

    def fail(frame: int) -> dict:
        raise OutputError(f"{sys.argv[2]} = broken: must work; mend it.")

    if len(sys.argv) == 2:
        results = shared(ranks, numbers)
        if ranks.is_root:
            check(results, numbers)
            print("right")
        assert ranks.is_root or not results
    elif sys.argv[2] == "compute":
        over_frames(ranks, numbers, lambda frame: fail(frame) if frame == 11 else compute(frame), lambda *_: None)
    else:
        over_frames(ranks, numbers, compute, lambda frame, _: fail(frame))
