"""Slabs, clusters and cells of a given shape; least distances as a structure has them; their tags in seeds of AIRSS."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np
import pytest
import yaml

from hpcpot import config
from hpcpot.errors import ConfigError, StructureError
from hpcpot.relaxation import starts
from hpcpot.structure import crystals
from hpcpot.structure.random import groups, seed_file, shape
from hpcpot.structure.random.cells import generate
from hpcpot.structure.random.recipe import random_cells
from hpcpot.structure.random.separations import of_structure
from hpcpot.structure.random.settings import SCHEMA

APART = 2.28
BASE = {"compositions": {"LiSi": 4}, "operations": 1, "volume_A3": {"Li": 16, "Si": 16}}


def settings(folder: Path, **random):
    path = folder / "random.yaml"
    path.write_text(yaml.safe_dump({"recipe": "random", "seed": 1, "random": BASE | random}))
    return config.load(path, SCHEMA).random


def made(folder: Path, count: int = 20, **random):
    (asked,) = random_cells(settings(folder, **random))
    return [generate(asked, 1, index) for index in range(count)]


def nearest(atoms) -> float:
    """The shortest distance of atoms, through periodic boundaries where there are any, by ASE."""
    distances = (
        atoms * (3 if atoms.pbc[0] else 1, 3 if atoms.pbc[1] else 1, 3 if atoms.pbc[2] else 1)
    ).get_all_distances()
    return float((distances + 9 * np.eye(len(distances))).min())


def test_slabs(tmp_path: Path) -> None:
    """Periodic along the plane; area by volume and thickness; atoms within it but for a push."""
    for atoms in made(tmp_path, form="slab", thickness_A=6.0, vacuum_A=12.0, volume_ratio=[1.0, 1.2]):
        ratio, (a, b, c) = atoms.info["volume_ratio"], atoms.cell.array
        assert atoms.pbc.tolist() == [True, True, False] and nearest(atoms) >= APART - 1e-6
        assert np.linalg.norm(np.cross(a, b)) == pytest.approx(ratio * 8 * 16 / 6.0)
        np.testing.assert_allclose(c, [0, 0, 18.0], atol=1e-9)
        heights = atoms.positions[:, 2]
        assert heights.min() > 6.0 - APART and heights.max() < 12.0 + APART


def test_clusters(tmp_path: Path) -> None:
    for atoms in made(tmp_path, form="cluster", vacuum_A=12.0, volume_ratio=[1.1, 1.3]):
        radius = np.cbrt(atoms.info["volume_ratio"] * 8 * 16 * 3 / (4 * np.pi))
        assert not atoms.pbc.any() and nearest(atoms) >= APART - 1e-6
        np.testing.assert_allclose(atoms.cell.array, np.eye(3) * (2 * radius + 12.0), atol=1e-9)
        apart = np.linalg.norm(atoms.positions - atoms.cell.array.diagonal() / 2, axis=1)
        assert apart.max() < radius + APART


def test_the_middle_of_a_sphere_is_no_likelier(tmp_path: Path) -> None:
    """Without distances the cube of the distance from the middle is uniform."""
    atoms = made(tmp_path, 60, form="cluster", minimum_distance_A=0, volume_ratio=1)
    radius = np.cbrt(8 * 16 * 3 / (4 * np.pi))
    cubes = [(np.linalg.norm(one.positions - one.cell.array.diagonal() / 2, axis=1) / radius) ** 3 for one in atoms]
    counts = np.histogram(np.concatenate(cubes), 4, (0, 1))[0]
    assert counts.sum() == 480 and counts.min() > 90


def test_cells_of_a_given_shape(tmp_path: Path) -> None:
    given = [5.0, 6.0, 7.0, 80.0, 100.0, 95.0]
    for atoms in made(tmp_path, cell=given):
        lengths = atoms.cell.lengths()
        np.testing.assert_allclose(atoms.cell.angles(), given[3:])
        np.testing.assert_allclose(lengths / lengths[0], np.array(given[:3]) / 5.0)
        assert nearest(atoms) >= APART - 1e-6 and atoms.get_volume() == pytest.approx(
            8 * 16 * atoms.info["volume_ratio"]
        )
    (exact,) = made(tmp_path, 1, cell=given, volume_A3="cell", volume_ratio=1, minimum_distance_A=2.0)
    np.testing.assert_allclose(exact.cell.cellpar(), given)


def test_plane_lattices_are_reduced() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        a, b = shape.plane(rng, 20.0, 0.4, 0.5)
        assert np.cross(a, b)[2] == pytest.approx(20.0) and a @ a <= b @ b + 1e-9 and abs(a @ b) <= a @ a / 2 + 1e-9


@pytest.mark.parametrize(
    ("random", "message"),
    (
        (
            {"form": "slab", "thickness_A": 5, "operations": [1, 2]},
            "must be 1 for random.form: slab, which has no other",
        ),
        ({"form": "slab"}, "random.thickness_A = null (random.yaml): is required for random.form: slab"),
        ({"form": "cluster", "thickness_A": 5}, "does nothing for random.form: cluster"),
        ({"form": "cluster", "compactness": 0.5}, "does nothing for random.form: cluster"),
        ({"form": "cluster", "vacuum_A": 5}, "must be above three times the largest of the least distances, 6.84 Å"),
        ({"form": "cluster", "niggli": False}, "does nothing for random.form: cluster"),
        ({"vacuum_A": 20}, "random.vacuum_A = 20 (random.yaml): does nothing for random.form: crystal"),
        ({"form": "cluster", "cell": [5, 5, 5, 90, 90, 90]}, "is for a crystal, and a cluster has its own"),
        ({"cell": [5, 5, 5, 20, 20, 120]}, "must have angles that make a cell"),
        ({"cell": [5, 5, 5, 90, 90]}, "must be [a, b, c, alpha, beta, gamma]"),
        ({"volume_A3": "cell"}, "must be another than cell, which is for random.cell"),
        ({"cell": [5, 5, 5, 90, 90, 90], "groups": 2}, "must be 1 for random.cell"),
    ),
)
def test_what_does_not_go_together(tmp_path: Path, random: dict, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settings(tmp_path, **random)
    assert message in str(refused.value)


def test_keys_of_crystals_are_as_before(tmp_path: Path) -> None:
    """A results file of cells that were made before there were forms is theirs."""
    (asked,) = random_cells(settings(tmp_path))
    assert "'form'" not in starts._content(asked) and "'shape'" not in starts._content(asked)
    assert "'form'" in starts._content(replace(asked, form="cluster"))


def test_least_distances_of_a_structure(tmp_path: Path) -> None:
    crystal = crystals.build("Li15Si4", primitive=True)
    ase.io.write(tmp_path / "best.extxyz", crystal)
    given = of_structure(tmp_path / "best.extxyz", ("Si", "Li"))
    assert set(given) == {("Li", "Li"), ("Li", "Si"), ("Si", "Si")}
    apart = (crystal * 2).get_all_distances(mic=True)
    assert given["Li", "Li"][0] == given["Li", "Li"][1] and min(low for low, _ in given.values()) == pytest.approx(
        np.sort(apart[apart > 0.1])[0]
    )
    (asked,) = random_cells(
        settings(tmp_path, compositions={"Li15Si4": 1}, distances_of=str(tmp_path / "best.extxyz"), volume_ratio=2)
    )
    assert asked.distances == given
    with pytest.raises(ConfigError, match="must have Ge and Ge within 8 Å of one another"):
        of_structure(tmp_path / "best.extxyz", ("Ge",))
    with pytest.raises(ConfigError, match="does not go with random.distances_of"):
        settings(tmp_path, distances_of=str(tmp_path / "best.extxyz"), minimum_distance_A=2.0)


LATTICE = "%BLOCK LATTICE_ABC\n6 6 7\n90 90 120\n%ENDBLOCK LATTICE_ABC\n"
ATOMS = "%BLOCK POSITIONS_FRAC\nLi 0 0 0 # Li % NUM=6\nSi 0 0 0 # Si % NUM=2\n%ENDBLOCK POSITIONS_FRAC\n"


def seed(folder: Path, text: str) -> Path:
    path = folder / "x.cell"
    path.write_text(text)
    return path


def test_forms_in_seeds(tmp_path: Path) -> None:
    fixed = seed_file.read(seed(tmp_path, LATTICE + ATOMS + "#FIX\n#MINSEP=2\n#NFORM=1\n"))
    np.testing.assert_allclose(generate(fixed, 1, 0).cell.cellpar(), [6, 6, 7, 90, 90, 120])
    cartesian = "%BLOCK LATTICE_CART\nang\n6 0 0\n-3 5.196152 0\n0 0 7\n%ENDBLOCK LATTICE_CART\n"
    same = seed_file.read(seed(tmp_path, cartesian + ATOMS + "#FIX\n#MINSEP=2\n#NFORM=1\n"))
    np.testing.assert_allclose(same.shape, fixed.shape, atol=1e-4)
    slab = seed_file.read(seed(tmp_path, ATOMS + "#SLAB\n#WIDTH=5\n#VACUUM=12\n#VARVOL=36\n#MINSEP=2\n#NFORM=1\n"))
    assert (slab.form, slab.thickness, slab.vacuum) == ("slab", 5.0, 12.0) and generate(slab, 1, 0).cell[2, 2] == 17.0
    ball = seed_file.read(seed(tmp_path, ATOMS + "#CLUSTER\n#SPHERE=4\n#MINSEP=2\n#NFORM=1\n"))
    assert ball.form == "cluster" and ball.volume(1) == pytest.approx(4 / 3 * np.pi * 64)
    assert ball.vacuum == 15.0 and not generate(ball, 1, 0).pbc.any()
    named = seed_file.read(seed(tmp_path, "#SPECIES=Li%NUM=6,Si%NUM=2\n#TARGVOL=36\n#MINSEP=2\n"))
    assert named.formula == {"Li": 6, "Si": 2} and named.volume(1) * named.volume_ratio[0] == pytest.approx(4 * 36)


def test_groups_in_seeds(tmp_path: Path) -> None:
    text = ATOMS + "#VARVOL=36\n#MINSEP=2\n#NFORM=1\n"
    cubic = seed_file.read(seed(tmp_path, text + "#SYMMOPS=12-48\n#SYSTEM=Cubi\n"))
    assert min(cubic.groups) == 195 and {groups.space_group(n).system for n in cubic.groups} == {"cubic"}
    rhombohedral = seed_file.read(seed(tmp_path, text + "#SYMMOPS=6\n#SYSTEM=Rhom\n"))
    assert rhombohedral.groups == (148, 155, 160, 161)
    every = seed_file.read(seed(tmp_path, text + "#SYMMOPS=1-48\n#SYMMORPHIC\n"))
    assert len(every.groups) == 73  # International Tables


@pytest.mark.parametrize(
    ("tags", "message"),
    (
        ("#FIX", "VARVOL = does not go with FIX"),
        ("#SLAB", "SLAB = without WIDTH: must have it; add WIDTH"),
        ("#SPHERE=3", "VARVOL = does not go with SPHERE"),
        ("#VACUUM=9", "VACUUM = without SLAB or CLUSTER: does nothing"),
        ("#CLUSTER\n#SYMMOPS=2", "CLUSTER = a cell without symmetry: must have SYMMOPS=1"),
        ("#SYSTEM=Octa", "SYSTEM = Octa: must be one of Tric, Mono"),
        ("#SYMMOPS=2\n#SYSTEM=Cubi", "no group of these with SYMMOPS = 2"),
        ("#SGRANK=20", "SGRANK = a tag of AIRSS: is not read"),
        ("#SPECIES=Li", "POSITIONS_FRAC = does not go with SPECIES"),
    ),
)
def test_wrong_forms_in_seeds(tmp_path: Path, tags: str, message: str) -> None:
    with pytest.raises(StructureError) as refused:
        seed_file.read(seed(tmp_path, f"{ATOMS}#VARVOL=36\n#MINSEP=2\n#NFORM=1\n{tags}\n"))
    assert message in str(refused.value)


def test_tags_without_what_they_need(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match="FIX = without a lattice: must have a block LATTICE_CART or LATTICE_ABC"):
        seed_file.read(seed(tmp_path, ATOMS + "#FIX\n#MINSEP=2\n"))
    with pytest.raises(StructureError, match="SPHERE = without CLUSTER: must have it"):
        seed_file.read(seed(tmp_path, ATOMS + "#SPHERE=3\n#MINSEP=2\n"))


def test_species_without_numbers(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match="SPECIES = Si: must be elements with their numbers"):
        seed_file.read(seed(tmp_path, "#SPECIES=Li%NUM=6,Si\n#TARGVOL=36\n#MINSEP=2\n"))


def test_automatic_distances_in_a_seed(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "best.extxyz", crystals.build("Li15Si4", primitive=True))
    path = seed(tmp_path, ATOMS + "#VARVOL=36\n#MINSEP=1-2 AUTO Si-Si=4\n#SLACK=0.1\n#NFORM=1\n")
    cells = seed_file.read(path, tmp_path / "best.extxyz")
    given = of_structure(tmp_path / "best.extxyz", ("Li", "Si"))
    assert cells.distances["Li", "Si"][0] == pytest.approx(0.9 * given["Li", "Si"][0])
    assert cells.distances["Si", "Si"] == pytest.approx((3.6, 3.6))
    with pytest.raises(StructureError, match="AUTO needs the structure whose distances"):
        seed_file.read(path)
    with pytest.raises(StructureError, match="give both or neither"):
        seed_file.read(seed(tmp_path, ATOMS + "#VARVOL=36\n#MINSEP=2\n#NFORM=1\n"), tmp_path / "best.extxyz")
