"""Nudged elastic bands against ASE's NEB, and against barriers that are known."""

from __future__ import annotations

import ase
import numpy as np
import pytest
from ase.build import bulk
from ase.constraints import FixAtoms
from ase.mep.neb import NEB
from ase.optimize import FIRE

from hpcpot.errors import StructureError
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import Calculator
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.relaxation import band
from hpcpot.relaxation.band import BandOptions

MODEL = LennardJones(("Ar",), np.array([[0.0104]]), np.array([[3.4]]), 7.0)


def vacancy_hop() -> tuple[ase.Atoms, ase.Atoms]:
    """A neighbour jumps into a vacancy of fcc argon."""
    crystal = bulk("Ar", "fcc", 5.25, cubic=True) * 2
    initial = crystal[1:]
    final = initial.copy()
    near = int(np.argmin(np.linalg.norm(initial.positions - crystal.positions[0], axis=1)))
    final.positions[near] = crystal.positions[0]
    return initial, final


def calculated(images: list[ase.Atoms], method: str = "improvedtangent", climb: bool = False, k: float = 0.7) -> NEB:
    for atoms in images:
        atoms.calc = Calculator(MODEL)
    return NEB(images, k=k, climb=climb, method=method)


@pytest.mark.parametrize("climb", [False, True])
def test_forces_are_those_of_ase(climb):
    images = band.interpolated(*vacancy_hop(), 5, "linear")
    rng = np.random.default_rng(4)
    for atoms in images[1:-1]:
        atoms.positions += rng.normal(0.0, 0.05, (len(atoms), 3))
    neb = calculated(images, climb=climb)
    reference = neb.get_forces().reshape(5, -1, 3)
    positions = np.array([atoms.positions for atoms in images])
    energies = np.array([atoms.get_potential_energy() for atoms in images])
    forces = np.array([atoms.get_forces() for atoms in images])
    climber = int(np.argmax(energies[1:-1])) + 1 if climb else None
    np.testing.assert_allclose(band.band_forces(positions, energies, forces, 0.7, climber), reference, atol=1e-12)


def test_energies_and_forces_of_images_are_those_of_each():
    images = band.interpolated(*vacancy_hop(), 3, "linear")
    evaluator = band.ImageEvaluator(images[0], BlockPotential(MODEL))
    positions = np.array([atoms.positions for atoms in images])
    for shift in (0.0, 0.3, 2.0):  # within the skin, and beyond it
        positions[1, 5] += shift
        energies, forces = evaluator.evaluate(positions, 0)
        for atoms, where, energy, force in zip(images, positions, energies, forces, strict=True):
            atoms.positions = where
            atoms.calc = Calculator(MODEL)
            assert energy == pytest.approx(atoms.get_potential_energy(), abs=1e-10)
            np.testing.assert_allclose(force, atoms.get_forces(), atol=1e-10)


def test_barrier_is_that_of_ase():
    images = band.interpolated(*vacancy_hop(), 5, "idpp")
    done = band.relax([atoms.copy() for atoms in images], BlockPotential(MODEL), BandOptions(force=0.002))
    assert done.status == "converged" and done.climber == 3 and done.force <= 0.002
    neb = calculated(images, climb=True, k=1.0)
    FIRE(neb, logfile=None).run(fmax=0.002, steps=500)
    energies = np.array([atoms.get_potential_energy() for atoms in images])
    assert done.barrier == pytest.approx(energies.max() - energies[0], abs=2e-5)
    np.testing.assert_allclose(done.energies, energies, atol=2e-4)
    assert done.energies[::-1] == pytest.approx(done.energies, abs=2e-4)  # there and back are the same
    assert done.barrier_back == pytest.approx(done.barrier, abs=1e-6)
    saddle = np.linalg.norm(done.forces[3], axis=1).max()
    assert saddle < 0.003 and abs(done.slopes[3]) < 0.003 < done.slopes[1]


def test_frozen_atoms_stay():
    initial, final = vacancy_hop()
    still = [k for k in range(len(initial)) if np.allclose(initial.positions[k], final.positions[k])][:10]
    initial.set_constraint(FixAtoms(still))
    done = band.relax(
        band.interpolated(initial, final, 3, "linear"), BlockPotential(MODEL), BandOptions(force=1e-9, steps=20)
    )
    np.testing.assert_array_equal(done.positions[:, still], np.repeat(initial.positions[None, still], 5, axis=0))
    assert done.status == "not converged" and done.steps == 20


def test_atoms_take_the_short_way_across_boundaries():
    initial, _ = vacancy_hop()
    final = initial.copy()
    final.positions[7] += [0.3, 0, 0]
    final.wrap()
    final.positions[3] += 2 * final.cell.array[1]
    images = band.interpolated(initial, final, 2, "linear")
    moves = np.abs(np.array([atoms.positions for atoms in images]) - initial.positions).max(axis=(1, 2))
    np.testing.assert_allclose(moves, [0, 0.1, 0.2, 0.3], atol=1e-9)


def test_what_cannot_be():
    initial, final = vacancy_hop()
    with pytest.raises(StructureError, match="final structure = the initial one: no atom moves"):
        band.interpolated(initial, initial, 3, "linear")
    with pytest.raises(StructureError, match="final structure = other atoms than the initial structure"):
        band.interpolated(initial, final[:-1], 3, "linear")
    wider = final.copy()
    wider.set_cell(final.cell.array * 1.01)
    with pytest.raises(StructureError, match="final structure = another cell"):
        band.interpolated(initial, wider, 3, "linear")
    with pytest.raises(StructureError, match="images = 2: a band must have three"):
        band.relax([initial, final], BlockPotential(MODEL), BandOptions())
