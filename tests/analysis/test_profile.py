"""Concentration profiles of synthetic slabs whose interfaces are known."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from hpcpot.analysis import profile
from hpcpot.analysis.profile import Interfaces, Ruler, Slab
from hpcpot.errors import StructureError

CENTRE, WIDTH = 60.0, 6.0
THICKNESS, VACUUM = 120.0, 40.0


def slab(seed: int = 1, per_angstrom: float = 41.3) -> Atoms:
    """Atoms at even heights; Li with the probability 1/2 (1 + tanh((z - CENTRE) / WIDTH))."""
    rng = np.random.default_rng(seed)
    n = int(THICKNESS * per_angstrom)
    z = (np.arange(n) + 0.5) / per_angstrom
    lithium = rng.random(n) < 0.5 * (1.0 + np.tanh((z - CENTRE) / WIDTH))
    positions = np.column_stack([rng.uniform(0, 20, n), rng.uniform(0, 20, n), z])
    return Atoms(np.where(lithium, "Li", "Si"), positions, cell=[20.0, 20.0, THICKNESS + VACUUM], pbc=True)


def crossing(level: float) -> float:
    """Where the tanh profile has this concentration."""
    return CENTRE + WIDTH * np.arctanh(2.0 * level - 1.0)


def found(frames: list[Atoms], width: float) -> tuple[Interfaces, profile.Profile]:
    ruler = Ruler(Slab(), frames[0])
    rows = [ruler.places(frame) for frame in frames]
    numbers = frames[0].numbers
    counts = profile.count(rows, numbers == 14, numbers == 3, width, frames[0].cell.lengths()[2])
    return profile.interfaces(counts), counts


@pytest.mark.parametrize(("width", "error"), [(1.0, 0.1), (3.0, 0.5)])
def test_interfaces_of_a_tanh(width: float, error: float) -> None:
    edges = (np.arange(140) - 0.5) * width
    middles = 0.5 * (edges[1:] + edges[:-1])
    n = 0.5 * (1.0 + np.tanh((middles - CENTRE) / WIDTH))
    lithium = np.round(1e6 * n).astype(np.int64)
    at = profile.interfaces(profile.Profile(edges, 10**6 - lithium, lithium, 1))
    assert at.left == pytest.approx(crossing(0.05), abs=error)
    assert at.right == pytest.approx(crossing(0.95), abs=error)


def test_interfaces_of_counted_atoms() -> None:
    atoms = slab(per_angstrom=4013.7)
    places = atoms.positions[:, 2] - atoms.positions[:, 2].min()
    counts = profile.count([places], atoms.numbers == 14, atoms.numbers == 3, 1.0, THICKNESS + VACUUM)
    assert counts.host.sum() + counts.inserted.sum() == len(atoms)
    at = profile.interfaces(counts)
    assert at.left == pytest.approx(crossing(0.05), abs=0.2)
    assert at.right == pytest.approx(crossing(0.95), abs=0.2)


def test_thresholds_are_crossed_at_their_values() -> None:
    _, counts = found([slab()], 3.0)
    wide, narrow = (profile.interfaces(counts, pair) for pair in ((0.02, 0.98), (0.10, 0.90)))
    assert wide.left < narrow.left < narrow.right < wide.right


def test_translation_wrapping_and_drift_change_nothing() -> None:
    atoms = slab()
    at, counts = found([atoms, atoms], 3.0)
    moved = atoms.copy()
    moved.positions[:, 2] += 77.7
    moved.wrap()
    drifted = moved.copy()
    drifted.positions[:, 2] += 3.3
    drifted.positions[:10] += drifted.cell[2]
    again, recounted = found([moved, drifted], 3.0)
    assert again.left == pytest.approx(at.left, abs=1e-9)
    assert again.right == pytest.approx(at.right, abs=1e-9)
    np.testing.assert_array_equal(recounted.host, counts.host)
    np.testing.assert_array_equal(recounted.inserted, counts.inserted)


def test_a_tilted_cell_is_measured_along_its_normal() -> None:
    atoms = slab()
    tilted = atoms.copy()
    tilted.set_cell(atoms.cell.array + np.array([[0, 0, 0], [0, 0, 0], [7.0, -4.0, 0.0]]))
    left = found([tilted], 3.0)[0].left
    assert left == pytest.approx(found([atoms], 3.0)[0].left, abs=1e-9)


def test_counts_are_summed_before_division() -> None:
    """Two frames with 1 of 2 and 9 of 10 Li in a bin: 10 of 12, not the mean of 0.5 and 0.9."""
    lithium = np.array([True] * 9 + [False] * 3)
    sparse = np.where(np.arange(12) < 1, 5.0, np.where(np.arange(12) == 9, 5.0, np.nan))
    dense = np.where(np.arange(12) < 9, 5.0, np.where(np.arange(12) == 9, 5.0, np.nan))
    counts = profile.count([sparse, dense], ~lithium, lithium, 2.0, 10.0)
    assert np.nanmax(counts.concentration) == pytest.approx(10 / 12)
    assert counts.frames == 2 and np.isnan(counts.concentration[0])


def test_evaporated_atoms_are_left_out() -> None:
    atoms = slab()
    left, counts = found([atoms], 3.0)
    lone = atoms + Atoms("Li2", [[5, 5, THICKNESS + 20], [5, 7.5, THICKNESS + 20]])
    again, recounted = found([lone], 3.0)
    assert again == left
    assert np.flatnonzero(profile.evaporated(lone)).tolist() == [len(atoms), len(atoms) + 1]
    assert not profile.evaporated(atoms).any()
    assert recounted.inserted.sum() == counts.inserted.sum()


def test_an_atom_that_evaporates_from_the_drift_block() -> None:
    """The drift is that of the others; without it no place of the frame would be a number."""
    first = slab()
    ruler, block = Ruler(Slab(), first), np.flatnonzero((first.symbols == "Si") & (first.positions[:, 2] < 15))
    later = first.copy()
    later.positions[:, 2] += 2.0
    later.positions[block[-1]] = [10.0, 10.0, THICKNESS + 20.0]
    places, before = ruler.places(later), ruler.places(first)
    assert np.flatnonzero(np.isnan(places)).tolist() == [block[-1]]
    np.testing.assert_allclose(np.delete(places, block[-1]), np.delete(before, block[-1]), rtol=0, atol=1e-9)
    with pytest.raises(StructureError, match="no Si of the drift block is left in the slab: must hold some; widen"):
        Ruler(Slab(block=(float(before[block[-1]]) - 0.001, float(before[block[-1]]) + 0.001)), first).places(later)


def test_regions() -> None:
    at = Interfaces(left=40.0, right=80.0)
    places = np.array([7.9, 8.0, 17.9, 18.0, 37.4, 37.5, 43.0, 65.0, 75.0, np.nan])
    assert np.flatnonzero(profile.inside(places, ("bottom+8", "bottom+18"), at)).tolist() == [1, 2]
    assert np.flatnonzero(profile.inside(places, ("left-2.5", "left+3"), at)).tolist() == [5]
    assert np.flatnonzero(profile.inside(places, ("right - 15", "right-5"), at)).tolist() == [7]


def test_bad_slabs_are_refused() -> None:
    solid = slab()
    solid.set_cell([20.0, 20.0, THICKNESS])
    with pytest.raises(StructureError, match=r"widest gap along c = 0.0.* Å: must be a vacuum of at least 5 Å"):
        Ruler(Slab(), solid)
    with pytest.raises(StructureError, match="structure = no Ge: places are measured from the lowest"):
        Ruler(Slab(host="Ge"), slab())
    with pytest.raises(StructureError, match="structure = no Si from 200 to 300 Å above its lowest atom"):
        Ruler(Slab(block=(200.0, 300.0)), slab())
    pure = slab()
    pure.symbols = "Si"
    with pytest.raises(
        StructureError, match="concentration = 0 to 0: must rise through 0.05 and 0.95 from left to right"
    ):
        found([pure], 3.0)
    with pytest.raises(ValueError, match="must be bottom, left, right, plus or minus Å, e.g. left-2.5"):
        profile.parse_place("middle+3")


def test_images_of_one_atom_make_no_cluster() -> None:
    """A column of single atoms has two neighbours beside and two above each, all of them itself."""
    column = Atoms("Si", cell=[3.0, 3.0, 40.0], pbc=True)
    assert profile.evaporated(column).all()
    assert not profile.evaporated(column * (3, 2, 1)).any()
