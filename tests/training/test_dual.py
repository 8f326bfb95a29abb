"""Networks with derivatives, against the plain formulas of hpcpot.potential.network and torch's own gradients of them."""

import numpy as np
import pytest
import torch

from hpcpot.potential.network import along, backward, forward
from hpcpot.training import dual, dual_cpu
from hpcpot.training.initial import deepmd_layers, deepmd_output
from hpcpot.training.networks import to_numpy, to_torch

CPU = torch.device("cpu")
CASES = [("tanh", False), ("tanh", True), ("logistic", True), ("linear", False), ("scaled_tanh_twist", False)]


def network(activation, timestep, widths):
    parameters = []
    layers = deepmd_layers(np.random.default_rng(4), widths, activation, timestep)
    layers = (*layers, deepmd_output(np.random.default_rng(5), widths[-1]))
    return to_torch(layers, parameters, torch.float64, CPU), parameters


def random(*shape):
    return torch.tensor(np.random.default_rng(len(shape)).normal(size=shape))


@pytest.mark.parametrize(("activation", "timestep"), CASES)
def test_value_and_slope(activation, timestep):
    net, parameters = network(activation, timestep, [1, 3, 6, 6])
    x = random(10, 1)
    found = dual.value_and_slope(net, x)
    value, slope, _ = along(net, x[:5], x[5:], torch.zeros(5, 1, dtype=torch.float64))
    torch.testing.assert_close(found, torch.cat([value, slope]))
    weights = random(10, 1)
    own = torch.autograd.grad(found, parameters, weights)
    plain = torch.autograd.grad(torch.cat([value, slope]), parameters, weights)
    for a, b in zip(own, plain, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("activation", "timestep"), CASES)
def test_value_and_gradient(activation, timestep):
    net, parameters = network(activation, timestep, [4, 8, 8])
    x = random(5, 4).requires_grad_()
    found = dual.value_and_gradient(net, x)
    value, slopes = forward(tuple(net), x)
    plain = value, backward(tuple(net), slopes, torch.ones_like(value))
    weights = random(5, 1), random(5, 4)
    for a, b in zip(found, plain, strict=True):
        torch.testing.assert_close(a, b)
    own, other = (torch.autograd.grad(pair, [x, *parameters], weights) for pair in (found, plain))
    for a, b in zip(own, other, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("kind", [torch.float64, torch.float32])
def test_the_pass_for_cpus_is_that_for_all_devices(kind, monkeypatch):
    u, x, g = (random(12, n).to(kind) for n in (6, 3, 6))
    timestep = random(6).to(kind)
    z = dual_cpu.bend(first := u.clone(), x, timestep, True)
    back, of_timestep = dual_cpu.bend_back(first, g, timestep)
    monkeypatch.setattr(dual, "dual_cpu", None)
    monkeypatch.setattr(torch.Tensor, "is_cuda", True, raising=False)
    torch.testing.assert_close(dual._bend("tanh", u, x, timestep, True), z)
    for a, b in zip(dual._bend_back("tanh", u, g, timestep), (back, of_timestep), strict=True):
        torch.testing.assert_close(a, b)


def test_values_come_back_as_they_went():
    net, _ = network("tanh", True, [2, 4, 4])
    again = to_torch(to_numpy(net), [], torch.float64, CPU)
    for a, b in zip(net, again, strict=True):
        assert torch.equal(a.weights, b.weights) and torch.equal(a.bias, b.bias)
        assert (a.timestep is None) == (b.timestep is None)
