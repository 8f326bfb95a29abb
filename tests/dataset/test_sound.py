"""No data set can be made that a kernel cannot compute, whatever it is made of."""

from dataclasses import replace

import labelled
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from hpcpot.dataset.dataset import Labelled, build, from_frames
from hpcpot.errors import DataError, StructureError
from hpcpot.neighbors import pairs


@pytest.fixture(scope="module")
def data():
    """Frames of 8, 16 and 8 atoms; the last is not periodic."""
    return labelled.structures(3)


def changed(values: np.ndarray, row, value) -> np.ndarray:
    values = values.copy()
    values[row] = value
    return values


POSITION = r"position of atom 1 of frame 1 \(made:1\) = \[.*\]: must be numbers below 1e\+10 Å; leave the frame out or"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308, -1e10])
def test_positions(data, value) -> None:
    with pytest.raises(DataError, match=POSITION):
        replace(data, positions=changed(data.positions, (9, 2), value))


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (np.full((3, 3), np.nan), r"must be numbers below 1e\+10 Å"),
        (1e11 * np.eye(3), r"must be numbers below 1e\+10 Å"),
        (np.zeros((3, 3)), "must have a volume"),
        (np.diag([1e9, 1e9, 0.0]), "must have a volume"),
        (np.array([[4.0, 0, 0], [0, 4, 0], [4, 4, 0]]), "must have a volume"),
        (np.diag([9.0, 9.0, 0.1]), "must be 0.2 Å thick or more along periodic axes"),
        (np.diag([1.0, 1.0, 1.0]), "must have 0.1 Å³ to an atom or more, and has 16"),
    ],
)
def test_cells(data, cell, words) -> None:
    with pytest.raises(DataError, match=rf"cell of frame 1 \(made:1\) = .*: {words}; leave the frame out"):
        replace(data, cells=changed(data.cells, 1, cell))


def test_a_small_cell_of_a_free_molecule_is_none_of_ours(data) -> None:
    assert len(replace(data, cells=changed(data.cells, 2, 0.15 * np.eye(3)))) == 3


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e308])
@pytest.mark.parametrize(
    ("field", "row", "name"),
    [("energies", 1, "energy"), ("forces", (8, 0), "force on atom 0"), ("virials", (1, 2, 2), "virial")],
)
def test_labels(data, field, row, name, value) -> None:
    with pytest.raises(DataError, match=rf"{name} of frame 1 \(made:1\) = .*: must be numbers below 1e\+15, or NaN"):
        replace(data, **{field: changed(getattr(data, field), row, value)})


@pytest.mark.parametrize(
    ("field", "row", "words"),
    [
        ("forces", (9, 1), r"force on atom 1 of frame 1 \(made:1\) = \[0.5, nan, 0.5\]"),
        ("forces", 23, r"force on atom 15 of frame 1 \(made:1\) = \[nan, nan, nan\]"),
        ("virials", (1, 2, 2), r"virial of frame 1 \(made:1\) = \[\[0.5, 0.5, 0.5\], .* nan\]\]"),
    ],
)
def test_labels_that_lack_in_part(data, field, row, words) -> None:
    whole = np.full_like(getattr(data, field), 0.5)
    with pytest.raises(DataError, match=f"{words}: must be numbers throughout, or NaN throughout where there is none"):
        replace(data, **{field: changed(whole, row, np.nan)})
    first = data.first[1:3] if field == "forces" else (1, 2)
    assert np.isnan(getattr(replace(data, **{field: changed(whole, slice(*first), np.nan)}), field)).any()


@pytest.mark.parametrize("symbol", ["li", "Type_0", "EP0", "X", "", "../../x", "Li"])
def test_elements(data, symbol) -> None:
    with pytest.raises(DataError, match="elements = Li .*: must be symbols of elements, each once.*--elements Li,Si"):
        replace(data, elements=("Li", symbol))


