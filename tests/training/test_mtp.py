"""The fit of moment tensor potentials: gradients, the linear problem, L-BFGS, threads and the active set."""

from dataclasses import replace

import numpy as np
import pytest
import systems
import trainings

from hpcpot.dataset.predict import predict
from hpcpot.errors import DataError, OutputError, TrainingError
from hpcpot.potential.base import Potential
from hpcpot.training import mtp_grade, mtp_linear, mtp_loss, mtp_sites
from hpcpot.training.mtp_fit import Fit, Radial, initial
from hpcpot.training.mtp_grade import THRESHOLD, ActiveSet
from hpcpot.training.mtp_loss import WEIGHTINGS, Loss, Model

CUTOFF = 4.5
LOSSES = [Loss(0.7, 0.3, 0.2, weighting) for weighting in WEIGHTINGS] + [Loss(0.0, 0.3, 0.0, scale_by_force=0.5)]


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
    found, value = predict(data, Potential(family)), 0.0
    for k, n in enumerate(data.sizes):
        atoms = slice(data.first[k], data.first[k + 1])
        e = np.nan_to_num(found.energies[k] - data.energies[k])
        w = np.nan_to_num(found.virials[k] - data.virials[k])
        weights = loss.force * np.ones(n)
        if loss.scale_by_force:
            weights = weights * loss.scale_by_force / ((data.forces[atoms] ** 2).sum(axis=1) + loss.scale_by_force)
        f = np.nansum(weights[:, None] * (found.forces[atoms] - data.forces[atoms]) ** 2)
        by_size = {"vibrations": 1 / n, "structures": 1 / n**2, "molecules": 1.0}[loss.weighting]
        by_atom = 1 / n if loss.weighting == "structures" else 1.0
        value += by_size * (loss.energy * e**2 + loss.stress * (w**2).sum()) + by_atom * f
    return value / len(data)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.weighting}-{loss.scale_by_force}")
def test_loss_and_its_gradient(loss, model, data, parts):
    value, linear, radial = mtp_loss.value_and_gradient(model, parts, loss)
    assert value == pytest.approx(plain_loss(model.family, data, loss), rel=1e-11)
    assert value == pytest.approx(mtp_loss.errors(model, parts, loss).loss, rel=1e-12)
    random, n = np.random.default_rng(1), len(model.family.coefficients)
    gradients = {"radial": radial, "coefficients": linear[:n], "species_energies": linear[n:]}
    for name, gradient in gradients.items():
        at = getattr(model.family, name)
        along, h = random.normal(size=at.shape), 1e-5
        values = [
            mtp_loss.errors(Model(replace(model.family, **{name: at + s * h * along})), parts, loss).loss
            for s in (1, -1)
        ]
        assert (gradient * along).sum() == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-6, abs=1e-9)


def test_errors_are_those_of_the_engine(model, data, parts):
    errors, found = mtp_loss.errors(model, parts, Loss()), predict(data, Potential(model.family))
    energy = (found.energies - data.energies) / data.sizes
    virial = (found.virials - data.virials) / data.sizes[:, None, None]
    for name, difference in (("energy", energy), ("force", found.forces - data.forces), ("virial", virial)):
        assert errors.rmse(name) == pytest.approx(np.sqrt(np.nanmean(difference**2)), rel=1e-11)


@pytest.mark.parametrize("loss", LOSSES[:2], ids=lambda loss: loss.weighting)
def test_the_linear_solution_is_the_minimum(loss, model, parts):
    normal, n = mtp_linear.solve(model, parts, loss), len(model.family.coefficients)
    best = model.with_parameters(model.family.radial, normal.solution[:n], normal.solution[n:])
    value, gradient, _ = mtp_loss.value_and_gradient(best, parts, loss)
    before, steep, _ = mtp_loss.value_and_gradient(model, parts, loss)
    assert value < 0.1 * before
    assert np.abs(normal.gradient_to_white(gradient)).max() < 1e-6 * np.abs(normal.gradient_to_white(steep)).max()
    white = 1e-3 * np.random.default_rng(2).normal(size=len(normal.solution))
    moved = normal.from_white(white)
    away = model.with_parameters(model.family.radial, moved[:n], moved[n:])
    rise = mtp_loss.errors(away, parts, loss).loss - value
    assert rise == pytest.approx((white**2).sum(), rel=1e-2)  # the same curvature in all directions


