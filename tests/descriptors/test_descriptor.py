"""What holds of all descriptors: invariances, means over frames, bad frames."""

from __future__ import annotations

from dataclasses import replace

import ase
import labelled
import numpy as np
import pytest
import systems
from scipy.spatial.transform import Rotation

from hpcpot.dataset.dataset import from_frames
from hpcpot.dataset.predict import neighborhoods
from hpcpot.descriptors import descriptor
from hpcpot.descriptors.descriptor import Descriptor, of_atoms, of_frames
from hpcpot.descriptors.moment_tensor import MomentTensorBasis
from hpcpot.descriptors.soap.power_spectrum import Soap
from hpcpot.errors import DataError
from hpcpot.potential.blocks import BlockPotential

MODEL = systems.moment_tensor()
DESCRIPTORS: dict[str, Descriptor] = {"soap": Soap(("Li", "Si")), "moment_tensor": MomentTensorBasis(MODEL)}
FRAMES = labelled.structures(6)


@pytest.fixture(params=DESCRIPTORS)
def chosen(request) -> Descriptor:
    return DESCRIPTORS[request.param]


def moved(change: str) -> list[ase.Atoms]:
    rng, frames = np.random.default_rng(1), [FRAMES.frame(k) for k in range(len(FRAMES))]
    for k, atoms in enumerate(frames):
        if change == "rotation":
            turn = Rotation.random(random_state=k).as_matrix()
            atoms.set_cell(atoms.cell.array @ turn.T, scale_atoms=False)
            atoms.positions = atoms.positions @ turn.T
        elif change == "reflection":
            atoms.set_cell(-atoms.cell.array, scale_atoms=False)
            atoms.positions *= -1.0
        elif change == "translation":
            atoms.positions += rng.normal(0, 30, 3)
        elif change == "permutation":
            frames[k] = atoms[rng.permutation(len(atoms))]
        elif atoms.pbc.all():
            frames[k] = atoms * (2, 1, 2)
    return frames


@pytest.mark.parametrize("change", ["rotation", "reflection", "translation", "permutation", "supercell"])
def test_vectors_of_frames_do_not_change(chosen, change):
    bare = from_frames([ase.Atoms(a.symbols, a.positions, cell=a.cell, pbc=a.pbc) for a in moved(change)], ("Li", "Si"))
    np.testing.assert_allclose(of_frames(bare, chosen), of_frames(FRAMES, chosen), rtol=0, atol=1e-10)


def test_frames_are_the_means_of_their_atoms(chosen, monkeypatch):
    monkeypatch.setattr(descriptor, "ROOM", 20)
    vectors, means = of_atoms(FRAMES, chosen), of_frames(FRAMES, chosen, normalize=False)
    for k, (a, b) in enumerate(zip(FRAMES.first[:-1], FRAMES.first[1:], strict=True)):
        np.testing.assert_allclose(means[k], vectors[a:b].mean(axis=0), rtol=1e-12, atol=1e-14)
    unit = means / np.linalg.norm(means, axis=1)[:, None]
    np.testing.assert_allclose(of_frames(FRAMES, chosen), unit, rtol=0, atol=1e-14)


def test_elements_in_another_order(chosen):
    turned = FRAMES.with_elements(("Si", "Li"))
    np.testing.assert_array_equal(of_frames(turned, chosen), of_frames(FRAMES, chosen))


def test_unlike_elements_are_refused(chosen):
    foreign = from_frames([ase.Atoms("SiGe", [[0, 0, 0], [0, 0, 2.4]], cell=[9, 9, 9], pbc=True)])
    with pytest.raises(DataError, match=r"element of frame 0 \(frames:0\) = Ge: must be one of Li, Si"):
        of_frames(foreign, chosen)


def test_a_position_that_is_nan_is_refused(chosen):
    positions = FRAMES.positions.copy()
    positions[20, 1] = np.nan
    with pytest.raises(DataError, match=r"position of atom .* of frame 1 \(made:1\) = .*nan"):
        of_frames(replace(FRAMES, positions=positions), chosen)


def test_no_frames(chosen):
    assert of_frames(FRAMES.select([]), chosen).shape == (0, chosen.size)


def test_a_frame_without_neighbours_has_no_vector_of_a_model():
    alone = from_frames([FRAMES.frame(0), ase.Atoms("Li", cell=[20, 20, 20], pbc=True)], ("Li", "Si"))
    with pytest.raises(DataError, match=r"vector of frame 1 \(frames:1\) = not finite, or 0: must have a length"):
        of_frames(alone, DESCRIPTORS["moment_tensor"])
    with pytest.raises(DataError, match=r"vector of frame 1 \(frames:1\) = not finite, or 0"):
        of_frames(alone, replace(DESCRIPTORS["soap"], central_weight=0.0))


def test_vectors_that_overflow_are_refused():
    huge = MomentTensorBasis(replace(MODEL, scaling=1e300))
    for function in (of_atoms, of_frames):
        with pytest.raises(DataError, match=r"vector of frame 0 \(made:0\) = not finite, or 0"):
            function(FRAMES, huge)


@pytest.mark.parametrize("level", [6, 10])
def test_the_basis_of_a_model_gives_its_energies(level):
    model = systems.moment_tensor(level=level)
    joined = neighborhoods(FRAMES, model.cutoff)
    points = joined.points(FRAMES.positions, FRAMES.cells)
    energies = BlockPotential(model, "reference").compute(points, joined.pairs, FRAMES.species[joined.owners]).energies
    of_basis = of_atoms(FRAMES, MomentTensorBasis(model)) @ model.coefficients
    np.testing.assert_allclose(of_basis + model.species_energies[FRAMES.species], energies, rtol=1e-10, atol=1e-10)
