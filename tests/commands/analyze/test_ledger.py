"""What the frames add up to."""

from types import SimpleNamespace

import numpy as np

from hpcpot.analysis.voids import KEPT
from hpcpot.commands.analyze.ledger import Ledger


def frame(labels: np.ndarray, volumes: list[float], outside: list[bool]) -> dict[str, np.ndarray]:
    """Of a cell of 8 points and 8 Å³."""
    padded = np.zeros(KEPT)
    padded[: len(volumes)] = volumes
    is_outside = np.zeros(KEPT, bool)
    is_outside[: len(outside)] = outside
    spans = np.zeros((KEPT, 3), bool)
    spans[is_outside] = True
    return {
        "labels": labels.reshape(2, 2, 2).astype(np.uint8),
        "fraction": np.count_nonzero(labels) / 8,
        "volumes": padded,
        "centres": np.full((KEPT, 3), 0.25),
        "spans": spans,
        "is_outside": is_outside,
    }


def test_a_notch_that_closes_is_a_hole_from_then_on():
    """Before, its points belong to the space outside, which is no hole and has no place."""
    pull = SimpleNamespace(
        frames=[0, 1, 2],
        steps=np.arange(3),
        times=np.arange(3.0),
        strains=np.arange(3) / 10,
        cells=np.tile(2.0 * np.eye(3), (3, 1, 1)),
    )
    ledger = Ledger(None, pull, None, [], lambda line: None)
    ledger(0, frame(np.array([0, 0, 0, 0, 0, 0, 1, 1]), [2.0], [True]))
    ledger(1, frame(np.array([0, 0, 0, 0, 1, 1, 1, 1]), [4.0], [True]))
    ledger(2, frame(np.array([0, 0, 0, 0, 2, 0, 1, 1]), [2.0, 1.0], [True, False]))
    found = ledger.frames()
    np.testing.assert_allclose(found["void_fraction"], [0.0, 0.0, 0.125])
    np.testing.assert_array_equal(found["hole_A3"], [0.0, 0.0, 1.0])
    np.testing.assert_array_equal(np.isnan(found["hole_x_A"]), [True, True, False])
    assert not found["hole_spans_a"].any()
