"""Energies, forces and virials of a batch, and gradients of losses of them."""

import json

import ase
import numpy as np
import pytest
import torch
from repository import DATA

from hpcpot.dataset.dataset import from_frames
from hpcpot.errors import SimulationError
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import evaluate
from hpcpot.potential.files import load
from hpcpot.training import geometry, pairs, pairs_cpu, step
from hpcpot.training.chebyshev.model import ChebyshevModel
from hpcpot.training.deep_potential.model import DeepPotentialModel

CPU = torch.device("cpu")
MODELS = ["small_oneside", "small_twoside", "small_dt", "trunc_sel", "aenet"]


def golden_frames(name="small_oneside"):
    structures = json.loads((DATA / "dp" / f"{name}.json").read_text())
    return from_frames(
        [
            ase.Atoms(np.array(["Li", "Si"])[s["type"]], np.reshape(s["coord"], (-1, 3)), cell=s["box"], pbc=True)
            for s in structures
        ],
        ("Li", "Si"),
    )


def make(name, dtype=torch.float64):
    if name == "aenet":
        return ChebyshevModel(load([DATA / "aenet" / "Li.nn", DATA / "aenet" / "Si.nn"]), dtype, CPU)
    return DeepPotentialModel(load(DATA / "dp" / f"{name}.dp"), dtype, CPU)


def batch(model, data, **options):
    return geometry.join([geometry.of_frame(model, data, k, **options) for k in range(len(data))])


@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_those_of_the_engine(name):
    model, data = make(name), golden_frames()
    found = step.predict(model, batch(model, data))
    potential = BlockPotential(model.export(), "reference")
    for k in range(len(data)):
        result, mine = evaluate(data.frame(k), potential), slice(data.first[k], data.first[k + 1])
        energy = float(found.energies[k]) + data.counts[k] @ model.constant_energies
        assert abs(energy - result.energies.sum()) < 1e-10
        np.testing.assert_allclose(found.forces[mine], result.forces, rtol=0, atol=1e-11)
        np.testing.assert_allclose(found.virials[k], result.virial, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "forces"), [*((name, True) for name in MODELS), ("small_dt", False), ("aenet", False)]
)
def test_gradient_of_a_loss_against_finite_differences(name, forces):
    model, data = make(name), golden_frames()
    joined = batch(model, data, forces=forces)
    random = np.random.default_rng(1)
    first = step.predict(model, joined, forces)
    known = {key: value for key, value in vars(first).items() if value is not None}
    goal = {key: value + torch.tensor(0.1 * random.normal(size=value.shape)) for key, value in known.items()}

    def loss(found):
        parts = [((getattr(found, key) - value) ** 2).sum() for key, value in goal.items()]
        return sum(parts[1:], parts[0])

    _, value = step.add_gradient(model, joined, loss, forces)
    assert float(value) == pytest.approx(float(loss(first)), rel=1e-12)
    h = 1e-5
    for p in model.parameters:
        direction = torch.tensor(random.normal(size=p.shape))
        ends = []
        with torch.no_grad():
            for move in (h, -2 * h, h):
                p += move * direction
                ends.append(float(loss(step.predict(model, joined, forces))))
        numeric = (ends[0] - ends[1]) / (2 * h)
        assert numeric == pytest.approx(float((p.grad * direction).sum()), rel=1e-6, abs=1e-5)


def test_energies_of_fixed_moments_need_no_pairs():
    model, data = make("aenet"), golden_frames()
    compact, whole = batch(model, data, forces=False), batch(model, data)
    assert compact.nbytes < 0.2 * whole.nbytes
    torch.testing.assert_close(step.predict(model, compact, False).energies, step.predict(model, whole).energies)


def test_float32_is_close():
    data = golden_frames()
    found = {}
    for dtype in (torch.float32, torch.float64):
        model = make("small_oneside", dtype)
        found[dtype] = step.predict(model, batch(model, data))
    assert found[torch.float32].forces.dtype == torch.float32
    np.testing.assert_allclose(found[torch.float32].forces, found[torch.float64].forces, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found[torch.float32].energies, found[torch.float64].energies, rtol=0, atol=1e-4)


def test_truncated_neighbours_are_counted():
    assert batch(make("trunc_sel"), golden_frames()).truncated > 0
    assert batch(make("small_oneside"), golden_frames()).truncated == 0


def test_atoms_that_meet_are_refused():
    data = from_frames([ase.Atoms("LiSi", [[0, 0, 0], [0, 0, 0.3]], cell=[8, 8, 8], pbc=True)])
    with pytest.raises(SimulationError, match="distance Li-Si = 0.3 Å"):
        batch(make("small_oneside"), data)


@pytest.mark.parametrize("name", ["small_twoside", "aenet"])
def test_frames_with_one_element_or_no_neighbours_join_with_others(name):
    """A lone atom has energy and no forces; elements that a frame lacks add nothing."""
    cell = [20.0, 20.0, 20.0]
    lone, pair = ase.Atoms("Si", [[1, 1, 1]], cell=cell, pbc=True), ase.Atoms("Si2", [[1, 1, 1], [1, 1, 3]], cell=cell)
    data = from_frames([lone, pair, *(golden_frames().frame(k) for k in range(2))], ("Li", "Si"))
    model = make(name)
    joined = batch(model, data)
    found = step.predict(model, joined)
    for k in range(len(data)):
        one = step.predict(model, geometry.of_frame(model, data, k))
        torch.testing.assert_close(found.energies[k : k + 1], one.energies)
        torch.testing.assert_close(found.forces[data.first[k] : data.first[k + 1]], one.forces)
    assert not found.forces[0].any()
    step.add_gradient(model, joined, lambda q: q.energies.sum() + q.forces.square().sum() + q.virials.square().sum())
    assert all(torch.isfinite(p.grad).all() for p in model.parameters if p.grad is not None)


@pytest.mark.parametrize("name", MODELS)
def test_compiled_pairs_do_what_the_readable_ones_do(name, monkeypatch):
    model, data = make(name), golden_frames()
    joined, found = batch(model, data), []
    for kernels in (pairs_cpu, pairs):
        monkeypatch.setattr(step, "_kernels", lambda device, kernels=kernels: kernels)
        for p in model.parameters:
            p.grad = None
        found.append(step.add_gradient(model, joined, lambda q: q.forces.pow(4).sum() + q.virials.pow(2).sum()))
        found.append([p.grad.clone() for p in model.parameters if p.grad is not None])
    for part in ("energies", "forces", "virials"):
        torch.testing.assert_close(getattr(found[0][0], part), getattr(found[2][0], part))
    torch.testing.assert_close(found[1], found[3])
