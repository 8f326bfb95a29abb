"""The fit of moment tensor potentials: gradients, the linear problem, L-BFGS, threads and the active set."""

from dataclasses import replace

import numpy as np
import pytest
import systems
import trainings

from hpcpot.dataset.predict import frame_grades, predict
from hpcpot.errors import DataError, TrainingError
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.moment_tensor.extrapolation import Extrapolation
from hpcpot.potential.moment_tensor.rows import ParameterRows
from hpcpot.training.moment_tensor import curvature as mtp_curvature
from hpcpot.training.moment_tensor import grade as mtp_grade
from hpcpot.training.moment_tensor import linear as mtp_linear
from hpcpot.training.moment_tensor import loss as mtp_loss
from hpcpot.training.moment_tensor import sites as mtp_sites
from hpcpot.training.moment_tensor.curvature import WhiteCoordinates, coordinates
from hpcpot.training.moment_tensor.fit import Fit, Radial, initial
from hpcpot.training.moment_tensor.grade import THRESHOLD, ActiveSet
from hpcpot.training.moment_tensor.loss import Loss, Model
from hpcpot.training.moment_tensor.settings import WEIGHTINGS

CUTOFF = 4.5
LOSSES = [Loss(0.7, 0.3, 0.2, weighting) for weighting in WEIGHTINGS] + [
    Loss(0.0, 0.3, 0.0, scale_by_force=0.5),
    Loss(0.7, 0.3, 0.2, groups=(("col*", 4.0), ("*", 0.5))),
]


@pytest.fixture(scope="module")
def data():
    """Twelve frames; two lack energy or forces, one the virial."""
    whole = trainings.dataset()
    energies, forces = whole.energies.copy(), whole.forces.copy()
    energies[1], forces[whole.first[2] : whole.first[3]] = np.nan, np.nan
    return replace(whole, energies=energies, forces=forces)


@pytest.fixture(scope="module")
def parts(data):
    return mtp_sites.prepare(data, CUTOFF)


@pytest.fixture(scope="module")
def model():
    return Model(systems.moment_tensor(cutoff=CUTOFF, level=8))


def plain_loss(family, data, loss):
    """The loss by its formula, from the engine's predictions."""
    found, value = predict(data, BlockPotential(family)), 0.0
    for k, n in enumerate(data.sizes):
        atoms = slice(data.first[k], data.first[k + 1])
        e = np.nan_to_num(found.energies[k] - data.energies[k])
        w = np.nan_to_num(found.virials[k] - data.virials[k])
        weights = loss.force * np.ones(n)
        if loss.scale_by_force:
            weights = weights * loss.scale_by_force / ((data.forces[atoms] ** 2).sum(axis=1) + loss.scale_by_force)
        f = np.nansum(weights[:, None] * (found.forces[atoms] - data.forces[atoms]) ** 2)
        by_size = {"vibrations": 1 / n, "structures": 1 / n**2, "molecules": 1.0}[loss.weighting]
        factor = {"cold": 4.0, "hot": 0.5}[str(data.groups[k])] if loss.groups else 1.0
        by_atom = 1 / n if loss.weighting == "structures" else 1.0
        value += by_size * (factor * loss.energy * e**2 + loss.stress * (w**2).sum()) + by_atom * f
    return value / len(data)


def moved(model, by):
    return model.with_parameters(model.parameters + by)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.weighting}-{loss.scale_by_force}")
def test_loss_and_its_gradient(loss, model, data, parts):
    value, gradient = mtp_loss.value_and_gradient(model, parts, loss)
    assert value == pytest.approx(plain_loss(model.family, data, loss), rel=1e-11)
    assert value == pytest.approx(mtp_loss.errors(model, parts, loss).loss, rel=1e-12)
    random, h, ends = np.random.default_rng(1), 1e-5, [0, model.family.radial.size, -2, len(gradient)]
    for start, end in zip(ends[:-1], ends[1:], strict=True):
        along = np.zeros(len(gradient))
        along[start:end] = random.normal(size=len(along[start:end]))
        values = [mtp_loss.errors(moved(model, s * h * along), parts, loss).loss for s in (1, -1)]
        assert gradient @ along == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-6, abs=1e-9)


