"""The measures of error by hand, and what missing labels do to them."""

from dataclasses import replace

import labelled
import numpy as np
import pytest

from hpcpot.commands.accuracy import errors
from hpcpot.dataset.predict import Predicted
from hpcpot.units import EV_PER_A3_IN_GPA


@pytest.fixture(scope="module")
def data():
    return labelled.dataset(4)


def off(data, energy: float = 0.0, force: float = 0.0, virial: float = 0.0) -> Predicted:
    """Predictions off by an energy per atom, a force component and a virial component per atom."""
    sizes = data.sizes
    return Predicted(
        data.energies + energy * sizes, data.forces + force, data.virials + virial * sizes[:, None, None], 0
    )


def test_a_perfect_model(data) -> None:
    table = errors.by_group(data, off(data))
    assert table["group"].tolist() == ["cold", "hot", "all"] and table["frames"].tolist() == [2, 2, 4]
    assert table["atoms"].tolist() == [32, 16, 48]
    for name, values in table.items():
        if "rmse" in name or "mae" in name:
            assert (values == 0).all()
    assert (table["force_r2"] == 1).all()


def test_constant_errors(data) -> None:
    table = errors.by_group(data, off(data, 0.002, 0.1, 0.003))
    for kind in ("rmse", "mae"):
        assert table[f"energy_{kind}_meV_per_atom"] == pytest.approx(2.0)
        assert table[f"force_{kind}_eV_per_A"] == pytest.approx(0.1)
        assert table[f"virial_{kind}_meV_per_atom"] == pytest.approx(3.0)
    stress = 0.003 * 8 / data.volumes[[0, 2]] * EV_PER_A3_IN_GPA
    assert table["stress_rmse_GPa"][1] == pytest.approx(np.sqrt(np.mean(stress**2)))


def test_rmse_mae_and_r2() -> None:
    labels, predicted = np.array([0.0, 1.0, 2.0, np.nan]), np.array([0.0, 1.0, 5.0, 7.0])
    assert errors.rmse(predicted - labels) == pytest.approx(np.sqrt(3)) and errors.mae(predicted - labels) == 1.0
    assert errors.r2(labels, predicted) == pytest.approx(1 - 9 / 2)
    assert np.isnan(errors.rmse(np.array([np.nan]))) and np.isnan(errors.r2(np.ones(3), np.ones(3)))


def test_by_element(data) -> None:
    found = off(data)
    found.forces[data.species == 1] += 0.2
    table = errors.by_element(data, found)
    assert table["element"].tolist() == ["Li", "Si"]
    assert table["force_rmse_eV_per_A"] == pytest.approx([0.0, 0.2])
    assert table["force_r2"][0] == 1.0 > table["force_r2"][1]
    assert table["atoms"].sum() == len(data.species)


def test_by_frame(data) -> None:
    found = off(data, 0.001)
    found.forces[data.first[2]] += [3.0, 4.0, 0.0]
    table = errors.by_frame(data, found)
    assert table["energy_error_meV_per_atom"] == pytest.approx(1.0)
    assert table["force_error_most_eV_per_A"] == pytest.approx([0, 0, 5.0, 0])
    assert table["force_rmse_eV_per_A"] == pytest.approx([0, 0, 5.0 / np.sqrt(24), 0])


def test_missing_labels_count_nowhere(data) -> None:
    bare = replace(data, virials=np.full_like(data.virials, np.nan), forces=np.full_like(data.forces, np.nan))
    table = errors.by_group(bare, off(data, 0.002))
    assert table["energy_rmse_meV_per_atom"] == pytest.approx(2.0)
    assert np.isnan(table["force_rmse_eV_per_A"]).all() and np.isnan(table["stress_rmse_GPa"]).all()


def test_another_reference_of_the_energy_is_found(data) -> None:
    shifted = replace(data, energies=data.energies + data.counts @ np.array([1.5, -0.5]))
    fit, left = errors.shifts(shifted, off(data))
    assert fit == pytest.approx([1.5, -0.5]) and left == pytest.approx(0.0, abs=1e-6)
