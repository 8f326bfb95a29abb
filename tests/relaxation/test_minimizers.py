"""Minimisers on energies whose path is known."""

from __future__ import annotations

import numpy as np
import pytest

from hpcpot.relaxation.coordinates import RelaxationCoordinates
from hpcpot.relaxation.minimizers import MINIMIZERS, MinimizerOptions


def wells(minimizer: str, starts: list[np.ndarray], frozen: list[np.ndarray] | None = None) -> RelaxationCoordinates:
    """Structures at rest in cells of 10 Å."""
    found = RelaxationCoordinates()
    none = [np.zeros(len(one), bool) for one in starts]
    found.add(starts, [10.0 * np.eye(3)] * len(starts), frozen or none, MINIMIZERS[minimizer].memory)
    return found


def pull(found: RelaxationCoordinates, stiffness: np.ndarray) -> None:
    """Forces of E = 1/2 sum k |x|²; the cell feels none."""
    positions, _ = found.geometry()
    forces = -stiffness[:, None] * positions
    atoms = np.repeat(np.arange(len(found.sizes)), found.sizes - 3)
    energies = np.bincount(atoms, 0.5 * stiffness * (positions**2).sum(axis=1), len(found.sizes))
    found.set_forces(forces, np.zeros((len(found.sizes), 3, 3)), energies, "fixed", 0.0)


def test_steepest_descent_on_a_quadratic() -> None:
    """x_n = (1 - alpha k)^n x_0, with opposite atoms so that there is no mean force."""
    start = np.array([[1.0, 0.2, 0.0], [-1.0, -0.2, 0.0]])
    found, k = wells("damped", [start]), np.array([3.0, 3.0])
    for _ in range(10):
        pull(found, k)
        found.x += MINIMIZERS["damped"].step(found, MinimizerOptions(potim=0.4, smass=2.0))
    np.testing.assert_allclose(found.geometry()[0], (1.0 - 0.04 * 3.0) ** 10 * start, rtol=1e-12)


def test_damped_dynamics_with_friction() -> None:
    """v <- [(1 - mu/2) v + 2 alpha F] / (1 + mu/2), by hand."""
    start, mu, alpha, k = np.array([[0.5, 0.0, 0.0], [-0.5, 0.0, 0.0]]), 0.4, 0.02, 2.0
    found, x, v = wells("damped", [start]), 0.5, 0.0
    for _ in range(20):
        pull(found, np.array([k, k]))
        found.x += MINIMIZERS["damped"].step(found, MinimizerOptions(potim=0.2, smass=mu))
        v = ((1 - mu / 2) * v - 2 * alpha * k * x) / (1 + mu / 2)
        x += v
    np.testing.assert_allclose(found.geometry()[0][:, 0], [x, -x], rtol=1e-10)


def test_quench_forgets_uphill_velocities() -> None:
    found = wells("damped", [np.array([[0.5, 0.0, 0.0], [-0.5, 0.0, 0.0]])])
    pull(found, np.full(2, 2.0))
    found.by_row["velocity"][0], found.by_row["velocity"][1] = [0.1, 0, 0], [-0.1, 0, 0]
    moves = MINIMIZERS["damped"].step(found, MinimizerOptions(potim=0.4, smass=None))
    np.testing.assert_allclose(moves[:2, 0], [-0.04, 0.04], rtol=1e-12)


def test_damped_steps_are_capped_and_counted() -> None:
    found = wells("damped", [np.array([[9.0, 0, 0], [-9.0, 0, 0]]), np.array([[0.1, 0, 0], [-0.1, 0, 0]])])
    for _ in range(3):
        pull(found, np.full(4, 10.0))
        found.x += MINIMIZERS["damped"].step(found, MinimizerOptions())
    assert found.by_structure["capped"].tolist() == [3, 0]
    np.testing.assert_allclose(found.geometry()[0][0, 0], 9.0 - 3 * 0.2, rtol=1e-12)


def test_the_mean_force_moves_nothing() -> None:
    found = wells("damped", [np.array([[1.0, 0, 0], [2.0, 0, 0]])])
    pull(found, np.full(2, 1.0))
    moves = MINIMIZERS["damped"].step(found, MinimizerOptions())
    np.testing.assert_allclose(moves[0] + moves[1], 0.0, atol=1e-15)


def test_strain_follows_the_stress() -> None:
    """e = alpha / L² (-V sigma): with -V sigma = 5 eV and L = 10 Å, 0.04 * 5 / 100."""
    found = wells("damped", [np.zeros((1, 3))])
    found.set_forces(np.zeros((1, 3)), np.array([np.diag([5.0, 0.0, 0.0])]), np.zeros(1), "full", 0.0)
    found.x += MINIMIZERS["damped"].step(found, MinimizerOptions())
    np.testing.assert_allclose(found.geometry()[1][0], np.diag([10.02, 10.0, 10.0]), rtol=1e-12)


def test_lbfgs_solves_a_stiff_quadratic() -> None:
    rng = np.random.default_rng(1)
    starts = [rng.normal(size=(n, 3)) for n in (4, 1, 7)]
    stiffness = np.concatenate([np.geomspace(0.5, 200.0, n) if n > 1 else [30.0] for n in (4, 1, 7)])
    found = wells("lbfgs", starts)
    for _ in range(60):
        pull(found, stiffness)
        found.x += MINIMIZERS["lbfgs"].step(found, MinimizerOptions())
    assert np.abs(found.geometry()[0]).max() < 1e-6


def test_lbfgs_goes_back_after_a_rise() -> None:
    found = wells("lbfgs", [np.array([[1.0, 0.0, 0.0]])])
    pull(found, np.array([10.0]))
    first = found.x.copy()
    found.x += MINIMIZERS["lbfgs"].step(found, MinimizerOptions(longest_step=0.1))
    second = found.x.copy()
    found.enthalpies[:] = 1e3
    found.x += MINIMIZERS["lbfgs"].step(found, MinimizerOptions(longest_step=0.1))
    np.testing.assert_allclose(found.x, first + 0.25 * (second - first), rtol=0, atol=1e-14)


@pytest.mark.parametrize("minimizer", MINIMIZERS)
def test_longest_steps(minimizer: str) -> None:
    found = wells(minimizer, [np.array([[5.0, 1.0, 0.0], [-5.0, -1.0, 0.0]])])
    for _ in range(30):
        pull(found, np.full(2, 50.0))
        before = found.x.copy()
        found.x += MINIMIZERS[minimizer].step(found, MinimizerOptions(longest_step=0.15))
        limit = 0.15 if minimizer != "damped" else 0.2 * np.sqrt(3)
        assert np.linalg.norm(found.x - before, axis=1).max() <= limit + 1e-12


def test_rows_keep_and_add() -> None:
    found = wells("lbfgs", [np.full((n, 3), float(n)) for n in (2, 1, 3)])
    pull(found, np.ones(6))
    found.by_structure["pairs"][:] = [5, 6, 7]
    found.keep(np.array([True, False, True]))
    found.add([np.full((4, 3), 4.0)], [np.eye(3)], [np.array([True, False, False, False])], MINIMIZERS["lbfgs"].memory)
    assert found.sizes.tolist() == [5, 6, 7]
    positions, cells = found.geometry()
    assert positions[:, 0].tolist() == [2, 2, 3, 3, 3, 4, 4, 4, 4]
    assert cells.shape == (3, 3, 3) and found.by_structure["pairs"].tolist() == [5, 7, 0]
    assert found.by_row["moves"].shape[0] == len(found.x) == 18
    assert np.flatnonzero(~found.free).tolist() == [11]
