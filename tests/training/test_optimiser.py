"""Optimisers: what a step of Muon does, and a state that goes on bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hpcpot.training.optimiser import KINDS, MUON_FACTOR, Optimiser, fill, flat

RATE = 1e-3


def parameters() -> list[torch.Tensor]:
    """A matrix, one too narrow for Muon, a vector."""
    torch.manual_seed(3)
    return [torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in ((48, 20), (48, 1), (20,))]


def give_gradients(given: list[torch.Tensor], seed: int) -> None:
    torch.manual_seed(seed)
    for p in given:
        p.grad = torch.randn(*p.shape, dtype=p.dtype)


def test_muon_moves_matrices_along_orthogonal_columns_and_the_rest_as_adam():
    given, same = parameters(), parameters()
    before = [p.detach().clone() for p in given]
    for one in (given, same):
        give_gradients(one, 5)
    Optimiser("muon", given).step(RATE)
    Optimiser("adam", same[1:]).step(RATE)
    move = (before[0] - given[0].detach()).numpy() / (MUON_FACTOR * RATE * 0.2 * np.sqrt(48))
    u, _, vt = np.linalg.svd(given[0].grad.numpy(), full_matrices=False)
    values = np.linalg.svd(move, compute_uv=False)
    assert values.min() > 0.6 and values.max() < 1.3  # five Newton-Schulz steps come no nearer to 1
    assert (move * (u @ vt)).sum() / np.linalg.norm(move) / np.sqrt(20) > 0.97
    for a, b in zip(given[1:], same[1:], strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", [*KINDS, "muon"])
def test_a_state_that_is_kept_goes_on_bit_by_bit(name):
    given = parameters()
    optimiser = Optimiser(name, given)
    for seed in range(4):
        give_gradients(given, seed)
        optimiser.step(RATE)
    values, state = flat(given), {key: array.copy() for key, array in optimiser.state.items()}
    other = parameters()
    fill(other, values)
    resumed = Optimiser(name, other)
    resumed.state = state
    for seed in range(4, 7):
        for one, kind in ((given, optimiser), (other, resumed)):
            give_gradients(one, seed)
            kind.step(RATE)
    assert (flat(given) == flat(other)).all() and (flat(given) != values).any()
