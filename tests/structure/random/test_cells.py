"""Random cells: groups and positions, distances, volumes, symmetry, and that a seed and an index say everything."""

import warnings
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import spglib
from scipy import stats

from hpcpot.errors import StructureError
from hpcpot.structure.random import cells, groups, shape, volumes
from hpcpot.structure.random.cells import RandomCells, generate
from hpcpot.structure.random.sites import Filling

APART = 2.28
ATOM = 15.5
"""Å³, as estimated from the Li-Si crystals."""


def asked(formula: dict[str, int], *units: int, **others) -> RandomCells:
    return RandomCells(formula, units, unit_volume=ATOM * sum(formula.values()), distance=(APART, APART), **others)


PUBLISHED = (
    asked({"Li": 1, "Si": 1}, *range(1, 17)),
    asked({"Li": 2, "Si": 1}, *range(1, 13)),
    asked({"Li": 7, "Si": 2}, 1, 2, 3, 4),
    asked({"Li": 13, "Si": 4}, 1, 2),
    asked({"Li": 15, "Si": 4}, 1, 2),
)


def nearest(atoms) -> np.ndarray:
    """Distances of all pairs and of atoms and their own images, through as many cells as there can be any, by brute force."""
    heights = 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    spans = [np.arange(-n, n + 1) for n in np.ceil(APART / heights).astype(int) + 1]
    shifts = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3) @ atoms.cell.array
    apart = np.linalg.norm(atoms.positions[:, None, None] - atoms.positions[None, :, None] + shifts, axis=-1)
    return apart[apart > 1e-12] if len(atoms) == 1 else np.where(apart < 1e-12, np.inf, apart)


@pytest.mark.parametrize("asked_for", PUBLISHED, ids=lambda each: each.name)
def test_published_compositions(asked_for):
    """Distances by brute force over the images, atoms, volumes, operations and handedness of each."""
    lacking = 0
    for index in range(40):
        atoms = generate(asked_for, 1, index)
        info, counts = atoms.info, Counter(atoms.get_chemical_symbols())
        assert (info["seed"], info["index"]) == (1, index)
        assert counts == {element: info["formula_units"] * n for element, n in asked_for.formula.items()}
        assert info["formula_units"] in asked_for.units and len(atoms) <= 38
        assert nearest(atoms).min() >= APART - 1e-6
        volume = atoms.get_volume()
        assert volume == pytest.approx(info["volume_ratio"] * ATOM * len(atoms), rel=1e-9)
        assert 0.8 <= info["volume_ratio"] <= 1.5 and np.linalg.det(atoms.cell.array) > 0
        assert all(30 < angle < 150 for angle in atoms.cell.angles())
        with warnings.catch_warnings(action="ignore"):
            found = spglib.get_symmetry((atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), symprec=1e-3)
            primitive = spglib.get_symmetry_dataset(
                (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), symprec=1e-3
            )
        smaller = len(atoms) / len(set(primitive.mapping_to_primitive))
        lacking += len(found["rotations"]) / smaller < info["operations"]
        assert info["operations"] == groups.space_group(info["group"]).order
    assert not lacking


def test_volumes_are_uniform_in_their_band():
    """A structure keeps its volume until it fits, so that small ones are as frequent; two formula units keep it quick."""
    ratios = np.array([generate(PUBLISHED[1], 2, k).info["volume_ratio"] for k in range(500)])
    observed = np.histogram(ratios, 10, (0.8, 1.5))[0]
    assert stats.chisquare(observed).pvalue > 0.01


@pytest.mark.slow
def test_two_thousand_volumes_are_uniform_in_their_band():
    ratios = np.array([generate(PUBLISHED[4], 3, k).info["volume_ratio"] for k in range(2000)])
    assert stats.chisquare(np.histogram(ratios, 14, (0.8, 1.5))[0]).pvalue > 0.01


