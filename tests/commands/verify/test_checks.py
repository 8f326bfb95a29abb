"""Each check of a model passes a sound one and finds what is wrong with an unsound one."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import systems
from ase.build import bulk

from hpcpot.commands.verify import contact, crystal, derivatives, dynamics, outcome, probes, smoothness
from hpcpot.commands.verify.command import attempt
from hpcpot.commands.verify.contact import Push
from hpcpot.commands.verify.outcome import Outcome
from hpcpot.errors import SimulationError, StructureError
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.contract import Potential
from hpcpot.properties.crystal import birch_murnaghan, fitted, repeats
from hpcpot.units import EV_PER_A3_IN_GPA


@dataclass
class Wrong:
    """A potential whose forces are too large by a share."""

    potential: Potential
    share: float = 0.01

    @property
    def elements(self):
        return self.potential.elements

    @property
    def cutoff(self):
        return self.potential.cutoff

    def compute(self, positions, pairs, species, forces: bool = True):
        found = self.potential.compute(positions, pairs, species)
        return replace(found, forces=found.forces * (1 + self.share))


@pytest.fixture(scope="module")
def potential() -> Potential:
    return BlockPotential(systems.deep_potential())


@pytest.fixture(scope="module")
def probe():
    return probes.shaken(systems.mixed(bulk("Si", "diamond", 5.4, cubic=True), 1))


def test_a_sound_model_passes(potential, probe) -> None:
    outcomes = derivatives.check({"probe": probe}, potential)
    assert len(outcomes) == 6 and all(one.verdict == "pass" for one in outcomes), outcome.table(outcomes)


def test_wrong_forces_are_found(potential, probe) -> None:
    failed = {one.name for one in derivatives.check({"probe": probe}, Wrong(potential)) if not one.passed}
    assert failed == {"forces against finite differences", "virial against finite strain"}


def test_smoothness(potential, probe) -> None:
    outcomes = smoothness.check({"probe": probe}, potential)
    assert all(one.passed for one in outcomes), outcome.table(outcomes)


def test_a_step_at_the_cutoff_is_found() -> None:
    argon = BlockPotential(systems.argon())  # cut, not shifted
    atoms = probes.shaken(bulk("Ar", "fcc", 5.3, cubic=True))
    outcomes = smoothness.check({"argon": atoms}, argon)
    assert [one.verdict for one in outcomes] == ["FAIL", "FAIL", "FAIL"]
    assert outcomes[0].value == pytest.approx(4 * 0.0104 * (3.4 / 7.0) ** 6, rel=0.02) and outcomes[0].where == "Ar-Ar"


def test_energy_is_conserved(potential) -> None:
    done = dynamics.run(systems.mixed(bulk("Si", "diamond", 5.4, cubic=True), 1, 0.02), potential, 50.0, 0.5, 60)
    outcomes = dynamics.check(done, "here")
    assert len(done.times) == 61 and done.times[-1] == 30.0 and done.totals[0] == 0.0
    assert outcomes[1].passed and outcomes[0].where.startswith("here, ")


def test_drift_is_the_slope() -> None:
    times = np.arange(101.0) * 10
    done = dynamics.NveRun(times, 0.5 * times / 1000 + 0.01 * (-1.0) ** np.arange(101), np.full(101, 300.0))
    drift, scatter = dynamics.check(done, "x")
    assert drift.value == pytest.approx(0.5, rel=1e-2) and drift.verdict == "FAIL"
    assert scatter.value == pytest.approx(0.01, rel=0.05) and scatter.verdict == "pass"


def test_birch_murnaghan_is_fitted() -> None:
    right = np.array([-3.2, 20.0, 0.55, 4.3])
    volumes = np.linspace(18, 22, 11)
    np.testing.assert_allclose(fitted(volumes, birch_murnaghan(volumes, right)), right, rtol=1e-6)
    with pytest.raises(SimulationError, match="energy over volume = no minimum"):
        fitted(volumes, -((volumes - 20) ** 2))


def test_a_crystal_of_argon() -> None:
    """Lennard-Jones fcc: pressure-free, cubic, with the Cauchy relation C12 = C44 of pair potentials."""
    done = crystal.examine({"argon": bulk("Ar", "fcc", 5.4, cubic=True)}, BlockPotential(systems.argon()))["argon"]
    c = done.elastic
    assert done.atoms.cell.lengths() == pytest.approx([done.atoms.cell.lengths()[0]] * 3)
    assert done.fit[1] == pytest.approx(done.atoms.get_volume() / 4, rel=1e-3)
    assert done.bulk_modulus == pytest.approx((c[0, 0] + 2 * c[0, 1]) / 3, rel=0.02)
    assert c[0, 1] == pytest.approx(c[3, 3], rel=0.02) and c[0, 0] == pytest.approx(c[2, 2], rel=1e-6)
    assert -8.61 * 0.0104 < done.energy < -7.5 * 0.0104  # -8.61 epsilon without a cutoff
    names = [one.name for one in crystal.check({"argon": done})]
    assert names == ["argon: bulk modulus", "argon: least elastic eigenvalue"]
    assert 2.0 < done.bulk_modulus < 4.0 and EV_PER_A3_IN_GPA > 160


def test_a_crystal_that_does_not_relax_is_told(potential) -> None:
    atoms = bulk("Si", "diamond", 5.4)
    atoms.cell[:] *= 0.1
    outcomes = crystal.check(crystal.examine({"dense": atoms}, potential))
    assert (
        [one.verdict for one in outcomes] == ["FAIL"] and "atoms must stay" in outcomes[0].where
    ) or "distance" in outcomes[0].where


def test_formation_energies() -> None:
    silicon, lithium, alloy = bulk("Si", cubic=True), bulk("Li", cubic=True), bulk("Si", cubic=True)
    alloy.symbols[:4] = "Li"
    eos = (np.zeros(1), np.zeros(1), np.ones(4), np.eye(6))
    done = {
        name: crystal.CrystalProperties(name, atoms, atoms, energy, *eos)
        for name, atoms, energy in (("Si", silicon, -5.4), ("Li", lithium, -1.9), ("LiSi", alloy, -3.85))
    }
    assert crystal.formation_energy(done, "LiSi") == pytest.approx(-0.2)
    assert crystal.formation_energy(done, "Si") is None
    del done["Li"]
    assert crystal.formation_energy(done, "LiSi") is None


def test_atoms_that_repel_and_a_hole() -> None:
    distances = np.arange(2.4, 0.6, -0.02)
    repels = Push("here", distances, 10 * (2.4 - distances) ** 2)
    assert repels.hole == pytest.approx(distances[-1]) and repels.barrier == pytest.approx(repels.energies[-1])
    hole = Push("here", distances, 4 * np.sin(np.pi * (2.4 - distances) / 1.2) + 3 * (distances < 1.0))
    assert hole.hole == pytest.approx(1.8, abs=0.02) and hole.barrier == pytest.approx(4.0, abs=1e-2)
    walled = replace(hole, energies=hole.energies + 30 * (distances < 1.0))
    assert walled.hole == hole.hole and walled.barrier == hole.barrier
    assert [one.verdict for one in contact.check({"Si-Si": hole})] == ["pass"]
    weak = replace(hole, energies=hole.energies / 4)
    assert [one.verdict for one in contact.check({"Si-Si": weak})] == ["FAIL"]


def test_argon_repels() -> None:
    pushed = contact.pushes({"fcc": bulk("Ar", "fcc", 5.3, cubic=True)}, BlockPotential(systems.argon()))
    assert pushed.keys() == {"Ar-Ar"} and pushed["Ar-Ar"].where == "fcc"
    assert pushed["Ar-Ar"].distances[0] == pytest.approx(5.3 / np.sqrt(2)) and pushed["Ar-Ar"].hole < 0.6


def test_a_model_that_cannot_run_fails_that_check() -> None:
    def explode() -> list[Outcome]:
        raise SimulationError("atom 3 (Si) = moved 9 Å since its pairs were built: must stay.")

    (found,) = attempt("NVE run", explode)
    assert found.verdict == "FAIL" and found.name == "NVE run" and "moved 9 Å" in found.where


def test_outcomes() -> None:
    assert Outcome("a", 1.0, "eV", high=2.0).verdict == "pass" and Outcome("a", 3.0, "eV", high=2.0).verdict == "FAIL"
    assert Outcome("a", 1.0, "eV").verdict == "-" and Outcome("a", np.nan, "eV").verdict == "FAIL"
    assert Outcome("a", np.nan, "eV", high=1.0).verdict == "FAIL"
    assert outcome.within("a", 1.05, 1.0, 0.1, "Å").allowed == "0.9 to 1.1"
    assert outcome.within("a", -1.05, -1.0, 0.1, "Å").passed


def test_which_structures() -> None:
    assert set(probes.known(["Si"], None)) == {"Si"} and "LiSi" in probes.known(["Li", "Si"], None)
    with pytest.raises(StructureError, match="crystal LiSi = of Li, Si: the model knows Si"):
        probes.known(["Si"], ["LiSi"])
    big = bulk("Si", cubic=True).repeat(repeats(bulk("Si", cubic=True), 60))
    assert len(big) == 64
