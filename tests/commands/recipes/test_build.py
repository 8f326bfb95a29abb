"""`hpcpot build`: crystals, particles, stacks; the interface, its dynamics replaced by a spring where speed matters."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import runs
from ase import Atoms
from mpirun import run_ranks
from repository import REPOSITORY

from hpcpot import cli, config
from hpcpot.commands.recipes import interface, lattice
from hpcpot.commands.recipes.settings import SCHEMA
from hpcpot.errors import ModelError, SimulationError
from hpcpot.potential.calculator import Calculator
from hpcpot.potential.files import save
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.structure import checks, crystals, files

CONFIGS = REPOSITORY / "configs"
SMALL = (
    "silicon.repeat=[2, 2, 2]",
    "lithium.atoms=60",
    "lithium.settle_steps=100",
    "lithium.melt_steps=100",
    "lithium.pressure_steps=100",
    "lithium.pressure_tolerance_GPa=3",
    "contact.steps=100",
)


def hpcpot(*arguments: str | Path) -> int:
    return cli.main([str(argument) for argument in arguments])


def load(name: str, *overrides: str):
    return config.load(CONFIGS / name, SCHEMA, overrides)


def settings(*overrides: str):
    return load("build_interface_si100.yaml", *overrides)


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
    checks.check(atoms, ("Li", "Si"))
    assert lines[0].startswith("silicon: 1536 atoms, (100) slab of 64.16 Å")
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


def test_amorphous_silicon_is_quenched_and_brought_to_zero_pressure():
    lines, anneal = [], Spring()
    chosen = load(
        "build_interface_asi.yaml", "silicon.repeat=[2, 2, 2]", "lithium.atoms=60", "glass.bulk_modulus_GPa=11"
    )
    atoms = interface.build(chosen, 5.46, anneal, lines.append)
    (n, (melt, quench), _), (_, (equilibrate,), _) = anneal.calls[:2]
    assert n == 64 and (melt["temperature_K"], melt["steps"]) == (2200, 20_000)
    assert (quench["temperature_K"], quench["temperature_end_K"], quench["steps"]) == (2200, 300, 190_000)
    assert "temperature_end_K" not in equilibrate and equilibrate["temperature_K"] == 300
    assert any(line == "silicon: amorphous, 21.00 Å³ per atom" for line in lines)
    silicon = atoms.positions[atoms.symbols == "Si"]
    assert silicon[:, 2].min() == pytest.approx(5.46 / 8) and np.allclose(atoms.cell.lengths()[:2], 2 * 5.46)
    assert len({seed for _, _, seed in anneal.calls}) == len(anneal.calls)
    chosen = load("build_interface_asi.yaml", "lithium.atoms=60", "glass.pressure_rounds=1")
    with pytest.raises(SimulationError, match=r"pressure of silicon = .* raise glass.pressure_rounds"):
        interface.build(chosen, 5.46, anneal, lines.append)


@pytest.mark.parametrize("name", ["si110", "si111", "asi"])
def test_recipes_build_the_other_interfaces_of_the_study(name):
    atoms = interface.build(load(f"build_interface_{name}.yaml"), 5.468, Spring(20.4), lambda line: None)
    width = {"si110": (21.87, 23.20), "si111": (23.20, 20.09), "asi": (21.87, 21.87)}[name]
    counts = [(atoms.symbols == symbol).sum() for symbol in ("Si", "Li")]
    assert counts == ([1476, 2952] if name == "si111" else [1536, 3072])
    assert np.allclose(atoms.cell.lengths()[:2], width, atol=0.005)


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
    assert np.allclose(read.positions, crystals.build("Li15Si4", (1, 2, 1), primitive=True).positions, atol=1e-7)
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
    ("name", "counts", "cell"),
    [
        ("li13si4_28900", (22100, 6800), (75.152, 78.980, 75.058)),
        ("li13si4_104448", (79872, 24576), (106.098, 126.368, 120.092)),
        ("particle_li13si4", (5615, 1731), (100, 100, 100)),
        ("particle_lisi", (3619, 3635), (100, 100, 100)),
        ("particle_lisi3", (2155, 6324), (100, 100, 100)),
    ],
)
def test_recipes_of_the_mechanics_study(tmp_path, name, counts, cell):
    output = tmp_path / "x.extxyz"
    assert hpcpot("build", CONFIGS / f"build_{name}.yaml", "-o", output) == 0
    atoms = checks.check(files.read(output), ("Li", "Si"), minimum_distance=2.3)
    assert (np.sum(atoms.symbols == "Li"), np.sum(atoms.symbols == "Si")) == counts
    assert atoms.cell.lengths() == pytest.approx(cell, abs=1e-3) and atoms.pbc.all()
    assert re.search(rf"\b{len(atoms):,} atoms", (CONFIGS / f"build_{name}.yaml").read_text())


def test_stack_command(tmp_path, capsys):
    output = tmp_path / "x.extxyz"
    assert hpcpot("build", CONFIGS / "build_stack50.yaml", "-o", output) == 0
    said = capsys.readouterr().out
    assert "packing: 50 spheres fill 0.458 of the box" in said and "pour: 50 of 50 spheres" in said
    atoms = checks.check(files.read(output), ("Li", "Si"), minimum_distance=2.0)
    assert atoms.cell.lengths() == pytest.approx([110, 110, 110])
    sizes = np.bincount(atoms.arrays["particle"])
    assert len(sizes) == 50 and np.sum(sizes > 500) == 25
    assert atoms.info["packing_fraction"] == pytest.approx(0.458, abs=5e-4)
    taken = int(re.search(r"stack: (\d+) of 29400 atoms", said)[1])
    assert len(atoms) == 29400 - taken and taken < 200


def test_sphere_of_a_structure_file(tmp_path, capsys):
    """A melt-quenched block comes from a file."""
    block = crystals.build("Si", (4, 4, 4))
    block.rattle(0.3, seed=1)
    files.write(tmp_path / "block.extxyz", block)
    (tmp_path / "x.yaml").write_text(
        "recipe: particle\ncrystal: {file: block.extxyz}\nsphere: {radius_A: 10, centre: centroid}\n"
    )
    assert hpcpot("build", tmp_path / "x.yaml", "-o", tmp_path / "x.extxyz") == 0
    found = files.read(tmp_path / "x.extxyz")
    inside = np.linalg.norm(block.positions - block.positions.mean(axis=0), axis=1) <= 10
    assert len(found) == inside.sum() and found.info["radius_A"] == 10
    assert "from 1 x 1 x 1 cells" in capsys.readouterr().out


def test_supercell_of_the_last_frame_of_a_trajectory(tmp_path):
    run = runs.prepare(tmp_path, md__steps=10)
    assert hpcpot("md", run) == 0
    (tmp_path / "x.yaml").write_text("recipe: crystal\ncrystal: {file: run.h5md, repeat: [1, 1, 2]}\n")
    assert hpcpot("build", tmp_path / "x.yaml", "-o", tmp_path / "x.extxyz") == 0
    with TrajectoryReader(tmp_path / "run.h5md") as trajectory:
        last = trajectory.frame()
    assert np.allclose(files.read(tmp_path / "x.extxyz").positions, last.repeat((1, 1, 2)).positions, atol=1e-7)


@pytest.mark.parametrize(
    ("config_file", "overrides", "message"),
    [
        ("particle_li13si4", ("crystal.repeat=[14, 8, 3]",), "diameter of the sphere = 60 Å: must be less than"),
        ("particle_lisi", ("sphere.centre=Ge",), "centre of the sphere = Ge: must be an element of the structure"),
        ("stack80", ("stack.box_A=[100, 100, 100]",), "packing fraction = 0.733 for 80 spheres in 100 x 100 x 100 Å"),
    ],
)
def test_what_cannot_be_built(tmp_path, capsys, config_file, overrides, message):
    chosen = [part for override in overrides for part in ("--set", override)]
    assert hpcpot("build", CONFIGS / f"build_{config_file}.yaml", "-o", tmp_path / "x.extxyz", *chosen) == 1
    assert f"StructureError: {message}" in capsys.readouterr().err
    assert not (tmp_path / "x.extxyz").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recipe: crystal", "crystal.name = null .*is required for recipe: crystal"),
        ("recipe: interface", "potential.file = null .*is required for recipe: interface"),
        ("recipe: crystal\ncrystal: {name: Li14Si4}", "crystal.name = Li14Si4 .*must be Si .* Li15Si4"),
        (
            "recipe: interface\npotential: {file: lisi_mtp}\nsilicon: {surface: 211}",
            r"silicon.surface = 211 .*must be 100 \| 110 \| 111",
        ),
        (
            "recipe: interface\npotential: {file: lisi_mtp}\nsilicon: {strain: [0.6, 0]}",
            "silicon.strain = .*must be within -0.5 and 0.5 along x",
        ),
        (
            "recipe: interface\npotential: {file: lisi_mtp}\nglass: {melt_steps: 5}",
            "glass.melt_steps = 5 .*is for silicon.amorphous: true",
        ),
        (
            "recipe: interface\npotential: {file: lisi_mtp}\nsilicon: {amorphous: true, layers: 3}",
            "silicon.layers = 3 .*is for a crystal; leave it out, or silicon.amorphous",
        ),
        (
            "recipe: interface\npotential: {file: lisi_mtp}\nsilicon: {amorphous: true}\nglass: {melt_temperature_K: 200}",
            "glass.melt_temperature_K = 200 .*must be above glass.temperature_K",
        ),
        (
            "recipe: interface\npotential: {file: lisi_mtp}\ncontact: {vacuum_A: 0}",
            "contact.vacuum_A = 0 .*must be at least contact.gap_A, 2.5",
        ),
        ("recipe: crystal\ncrystal: {name: Si}\nlithium: {atoms: 3}", "lithium.atoms = 3 .*is for recipe: interface"),
        ("recipe: crystal\ncrystal: {name: Si}\nsphere: {centre: Si}", "sphere.centre = Si .*is for recipe: partic"),
        ("recipe: particle\ncrystal: {name: Si}", "sphere.radius_A = null .*is required for recipe: particle"),
        ("recipe: particle\ncrystal: {name: Si}\nsphere: {centre: middle}", "sphere.centre = middle .*must be"),
        ("recipe: particle\ncrystal: {name: Si}\nsphere: {radius_A: 0}", "sphere.radius_A = 0 .*must be > 0"),
        ("recipe: stack\ncrystal: {name: Si}\nstack: {counts: [3]}", r"stack.counts = .*as many entries .*\(2\)"),
        ("recipe: crystal\ncrystal: {name: Si, axes: cba}", "crystal.axes = cba .*must be abc"),
        ("recipe: crystal\ncrystal: {name: Li, file: interface_si100}", "crystal.name = Li .*not go with crystal.file"),
        ("recipe: perturb", "crystal.name = null .*is required for recipe: perturb"),
        ("recipe: perturb\ncrystal: {name: Si}\nperturb: {strain: 0.5}", "perturb.strain = 0.5 .*must be below 0.5"),
        (
            "recipe: perturb\ncrystal: {name: Si}\nperturb: {strain: 0, displacement_A: 0}",
            "perturb.strain = 0 .*all copies would be equal",
        ),
        ("recipe: crystal\ncrystal: {name: Si}\nperturb: {copies: 3}", "perturb.copies = 3 .*is for recipe: perturb"),
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
def test_particle_command_on_two_ranks(tmp_path):
    """Rank 0 builds; an error of it ends the others."""
    command = ("-m", "hpcpot", "build", CONFIGS / "build_particle_li13si4.yaml", "--set", "sphere.radius_A=12")
    run_ranks(2, *command, "-o", tmp_path / "x.extxyz")
    assert len(files.read(tmp_path / "x.extxyz")) == pytest.approx(4 / 3 * np.pi * 12**3 / 15.415, rel=0.05)
    wrong = run_ranks(2, *command, "--set", "sphere.centre=Ge", "-o", tmp_path / "y.extxyz", check=False)
    assert wrong.returncode == 1 and "centre of the sphere = Ge" in wrong.stderr


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
    checks.check(one, ("Li", "Si"))


def perturbed(tmp_path, *overrides):
    output = tmp_path / "p.extxyz"
    chosen = [part for override in overrides for part in ("--set", override)]
    assert hpcpot("build", CONFIGS / "build_perturbed_li15si4.yaml", "-o", output, "--overwrite", *chosen) == 0
    return [frame.structure for frame in files.frames(output)]


def test_perturbed_structures(tmp_path, capsys):
    frames = perturbed(tmp_path)
    assert "p.extxyz, 63 structures" in capsys.readouterr().out
    assert [atoms.info["index"] for atoms in frames] == list(range(63))
    cell = crystals.build("Li15Si4", primitive=True)
    for k, scale in enumerate((0.98, 1.0, 1.02)):
        first = frames[21 * k]
        assert first.info["scale"] == scale and not first.info["perturbed"]
        assert np.allclose(first.positions, scale * cell.positions, atol=1e-7)
        assert np.allclose(first.cell, scale * cell.cell, atol=1e-7)
    assert all(np.array_equal(atoms.numbers, cell.numbers) for atoms in frames)
    again = perturbed(tmp_path, "perturb.scales=[0.98]", "perturb.copies=3")  # fewer: those that are made are the same
    assert [
        np.array_equal(atoms.positions, other.positions) for atoms, other in zip(again, frames[:4], strict=True)
    ] == [True] * 4
    other = perturbed(tmp_path, "perturb.scales=[0.98]", "perturb.copies=1", "seed=1")[1]
    assert not np.allclose(other.positions, frames[1].positions, atol=1e-3)


def test_strains_and_displacements_are_those_of_dpgen(tmp_path):
    frames = perturbed(tmp_path, "perturb.scales=[1]", "perturb.copies=300", "perturb.displacement_A=0.2")
    cell = crystals.build("Li15Si4", primitive=True)
    deformations = np.array([np.linalg.solve(cell.cell.array, atoms.cell.array) for atoms in frames[1:]]) - np.eye(3)
    assert np.allclose(deformations, deformations.transpose(0, 2, 1), atol=1e-7)
    along, across = deformations[:, range(3), range(3)], deformations[:, [0, 0, 1], [1, 2, 2]]
    for values, largest in ((along, 0.03), (across, 0.015)):  # uniform: its largest value, mean square and mean
        assert 0.99 * largest < np.abs(values).max() <= largest + 1e-7
        assert np.mean(values**2) == pytest.approx(largest**2 / 3, rel=0.1)
        assert np.mean(values) == pytest.approx(0, abs=0.1 * largest)
    moves = np.array(
        [atoms.positions - cell.positions @ (np.eye(3) + e) for atoms, e in zip(frames[1:], deformations, strict=True)]
    ).reshape(-1, 3)
    lengths = np.linalg.norm(moves, axis=1)
    assert 0.199 < lengths.max() <= 0.2 + 1e-6
    assert np.histogram(lengths, 4, (0, 0.2))[0] / len(lengths) == pytest.approx([0.25] * 4, abs=0.02)
    assert np.abs(moves.mean(axis=0)).max() < 0.005


def test_perturbed_structures_of_a_file(tmp_path):
    files.write(tmp_path / "POSCAR", crystals.build("Si", (2, 1, 1)))
    (tmp_path / "x.yaml").write_text("recipe: perturb\ncrystal: {file: POSCAR}\nperturb: {copies: 2, strain: 0}\n")
    assert hpcpot("build", tmp_path / "x.yaml", "-o", tmp_path / "x.extxyz") == 0
    frames = [frame.structure for frame in files.frames(tmp_path / "x.extxyz")]
    assert [len(atoms) for atoms in frames] == [16] * 3 and np.allclose(frames[2].cell, frames[0].cell)
    assert not np.allclose(frames[2].positions, frames[0].positions, atol=1e-4)


def test_perturbations_that_are_too_large(tmp_path, capsys):
    config_file = CONFIGS / "build_perturbed_li15si4.yaml"
    overrides = ("--set", "perturb.displacement_A=9", "--set", "crystal.name=Si")
    assert hpcpot("build", config_file, "-o", tmp_path / "x.extxyz", "--set", "perturb.copies=300", *overrides) == 1
    error = capsys.readouterr().err
    assert re.search(r"StructureError: perturbation = scale 0.98, strain 0.03, 9 Å: distance of atoms", error)
    assert "Or lower the perturbation" in error and not list(tmp_path.iterdir())
    assert hpcpot("build", config_file, "-o", tmp_path / "x.vasp") == 1
    assert "x.vasp = suffix '.vasp': must be .extxyz, to hold several structures" in capsys.readouterr().err


RANDOM = """
recipe: random
seed: 3
random: {compositions: {LiSi: 1-4, Li15Si4: [1]}, count: 6, minimum_distance_A: {all: 2.28, Li-Si: [2.3, 2.5]}}
"""


def built_at_random(folder: Path, *overrides: str) -> Path:
    (folder / "random.yaml").write_text(RANDOM)
    output = folder / "cells.extxyz"
    sets = [word for override in overrides for word in ("--set", override)]
    return output if hpcpot("build", folder / "random.yaml", "-o", output, "--overwrite", *sets) == 0 else None


def test_random_cells(tmp_path, capsys):
    output = built_at_random(tmp_path)
    said = capsys.readouterr().out
    assert "Li15Si4: 6 structures at 0.8 to 1.5 of 292.5 Å³ a formula unit; by symmetry operations: " in said
    assert f"written: {output}, 12 structures" in said
    read = [frame.structure for frame in files.frames(output)]
    assert [atoms.info["index"] for atoms in read] == [*range(6), *range(6)]
    for atoms in read:
        apart = atoms.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)]
        assert apart.min() > 2.28 - 1e-6 and atoms.info["seed"] == 3
        assert {"group", "operations", "formula_units", "volume_ratio", "source"} <= atoms.info.keys()
    assert [len(atoms) for atoms in read[6:]] == [19] * 6


def test_more_random_cells_begin_with_the_same(tmp_path):
    few = built_at_random(tmp_path, "random.compositions={LiSi: 1-4}").read_text()
    more = built_at_random(tmp_path, "random.compositions={LiSi: 1-4}", "random.count=9").read_text()
    assert more.startswith(few) and len(more) > len(few)


@pytest.mark.parametrize(
    ("volume", "cell"), (("packing", 2 * 6.2058 / 0.3401), ("{Li: 15, Si: 17}", 32.0), ("40", 40.0), ("alloys", 31.844))
)
def test_volumes_of_random_cells(tmp_path, volume, cell):
    sets = ("random.compositions={LiSi: 1}", "random.volume_ratio=1.2", "random.count=2")
    output = built_at_random(tmp_path, *sets, "random.minimum_distance_A=2.28", f"random.volume_A3={volume}")
    for frame in files.frames(output):
        assert frame.structure.get_volume() == pytest.approx(1.2 * cell, rel=1e-4)


@pytest.mark.parametrize(
    ("override", "message"),
    (
        ("random.compositions={LiSi: 0}", "must be formula units in a cell by formula"),
        ("random.compositions={LiLi: 1}", "each entry must be a formula such as Li15Si4"),
        ("random.compositions={Xx2: 1}", "random.volume_A3 = alloys (random.yaml): must be packing"),
        ("random.compositions={LiC: 1}", "must be packing, a number or volumes of C, Li; alloys: Li, Si only"),
        (
            "random.compositions=null",
            "random.compositions = null (--set): or random.seed_file is required for recipe: random",
        ),
        ("random.operations=5", "random.operations = 5 (--set): must have numbers among 1, 2, 3, 4, 6, 8"),
        ("random.groups=231", "random.groups = 231 (--set): must be numbers from 1 to 230"),
        ("random.volume_ratio=[1.5, 0.8]", "with the least first"),
        ("random.volume_ratio=0", "random.volume_ratio = 0 (--set): must be above 0"),
        ("random.volume_A3={Li: 15}", "must have a volume of Si, too"),
        ("random.minimum_distance_A={Li-O: 2}", "must name elements of the compositions, and O is none"),
        ("random.minimum_distance_A={Li-Si: 2, Si-Li: 3}", "must name Li-Si only once"),
        ("random.packing_fraction=0.5", "random.packing_fraction = 0.5 (--set): is for volume_A3: packing"),
        (
            "random.volume_A3=packing & random.minimum_distance_A={Li-Si: 2}",
            "random.volume_A3 = packing (--set): must be another than packing, which needs minimum_distance_A > 0, also of",
        ),
        ("random.groups=4 & random.operations=2", "random.operations = 2 (--set): does not go with random.groups"),
        ("random.compositions={LiSi: 3000}", "atoms of a cell of 3000 LiSi = 6000: must be at most 2000"),
        ("random.minimum_distance_A={Li: 2}", "must be named by a pair such as Li-Si, or by all"),
        ("random.compactness=2", "must be at most 1"),
        ("random.angle_compactness=0.99", "must be at most 0.95"),
        ("random.fewer_general=[2, 1]", "must have the least first"),
        ("random.minimum_distance_A=3.2", "spheres of the least distances take 46.34 Å³"),
        ("random.groups=4", "groups = 4: must have positions for the atoms of 1 LiSi"),
        ("potential.file=lisi_mtp", "potential.file = "),
        ("crystal.name=Si", "is for recipe: crystal or particle"),
    ),
)
def test_wrong_random_cells(tmp_path, capsys, override, message):
    assert built_at_random(tmp_path, *override.split(" & ")) is None
    assert message in capsys.readouterr().err
    assert not (tmp_path / "cells.extxyz").exists()


def test_random_cells_without_room_leave_no_file(tmp_path, capsys):
    assert (
        built_at_random(tmp_path, "random.volume_ratio=0.55", "random.compositions={LiSi: 8}", "random.operations=1")
        is None
    )
    assert "no room for the atoms at their least distances in 1000 cells" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "random.yaml"]


def test_the_config_of_random_cells_is_that_of_the_paper():
    random = config.load(CONFIGS / "build_random_lisi.yaml", SCHEMA).random
    units = {name: (numbers[0], numbers[-1]) for name, numbers in random.compositions.items()}
    assert units == {"LiSi": (1, 16), "Li2Si": (1, 12), "Li7Si2": (1, 4), "Li13Si4": (1, 2), "Li15Si4": (1, 2)}
    assert (random.count, random.volume_ratio, random.minimum_distance_A) == (5000, [0.8, 1.5], {"all": [2.28, 2.28]})


def test_random_cells_need_spglib(tmp_path, capsys, monkeypatch):
    from hpcpot.structure.random import groups

    for cached in (groups.space_group, groups._halls, groups._by_order):
        cached.cache_clear()
    monkeypatch.setitem(sys.modules, "spglib", None)
    assert built_at_random(tmp_path) is None
    assert "random cells = spglib is not installed: it has the space groups; pip install spglib" in (
        capsys.readouterr().err
    )