def test_errors_are_those_of_the_engine(model, data, parts):
    errors, found = mtp_loss.errors(model, parts, Loss()), predict(data, BlockPotential(model.family))
    energy = (found.energies - data.energies) / data.sizes
    virial = (found.virials - data.virials) / data.sizes[:, None, None]
    for name, difference in (("energy", energy), ("force", found.forces - data.forces), ("virial", virial)):
        assert errors.rmse(name) == pytest.approx(np.sqrt(np.nanmean(difference**2)), rel=1e-11)


@pytest.mark.parametrize("loss", LOSSES[:2], ids=lambda loss: loss.weighting)
def test_the_linear_solution_is_the_minimum(loss, model, parts):
    linear, n = mtp_linear.solve(model, parts, loss), model.family.radial.size
    best = model.with_parameters(np.concatenate([model.parameters[:n], linear]))
    value, gradient = mtp_loss.value_and_gradient(best, parts, loss)
    before, steep = mtp_loss.value_and_gradient(model, parts, loss)
    assert value < 0.1 * before
    assert np.abs(gradient[n:]).max() < 1e-6 * np.abs(steep[n:]).max()


def test_the_curvature_is_that_of_gauss_and_newton(model, parts, monkeypatch):
    loss, n_frames, columns = Loss(1.0, 0.1, 0.1), sum(len(part.data) for part in parts), []
    weights = [zip(loss.weights(part.data, n_frames), (1, 3, 9), strict=True) for part in parts]
    labels = [np.sqrt(np.concatenate([np.repeat(w, k) for w, k in one])) for one in weights]
    for k in range(len(model.parameters)):
        by, ends = 1e-5 * (np.arange(len(model.parameters)) == k), []
        for sign in (1, -1):
            found = [mtp_loss.predict(moved(model, sign * by), part) for part in parts]
            ends.append([np.concatenate([f.energies, f.forces.ravel(), f.virials.ravel()]) for f in found])
        columns.append(np.concatenate([w * (a - b) / 2e-5 for w, a, b in zip(labels, *ends, strict=True)]))
    true = np.array(columns) @ np.array(columns).T
    monkeypatch.setattr(mtp_curvature, "SAMPLES", 300)
    white = coordinates(model, parts, loss, seed=1)
    np.testing.assert_array_equal(white.origin, model.parameters)
    found = white.lower @ white.lower.T - mtp_curvature.DAMPING * np.eye(len(true))
    np.testing.assert_allclose(found, true * white.scale * white.scale[:, None], atol=0.1)
    again = coordinates(model, parts, loss, seed=1, threads=2)
    np.testing.assert_array_equal(white.lower, again.lower)
    assert (coordinates(model, parts, loss, seed=2).lower != white.lower).any()


def test_white_coordinates_of_a_matrix():
    random = np.random.default_rng(6)
    half = random.normal(size=(9, 5)) * 10.0 ** np.arange(5)
    curvature, origin = half.T @ half, random.normal(size=5)
    white = WhiteCoordinates.of(origin, curvature, 0.0)
    y, slopes = random.normal(size=5), random.normal(size=5)
    step = white.parameters(y) - origin
    assert step @ curvature @ step == pytest.approx(y @ y, rel=1e-8)
    assert white.gradient(slopes) @ y == pytest.approx(slopes @ step, rel=1e-8)


def test_an_element_without_atoms_and_atoms_without_neighbours(data):
    wide = data.with_elements(("Li", "Si", "O"))
    apart = replace(wide, positions=wide.positions * 50.0, cells=wide.cells * 50.0)
    for given in (wide, apart):
        parts = mtp_sites.prepare(given, CUTOFF)
        fit = Fit(systems.moment_tensor(cutoff=CUTOFF, level=6, elements=given.elements), parts, Loss(), 1)
        fit.solve()
        assert np.isfinite(fit.model.parameters).all() and fit.model.parameters[-1] == 0.0
        assert np.isfinite(coordinates(fit.model, parts, Loss(), 0).lower).all()
        assert np.isfinite(mtp_grade.select(fit.model.family, parts).inverse).all()


def test_labels_of_a_potential_of_the_same_form_are_found_again(data):
    true = systems.moment_tensor(cutoff=CUTOFF, level=6, size=3)
    found = predict(data, BlockPotential(true))
    labelled = replace(data, energies=found.energies, forces=found.forces, virials=found.virials)
    parts = mtp_sites.prepare(labelled, CUTOFF)
    fit = Fit(replace(true, coefficients=true.coefficients * 0.0), parts, Loss(), 1)
    fit.solve()
    assert mtp_loss.errors(fit.model, parts, Loss()).rmse("force") < 1e-5