def test_operations_and_formula_units_are_uniform():
    found = [generate(PUBLISHED[0], 4, k).info for k in range(500)]
    for name, choices in (("operations", (1, 2, 3, 4, 6)), ("formula_units", range(1, 17))):
        counts = Counter(info[name] for info in found)
        assert stats.chisquare([counts[choice] for choice in choices]).pvalue > 0.01, counts


def test_atoms_without_symmetry_and_distance_are_uniform():
    free = RandomCells({"Li": 4}, (1,), unit_volume=80.0, operations=(1,), reduce=False)
    fractions = np.concatenate([generate(free, 5, k).get_scaled_positions() for k in range(300)])
    for axis in fractions.T:
        assert stats.kstest(axis, "uniform").pvalue > 0.01


def test_a_structure_is_its_seed_and_index():
    first, again = (generate(PUBLISHED[3], 7, 11) for _ in range(2))
    assert (first.positions == again.positions).all() and (first.cell == again.cell).all()
    for seed, index, asked_for in ((8, 11, PUBLISHED[3]), (7, 12, PUBLISHED[3]), (7, 11, PUBLISHED[4])):
        assert generate(asked_for, seed, index).info["volume_ratio"] != first.info["volume_ratio"]


def test_a_version_of_the_generator_has_its_structures():
    """Others need another cells.VERSION, by which `hpcpot relax` knows that stored results are not of them."""
    atoms = generate(PUBLISHED[1], 7, 12)
    assert (cells.VERSION, atoms.info["group"]) == (1, 5)
    assert atoms.cell.cellpar() == pytest.approx([6.4372, 6.6177, 9.4057, 84.6511, 78.9496, 60.8985], abs=1e-3)
    assert atoms.positions[-1] == pytest.approx([7.3386, 0.8143, 4.6156], abs=1e-3)


@pytest.mark.parametrize("count", (16, pytest.param(150, marks=pytest.mark.slow)))
def test_few_are_alike(count):
    from pymatgen.core.structure_matcher import StructureMatcher
    from pymatgen.io.ase import AseAtomsAdaptor

    kept = [AseAtomsAdaptor.get_structure(generate(PUBLISHED[0], 9, k)) for k in range(count)]
    matcher = StructureMatcher(stol=0.05)
    pairs = [(a, b) for k, a in enumerate(kept) for b in kept[:k] if len(a) == len(b)]
    assert sum(matcher.fit(a, b) for a, b in pairs) <= 0.01 * count


def test_every_group_has_the_wyckoff_positions_of_the_tables():
    """1731 in all, and multiplicities of a few, in atoms of the primitive cell."""
    every = [groups.space_group(number) for number in range(1, 231)]
    assert sum(len(group.sites) for group in every) == 1731
    assert sum(group.sites[0].multiplicity == 1 for group in every) == 73  # symmorphic: a point has all the rotations
    tables = {
        2: "1 1 1 1 1 1 1 1 2",
        62: "4 4 4 8",
        88: "2 2 4 4 4 8",
        166: "1 1 2 3 3 6 6 6 12",
        220: "6 6 8 12 24",
        227: "2 2 4 4 8 12 24 24 48",
    }
    for number, multiplicities in tables.items():
        assert [site.multiplicity for site in every[number - 1].sites] == [int(m) for m in multiplicities.split()]


@pytest.mark.parametrize("number", (2, 5, 9, 15, 43, 70, 88, 122, 146, 161, 167, 180, 206, 214, 220, 227, 230))
def test_sites_are_fixed_by_as_many_operations_as_they_say(number):
    group, rng = groups.space_group(number), np.random.default_rng(number)
    shifts = group.shifts / groups.GRID
    for site in group.sites:
        x = site.projection @ rng.random(3) + site.offset
        images = group.rotations @ x + shifts
        fixing = (np.abs((images - x) - np.rint(images - x)) < 1e-6).all(axis=1)
        assert fixing.sum() * site.multiplicity == group.order
        apart = images[site.images][:, None] - images[site.images]
        apart = np.abs(apart - np.rint(apart)).max(axis=-1)
        assert (apart[~np.eye(len(apart), dtype=bool)] > 1e-6).all()


