"""`hpcpot build`: crystals and the recipe of the interface, its dynamics replaced by a spring where speed matters."""

import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from mpirun import REPOSITORY, run_ranks

from hpcpot import cli, config
from hpcpot.build import interface, lattice
from hpcpot.build.settings import SCHEMA
from hpcpot.errors import ModelError, SimulationError
from hpcpot.potential.calculator import Calculator
from hpcpot.potential.files import save
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.structure import crystals, files

CONFIGS = REPOSITORY / "configs"
SMALL = (
    "silicon.repeat=[2, 2, 2]", "lithium.atoms=60", "lithium.settle_steps=100", "lithium.melt_steps=100",
    "lithium.pressure_steps=100", "lithium.pressure_tolerance_GPa=3", "contact.steps=100",
)  # fmt: skip


def hpcpot(*arguments: str | Path) -> int:
    return cli.main([str(argument) for argument in arguments])


def settings(*overrides: str):
    return config.load(CONFIGS / "build_interface_si100.yaml", SCHEMA, overrides)


def solid() -> LennardJones:
    """A Lennard-Jones solid; its fcc lattice constant follows from its lattice sums."""
    return LennardJones(("Li",), np.array([[0.2]]), np.array([[2.7]]), 12.0)


class Spring:
    """Dynamics that moves nothing: the pressure is that of a solid whose volume per atom wants to be `volume`."""

    def __init__(self, volume: float = 21.0, modulus: float = 11.0, noise: float = 0.0):
        self.volume, self.modulus, self.noise = volume, modulus, noise
        self.calls: list[tuple[int, list[dict], int]] = []
        self.rng = np.random.default_rng(1)

    def __call__(self, atoms: Atoms, stages: list[dict], seed: int) -> Atoms:
        self.calls.append((len(atoms), stages, seed))
        atoms = atoms.copy()
        if not atoms.has("momenta"):
            atoms.set_velocities(np.ones((len(atoms), 3)))
        strain = np.log(atoms.get_volume() / len(atoms) / self.volume)
        atoms.info["mean_pressure_GPa"] = -self.modulus * strain + self.noise * self.rng.normal()
        atoms.info["mean_temperature_K"] = stages[-1]["temperature_K"]
        atoms.wrap()
        return atoms


def test_recipe_builds_the_interface_of_the_study():
    lines, anneal = [], Spring()
    atoms = interface.build(settings(), 5.46, anneal, lines.append)
    silicon, lithium = atoms.positions[atoms.symbols == "Si"], atoms.positions[atoms.symbols == "Li"]
    assert (len(silicon), len(lithium)) == (1536, 3072) and atoms.pbc.all()
    assert np.allclose(atoms.cell.lengths()[:2], 4 * 5.46)
    assert silicon[:, 2].min() == pytest.approx(5.46 / 8)
    assert lithium[:, 2].min() - silicon[:, 2].max() == pytest.approx(2.5)
    assert atoms.cell[2, 2] - np.ptp(atoms.positions[:, 2]) == pytest.approx(40.0)
    assert atoms.info["lithium_volume_A3"] == pytest.approx(21.0, rel=0.01)
    assert atoms.has("momenta")
    files.check(atoms, ("Li", "Si"))
    assert lines[0].startswith("silicon: 1536 atoms, (100) slab of 65.52 Å")
    assert lines[-1].startswith("interface: 4608 atoms")


def test_recipe_stages():
    anneal = Spring(modulus=30.0)
    chosen = settings("lithium.atoms=100", "silicon.repeat=[2, 2, 2]", "seed=7")
    interface.build(chosen, 5.46, anneal, lambda line: None)
    (n, (settle, melt), seed), *rounds, (n_joined, (contact,), _) = anneal.calls
    assert (n, seed, n_joined) == (100, 8, 164)
    assert settle == {"temperature_K": 800, "steps": 500, "timestep_fs": 2, "friction_time_fs": 20}
    assert melt == {"temperature_K": 800, "steps": 1500, "timestep_fs": 2, "friction_time_fs": 100}
    assert contact == {"temperature_K": 500, "steps": 3000, "timestep_fs": 1, "friction_time_fs": 20}
    assert 2 <= len(rounds) <= 4
    equilibrate = {"temperature_K": 500, "steps": 1000, "timestep_fs": 2, "friction_time_fs": 100}
    assert all(stages == [equilibrate] for _, stages, _ in rounds)
    assert len({seed for _, _, seed in anneal.calls}) == len(anneal.calls)


@pytest.mark.parametrize("modulus", [5.0, 11.0, 25.0])
@pytest.mark.parametrize("volume", [18.0, 21.9, 25.0])
def test_pressure_comes_to_zero(modulus, volume):
    """From 18 % off, with a bulk modulus off by a factor of two, and pressures that fluctuate."""
    chosen = settings("lithium.atoms=100", "silicon.repeat=[2, 2, 2]")
    anneal = Spring(volume, modulus, noise=0.02)
    atoms = interface.build(chosen, 5.46, anneal, lambda line: None)
    assert atoms.info["lithium_volume_A3"] == pytest.approx(volume, rel=0.1 / modulus)


