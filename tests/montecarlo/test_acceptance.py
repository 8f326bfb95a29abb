"""The rules by themselves: golden wave lengths, detailed balance of each pair of trials, infinite energies."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hpcpot.montecarlo import acceptance
from hpcpot.montecarlo.averages import of_rows

INF = math.inf


@pytest.mark.parametrize(("temperature", "length"), [(300, 0.3826), (1000, 0.2096), (2500, 0.1325), (3000, 0.1210)])
def test_wave_length_of_lithium(temperature, length):
    """z = exp(beta mu) / Lambda^3."""
    log_z = acceptance.log_activity(0.0, temperature, 6.94)
    assert math.exp(-log_z / 3.0) == pytest.approx(length, abs=1e-4)
    assert acceptance.chemical_potential(log_z, temperature, 6.94) == pytest.approx(0.0, abs=1e-12)


def test_activity_of_the_golden_ideal_gas():
    log_z = acceptance.log_activity(-0.9202995329991616, 1000.0, 6.94)
    assert math.exp(log_z) * 8000.0 == pytest.approx(20.0, rel=2e-5)


def test_an_insertion_and_its_deletion_balance():
    """acc(N -> N + 1) / acc(N + 1 -> N) is the ratio of the weights, in each scheme."""
    log_z, volume, n, change = -5.0, 300.0, 7, 2.3
    weight = log_z + math.log(volume / (n + 1)) - change
    assert acceptance.insertion(log_z, volume, n, change) == pytest.approx(weight)
    assert acceptance.deletion(log_z, volume, n + 1, -change) == pytest.approx(-weight)
    assert acceptance.insertion(log_z, volume, n, change, 0.2) == pytest.approx(weight + math.log(0.2))
    assert acceptance.deletion(log_z, volume, n + 1, -change, 0.2) == pytest.approx(-weight - math.log(0.2))
    others = [change, 0.4, INF]
    forwards = acceptance.insertion_of_several(log_z, volume, n, others)
    assert forwards == pytest.approx(-acceptance.deletion_of_several(log_z, volume, n + 1, others))
    assert acceptance.insertion_of_several(log_z, volume, n, [change]) == pytest.approx(weight)


def test_infinite_energies_and_impossible_numbers():
    assert acceptance.insertion(0.0, 10.0, 0, INF) == -INF == acceptance.move(INF)
    assert acceptance.insertion_of_several(0.0, 10.0, 0, [INF, INF]) == -INF
    assert acceptance.deletion(0.0, 10.0, 0, -1.0) == -INF
    assert acceptance.insertion(0.0, 10.0, 3, 0.0, share=0.0) == -INF
    assert acceptance.insertion(-1e6, 10.0, 3, -1e6) == pytest.approx(math.log(2.5))
    assert not acceptance.is_accepted(-INF, 1e-300) and not acceptance.is_accepted(math.nan, 1e-300)
    assert acceptance.is_accepted(0.0, 0.999999)


def test_a_point_is_chosen_by_its_weight():
    changes = [1.0, INF, 0.0, 800.0]
    u = (np.arange(1000) + 0.5) / 1000
    counts = np.bincount([acceptance.choose(changes, x) for x in u], minlength=4)
    share = math.exp(-1.0) / (1.0 + math.exp(-1.0))
    assert counts.tolist() == [pytest.approx(1000 * share, abs=1), 0, pytest.approx(1000 * (1 - share), abs=1), 0]
    assert acceptance.choose([INF, 3.0], 1.0 - 1e-16) == 1
    assert acceptance.choose([-2000.0, 0.0], 0.5) == 0


def test_changes_of_element_balance():
    assert acceptance.change_of_element(0.7, 2.0) == -acceptance.change_of_element(-0.7, -2.0) == pytest.approx(-1.3)


def test_errors_by_blocks():
    """Correlated rows: the error is that of independent blocks, and larger than that of single rows."""
    rng = np.random.default_rng(1)
    noise = np.repeat(rng.normal(size=100), 20)
    mean = of_rows(noise)
    assert mean.value == pytest.approx(noise.mean())
    assert 0.5 < mean.error / 0.1 < 1.6
    assert of_rows(np.array([1.0, 3.0]), np.array([3.0, 1.0])).value == 1.5
    assert math.isnan(of_rows(np.array([1.0])).error) and math.isnan(of_rows(np.zeros(0)).value)