@pytest.mark.parametrize("number", (3, 19, 36, 75, 148, 167, 194, 206, 216, 227))
def test_any_group_can_be_asked_for(number):
    order = groups.space_group(number).order
    wanted = asked({"Li": 2, "Si": 1}, order, groups=(number,), volume_ratio=(1.3, 1.5))
    atoms = generate(wanted, 1, 0)
    assert len(atoms) == 3 * order and nearest(atoms).min() >= APART - 1e-6
    with warnings.catch_warnings(action="ignore"):
        found = spglib.get_symmetry_dataset(
            (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), symprec=1e-3
        )
    assert found.number == number


def test_fillings_use_points_once_and_general_positions_first():
    rng = np.random.default_rng(1)
    group = groups.space_group(2)  # eight points, and two atoms elsewhere
    assert Filling(group.sites, (8, 3)).is_possible
    for counts in ((7, 5), (1, 1), (15, 4)):
        for _ in range(20):
            drawn = Filling(group.sites, counts).draw(rng)
            for species, count in enumerate(counts):
                orbits = [k for s, k in drawn if s == species]
                assert sum(group.sites[k].multiplicity for k in orbits) == count
                assert orbits.count(8) == count // 2
            points = [k for _, k in drawn if k != 8]
            assert len(set(points)) == len(points)
    assert not Filling(groups.space_group(4).sites, (3, 2)).is_possible  # P2_1: even numbers only
    assert not Filling(groups.space_group(2).sites, (1,) * 9).is_possible
    fewer = Filling(group.sites, (6, 1)).draw(rng, fewer=2)
    assert [k for s, k in fewer if s == 0].count(8) == 1


def test_push_makes_room_where_rejection_does_not():
    """Spheres fill half of the cell."""
    dense = asked({"Li": 1, "Si": 1}, 4, volume_ratio=(0.8, 0.8), operations=(1,))
    assert nearest(generate(dense, 1, 1)).min() >= APART - 1e-6
    with pytest.raises(StructureError, match="no room for the atoms"):
        generate(replace(dense, push_sweeps=0), 1, 1)


def test_of_large_cells_fewer_are_tried():
    """So that what does not fit is told in minutes; those of the studies, up to 152 atoms, have nearly all."""
    assert [cells.attempts_for(n) for n in (1, 38, 150, 300, 2000)] == [1000, 1000, 1000, 250, 20]
    large = asked({"Li": 1, "Si": 1}, 500, volume_ratio=(0.8, 0.8), operations=(1,), push_sweeps=0)
    with pytest.raises(StructureError, match="no room for the atoms at their least distances in 22 cells"):
        generate(large, 1, 1)


def test_no_atoms_are_placed_where_two_elements_cannot_be_so_far_apart(monkeypatch):
    """Else very many images would be looked at, of a distance of a million cells."""
    cube = asked({"Li": 1, "Si": 1}, 1, volume_ratio=(1.0, 1.0), groups=(195,), distances={("Li", "Si"): (2.7, 2.7)})
    edge = (2 * ATOM) ** (1 / 3)
    assert 2.7 < np.sqrt(3) / 2 * edge < 2.73
    atoms = generate(cube, 1, 0)
    assert atoms.get_distance(0, 1, mic=True) == pytest.approx(np.sqrt(3) / 2 * edge)
    monkeypatch.setattr(cells, "place", None)
    monkeypatch.setattr(cells, "ATTEMPTS", 20)
    far = replace(cube, distance=(0.0, 0.0), distances={("Li", "Si"): (1e6, 1e6)})
    with pytest.raises(StructureError, match="no room for the atoms"):
        generate(far, 1, 0)