@pytest.mark.parametrize("value", [-1, 2, 2**31 - 1])
def test_species(data, value) -> None:
    with pytest.raises(DataError, match=rf"species of atom 1 of frame 1 \(made:1\) = {value}: must be 0 to 1"):
        replace(data, species=changed(data.species, 9, value))


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ([0, 8, 8, 32], r"frame 1 \(made:1\) = 0 atoms: must be one or more"),
        ([0, 8, 24], "species = int32 of shape"),
        ([0, 8, 24, 31], "species = int32 of shape"),
        ([0, 24, 8, 32], "first = .*: must begin with 0 and ascend"),
        ([1, 8, 24, 32], "first = .*: must begin with 0 and ascend"),
        ([], "first = no list of integers"),
        ([0.0, 8.0], "first = no list of integers"),
    ],
)
def test_frames(data, first, words) -> None:
    with pytest.raises(DataError, match=words):
        replace(data, first=np.array(first, np.int64 if first and isinstance(first[0], int) else float))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("groups", np.array([1, 2, 3]), "groups = int64 of shape .3,.: must be an array of str of shape .3,."),
        ("sources", ["a", "b", "c"], "sources = a list: must be an array of str"),
        ("positions", np.zeros((32, 3), np.float32), "positions = float32 of shape"),
        ("periodic", np.ones((3, 3), int), "periodic = int64 of shape"),
        (
            "virials",
            np.zeros((3, 9)),
            "virials = float64 of shape .3, 9.: must be an array of float64 of shape .3, 3, 3.",
        ),
    ],
)
def test_types_and_shapes(data, field, value, words) -> None:
    with pytest.raises(DataError, match=words):
        replace(data, **{field: value})


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ({"energy": "low"}, "frames:0 = energy of type <U3: must be numbers"),
        ({"energy": np.zeros(2)}, r"frames:0 = energy of shape \(2,\)"),
        ({"energy": np.inf}, r"energy of frame 0 \(frames:0\) = inf"),
        ({"stress": np.zeros(5)}, r"stress of frames:0 = shape \(5,\): must be six or nine numbers"),
        ({"forces": np.full((2, 3), np.inf)}, r"force on atom 0 of frame 0 \(frames:0\) = \[inf, inf, inf\]"),
    ],
)
def test_labels_of_ase(results, words) -> None:
    atoms = bulk("Si")
    atoms.calc = SinglePointCalculator(atoms)
    atoms.calc.results.update(results)
    with pytest.raises(DataError, match=words):
        from_frames([atoms])


def test_single_structures_of_a_reader() -> None:
    frame = Labelled(["Si"], np.zeros((1, 3)), 3 * np.eye(3), np.ones(3, bool), None, None, np.zeros(6), "g", "a.x:0")
    with pytest.raises(DataError, match=r"a\.x:0 = virial of shape \(6,\) on 1 atoms: must be \(3, 3\)"):
        build([frame])
    with pytest.raises(DataError, match=r"a\.x:0 = elements Qq: must be symbols of elements"):
        build([replace(frame, virial=None, symbols=["Qq"])], ["Qq"])
    with pytest.raises(DataError, match="elements = Si Qq: must be symbols of elements"):
        build([replace(frame, virial=None)], ["Si", "Qq"])


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e308])
def test_pairs_of_atoms_that_are_nowhere(value) -> None:
    positions = np.zeros((4, 3))
    positions[2, 1], positions[3, 1] = value, -value
    with pytest.raises(StructureError, match=r"position of atom \d = .*: must be finite"):
        pairs.build(positions, 4, 3.0)


def test_no_frames_are_a_data_set_too(data) -> None:
    assert len(data.select([])) == 0


@pytest.mark.parametrize("text", ["a\nb", "a\0b", "\x7f", "\x1b[31m", "\tb"])
@pytest.mark.parametrize("field", ["groups", "sources"])
def test_texts_that_are_not_printable(data, field, text) -> None:
    texts = np.array(["a", text, "longer than the others"])
    with pytest.raises(DataError, match=f"{field[:-1]} of frame 1 = .*: must be printable text; .*--group NAME"):
        replace(data, **{field: texts})
    assert len(replace(data, **{field: np.array(["a", "Größe, 20 %", "b"])})) == 3
