"""Training: loops over pairs and layers, and those of moment tensor potentials."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import systems
import torch
from bounds.table import BAD, case, refused

from hpcpot.dataset.dataset import from_frames
from hpcpot.errors import TrainingError
from hpcpot.neighbors import batch
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.moment_tensor.extrapolation import Extrapolation
from hpcpot.potential.moment_tensor.rows import ParameterRows
from hpcpot.training import dual_cpu, pairs_cpu
from hpcpot.training.geometry import PairBlock
from hpcpot.training.moment_tensor import linear, loss, sites
from hpcpot.training.moment_tensor.loss import Loss


@case("training.dual_cpu:_bend", "training.dual_cpu:_bend_back")
def layers() -> None:
    for number in BAD:
        u, x, g = (torch.full((4, n), 0.1, dtype=torch.float64) for n in (6, 3, 6))
        u[1, 2] = x[1, 2] = g[1, 2] = number
        factors = torch.ones(6, dtype=torch.float64)
        z = dual_cpu.bend(u, x, factors, True)
        assert not torch.isfinite(z[1, 2]) or abs(number) == 1e300
        assert torch.isfinite(z[0]).all() and torch.isfinite(z[2]).all()
        back, of_timestep = dual_cpu.bend_back(u, g, factors)
        assert not torch.isfinite(back[1, 2] + of_timestep[2]) or abs(number) == 1e300
        assert torch.isfinite(back[0]).all()
    nothing = torch.zeros(0, 6)
    assert (
        dual_cpu.bend(nothing, nothing, None, True).shape
        == dual_cpu.bend_back(nothing, nothing, None)[0].shape
        == (0, 6)
    )
    odd = dual_cpu.bend(torch.zeros(4, 7), torch.ones(4, 3), None, True)
    assert odd[0].tolist() == [1.0] * 6 + [0.0]


@case(
    "training.pairs_cpu:_moments",
    "training.pairs_cpu:_add_forces",
    "training.pairs_cpu:_moves",
    "training.pairs_cpu:_radial_gradient",
)
def pairs_of_batches() -> None:
    for number in (*BAD, 0.0):
        for n, k, channels in ((2, 3, 4), (0, 3, 4), (2, 0, 4), (2, 3, 0)):
            check_pairs(number, n, k, channels)


def check_pairs(number: float, n: int, k: int, channels: int) -> None:
    block, radial = pair_block(number, n, k), torch.full((2, n, k, channels), 0.5, dtype=torch.float64)
    b, atoms, frames = (
        torch.ones(n, 4, channels, dtype=torch.float64),
        torch.arange(n),
        torch.zeros(n, dtype=torch.long),
    )
    forces, virials = torch.zeros(4, 3, dtype=torch.float64), torch.zeros(1, 3, 3, dtype=torch.float64)
    sums = pairs_cpu.moments(block, radial)
    pairs_cpu.add_forces(block, radial, b, atoms, frames, forces, virials)
    along, across, moved = pairs_cpu.moves(block, radial, atoms, frames, forces, virials)
    gradient = pairs_cpu.radial_gradient(block, sums, (along, across), b)
    if n and k and channels and not np.isfinite(number):
        for values in (sums[0], forces[0], virials, moved[0], gradient[:, 0, 0]):
            assert not torch.isfinite(values).all()
    if n and channels:
        assert torch.isfinite(sums[1]).all()


def pair_block(number: float, n: int, k: int) -> PairBlock:
    """Pairs of which the first of the first centre has this number in all places."""
    kind = torch.float64
    arrays = {
        "owners": torch.full((n, k), 3),
        "vectors": torch.full((n, k, 3), 0.6, dtype=kind),
        "directions": torch.full((n, k, 3), 0.6, dtype=kind),
        "omega": torch.full((n, k, 4), 0.7, dtype=kind),
        "slopes": torch.full((n, k, 3, 4), 0.8, dtype=kind),
    }
    for name, values in arrays.items():
        if name != "owners":
            values[:1, :1] = number
    block = object.__new__(PairBlock)
    for name, values in arrays.items():
        object.__setattr__(block, name, values)
    return block


@case("training.moment_tensor.", "potential.moment_tensor.", "potential.vectors.")
def moment_tensor() -> None:
    family, frames = systems.moment_tensor(), []
    for seed in (1, 2):
        atoms = systems.crystal(1, seed)
        frames.append(atoms)
    data = from_frames(frames, family.elements)
    data = replace(data, energies=np.ones(2), forces=np.ones_like(data.positions), virials=np.ones((2, 3, 3)))
    for number in (None, *BAD):
        parts = sites.prepare(data, family.cutoff)
        for part in parts:
            for group in part.sites if number is not None else ():
                group.distances[0] = number
                group.directions[0] = number
        model = loss.Model(family)
        value, gradient = loss.value_and_gradient(model, parts, Loss())
        near = parts[0].sites[0].near
        rows = ParameterRows(family).of_species(0, near)
        listed = ParameterRows(systems.moment_tensor(level=22)).of_species(0, near)
        if number is None:
            assert np.isfinite(value) and np.isfinite(gradient).all()
            assert np.isfinite(rows).all() and np.isfinite(listed).all()
            assert len(linear.solve(model, parts, Loss())) == len(family.coefficients) + 2
        else:
            assert not np.isfinite(value) and not np.isfinite(gradient).all()
            assert not np.isfinite(rows).all() and not np.isfinite(listed).all()
            refused(TrainingError, linear.solve, model, parts, Loss())
    assert loss.value_and_gradient(loss.Model(family), sites.prepare(isolated(family), family.cutoff), Loss())[0] >= 0.0


@case("potential.moment_tensor.extrapolation:_largest", "potential.moment_tensor.rows:kernels.of_groups")
def grades() -> None:
    family, atoms = systems.moment_tensor(), systems.crystal(1)
    active = np.random.default_rng(1).normal(size=(ParameterRows(family).size,) * 2)
    grader = Extrapolation(replace(family, active=active))
    found = batch.build(atoms.positions, atoms.cell.array, atoms.pbc, family.cutoff)
    kinds = np.zeros(len(found.points), np.int32)
    sound = grader.grades(found.points, found.pairs, kinds)
    assert np.isfinite(sound).all()
    for number in BAD:
        moved = found.points.copy()
        moved[1, 0] = number
        of_atoms = grader.grades(moved, found.pairs, kinds)
        assert of_atoms.shape == sound.shape and np.isnan(of_atoms).any() == (number != number)
    nothing = Pairs(np.zeros(1, np.int64), np.zeros(0, np.int32))
    assert grader.grades(np.zeros((0, 3)), nothing, np.zeros(0, np.int32)).shape == (0,)


def isolated(family):
    """A frame of one atom, which has no neighbours."""
    atoms = systems.crystal(1)[:1]
    atoms.set_cell([30.0, 30.0, 30.0])
    data = from_frames([atoms], family.elements)
    return replace(data, energies=np.ones(1), forces=np.zeros((1, 3)), virials=np.zeros((1, 3, 3)))