def test_distances_of_pairs():
    pairs = {("Li", "Si"): (2.6, 2.6), ("Si", "Si"): (2.2, 3.0)}
    wanted = replace(PUBLISHED[2], volume_ratio=(1.2, 1.5), distances=pairs)
    for index in range(10):
        atoms = generate(wanted, 1, index)
        silicon = atoms.numbers == 14
        apart = atoms.get_all_distances(mic=True)
        assert apart[np.ix_(silicon, ~silicon)].min() >= 2.6 - 1e-6
        assert apart[np.ix_(~silicon, ~silicon)][~np.eye((~silicon).sum(), dtype=bool)].min() >= APART - 1e-6


def test_shapes_are_neither_flat_nor_long():
    rng = np.random.default_rng(1)
    for system in groups.LAST_OF_SYSTEM:
        for _ in range(50):
            cell = shape.lattice(rng, system, 0.4, 0.5)
            lengths = np.linalg.norm(cell, axis=1)
            assert lengths.max() / lengths.min() <= 4.0 + 1e-9
            assert np.linalg.det(cell) / lengths.prod() >= 0.5
    assert np.linalg.norm(shape.lattice(rng, "orthorhombic", 1.0, 0.5), axis=1) == pytest.approx([0.5] * 3)


def test_without_reduction_the_cell_has_the_shape_of_its_system():
    wanted = asked({"Li": 2, "Si": 1}, 4, groups=(75,), reduce=False)
    lengths = generate(wanted, 1, 2).cell.cellpar()
    assert lengths[0] == pytest.approx(lengths[1]) and lengths[3:] == pytest.approx([90] * 3)


def test_volumes_of_the_alloys():
    """15 to 17 Å³, far less than in the elements (20.4 Å³); the alloys themselves are met to 5 %."""
    fitted = volumes.of_alloys()
    for name in volumes.ALLOYS:
        crystal = volumes.CRYSTALS[name]
        estimate = sum(count * fitted[element] for element, count in volumes.atoms_in(crystal).items())
        assert estimate == pytest.approx(volumes.volume_of(crystal), rel=0.05)
    assert 14.5 < fitted["Li"] < fitted["Si"] < 17.5
    for name, more in (("Li", 1.36), ("Si", 1.21)):
        crystal = volumes.CRYSTALS[name]
        element = volumes.volume_of(crystal) / volumes.atoms_in(crystal)[name]
        assert element == pytest.approx(more * fitted[name], rel=0.01)
    assert volumes.by_packing({"Li": 1}, (APART, APART), {}) == pytest.approx(18.247, abs=1e-3)


def test_impossible_cells_are_refused():
    with pytest.raises(
        StructureError, match=r"volume of 2 Li15Si4 = 235.6 Å³ at a volume ratio of 0.4: .* at least a ratio"
    ):
        cells.check(asked({"Li": 15, "Si": 4}, 2, volume_ratio=(0.4, 1.5)))
    with pytest.raises(StructureError, match="groups = 4: must have positions for the atoms of 1 LiSi"):
        cells.check(asked({"Li": 1, "Si": 1}, 1, groups=(4,)))
    with pytest.raises(StructureError, match="numbers of operations = 48: must have positions"):
        cells.check(asked({"Li": 5, "Si": 1}, 1, operations=(48,)))
    cells.check(asked({"Li": 5, "Si": 1}, 1))


def test_no_room_says_which_volume_has():
    """Spheres that fill 0.73 of a cell are packed as densely as spheres can be."""
    tight = asked({"Li": 1, "Si": 1}, 8, volume_ratio=(0.55, 0.55), operations=(1,))
    with pytest.raises(
        StructureError, match=r"a ratio of 0.55: no room .*; (0.\d+) is the least that is large enough"
    ) as refusal:
        generate(tight, 1, 3)
    works = float(str(refusal.value).split("; ")[1].split()[0])
    assert 0.55 < works < 0.75