def test_an_element_without_atoms_and_atoms_without_neighbours(data):
    wide = data.with_elements(("Li", "Si", "O"))
    apart = replace(wide, positions=wide.positions * 50.0, cells=wide.cells * 50.0)
    for given in (wide, apart):
        parts = mtp_sites.prepare(given, CUTOFF)
        fit = Fit(systems.moment_tensor(cutoff=CUTOFF, level=6, elements=given.elements), parts, Loss(), 1)
        normal = fit.solve()
        assert np.isfinite(normal.solution).all() and normal.solution[-1] == 0.0
        assert np.isfinite(mtp_grade.frame_rows(fit.model, parts)).all()


def test_labels_of_a_potential_of_the_same_form_are_found_again(data):
    true = systems.moment_tensor(cutoff=CUTOFF, level=6, size=3)
    found = predict(data, Potential(true))
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
    np.testing.assert_array_equal(one[2], two[2])


def test_a_round_ends_when_asked(parts, model):
    fit = Fit(model.family, parts, Loss(), 1)
    assert not fit.round(20, lambda: fit.step == 3)
    assert fit.step == 3


def test_numbers_that_are_not_finite_are_refused(data, parts, model):
    broken = replace(model.family, radial=model.family.radial * np.nan)
    with pytest.raises(TrainingError, match="normal equations = not finite: .* hpcpot dataset names doubtful frames"):
        Fit(broken, parts, Loss(), 1).solve()
    fit = Fit(model.family, parts, Loss(), 1)
    fit.solve = lambda: mtp_linear.Normal(np.ones(11), np.eye(11), np.full(11, np.nan))
    with pytest.raises(TrainingError, match="loss at iteration 0 = nan: must be finite"):
        fit.round(1, lambda: False)


def test_atoms_in_contact_are_refused(data):
    positions = data.positions.copy()
    positions[1] = positions[0] + [0.2, 0, 0]
    with pytest.raises(DataError, match=r"shortest distance of .* = 0.2 Å: atoms must be 0.5 Å apart"):
        mtp_sites.prepare(replace(data, positions=positions), CUTOFF)


def test_rows_are_derivatives_of_energies(model, data, parts):
    rows, sites = mtp_grade.frame_rows(model, parts), mtp_grade.site_rows(model, parts)
    sums = np.add.reduceat(sites, data.first[:-1], axis=0) / data.sizes[:, None]
    np.testing.assert_allclose(rows, sums, rtol=1e-9, atol=1e-9)
    family, n = model.family, model.family.radial.size
    linear = np.concatenate([family.coefficients, family.species_energies])
    np.testing.assert_allclose(rows[:, n:] @ linear * data.sizes, predict(data, Potential(family)).energies, rtol=1e-10)
    along, h = np.random.default_rng(3).normal(size=family.radial.shape), 1e-5
    up, down = (
        predict(data, Potential(replace(family, radial=family.radial + s * h * along))).energies for s in (1, -1)
    )
    np.testing.assert_allclose(rows[:, :n] @ along.ravel() * data.sizes, (up - down) / (2 * h), rtol=1e-5, atol=1e-5)


def test_active_set_has_the_largest_volume():
    random = np.random.default_rng(4)
    rows = random.normal(size=(400, 7))
    active = ActiveSet.empty(7)
    swaps = active.add(rows[:200])
    before = np.abs(np.linalg.det(active.rows))
    swaps += active.add(rows[200:])
    assert swaps >= 7 and np.abs(np.linalg.det(active.rows)) >= before
    assert active.grades(rows[200:]).max() <= THRESHOLD + 1e-9
    np.testing.assert_array_equal(active.rows, rows[active.members])
    np.testing.assert_allclose(active.grades(active.rows), 1.0, rtol=1e-9)
    other = ActiveSet.empty(7)
    scale = 10.0 ** random.uniform(-2, 2, 7)
    other.add(rows[:200] * scale)
    other.add(rows[200:] * scale)
    np.testing.assert_allclose(other.grades(3.0 * rows * scale), active.grades(3.0 * rows), rtol=0.2)


def test_directions_without_rows_are_extrapolation(tmp_path):
    rows = np.random.default_rng(5).normal(size=(20, 4))
    rows[:, 3] = 0.0
    active = ActiveSet.empty(4)
    active.add(rows)
    assert (active.members >= 0).sum() == 3
    assert active.grades(np.array([[0.0, 0.0, 0.0, 1e-3]]))[0] > 100
    active.write(tmp_path / "a.npz")
    np.testing.assert_array_equal(ActiveSet.read(tmp_path / "a.npz").rows, active.rows)
    (tmp_path / "b.npz").write_text("nothing")
    with pytest.raises(OutputError, match="b.npz = no active set"):
        ActiveSet.read(tmp_path / "b.npz")
    with pytest.raises(OutputError, match="cannot be written"):
        active.write(tmp_path / "none" / "a.npz")
