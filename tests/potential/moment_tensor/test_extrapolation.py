"""Extrapolation grades against a dense computation by finite differences of atomic energies."""

from dataclasses import replace

import numpy as np
import pytest
import systems
import trainings

from hpcpot.dataset.predict import frame_grades, neighborhoods
from hpcpot.dynamics import uncertainty
from hpcpot.errors import ModelError
from hpcpot.neighbors import batch
from hpcpot.potential import files, registry
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.moment_tensor import rows as rows_module
from hpcpot.potential.moment_tensor.extrapolation import Extrapolation
from hpcpot.potential.moment_tensor.rows import ParameterRows
from hpcpot.structure import crystals


@pytest.fixture(scope="module")
def family():
    return systems.moment_tensor(level=8)


@pytest.fixture(scope="module")
def atoms(family):
    """Points, pairs and species of all frames at once."""
    data = trainings.dataset()
    joined = neighborhoods(data, family.cutoff)
    return joined.points(data.positions, data.cells), joined.pairs, data.species[joined.owners]


def energies(family, atoms):
    return BlockPotential(family, "reference").compute(*atoms, forces=False).energies


def dense(family, atoms):
    """dE_i/dparameters by finite differences of the reference kernel, whose energies are linear in all but `radial`."""
    h, columns = 1e-4, []
    for name in ("radial", "coefficients", "species_energies"):
        values = getattr(family, name)
        for k in range(values.size):
            by = h * (np.arange(values.size) == k).reshape(values.shape)
            up, down = (energies(replace(family, **{name: values + s * by}), atoms) for s in (1, -1))
            columns.append((up - down) / (2 * h))
    return np.array(columns).T


def test_rows_are_derivatives_of_atomic_energies(family, atoms):
    rows = ParameterRows(family).of(*atoms, np.arange(len(atoms[1].first) - 1, dtype=np.int32))
    expected = dense(family, atoms)
    np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())
    linear = np.concatenate([family.coefficients, family.species_energies])
    np.testing.assert_allclose(rows[:, family.radial.size :] @ linear, energies(family, atoms), rtol=1e-10)


def test_rows_of_long_lists_are_those_of_straight_line_code(atoms, monkeypatch):
    family = systems.moment_tensor(level=12, size=3)
    centres = np.arange(len(atoms[1].first) - 1, dtype=np.int32)
    straight = ParameterRows(family).of(*atoms, centres)
    rows_module.kernels.cache_clear()
    monkeypatch.setattr("hpcpot.potential.moment_tensor.cpu.MOST_PRODUCTS", 0)
    listed = ParameterRows(family)
    np.testing.assert_allclose(listed.of(*atoms, centres), straight, rtol=1e-10, atol=1e-10 * np.abs(straight).max())
    rows_module.kernels.cache_clear()


def test_grades_are_largest_coefficients_in_active_rows(family, atoms, monkeypatch):
    size = ParameterRows(family).size
    active = np.random.default_rng(2).normal(size=(size, size))
    monkeypatch.setattr("hpcpot.potential.moment_tensor.extrapolation.BLOCK", 17)
    found = Extrapolation(replace(family, active=active)).grades(*atoms)
    expected = np.abs(np.linalg.solve(active.T, dense(family, atoms).T)).max(axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    frames = frame_grades(trainings.dataset(), Extrapolation(replace(family, active=active)), room=40)
    first = trainings.dataset().first
    np.testing.assert_allclose(frames, np.maximum.reduceat(found, first[:-1]), rtol=1e-10)


def test_float32_only_chooses_what_is_computed_in_float64():
    """Active rows of a real model, of condition 4e9, whose products cannot all be had in float32; some atoms far from them."""
    model = files.load("lisi_mtp")
    cell = crystals.build("Li13Si4", (2, 2, 1), axes="cab")
    cell.rattle(0.35, seed=1)
    species = np.array([model.elements.index(s) for s in cell.symbols], np.int32)
    found = batch.build(cell.positions, cell.cell.array, cell.pbc, model.cutoff)
    atoms = found.points, found.pairs, species[found.owners]
    rows, inverse = ParameterRows(model).of(*atoms, np.arange(len(cell), dtype=np.int32)), np.linalg.inv(model.active)
    expected = np.abs(rows @ inverse).max(axis=1)
    assert expected.max() > 100.0 > 1.0 > expected.min()
    grader = Extrapolation(model)
    assert all(0 < len(products.exact) < len(products.rough) / 10 for products in grader._by_species)
    np.testing.assert_allclose(grader.grades(*atoms), expected, rtol=1e-9)
    assert np.abs(rows.astype(np.float32) @ inverse.astype(np.float32) - rows @ inverse).max() > 0.01


@pytest.mark.parametrize("size", [1e12, 1e90])
def test_rows_beyond_float32_have_grades(family, atoms, size):
    large = replace(family, radial=size * family.radial)
    active = np.random.default_rng(3).normal(size=(ParameterRows(family).size,) * 2)
    rows = ParameterRows(large).of(*atoms, np.arange(len(atoms[1].first) - 1, dtype=np.int32))
    with np.errstate(over="ignore", invalid="ignore"):
        found = Extrapolation(replace(large, active=active)).grades(*atoms)
        expected = np.abs(rows @ np.linalg.inv(active)).max(axis=1)
    assert np.abs(rows).max() > np.finfo(np.float32).max
    finite = np.isfinite(expected)
    np.testing.assert_allclose(found[finite], expected[finite], rtol=1e-9)
    assert not np.isfinite(found[~finite]).any()


def test_the_model_file_keeps_the_active_set(family, tmp_path):
    active = np.eye(ParameterRows(family).size)
    files.save(replace(family, active=active), tmp_path / "with.h5", {})
    files.save(family, tmp_path / "without.h5", {})
    np.testing.assert_array_equal(files.load(tmp_path / "with.h5").active, active)
    without = files.load(tmp_path / "without.h5")
    assert without.active is None and registry.grader(without) is None
    assert registry.grader(files.load(tmp_path / "with.h5")).cutoff == family.cutoff


def test_models_without_a_whole_active_set_are_refused(family):
    for model in (family, systems.argon()):
        with pytest.raises(ModelError, match="needs an active set, which this model has not: .* moment_tensor.grade"):
            uncertainty.grade(model)
    with pytest.raises(ModelError, match=r"active = \(3, 3\): \(43, 43\)"):
        Extrapolation(replace(systems.moment_tensor(level=8, size=4), active=np.eye(3)))
    with pytest.raises(ModelError, match="active = Singular matrix: rows that span"):
        Extrapolation(replace(family, active=np.zeros((ParameterRows(family).size,) * 2)))
