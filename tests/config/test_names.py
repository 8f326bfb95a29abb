"""Names that settings offer without importing the engine are those that the engine has."""

import pytest

from hpcpot.commands.recipes import settings as recipes
from hpcpot.relaxation import settings as relax
from hpcpot.training import settings as training
from hpcpot.training.chebyshev import settings as chebyshev
from hpcpot.training.deep_potential import settings as deep_potential


def names(section, field):
    return set(section.__dataclass_fields__[field].metadata["key"].kind.json["enum"])


def test_minimizers():
    from hpcpot.relaxation.minimizers import MINIMIZERS

    assert set(relax.MINIMIZERS) == set(MINIMIZERS)


def test_optimisers():
    optimiser = pytest.importorskip("hpcpot.training.optimiser", exc_type=ImportError)
    assert set(training.OPTIMISERS) == {*optimiser.KINDS, "muon"}


def test_activations():
    from hpcpot.potential.deep_potential import deepmd
    from hpcpot.potential.network import ACTIVATIONS

    assert names(chebyshev.ChebyshevSection, "activation") == set(ACTIVATIONS)
    for field in ("activation_function", "fitting_activation_function"):
        assert names(deep_potential.DeepPotentialSection, field) <= set(deepmd.ACTIVATIONS)


def test_recipes():
    from hpcpot.commands.recipes.command import RECIPES

    assert list(recipes.RECIPES) == list(RECIPES)
    assert names(recipes.BuildSettings, "recipe") == set(recipes.RECIPES)
