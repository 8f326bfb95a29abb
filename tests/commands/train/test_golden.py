"""A training of DeePMD-kit, step by step: from its weights before to its weights after."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from repository import DATA

from hpcpot import cli
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.potential.files import load
from hpcpot.training.deep_potential import start as deep_potential_task

GOLDEN = DATA / "deepmd_training"


def parameters(model: DeepPotential) -> Iterator[np.ndarray]:
    for net in (*(net for row in model.embeddings for net in row), *model.fittings):
        for layer in net:
            yield from (array for array in (layer.weights, layer.bias, layer.timestep) if array is not None)


def test_forty_steps_of_an_input_json_end_at_the_weights_of_deepmd_kit(tmp_path, monkeypatch):
    before, after = load(GOLDEN / "before.h5"), load(GOLDEN / "after.h5")
    made = []
    own_beginning = deep_potential_task.initial

    def initial(job, systems):
        made.append(own_beginning(job, systems))
        return before

    monkeypatch.setattr(deep_potential_task, "initial", initial)
    monkeypatch.chdir(GOLDEN)
    assert (
        cli.main(
            [
                "train",
                "input.json",
                "--set",
                f"output.model={tmp_path}/own.h5",
                "--set",
                f"output.curve={tmp_path}/lcurve.out",
            ]
        )
        == 0
    )
    for name in ("mean", "deviation", "energy_shift", "slots"):
        np.testing.assert_allclose(getattr(made[0], name), getattr(before, name), rtol=0, atol=1e-12)
    own, wanted, start = (
        np.concatenate([array.ravel() for array in parameters(m)]) for m in (load(tmp_path / "own.h5"), after, before)
    )
    assert np.abs(wanted - start).max() > 0.02
    difference = np.abs(own - wanted)
    # Adam divides by a gradient's size: where it is almost 0 its rounding errors count.
    assert np.median(difference) < 1e-6 and np.quantile(difference, 0.98) < 1e-4 and difference.max() < 2e-3
