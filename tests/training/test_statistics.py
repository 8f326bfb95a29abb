"""What a Deep Potential takes from its data, against DeePMD-kit's own numbers."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.neighborlist import neighbor_list
from labelled import dataset, structures
from training.test_step import DATA, golden_frames

from hpcpot.potential.files import load
from hpcpot.training import batches, statistics

GOLDEN = json.loads((DATA / "dp" / "training.json").read_text())["statistics"]


def test_normalisation_is_that_of_deepmd_kit():
    family = replace(
        load(DATA / "dp" / "small_twoside.dp"),
        cutoff=GOLDEN["cutoff"],
        cutoff_smooth=GOLDEN["smooth"],
        slots=np.array(GOLDEN["sel"]),
        mean=np.zeros((2, 2, 4)),
        deviation=np.ones((2, 2, 4)),
    )
    data = golden_frames()
    mean, deviation = statistics.normalisation(data, np.arange(len(data)), family, zero_mean=False)
    for j in range(2):
        np.testing.assert_allclose(mean[:, j], GOLDEN["mean"], rtol=1e-10)
        np.testing.assert_allclose(deviation[:, j], GOLDEN["deviation"], rtol=1e-10)
    mean, _ = statistics.normalisation(data, np.arange(len(data)), family, zero_mean=True)
    assert not mean.any()


def test_slots_are_counted_and_rounded_up():
    data = structures()
    seen = statistics.reach(data, 4.0)
    lists = [neighbor_list("ijd", data.frame(k), 4.0) for k in range(len(data))]
    assert seen.shortest == pytest.approx(min(d.min() for _, _, d in lists), abs=1e-9)
    counted = [
        np.bincount(i[data.frame(k).numbers[j] == number], minlength=1).max()
        for number in (3, 14)
        for k, (i, j, _) in enumerate(lists)
    ]
    assert seen.most.tolist() == [max(counted[: len(data)]), max(counted[len(data) :])]
    most = np.array([10, 7])
    assert statistics.slots("auto", most).tolist() == [12, 8]
    assert statistics.slots("auto:1.5", most).tolist() == [16, 12]
    assert statistics.slots([46, 92], most).tolist() == [46, 92]


def test_atomic_energies_solve_the_least_squares():
    data = dataset()
    found = statistics.atomic_energies(data, np.arange(len(data)))
    left = data.energies - data.counts @ found
    np.testing.assert_allclose(data.counts.T @ left, 0.0, atol=1e-7)


def test_a_sample_has_some_of_every_system():
    systems = batches.Systems([np.arange(10), np.arange(10, 13)], [2, 1], ["a", "b"])
    assert statistics.sample(systems, 2).tolist() == [0, 3, 6, 9, 10, 12]
