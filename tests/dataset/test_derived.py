"""What forces and virials tell of energies: derivatives of the sums, and constants that stay in the residuals."""

from dataclasses import replace

import numpy as np
import pytest

from hpcpot.dataset import derived
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.files import load


@pytest.fixture(scope="module")
def frames() -> DataSet:
    """Eight of Li22Si5, which are strained, each with its own cell."""
    data = load(["lisi_training"])
    return data.select(np.flatnonzero(data.groups == "li22si5")[::6])


def test_derivatives_by_positions_and_strain(frames) -> None:
    data, step = frames.select([0]), 1e-4
    sums = derived._sums(data, True)

    def slope(forward: DataSet, backward: DataSet) -> np.ndarray:
        values = [derived._sums(moved, False).values[0] for moved in (forward, backward)]
        return -(values[0] - values[1]) / (2 * step)

    moved = [data.positions.copy() for _ in range(2)]
    moved[0][5, 1] += step
    moved[1][5, 1] -= step
    numerical = slope(*(replace(data, positions=positions) for positions in moved))
    np.testing.assert_allclose(numerical, sums.forces.reshape(-1, 3, sums.forces.shape[1])[5, 1], atol=1e-6, rtol=1e-5)
    for k, (a, b) in enumerate(((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))):
        strains = [np.eye(3), np.eye(3)]
        strains[0][a, b] += step
        strains[1][a, b] -= step
        numerical = slope(
            *(replace(data, positions=data.positions @ strain, cells=data.cells @ strain) for strain in strains)
        )
        np.testing.assert_allclose(numerical, sums.virials[0, k], atol=1e-4, rtol=1e-5)


def test_a_constant_stays(frames) -> None:
    found = derived.residuals(frames)
    constants = np.linspace(0, 0.3, len(frames))
    shifted = derived.residuals(replace(frames, energies=frames.energies + constants * frames.sizes))
    np.testing.assert_allclose(shifted - found, constants, atol=1e-9)
    energies = frames.energies / frames.sizes
    assert np.std(found) < 0.2 * np.std(energies)


def test_what_does_not_tell(frames) -> None:
    nothing = np.full_like(frames.virials, np.nan)
    assert derived.residuals(replace(frames, virials=nothing)) is None
    assert derived.residuals(replace(frames, forces=np.full_like(frames.forces, np.nan))) is None
    units = replace(frames, virials=-1602.0 * frames.virials)
    assert derived.residuals(units) is None
    still = replace(frames, forces=np.zeros_like(frames.forces), virials=np.zeros_like(frames.virials))
    np.testing.assert_allclose(derived.residuals(still), frames.energies / frames.sizes, atol=1e-6)
    alike = frames.select([0, 0, 0])
    assert np.ptp(derived.residuals(replace(alike, virials=nothing[:3]))) < 1e-9


def test_many_elements_take_one_kind_of_tensors(frames) -> None:
    data = frames.select([0, 1])
    species = (np.arange(len(data.species)) % 4).astype(np.int32)
    four = replace(data, elements=("Li", "Si", "C", "O"), species=species)
    assert derived._sums(four, False).values.shape[1] == 10 * len(derived.PAIRS) + 4 * 4 * len(derived.TENSORS)
    assert np.isfinite(derived.residuals(four)).all()
