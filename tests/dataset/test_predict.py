"""Predictions of many frames at once are those of one frame at a time."""

import labelled
import numpy as np
import pytest
from ase import Atoms

from hpcpot.dataset.dataset import from_frames
from hpcpot.dataset.predict import chunks, predict
from hpcpot.errors import DataError, SimulationError
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import evaluate


def test_as_one_at_a_time() -> None:
    bare, potential, seen = labelled.structures(5), BlockPotential(labelled.MODEL), []
    found = predict(bare, potential, room=30, advance=seen.append)
    assert sum(seen) == 5 and len(seen) > 1
    for k in range(5):
        alone = evaluate(bare.frame(k), potential)
        assert found.energies[k] == pytest.approx(alone.energies.sum(), abs=1e-10)
        np.testing.assert_allclose(found.forces[bare.first[k] : bare.first[k + 1]], alone.forces, atol=1e-10)
        np.testing.assert_allclose(found.virials[k], alone.virial, atol=1e-10)


def test_chunks_hold_what_they_can() -> None:
    assert [rows.tolist() for rows in chunks(np.array([3, 3, 9, 1, 1]), 6)] == [[0, 1], [2], [3, 4]]
    assert list(chunks(np.zeros(0, int), 6)) == []


def test_a_frame_with_a_contact_is_named() -> None:
    close = from_frames([Atoms("Si2", [[0, 0, 0], [0, 0, 0.3]], cell=[9, 9, 9], pbc=True)], source="bad.xyz")
    with pytest.raises(SimulationError, match=r"shortest distance of bad.xyz:0 = 0.3 Å"):
        predict(close, BlockPotential(labelled.MODEL))


def test_a_foreign_element_is_named() -> None:
    germanium = from_frames([Atoms("Ge2", [[0, 0, 0], [0, 0, 2.3]])])
    with pytest.raises(DataError, match=r"element of frame 0 \(frames:0\) = Ge: must be one of Li, Si"):
        predict(germanium, BlockPotential(labelled.MODEL))
