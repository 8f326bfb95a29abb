"""Trials of Monte Carlo: bins, surroundings of a change, proposals and cavities."""

from __future__ import annotations

import numpy as np
import systems
from bounds.table import BAD, case
from montecarlo.chains import Field, cell, chain, rules

from hpcpot.dynamics.random import Stream, uniform
from hpcpot.montecarlo import grid
from hpcpot.montecarlo.changes import Changes, Workspace
from hpcpot.montecarlo.particles import Particles
from hpcpot.montecarlo.proposals import cavities, draw
from hpcpot.potential.blocks import BlockPotential

ALL_KINDS = np.array([0.4, 0.6, 0.8, 1.0])


@case("montecarlo.")
def trials_of_all_kinds() -> None:
    for changed in ({}, {"tries": 3}, {"cavity": 1.4, "spacing": 0.5}):
        made = chain(
            *(BlockPotential(systems.moment_tensor()), systems.crystal(1), -6.0, 30000.0),
            cumulative=ALL_KINDS,
            closest=1.2,
            **changed,
        )
        made.run(60)
        assert made.particles.check() < 1e-9


@case("montecarlo.")
def cells_that_empty_and_fill() -> None:
    for log_z in (-300.0, 300.0):
        made = chain(Field(), cell(3, 3, 3), log_z, maximum=400, cumulative=ALL_KINDS, displacement=1e6)
        made.run(600)
        assert made.n == (400 if log_z > 0 else 0) or made.n < 400
        assert made.particles.grid.filled.sum() == made.particles.n


@case("montecarlo.proposals:_draw", "montecarlo.proposals:random_number")
def numbers_of_rules() -> None:
    particles = Particles(systems.crystal(1), Field())
    for number in (*BAD, 0.0, -1.0):
        if np.isfinite(number) and abs(number) < 1e100:
            draw(particles, rules(displacement=number, cumulative=ALL_KINDS), 4, 2**63, 200)
    for cumulative in (np.zeros(4), np.full(4, np.nan), np.array([-1.0, -1.0, 2.0, 0.0])):
        drawn = draw(particles, rules(cumulative=cumulative, movable=np.zeros(2, bool)), 4, 0, 50)
        assert drawn.usable.shape == (50, 1)
    assert draw(particles, rules(), 4, 0, 0).kinds.shape == (0,)


@case("dynamics.random:uniform")
def uniform_numbers() -> None:
    for seed, step in ((0, 0), (2**64 - 1, 2**56 - 1), (2**63, 2**32)):
        values = [uniform(*(np.uint64(k) for k in (seed, step, int(Stream.MONTE_CARLO), n))) for n in (0, 1, 2**63)]
        assert all(0.0 < value < 1.0 for value in values) and len(set(values)) == 3


@case("montecarlo.grid:near", "montecarlo.grid:is_free", "montecarlo.grid:take", "montecarlo.grid:put")
def bins_of_atoms() -> None:
    for n in (0, 1, 500):
        positions = np.random.default_rng(n).random((n, 3)) * 0.5
        bins = grid.build(positions, np.eye(3) * 6.0, 1.5)
        assert bins.filled.sum() == n
        atoms, images = np.empty(4, np.int32), np.empty((4, 3))
        count = grid.near(np.full(3, 0.2), 2.0, positions, bins, atoms, images)
        assert count == (-1 if n > 4 else n)
        assert grid.is_free(np.full(3, 3.0), 0.1, positions, bins, -1)
        if n:
            assert grid.take(0, positions[0], bins) and not grid.take(0, positions[0], bins)
            assert grid.put(0, positions[0], bins)


@case("montecarlo.proposals:cavities")
def places_without_atoms() -> None:
    positions = np.zeros((2, 3))
    bins = grid.build(positions, np.eye(3) * 5.0, 1.0)
    for radius, share in ((0.0, 1.0), (1e-300, 1.0), (50.0, 0.0)):
        mask = np.zeros(27, bool)
        count = cavities(np.full(3, 0.5), radius, positions, -1, bins, np.array([3, 3, 3]), mask)
        assert count == share * 27 == mask.sum()


@case("montecarlo.changes:_surround")
def surroundings_without_room() -> None:
    atoms = systems.crystal(2)
    particles = Particles(atoms, BlockPotential(systems.moment_tensor()))
    work = Workspace()
    work._centres, work._around, work._pairs = 1, 1, 1
    work._make()
    nothing = Changes(np.full((3, 2), -1, np.int32), np.zeros((3, 2, 3)), np.full((3, 2), -1, np.int32))
    arguments = particles.positions[: particles.n], particles.species[: particles.n], particles.grid, 4.5
    assert len(work.surround(nothing, *arguments).atoms) == 0
    changes = Changes(np.array([[0, 5]], np.int32), np.zeros((1, 2, 3)), np.array([[1, -1]], np.int32))
    near = work.surround(changes, *arguments)
    assert len(near.atoms) > 10 and near.pairs.n_points <= len(near.points)