def test_a_fit_lowers_the_loss_round_by_round(parts, data):
    family = initial(data.elements, 8, Radial(1.5, CUTOFF, 4), mtp_sites.mean_neighbors(parts), 1)
    fit, losses = Fit(family, parts, Loss(), 1), []
    fit.solve()
    start = mtp_loss.errors(fit.model, parts, Loss()).loss
    for _ in range(2):
        assert fit.round(20, lambda: losses.append(fit.loss) or False)
    assert fit.step == len(losses) == 40
    assert losses[-1] < 0.5 * start and losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(mtp_loss.errors(fit.model, parts, Loss()).loss, rel=1e-12)


def test_threads_do_not_change_a_bit(model, data, monkeypatch):
    monkeypatch.setattr(mtp_sites, "ROOM", 30)
    parts = mtp_sites.prepare(data, CUTOFF)
    assert len(parts) > 3
    one, two = (mtp_loss.value_and_gradient(model, parts, Loss(), threads) for threads in (1, 2))
    assert one[0] == two[0]
    np.testing.assert_array_equal(one[1], two[1])


def test_a_round_ends_when_asked(parts, model):
    fit = Fit(model.family, parts, Loss(), 1)
    assert not fit.round(20, lambda: fit.step == 3)
    assert fit.step == 3


def test_numbers_that_are_not_finite_are_refused(data, parts, model):
    broken = replace(model.family, radial=model.family.radial * np.nan)
    with pytest.raises(TrainingError, match="normal equations = not finite: .* hpcpot dataset names doubtful frames"):
        Fit(broken, parts, Loss(), 1).solve()
    fit = Fit(model.family, parts, Loss(), 1)
    fit.solve = lambda: setattr(fit, "model", model.with_parameters(model.parameters * np.nan))
    with pytest.raises(TrainingError, match="loss at iteration 0 = nan: must be finite"):
        fit.round(1, lambda: False)


def test_atoms_in_contact_are_refused(data):
    positions = data.positions.copy()
    positions[1] = positions[0] + [0.2, 0, 0]
    with pytest.raises(DataError, match=r"shortest distance of .* = 0.2 Å: atoms must be 0.5 Å apart"):
        mtp_sites.prepare(replace(data, positions=positions), CUTOFF)


def test_active_set_has_the_largest_volume():
    random = np.random.default_rng(4)
    rows = random.normal(size=(400, 7))
    active = ActiveSet.empty(7)
    swaps = active.add(rows[:200])
    before = np.abs(np.linalg.det(active.rows))
    swaps += active.add(rows[200:], 200)
    assert swaps >= 7 and np.abs(np.linalg.det(active.rows)) >= before
    assert np.abs(rows[200:] @ active.inverse).max() <= THRESHOLD + 1e-9
    np.testing.assert_array_equal(active.rows, rows[active.members])
    best = max(np.abs(np.linalg.det(rows[random.choice(400, 7, replace=False)])) for _ in range(2000))
    assert np.abs(np.linalg.det(active.rows)) > best


def test_directions_without_rows_are_extrapolation():
    rows = np.random.default_rng(5).normal(size=(20, 4))
    rows[:, 3] = 0.0
    active = ActiveSet.empty(4)
    active.add(rows)
    assert (active.members >= 0).sum() == 3
    assert np.abs(np.array([0.0, 0.0, 0.0, 1e-3]) @ active.inverse).max() > 100


def test_no_atom_selected_from_is_extrapolation(model, data, parts, monkeypatch):
    monkeypatch.setattr(mtp_sites, "ROOM", 30)
    parts = mtp_sites.prepare(data, CUTOFF)
    assert len(parts) > 3
    active = mtp_grade.select(model.family, parts)
    rows = np.concatenate([mtp_grade.site_rows(ParameterRows(model.family), part) for part in parts])
    known = active.members >= 0
    np.testing.assert_array_equal(active.rows[known], rows[active.members[known]])
    grades = frame_grades(data, Extrapolation(replace(model.family, active=active.rows)))
    assert len(grades) == len(data) and grades.min() > 0.0 and grades.max() <= THRESHOLD + 1e-9
    wide = replace(data, positions=1.15 * data.positions, cells=1.15 * data.cells)
    assert frame_grades(wide, Extrapolation(replace(model.family, active=active.rows))).max() > 2.0
