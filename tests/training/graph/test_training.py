"""Trainings of graph networks: what they learn, bit by bit after a stop, and data that they refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import graph_networks
import numpy as np
import pytest
import torch
from trainings import settings, train

from hpcpot.dataset import hdf5
from hpcpot.dataset.predict import predict as predict_all
from hpcpot.errors import ConfigError, DataError, SimulationError
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential import cells
from hpcpot.potential.files import fingerprint, load, load_with_range
from hpcpot.potential.graph.model import VARIANTS
from hpcpot.training import curve
from hpcpot.training.frames import FrameCache
from hpcpot.training.graph import model as graph
from hpcpot.training.graph.model import Augmentation, GraphLoss, GraphModel, quarter_turn
from hpcpot.training.graph.settings import VARIANTS as NAMES
from hpcpot.training.schedule import Exponential
from hpcpot.training.way import Way

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    hdf5.write(graph_networks.data_set(), tmp_path / "data.h5", {})
    return tmp_path


def frames(changes: Augmentation | None = None) -> tuple[GraphModel, FrameCache]:
    data = graph_networks.data_set()
    model = GraphModel(graph_networks.random_network(), 1.0, torch.float64, CPU)
    way = Way(graph.of_frame, graph.join, graph.predict, graph.add_gradient, changes)
    return model, FrameCache(data, model, model.constant_energies, True, 1e9, way)


def test_the_names_of_the_variants_are_those_of_the_models() -> None:
    assert tuple(VARIANTS) == NAMES


@pytest.mark.parametrize("variant", ["planes", "global"])
def test_training_lowers_the_errors_and_relaxations_take_what_it_learnt(variant: str, folder: Path) -> None:
    short = {"steps": 60, "print_every": 10, "batch_size": "mixed:6"}
    assert train(folder, "graph", graph={"variant": variant, "noise_A": 0.0, "turned": 0.0}, training=short) == 0
    rows = curve.read(folder / "model.curve.csv")
    for name in ("loss_training", "rmse_energy_training_eV_per_atom", "rmse_virial_training_eV_per_atom"):
        assert rows[-1][name] < 0.97 * rows[0][name]
    model, trained = load_with_range(folder / "model.h5")
    assert trained.frames == 6 and model.variant == variant and model.elements == ("Li", "Si")
    data = graph_networks.data_set()
    found = predict_all(data, cells.prepare(model))
    per_atom = (found.energies - data.energies) / data.sizes
    assert np.sqrt(np.mean(per_atom**2)) < rows[-1]["rmse_energy_validation_eV_per_atom"]


def test_energies_alone(folder: Path) -> None:
    keys = {"variant": "energy", "noise_A": 0.0, "energy_weight": None}
    assert train(folder, "graph", graph=keys, training={"steps": 40, "print_every": 10}) == 0
    rows = curve.read(folder / "model.curve.csv")
    assert rows[-1]["rmse_energy_training_eV_per_atom"] < rows[0]["rmse_energy_training_eV_per_atom"]
    assert np.isnan(rows[-1]["rmse_force_training_eV_per_A"])
    again = {"steps": 4, "print_every": 4}
    assert train(folder, "graph", graph=keys | {"force_weight": 1.0, "stress_weight": 1.0}, training=again) == 0
    assert np.isfinite(curve.read(folder / "model.curve.csv")[-1]["rmse_virial_training_eV_per_atom"])


def test_an_interrupted_training_goes_on_bit_by_bit(folder: Path) -> None:
    (folder / "parts").mkdir()
    hdf5.write(graph_networks.data_set(), folder / "parts" / "data.h5", {})
    assert train(folder, "graph") == 0
    asked = iter([False] * 6 + [True])
    assert train(folder / "parts", "graph", stop=lambda: next(asked)) == STOPPED
    assert train(folder / "parts", "graph", restart=True) == 0
    assert fingerprint(load(folder / "model.h5")) == fingerprint(load(folder / "parts" / "model.h5"))


def test_four_turns_are_none_and_labels_turn_along() -> None:
    turn = quarter_turn(1, -1)
    np.testing.assert_array_equal(np.linalg.matrix_power(turn, 4), np.eye(3))
    np.testing.assert_array_equal(quarter_turn(2, 1) @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    model, cache = frames()
    frame = cache._geometry(0)
    back = graph.turned(graph.turned(frame, turn), turn.T)
    np.testing.assert_array_equal(back.near.positions, frame.near.positions)
    one, other = (graph.predict(model, graph.join(model, [part])) for part in (frame, back))
    torch.testing.assert_close(one.forces, other.forces, rtol=0, atol=1e-12)
    plain, (_, labels) = cache.batch([0, 1, 2])[1], frames(Augmentation(3, 4.0, 1.0, 0.0, 0.0))[1].batch([0, 1, 2], 5)
    assert not torch.equal(labels.forces, plain.forces)
    torch.testing.assert_close(labels.forces.norm(dim=1), plain.forces.norm(dim=1))
    torch.testing.assert_close(
        labels.virials.diagonal(dim1=1, dim2=2).sum(1), plain.virials.diagonal(dim1=1, dim2=2).sum(1)
    )


def test_what_an_invariant_sees_is_the_same_of_turned_frames() -> None:
    """Lengths of edges, and distances from planes."""
    _, cache = frames(Augmentation(0, 4.0, 1.0, 0.0, 0.0))
    (turned, _), (plain, _) = cache.batch([3], 1), cache.batch([3])
    torch.testing.assert_close(turned.vectors.norm(dim=1), plain.vectors.norm(dim=1))
    torch.testing.assert_close(turned.depths, plain.depths)


def test_noise_moves_atoms_and_cell_and_leaves_forces_and_stress() -> None:
    plain, (noisy, labels) = (
        frames()[1].batch([0, 2])[1],
        frames(Augmentation(1, 4.0, 0.0, 0.03, 1.0))[1].batch([0, 2], 7),
    )
    torch.testing.assert_close(labels.forces, plain.forces)
    assert not torch.equal(noisy.volumes, plain.volumes)
    torch.testing.assert_close(noisy.volumes, labels.volumes)
    torch.testing.assert_close(
        labels.virials / labels.volumes[:, None, None], plain.virials / plain.volumes[:, None, None]
    )
    again = frames(Augmentation(1, 4.0, 0.0, 0.03, 1.0))[1].batch([0, 2], 7)[0]
    torch.testing.assert_close(again.vectors, noisy.vectors, rtol=0, atol=0)
    assert not torch.equal(frames(Augmentation(1, 4.0, 0.0, 0.03, 1.0))[1].batch([0, 2], 8)[0].depths, noisy.depths)


def test_the_loss_is_the_sum_of_standardised_squares() -> None:
    model, cache = frames()
    cells_, labels = cache.batch([0, 1, 2])
    found = graph.predict(model, cells_)
    loss = GraphLoss(0.5, 1.0, 2.0, (0.1, 0.2, 0.01))
    stress = (found.virials - labels.virials) / labels.volumes[:, None, None]
    expected = (
        0.5 * ((found.energies - labels.energies) / labels.sizes / 0.1).square().mean()
        + ((found.forces - labels.forces) / 0.2).square().mean()
        + 2.0 * (stress / 0.01).square().mean()
    )
    assert float(loss(found, labels, 0.0)) == pytest.approx(float(expected))


def test_the_rate_is_halved_after_passes_over_the_data(tmp_path: Path) -> None:
    hdf5.write(graph_networks.data_set(), tmp_path / "data.h5", {})
    for noise, period in ((0.0, 15), (0.03, 25), (0.06, 35), (0.2, 35)):
        rate = settings(tmp_path, "graph", graph={"noise_A": noise}).learning_rate
        assert (rate.decay_epochs, rate.decay_rate, rate.stop) == (period, 0.5, 0.01 / 64)
    schedule = Exponential(1e-3, 1e-3 / 64, 600, 100, 0.5)
    assert [schedule(k) for k in (0, 99, 100, 599)] == pytest.approx([1e-3, 1e-3, 5e-4, 1e-3 / 32])


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"graph": {"variant": "energy", "energy_weight": 0.0}}, "graph.energy_weight = 0.0 .*must be above 0"),
        ({"graph": {"stress_weight": 0.0}}, "forces and stress must each have a weight"),
        ({"graph": {"variant": "energy"}}, "graph.noise_A = 0.02 .*must be 0 for variant energy"),
        ({"graph": {"turned": 1.5}}, "graph.turned = 1.5 .*must be at most 1"),
        ({"learning_rate": {"decay_steps": 5, "decay_epochs": 5}}, "one of decay_steps and decay_epochs must be null"),
    ],
)
def test_settings_that_make_no_sense(sections: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        settings(tmp_path, "graph", **sections)


def test_frames_without_stress_and_open_cells_are_refused(folder: Path) -> None:
    data = graph_networks.data_set()
    virials, periodic = data.virials.copy(), data.periodic.copy()
    virials[2] = np.nan
    whole = {"data": {"validation_fraction": 0.0}}
    hdf5.write(replace(data, virials=virials), folder / "data.h5", {}, overwrite=True)
    with pytest.raises(
        DataError, match=r"virial of frame 2 \(made:2\) = missing, as of 1 of 8 frames: graph.stress_weight"
    ):
        train(folder, "graph", **whole)
    periodic[5, 1] = False
    hdf5.write(replace(data, periodic=periodic), folder / "data.h5", {}, overwrite=True)
    with pytest.raises(DataError, match=r"periodic of frame 5 .* = \[True, False, True\], as of 1 of 8 frames"):
        train(folder, "graph", **whole)


def test_atoms_on_top_of_each_other_are_refused() -> None:
    data = graph_networks.data_set()
    positions = data.positions.copy()
    positions[1] = positions[0] + 0.1
    model = GraphModel(graph_networks.random_network(), 1.0, torch.float64, CPU)
    with pytest.raises(SimulationError, match=r"distance \w\w-\w\w = 0.173 Å"):
        graph.of_frame(model, replace(data, positions=positions), 0)
