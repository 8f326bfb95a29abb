"""Losses against DeePMD-kit's own numbers (tests/data/README.md says how they were made)."""

import json

import numpy as np
import pytest
import torch
from training.test_step import DATA, batch, golden_frames, make

from hpcpot.training import step
from hpcpot.training.loss import AenetLoss, BatchErrors, DeepmdLoss, Labels
from hpcpot.training.step import Prediction

GOLDEN = json.loads((DATA / "dp" / "training.json").read_text())


def labels(golden, size):
    force, virial = np.reshape(golden["force"], (-1, 3)), np.reshape(golden["virial"], (1, 3, 3))
    energy = golden["energy"]
    arrays = (
        np.array([float(size)]),
        np.array([1.01 * energy + 0.3]),
        0.9 * force + 0.05,
        1.1 * virial - 0.2,
        np.ones(1),
    )
    return Labels(*map(torch.tensor, arrays))


@pytest.mark.parametrize("name", ["small_oneside", "small_twoside", "small_dt"])
def test_deepmd_loss_on_the_same_weights(name):
    """From the model file and the structures: predictions, loss and reported errors as DeePMD-kit's, to 1e-8."""
    model, data = make(name), golden_frames(name)
    structures = json.loads((DATA / "dp" / f"{name}.json").read_text())
    expected = iter(GOLDEN[name])
    for k, golden in enumerate(structures):
        wanted, one = labels(golden, data.sizes[k]), data.select([k])
        constant = torch.tensor(one.counts @ model.constant_energies)
        wanted = Labels(wanted.sizes, wanted.energies - constant, wanted.forces, wanted.virials, wanted.volumes)
        found = step.predict(model, batch(model, one))
        for rate, intensive, value, *errors in (next(expected) for _ in range(4)):
            loss = DeepmdLoss(2e-3, (0.02, 2), (1000, 1), (0.01, 0.2), intensive)
            assert float(loss(found, wanted, rate)) == pytest.approx(value, rel=1e-8)
            seen = BatchErrors()
            seen.add(found, wanted, value)
            assert [seen.rmse(q) for q in ("energy", "force", "virial")] == pytest.approx(errors, rel=1e-7)


def prediction(seed, sizes=(2, 3)):
    random = np.random.default_rng(seed)
    return Prediction(*(torch.tensor(random.normal(size=s)) for s in (len(sizes), (sum(sizes), 3), (len(sizes), 3, 3))))


def test_frames_without_virial_are_left_out_of_its_term():
    found, goal = prediction(1), prediction(2)
    sizes = torch.tensor([2.0, 3.0], dtype=torch.float64)
    goal.virials[0] = torch.nan
    loss = DeepmdLoss(1e-3, (0, 0), (0, 0), (1, 1))
    expected = ((found.virials - goal.virials)[1] ** 2).mean() / 3.0
    assert float(loss(found, Labels(sizes, *vars(goal).values(), sizes), 1e-3)) == pytest.approx(float(expected))
    goal.virials[:] = torch.nan
    assert float(loss(found, Labels(sizes, *vars(goal).values(), sizes), 1e-3)) == 0.0
    assert np.isnan(BatchErrors().rmse("virial"))


def test_energies_of_frames_of_different_size_count_by_their_own_size():
    found, goal = prediction(1), prediction(2)
    loss = DeepmdLoss(1e-3, (1, 1), (0, 0))
    squares = (found.energies - goal.energies) ** 2
    expected = (squares[0] / 2 + squares[1] / 3) / 2
    sizes = torch.tensor([2.0, 3.0], dtype=torch.float64)
    value = loss(found, Labels(sizes, *vars(goal).values(), sizes), 1e-3)
    assert float(value) == pytest.approx(float(expected))


def test_aenet_loss_is_of_root_mean_squares():
    found, goal = prediction(1), prediction(2)
    sizes = torch.tensor([2.0, 3.0], dtype=torch.float64)
    wanted = Labels(sizes, *vars(goal).values(), sizes)
    energy = (((found.energies - goal.energies) / wanted.sizes) ** 2).mean().sqrt()
    force = (((found.forces - goal.forces) ** 2).sum() / 5).sqrt()
    assert float(AenetLoss(0.0, 2.0)(found, wanted, 0.0)) == pytest.approx(2 * float(energy))
    both = 2 * (0.9 * float(energy) + 0.1 * float(force))
    assert float(AenetLoss(0.1, 2.0)(found, wanted, 0.0)) == pytest.approx(both)
    virial = (((found.virials - goal.virials) / wanted.sizes[:, None, None]) ** 2).sum(dim=(1, 2))
    all_three = 2 * (0.7 * float(energy) + 0.1 * float(force) + 0.2 * float(virial.mean().sqrt()))
    loss = AenetLoss(0.1, 2.0, 0.2)
    assert float(loss(found, wanted, 0.0)) == pytest.approx(all_three)
    wanted.virials[0] = torch.nan
    one_known = 2 * (0.7 * float(energy) + 0.1 * float(force) + 0.2 * float(virial[1].sqrt()))
    assert float(loss(found, wanted, 0.0)) == pytest.approx(one_known)
