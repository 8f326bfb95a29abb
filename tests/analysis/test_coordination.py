"""Coordination numbers of crystals, and against ASE's neighbour lists."""

from __future__ import annotations

import numpy as np
import pytest
from analysis.test_rdf import frame, random
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from hpcpot.analysis import registry
from hpcpot.errors import ConfigError


def made(frames: list[Atoms], **options: list) -> dict:
    observable = registry.make("coordination", frame(frames[0]), **options)
    for k, atoms in enumerate(frames):
        observable.sample(frame(atoms, k))
    return observable.result()


def shaken(atoms: Atoms, seed: int) -> Atoms:
    moved = atoms.copy()
    moved.rattle(0.05, seed=seed)
    return moved


def test_crystals_with_the_first_minimum_of_g() -> None:
    for atoms, expected in (
        (bulk("Si", "diamond", 5.43, cubic=True) * 3, 4),
        (bulk("Cu", "fcc", 3.6, cubic=True) * 4, 12),
    ):
        tables, name = made([shaken(atoms, seed) for seed in range(3)]), atoms.symbols[0]
        row, pair = tables["coordination"], f"{name}_{name}"
        assert row[f"coordination_{pair}"] == expected and row[f"coordination_{pair}_error"] == 0.0
        assert tables["distribution"][f"share_{pair}"].tolist() == [0.0] * expected + [1.0]


def test_counts_are_those_of_neighbor_lists() -> None:
    """Frames of one set of atoms at random places."""
    frames = [random(4, (14, 12, 13))]
    for seed in range(5):
        frames.append(frames[0].copy())
        frames[-1].positions = np.random.default_rng(seed).permutation(frames[0].positions)
    lengths = {("Li", "Li"): 3.5, ("Li", "Si"): 3.0, ("Si", "Si"): 4.1}
    tables = made(frames, lengths_A=[[*pair, length] for pair, length in lengths.items()])
    cutoffs = lengths | {("Si", "Li"): 3.0}
    for (a, b), length in cutoffs.items():
        found = []
        for atoms in frames:
            i, j = neighbor_list("ij", atoms, length)
            counts = np.bincount(i[atoms.symbols[j] == b] if len(j) else i, minlength=len(atoms))
            found.append(counts[atoms.symbols == a])
        values = np.concatenate(found)
        name = f"{a}_{b}"
        assert tables["coordination"][f"coordination_{name}"] == pytest.approx(values.mean(), rel=1e-12)
        shares = np.bincount(values, minlength=len(tables["distribution"]["neighbors"])) / len(values)
        np.testing.assert_allclose(tables["distribution"][f"share_{name}"], shares, rtol=0, atol=1e-12)
        error = np.std([each.mean() for each in found], ddof=1) / np.sqrt(len(found))
        assert tables["coordination"][f"coordination_{name}_error"] == pytest.approx(error, rel=1e-9)


def test_lengths_that_are_missing_are_refused() -> None:
    atoms = random(4, (14, 12, 13))
    with pytest.raises(ConfigError, match="coordination.lengths_A = no Li-Li: must have a length for each pair"):
        made([atoms], lengths_A=[["Li", "Si", 3.0]])
    with pytest.raises(ConfigError, match="coordination.lengths_A = Si-Li twice: must have one length for a pair"):
        made([atoms], lengths_A=[["Li", "Si", 3.0], ["Si", "Li", 2.0]])
    with pytest.raises(
        ConfigError, match="coordination.lengths_A = null: g\\(r\\) of Si-Si in the first frame has no first"
    ):
        made([Atoms("Si", cell=[9, 9, 9], pbc=True)])
