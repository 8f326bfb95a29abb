"""Frames over ranks; as a script, on the ranks of mpirun: python test_frames.py N_FRAMES [FAILS]."""

import sys

import numpy as np
import pytest
from mpirun import run_ranks

from hpcpot.analysis.frames import sample_frames
from hpcpot.analysis.observable import Frame, Rows
from hpcpot.errors import OutputError
from hpcpot.parallel.ranks import SERIAL, Ranks, start


class Squares:
    """An observable: the square of the step, and of every frame whose step is even a flag."""

    def __init__(self):
        self.rows = Rows()

    def sample(self, frame: Frame) -> dict[str, np.ndarray]:
        self.rows.add(frame, {"square": frame.step**2})
        arrays = {"squares": np.arange(5.0) * frame.step**2, "step": np.int64(frame.step)}
        return arrays if frame.step % 2 else arrays | {"flag": np.array([True])}

    def merge(self, other: "Squares") -> None:
        self.rows.merge(other.rows)

    def result(self) -> dict:
        return {"squares": self.rows.columns()}

    def state(self) -> dict:
        return self.rows.state()

    def restore(self, arrays: dict) -> None:
        self.rows.restore(arrays)


def frame(step: int) -> Frame:
    return Frame(step, float(step), np.eye(3), np.ones(3, bool), np.zeros(0, int), np.zeros(0), np.zeros((0, 3)))


def shared(ranks: Ranks, frames: list[int]) -> tuple[dict, dict]:
    stored = {}
    every_third = lambda name, row, frame: name == "all" or row % 3 == 0  # noqa: E731
    make = lambda: {"all": Squares(), "third": Squares()}  # noqa: E731
    return sample_frames(ranks, frames, frame, make, every_third, stored.__setitem__), stored


def check(observables: dict, stored: dict, frames: list[int]) -> None:
    assert sorted(stored) == list(range(len(frames)))
    for row, step in enumerate(frames):
        arrays = stored[row]
        assert arrays["all/step"] == step and ("all/flag" in arrays) is (step % 2 == 0)
        np.testing.assert_array_equal(arrays["all/squares"], np.arange(5.0) * step**2)
        assert ("third/step" in arrays) is (row % 3 == 0)
    for name, every in (("all", 1), ("third", 3)):
        table = observables[name].result()["squares"]
        assert table["step"].tolist() == frames[::every]
        assert table["square"].tolist() == [step**2 for step in frames[::every]]


def test_serial():
    check(*shared(SERIAL, [3, 5, 9, 10]), [3, 5, 9, 10])


@pytest.mark.mpi
@pytest.mark.parametrize(("ranks", "frames"), [(2, 5), (3, 2)])
def test_ranks_share_the_frames(ranks, frames):
    done = run_ranks(ranks, __file__, str(frames))
    assert done.stdout == "right\n"


@pytest.mark.mpi
@pytest.mark.parametrize("where", ["make", "sample", "store"])
def test_an_error_on_one_rank_ends_all(where):
    done = run_ranks(2, __file__, "4", where, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count(f"OutputError: {where} = broken") == 1


if __name__ == "__main__":
    ranks, numbers = start(), list(range(10, 10 + int(sys.argv[1])))

    def fail(here: bool) -> None:
        if here:
            raise OutputError(f"{sys.argv[2]} = broken: must work; mend it.")

    if len(sys.argv) == 2:
        observables, stored = shared(ranks, numbers)
        if ranks.is_root:
            check(observables, stored, numbers)
            print("right")
        assert ranks.is_root or not (observables or stored)
    else:
        where = sys.argv[2]
        sample_frames(
            ranks,
            numbers,
            lambda step: fail(where == "sample" and step == 13) or frame(step),
            lambda: fail(where == "make" and ranks.rank == 1) or {"all": Squares()},
            store=lambda row, arrays: fail(where == "store"),
        )
