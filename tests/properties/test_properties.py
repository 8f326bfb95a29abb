"""Properties of a crystal whose nearest neighbours alone attract each other, against what is known of it exactly.

Of an fcc crystal with bonds of length r, energy -phi and curvature k, none of which is stretched:
E/N = -6 phi, B = 4 k / (3 sqrt(2) r), C11 = 2 C12 = 2 C44 = sqrt(2) k / r (Born and Huang), the highest frequency is
sqrt(8 k / m) at X, a vacancy costs 6 phi and a surface phi/2 for each bond that is cut; nothing relaxes.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from scipy.integrate import trapezoid

from hpcpot.errors import DependencyError, SimulationError, StructureError
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.potential import files as potential_files
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.properties import crystal, defects, phonons
from hpcpot.properties.compute import columns, compute
from hpcpot.properties.settings import PropertiesSection
from hpcpot.relaxation.engine import RelaxationOptions
from hpcpot.structure import symmetry
from hpcpot.units import AMU, EV_PER_A3_IN_GPA, J_PER_M2

EPSILON, SIGMA, MASS = 0.0104, 3.4, 39.948
BOND = 2 ** (1 / 6) * SIGMA
STIFFNESS = 72 * EPSILON / BOND**2
A = np.sqrt(2) * BOND
OPTIONS = RelaxationOptions(force=1e-5, stress=1e-7)


def model() -> LennardJones:
    return LennardJones(("Ar",), np.array([[EPSILON]]), np.array([[SIGMA]]), 4.6)


@pytest.fixture(scope="module")
def potential() -> BlockPotential:
    return BlockPotential(model())


@pytest.fixture
def fcc() -> Atoms:
    return bulk("Ar", "fcc", A, cubic=True)


def test_equation_of_state_and_elastic_constants(potential, fcc):
    volumes, energies = crystal.equation_of_state(fcc, potential, OPTIONS, np.linspace(0.98, 1.02, 9))
    energy, volume, modulus, _ = crystal.fitted(volumes, energies)
    assert energy == pytest.approx(-6 * EPSILON, rel=1e-6) and volume == pytest.approx(A**3 / 4, rel=1e-4)
    assert modulus == pytest.approx(4 * STIFFNESS / (3 * np.sqrt(2) * BOND), rel=3e-3)
    c = crystal.elastic_constants(fcc, potential, OPTIONS, 0.001) / EV_PER_A3_IN_GPA
    expected = np.zeros((6, 6))
    expected[:3, :3] = 0.5 + 0.5 * np.eye(3)
    expected[3:, 3:] = 0.5 * np.eye(3)
    np.testing.assert_allclose(c, expected * np.sqrt(2) * STIFFNESS / BOND, atol=2e-3 * STIFFNESS / BOND)


def test_moduli_of_an_isotropic_solid_and_of_an_unstable_one():
    bulk_modulus, shear = 90.0, 40.0
    c = np.zeros((6, 6))
    c[:3, :3] = bulk_modulus - 2 * shear / 3 + 2 * shear * np.eye(3)
    c[3:, 3:] = shear * np.eye(3)
    values = crystal.moduli(c)
    young = 9 * bulk_modulus * shear / (3 * bulk_modulus + shear)
    assert values == pytest.approx(
        {"bulk": 90, "shear": 40, "young": young, "poisson": young / (2 * shear) - 1, "anisotropy": 0}, abs=1e-9
    )
    c[3, 3] = -1
    assert np.isnan(list(crystal.moduli(c).values())).all()


def test_moduli_of_silicon_are_those_of_a_textbook():
    """C11, C12, C44 = 165.7, 63.9, 79.6 GPa give 97.8, 66.6, 163, 0.22 (Hopcroft et al., J. MEMS 19, 229 (2010))."""
    c = np.zeros((6, 6))
    c[:3, :3] = 63.9 + (165.7 - 63.9) * np.eye(3)
    c[3:, 3:] = 79.6 * np.eye(3)
    values = crystal.moduli(c)
    assert values["bulk"] == pytest.approx(97.8, abs=0.1) and values["shear"] == pytest.approx(66.6, abs=0.3)
    assert values["young"] == pytest.approx(163, abs=0.5) and values["poisson"] == pytest.approx(0.22, abs=0.005)


def test_phonons(potential, fcc):
    pytest.importorskip("phonopy")
    found = phonons.phonons(fcc, potential, 10.0, 0.005)
    frequencies, points = found["phonon_frequencies"], json.loads(found["phonon_labels"])
    x = next(place for place, name in points if name == "X")
    at_x = frequencies[np.argmin(np.abs(found["phonon_distances"] - x))]
    longitudinal = np.sqrt(8 * STIFFNESS / (MASS * AMU)) / (2 * np.pi) * 1000
    np.testing.assert_allclose(at_x, longitudinal * np.sqrt([0.5, 0.5, 1.0]), rtol=2e-3)
    assert frequencies[0] == pytest.approx(np.zeros(3), abs=1e-3) and frequencies.min() > -1e-3
    assert frequencies.max() == pytest.approx(longitudinal, rel=2e-3)
    assert trapezoid(found["dos"], found["dos_frequencies"]) == pytest.approx(3, rel=0.02)
    capacity = found["thermal_heat_capacity"]
    assert capacity[0] == 0 and capacity[-1] == pytest.approx(3, rel=1e-3) and (np.diff(capacity) > 0).all()
    mean = trapezoid(found["dos"] * found["dos_frequencies"], found["dos_frequencies"])
    assert found["thermal_free_energy"][0] == pytest.approx(0.5 * 4.135667696 * mean, rel=0.02)  # h nu / 2, meV


def test_vacancy(potential, fcc):
    found = defects.vacancies(fcc, [0], {"Ar": -6 * EPSILON}, potential, OPTIONS, 60)
    assert found["vacancy_unrelaxed"] == pytest.approx(6 * EPSILON, rel=1e-6)
    assert found["vacancy_relaxed"] == pytest.approx(6 * EPSILON, rel=1e-4) and not found["problems"]
    found = defects.vacancies(fcc, [0], {}, potential, OPTIONS, 60)
    assert np.isnan(found["vacancy_relaxed"]).all() and "no crystal of Ar" in found["problems"][0]


def test_surfaces(potential, fcc):
    planes = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    found = defects.surfaces(fcc, planes, -6 * EPSILON, potential, OPTIONS, 20.0, 12.0)
    per_area = np.array([3 / (np.sqrt(3) / 4), 4 / (1 / 2), 6 / (1 / np.sqrt(2))]) / A**2
    np.testing.assert_allclose(found["surface_unrelaxed"], per_area * EPSILON / 2 * J_PER_M2, rtol=1e-6)
    np.testing.assert_allclose(found["surface_relaxed"], found["surface_unrelaxed"], rtol=1e-4)


@pytest.mark.parametrize(
    ("plane", "bonds"), [((1, 0, 0), 4.0), ((1, 1, 0), 2 * np.sqrt(2)), ((1, 1, 1), 4 / np.sqrt(3)), ((2, 0, 0), 4.0)]
)
def test_slabs_of_silicon_cut_the_fewest_bonds(plane, bonds):
    """Dangling bonds in 1/a² of a diamond crystal; (111) cut between the double layers, not through them."""
    silicon = bulk("Si", cubic=True)
    sheet = defects.slab(silicon, plane, 14.0, 12.0)
    counts = np.bincount(neighbor_list("i", sheet, 2.5), minlength=len(sheet))
    area = np.linalg.norm(np.cross(*sheet.cell.array[:2]))
    assert (4 - counts).sum() / (2 * area) == pytest.approx(bonds / 5.43**2, rel=1e-6)
    assert sheet.pbc.tolist() == [True, True, False] and sheet.cell[2, 2] == pytest.approx(
        np.ptp(sheet.positions[:, 2]) + 12.0
    )


def test_places_and_conventional_cells():
    primitive = bulk("Si", a=5.5)
    whole = symmetry.conventional(primitive, 0.01)
    assert len(whole) == 8 and whole.cell.cellpar() == pytest.approx([5.5] * 3 + [90] * 3)
    assert symmetry.kinds_of_places(whole, 0.01) == ([0], [8])
    whole.symbols[3] = "Ge"
    first, counts = symmetry.kinds_of_places(whole, 0.01)
    assert sum(counts) == 8 and {0, 3} <= set(first)


@pytest.fixture
def ref(tmp_path) -> PotentialRef:
    from hpcpot.potential.settings import PotentialSection

    potential_files.save(model(), tmp_path / "argon.h5", {})
    return PotentialRef.of(PotentialSection(file=tmp_path / "argon.h5", outside="ignore"))


def test_a_row_of_a_primitive_cell_that_is_not_at_rest(ref):
    section = PropertiesSection(compute=["eos", "elastic", "vacancies", "surfaces"], vacancy_atoms=30)
    row = compute(bulk("Ar", "fcc", A * 1.02), ref, section)
    assert row.keys() == columns(section).keys() and row["problems"] == "" and row["space_group"] == "Fm-3m (225)"
    assert len(row["species"]) == 4 and row["energy"] == pytest.approx(-24 * EPSILON, rel=1e-5)
    assert row["vacancy_places"].tolist() == [4] and row["vacancy_relaxed"] == pytest.approx(6 * EPSILON, rel=1e-3)


def test_a_part_that_fails_leaves_the_others(ref, monkeypatch):
    def fail(*_):
        raise SimulationError("energy over volume = no minimum")

    monkeypatch.setattr(crystal, "fitted", fail)
    row = compute(bulk("Ar", "fcc", A, cubic=True), ref, PropertiesSection(compute=["eos", "elastic"]))
    assert row["problems"] == "eos: energy over volume = no minimum"
    assert row["eos_volumes"].shape == (0,) and np.isnan(row["eos_fit"]).all() and np.isfinite(row["elastic"]).all()


def test_what_cannot_be(ref, monkeypatch):
    with pytest.raises(StructureError, match="must be a crystal, periodic along all axes"):
        compute(Atoms("Ar", cell=[5, 5, 5], pbc=[1, 1, 0]), ref, PropertiesSection())
    monkeypatch.setitem(__import__("sys").modules, "phonopy", None)
    with pytest.raises(DependencyError, match=r"phonopy is not installed; pip install hpcpot\[phonons\]"):
        phonons.require_phonopy()
