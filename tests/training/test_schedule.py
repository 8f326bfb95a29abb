"""Learning rates against DeePMD-kit's own numbers."""

import json

import pytest
from repository import DATA

from hpcpot.training.schedule import Constant, Exponential

GOLDEN = json.loads((DATA / "dp" / "training.json").read_text())
SCHEDULES = {
    "a": Exponential(2e-3, 1e-6, 12000, 80),
    "b": Exponential(1e-3, 1e-8, 400, 5000),
    "c": Exponential(1e-3, 1e-5, 1000, 100, 0.5),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_those_of_deepmd_kit(name):
    for step, rate in GOLDEN["learning_rates"][name]:
        assert SCHEDULES[name](step) == pytest.approx(rate, rel=1e-12)


def test_a_constant_rate_stays():
    assert Constant(1e-4)(0) == Constant(1e-4)(10**6) == 1e-4
