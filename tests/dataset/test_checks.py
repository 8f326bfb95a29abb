"""Each check finds what it is for, names the frames, and is silent on sound data."""

from dataclasses import replace

import labelled
import numpy as np
import pytest

from hpcpot.dataset import checks, measures
from hpcpot.dataset.checks import Bounds, check
from hpcpot.dataset.dataset import from_frames, join

WIDE = Bounds(force=1e3, stress=1e3)


@pytest.fixture(scope="module")
def sound():
    return labelled.dataset(20)


def found(data, bounds: Bounds = WIDE) -> dict[str, list[int]]:
    return {one.name: one.rows.tolist() for one in check(data, bounds)}


def changed(data, name: str, row: int, value) -> object:
    values = getattr(data, name).copy()
    values[row] = value
    return replace(data, **{name: values})


def test_sound_data_raise_no_doubt(sound) -> None:
    assert found(sound) == {}


def test_errors_are_doubts() -> None:
    assert set(checks.ERRORS) < checks.DOUBTS.keys()


def test_missing_labels(sound) -> None:
    bare = from_frames([sound.frame(0).copy()], sound.elements)
    findings = {one.name: one for one in check(join([sound, bare]), WIDE)}
    assert findings["missing labels"].rows.tolist() == [20] and findings["missing labels"].is_error
    assert found(changed(sound, "energies", 3, np.nan)) == {"missing energies": [3]}
    assert found(changed(sound, "virials", 4, np.nan)) == {"missing virials": [4]}
    assert found(replace(sound, virials=np.full_like(sound.virials, np.nan))) == {}
    assert found(changed(sound, "forces", slice(*sound.first[2:4]), np.nan)) == {"missing forces": [2]}


def test_duplicates(sound) -> None:
    twice = join([sound, sound.select([4])])
    assert found(twice) == {"duplicates": [20]}
    other = join([sound, changed(sound, "energies", 4, sound.energies[4] + 0.1).select([4])])
    assert found(other) == {"contradictory duplicates": [20]}
    assert next(one for one in check(other, WIDE)).is_error


def test_large_zero_and_unbalanced_forces(sound) -> None:
    atom = int(sound.first[5])
    assert found(changed(sound, "forces", atom, [90.0, 0, 0]), Bounds(force=80, stress=1e3))["large forces"] == [5]
    assert found(changed(sound, "forces", atom, sound.forces[atom] + [1.0, 0, 0])) == {"net force": [5]}
    assert found(changed(sound, "forces", slice(sound.first[5], sound.first[6]), 0.0)) == {"zero forces": [5]}


def test_virials(sound) -> None:
    skew = sound.virials[2] + np.abs(sound.virials[2]).max() * np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]])
    assert found(changed(sound, "virials", 2, skew)) == {"skew virials": [2]}
    assert found(changed(sound, "virials", 2, 1602.0 * np.eye(3)), Bounds(1e3, 1.0, 1.0)).keys() >= {"large stresses"}


def test_short_distances(sound) -> None:
    positions = sound.positions.copy()
    a = int(sound.first[7])
    positions[a + 1] = positions[a] + [0.6, 0, 0]
    assert found(replace(sound, positions=positions))["short distances"] == [7]


def test_the_shortest_distance_is_that_of_images_too() -> None:
    from ase import Atoms

    data = from_frames(
        [Atoms("Si", [[0, 0, 0]], cell=[2.2, 9, 9], pbc=True), Atoms("Si", [[0, 0, 0]], cell=[9, 9, 9], pbc=True)]
    )
    assert measures.shortest_distances(data).tolist() == [pytest.approx(2.2), np.inf]


def test_fractional_positions(sound) -> None:
    fractions = np.linalg.solve(sound.cells[0].T, sound.positions[:8].T).T % 1.0
    positions = sound.positions.copy()
    positions[:8] = fractions
    findings = found(replace(sound, positions=positions))
    assert findings["fractional positions"] == [0] and findings["short distances"] == [0]


def test_energy_outliers(sound) -> None:
    energies = sound.energies.copy()
    energies[6] += 2.0 * sound.sizes[6]
    assert found(replace(sound, energies=energies))["energy outliers"] == [6]


def test_a_group_in_hartree(sound) -> None:
    data = join(
        [
            sound,
            replace(sound.select(range(0, 20, 5)), groups=np.full(4, "hartree"), energies=sound.energies[::5] / 27.2),
        ]
    )
    positions = data.positions.copy()
    positions[int(data.first[20]) :] += 0.01
    findings = {one.name: one for one in check(replace(data, positions=positions), WIDE)}
    assert findings["mixed energies"].rows.tolist() == [20, 21, 22, 23] and findings["mixed energies"].is_error


def test_a_rare_element(sound) -> None:
    germanium = from_frames([sound.frame(1)], (*sound.elements, "Ge"))
    odd = replace(germanium, species=np.where(germanium.species == 1, 2, germanium.species).astype(np.int32))
    assert found(join([sound, odd]))["rare element"] == [20]


def test_a_group_of_single_atoms_is_doubted_only(sound) -> None:
    gas = replace(sound.select([0, 2]), groups=np.full(2, "gas"), energies=sound.energies[[0, 2]] + 3.0 * 8)
    positions = np.concatenate([sound.positions, gas.positions + 0.01])
    findings = {one.name: one for one in check(replace(join([sound, gas]), positions=positions), WIDE)}
    assert findings["mixed references"].rows.tolist() == [20, 21] and not findings["mixed references"].is_error