def test_pressure_that_does_not_come_to_zero():
    chosen = settings("lithium.atoms=100", "silicon.repeat=[2, 2, 2]", "lithium.pressure_rounds=2")
    with pytest.raises(SimulationError, match=r"pressure of lithium = .* after 2 rounds: must be within 0.05 GPa"):
        interface.build(chosen, 5.46, Spring(30.0), lambda line: None)


def test_relaxed_lattice_constant():
    """fcc Lennard-Jones: nearest neighbours at 1.0902 sigma (lattice sums 12.1319 and 14.4539)."""
    expected = 2.7 * np.sqrt(2) * (2 * 12.13188 / 14.45392) ** (1 / 6)
    assert lattice.relaxed("Li-fcc", Calculator(solid())) == pytest.approx(expected, rel=3e-3)


def test_lattice_constant_without_a_minimum():
    far = LennardJones(("Li",), np.array([[0.2]]), np.array([[4.5]]), 9.0)
    with pytest.raises(ModelError, match="lattice constant of Li-fcc = 4.767 Å at the end of the search"):
        lattice.relaxed("Li-fcc", Calculator(far))


def test_crystal_command(tmp_path, capsys):
    output = tmp_path / "x.extxyz"
    chosen = ("--set", "crystal.name=Li15Si4", "--set", "crystal.repeat=[1, 2, 1]")
    assert hpcpot("build", CONFIGS / "build_crystal.yaml", "-o", output, *chosen) == 0
    read = files.read(output)
    assert np.allclose(read.positions, crystals.build("Li15Si4", (1, 2, 1)).positions, atol=1e-7)
    assert "written: " in capsys.readouterr().out
    assert read.info["source"].startswith("hpcpot ")


def test_crystal_command_relaxes_with_a_potential(tmp_path, capsys):
    save(solid(), tmp_path / "lj.h5", {})
    (tmp_path / "x.yaml").write_text("recipe: crystal\ncrystal: {name: Li-fcc}\npotential: {file: lj.h5}\n")
    assert hpcpot("build", tmp_path / "x.yaml", "-o", tmp_path / "x.data") == 0
    constant = lattice.relaxed("Li-fcc", Calculator(solid()))
    assert files.read(tmp_path / "x.data").cell.lengths() == pytest.approx([constant] * 3)
    assert f"lattice constant of Li-fcc: {constant:.4f} Å, relaxed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recipe: crystal", "crystal.name = null .*is required for recipe: crystal"),
        ("recipe: interface", "potential.file = null .*is required for recipe: interface"),
        ("recipe: crystal\ncrystal: {name: Li14Si4}", "crystal.name = Li14Si4 .*must be Si .* Li15Si4"),
        ("recipe: crystal\ncrystal: {name: Si}\nlithium: {atoms: 3}", "lithium.atoms = 3 .*is for recipe: interface"),
        ("recipe: crystal\ncrystal: {nmae: Si}", "nmae = Si .*did you mean crystal.name"),
        ("recipe: crystal\ncrystal: {name: Si, repeat: [1, 0, 1]}", "crystal.repeat = .*each entry must be >= 1"),
    ],
)
def test_wrong_configs(tmp_path, capsys, text, message):
    (tmp_path / "x.yaml").write_text(text)
    assert hpcpot("build", tmp_path / "x.yaml", "-o", tmp_path / "x.extxyz") == 1
    assert re.search(f"ConfigError: .*{message}", capsys.readouterr().err)
    assert not (tmp_path / "x.extxyz").exists()


def test_output_is_refused_before_the_work(tmp_path, capsys):
    output = tmp_path / "x.extxyz"
    output.write_text("precious")
    assert hpcpot("build", CONFIGS / "build_interface_si100.yaml", "-o", output) == 1
    assert "OutputError" in capsys.readouterr().err and output.read_text() == "precious"


@pytest.mark.mpi
def test_interface_command_does_not_depend_on_ranks(tmp_path):
    """The recipe with its real dynamics, a few steps of 124 atoms."""
    chosen = [part for override in SMALL for part in ("--set", override)]
    command = ("-m", "hpcpot", "build", CONFIGS / "build_interface_si100.yaml", *chosen)
    for n in (1, 2):
        run_ranks(n, *command, "-o", tmp_path / f"{n}.extxyz")
    one, two = (files.read(tmp_path / f"{n}.extxyz") for n in (1, 2))
    assert len(one) == 124 and np.allclose(one.cell, two.cell, atol=1e-6)
    assert np.allclose(one.positions, two.positions, atol=1e-6)
    files.check(one, ("Li", "Si"))
