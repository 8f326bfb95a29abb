"""LAMMPS dumps: columns, boxes, units, several frames, types and elements, damage."""

import gzip
import random
import re

import ase.units
import numpy as np
import pytest
from damage import damaged
from noted import notes

from hpcpot.errors import StructureError
from hpcpot.farm import structures
from hpcpot.structure import files, lammps_dump

FRAME = """ITEM: TIMESTEP
{step}
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS {box}
ITEM: ATOMS {columns}
{atoms}
"""
CUBE = "pp pp pp\n0.0 6.0\n0.0 6.0\n0.0 6.0"


def frame(columns="id type x y z", atoms="4 3 0 3 3\n3 1 3 0 3", box=CUBE, step=0):
    return FRAME.format(columns=columns, atoms=atoms, box=box, step=step)


def dump(tmp_path, text, name="a.lammpstrj"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_elements_map_types(tmp_path):
    atoms, said = notes(dump(tmp_path, frame()), ("C", "O", "Si"))
    assert list(atoms.symbols) == ["C", "Si"] and not said  # by id
    assert atoms.positions.tolist() == [[3, 0, 3], [0, 3, 3]]
    assert atoms.cell.tolist() == [[6, 0, 0], [0, 6, 0], [0, 0, 6]] and atoms.pbc.all()


@pytest.mark.parametrize(
    ("columns", "rows", "elements", "message"),
    [
        ("id type x y z", "1 3 0 0 0\n2 3 3 0 0", None, "frame 0: type 3 = no mass, no name: its element must be"),
        ("id type x y z", "1 3 0 0 0\n2 1 3 0 0", ("Li", "Si"), "type 3 = .*structure.elements of 2"),
        ("id type element x y z", "1 1 Li 0 0 0\n2 2 Si 3 0 0", ("Si", "Li"), "type 1 = Li by its name in the file"),
        ("id type mass x y z", "1 1 28.085 0 0 0\n2 1 28.085 3 0 0", ("Li",), "mass 28.085 amu, that of Si"),
        ("id type mass x y z", "1 1 0 0 0 0\n2 1 0 3 0 0", ("Li",), "mass 0 amu: must be above 0"),
        (
            "id x y z",
            "1 0 0 0\n2 3 0 0",
            None,
            "frame 0: ITEM: ATOMS id x y z = no elements of the atoms: must have element",
        ),
        (
            "id element x y z",
            "1 Qq 0 0 0\n2 Si 3 0 0",
            None,
            "frame 0: an atom = no mass, name Qq: its element must be known",
        ),
        ("id type x y z", "1 0 0 0 0\n2 1 3 0 0", ("Li",), "type 0: must be 1 or above"),
    ],
)
def test_types_without_an_element(tmp_path, columns, rows, elements, message):
    with pytest.raises(StructureError, match=message):
        files.read(dump(tmp_path, frame(columns, rows)), elements)


@pytest.mark.parametrize(
    ("columns", "rows", "elements"),
    [
        ("id element x y z", "1 Li 0 0 0\n2 Si 3 0 0", None),
        ("id type element x y z", "1 2 Li 0 0 0\n2 1 Si 3 0 0", None),
        ("id type x y z", "1 Li 0 0 0\n2 Si 3 0 0", None),  # dump_modify types labels
        ("id typelabel x y z", "1 Li 0 0 0\n2 Si 3 0 0", None),
        ("id type typelabel element x y z", "1 1 Li C 0 0 0\n2 2 Si C 3 0 0", None),
        ("id mass x y z", "1 6.94 0 0 0\n2 28.085 3 0 0", None),
        ("type x y z id", "2 3 0 0 2\n1 0 0 0 1", ("Li", "Si")),
        ("type x y z", "1 0 0 0\n2 3 0 0", ("Li", "Si")),
    ],
)
def test_elements_of_a_dump(tmp_path, columns, rows, elements):
    atoms = files.read(dump(tmp_path, frame(columns, rows)), elements)
    assert list(atoms.symbols) == ["Li", "Si"]
    assert atoms.positions.tolist() == [[0, 0, 0], [3, 0, 0]]


def test_a_column_element_that_lammps_left_at_carbon(tmp_path):
    path = dump(tmp_path, frame("id type element x y z", "1 1 C 0 0 0\n2 2 C 3 0 0"))
    atoms, said = notes(path, ("Li", "Si"))
    assert list(atoms.symbols) == ["Li", "Si"] and "column element = not used: C for all atoms" in said[0]
    with pytest.raises(StructureError, match="type 1 = no mass, no name"):
        files.read(path)
    atoms, said = notes(dump(tmp_path, frame("id type element x y z", "1 1 C 0 0 0\n2 1 C 3 0 0")))
    assert list(atoms.symbols) == ["C"] * 2 and "read as carbon, but C for all atoms, which LAMMPS writes" in said[0]
    path = dump(tmp_path, frame("id type element mass x y z", "1 1 C 28.085 0 0 0\n2 1 C 28.085 3 0 0"))
    assert list(files.read(path).symbols) == ["Si", "Si"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_of_unicode(tmp_path, encoding):
    """As editors and shells of Windows write them."""
    for name in ("a.lammpstrj", "a.dump"):
        (tmp_path / name).write_bytes(frame().replace("\n", "\r\n").encode(encoding))
        assert list(files.read(tmp_path / name, ("C", "O", "Si")).symbols) == ["C", "Si"]


TILTED = "xy xz yz pp pp pp\n-1.0 13.5 1.5\n2.0 12.5 -1.0\n0.0 8.0 0.5"
"""lx 11 = 13.5 - 1.5 - (-1 + 1): xlo -1 - min(0, 1.5, -1, 0.5) = 0, xhi 13.5 - 1.5 = 12; ylo 2, yhi 12.5 - 0.5 = 12."""


@pytest.mark.parametrize(
    ("columns", "row", "position"),
    [
        ("x y z", "1 2 3", [1, 2, 3]),
        ("xu yu zu", "-20 2 3", [-20, 2, 3]),
        ("x y z ix iy iz", "1 2 3 1 0 -1", [1 + 12 + 1, 2 - 0.5, 3 - 8]),
        ("xs ys zs", "0.5 0.25 0.5", [0 + 6 + 0.375 - 0.5, 2 + 2.5 + 0.25, 4]),
        ("xsu ysu zsu", "1.5 0.25 0.5", [0 + 18 + 0.375 - 0.5, 2 + 2.5 + 0.25, 4]),
        ("xs ys zs ix iy iz", "0.5 0.25 0.5 0 1 0", [5.875 + 1.5, 4.75 + 10, 4]),
        ("x y z xu yu zu", "1 2 3 13 2 3", [13, 2, 3]),
    ],
)
def test_positions_in_a_tilted_box(tmp_path, columns, row, position):
    atoms = files.read(dump(tmp_path, frame(f"type {columns}", f"1 {row}\n1 {row}", TILTED)), ("Li",))
    assert atoms.cell.tolist() == [[12, 0, 0], [1.5, 10, 0], [-1, 0.5, 8]]
    assert np.allclose(atoms.positions[0], position, rtol=0, atol=1e-12)


def test_general_box(tmp_path):
    box = "abc origin pp pp ff\n6 1 0 1\n0 7 0 2\n0 0.5 8 3"
    atoms = files.read(dump(tmp_path, frame("type xs ys zs", "1 0.5 0 0\n1 0 0 0.5", box)), ("Li",))
    assert atoms.cell.tolist() == [[6, 1, 0], [0, 7, 0], [0, 0.5, 8]] and atoms.pbc.tolist() == [True, True, False]
    assert atoms.positions.tolist() == [[4, 2.5, 3], [1, 2.25, 7]]


def test_boundaries(tmp_path):
    atoms = files.read(dump(tmp_path, frame(box="pp fs ms\n-1 5\n0 6\n0 6")), ("C", "O", "Si"))
    assert atoms.pbc.tolist() == [True, False, False]
    atoms, said = notes(dump(tmp_path, frame(box="\n0 6\n0 6\n0 6")), ("C", "O", "Si"))
    assert atoms.pbc.all() and "no boundary flags" in said[0]


def test_velocities_masses_and_what_is_not_used(tmp_path):
    rows = "1 1 0 0 0 1 2 3 0.5 0 0 0 6.015\n2 1 3 0 0 4 5 6 -0.5 0 0 0 6.015"
    path = dump(tmp_path, frame("id type x y z vx vy vz q fx fy fz mass", rows))
    atoms, said = notes(path, ("Li",), units="metal")
    assert np.allclose(atoms.get_velocities() * 1000 * ase.units.fs, [[1, 2, 3], [4, 5, 6]], rtol=1e-12)
    assert atoms.get_masses().tolist() == [6.015] * 2
    assert len(said) == 1 and "columns q, fx, fy, fz = not used" in said[0]
    assert (
        "columns vx = not used" in notes(dump(tmp_path, frame("type x y z vx", "1 0 0 0 1\n1 3 0 0 1")), ("Li",))[1][0]
    )


def test_stated_units_hold_for_all_frames(tmp_path):
    rows = "1 1 0 0 0 1 0 0\n2 1 3 0 0 0 0 0"
    one = frame("id type x y z vx vy vz", rows)
    path = dump(tmp_path, "ITEM: UNITS\nreal\nITEM: TIME\n0.0\n" + one + "ITEM: TIME\n1.0\n" + one)
    atoms, said = notes(path, ("Li",))
    assert atoms.get_velocities()[0, 0] * ase.units.fs == pytest.approx(1.0, rel=1e-12)
    assert len(said) == 1 and "units real" in said[0]
    with pytest.raises(StructureError, match="units real, as it states: structure.units is metal"):
        files.read(path, ("Li",), units="metal")
    with pytest.raises(StructureError, match="units lj: must be one of"):
        files.read(dump(tmp_path, "ITEM: UNITS\nlj\n" + one), ("Li",))


def test_frames(tmp_path):
    text = "".join(frame("id element x y z", f"1 Li {k} 0 0\n2 Si 3 3 0", step=k) for k in range(3))
    path = dump(tmp_path, text)
    assert [files.read(path, index=k).positions[0, 0] for k in (0, 2, -1, -3)] == [0, 2, 2, 0]
    for index in (3, -4):
        with pytest.raises(StructureError, match=f"no frame {index}"):
            files.read(path, index=index)
    packed = tmp_path / "b.lammpstrj.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert files.read(packed, index=1).positions[0, 0] == 1
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(StructureError, match="cannot be read as LAMMPS file"):
        files.read(packed)
    assert len(files.read(dump(tmp_path, text, "no_suffix"))) == 2  # known by its content


def test_damaged_frames_are_failed_rows(tmp_path):
    good = frame("id element x y z", "1 Li 0 0 0\n2 Si 3 3 0")
    path = dump(tmp_path, good + good.replace("Si 3", "Si three") + good + good[:-20])
    items = structures.items([path], "all")
    assert [item.label for item in items] == [f"a.lammpstrj:{k}" for k in range(4)]
    assert [isinstance(item.input, StructureError) for item in items] == [False, True, False, True]
    assert "columns x y z = three: must be a number" in str(items[1].input)
    dump(tmp_path, frame())
    assert "its element must be known" in str(structures.items([path], "last")[0].input)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ATOMS\n2", "ATOMS\n4294967297", "frame 0 = 2 lines of atoms: its number of atoms is 4294967297"),
        ("ATOMS\n2", "ATOMS\n99999999999999999999", "NUMBER OF ATOMS = 99999999999999999999: must be a whole"),
        ("ATOMS\n2", "ATOMS\n-1", "NUMBER OF ATOMS = -1: must be a whole"),
        ("ITEM: NUMBER OF ATOMS\n2\n", "", "NUMBER OF ATOMS = missing"),
        ("0.0 6.0\n0.0 6.0\n", "0.0 6.0\n", "BOX BOUNDS = 2 lines: must be 3 of 2 numbers"),
        ("0.0 6.0\n0.0", "0.0 nan\n0.0", "BOX BOUNDS = nan: must be a finite number"),
        ("0.0 6.0\n0.0", "6.0 0.0\n0.0", "box = xhi - xlo = -6: must be above 0"),
        ("pp pp pp", "pp pp xx", "boundaries = pp pp xx"),
        ("id type x y z", "id type x y", "a line of 5 words.*: must have the 4 columns"),
        ("id type x y z", "id type x y y", "a column twice"),
        ("id type x y z", "id type x y fz", "no positions"),
        ("4 3 0 3 3", "3 3 0 3 3", "id 3 occurs twice"),
        ("4 3 0 3 3", "4 3 0 3 1e308", "columns x y z = 1e308: must be a finite number"),
        ("4 3 0 3 3", "4.5 3 0 3 3", "columns id = 4.5: must be a whole number"),
        ("ITEM: ATOMS", "ITEM: ENTRIES", "no ITEM: ATOMS"),
        ("ITEM: TIMESTEP", "ITEM: TIMESTEP\nITEM:", "must be|is the file whole"),
    ],
)
def test_refusals(tmp_path, old, new, message):
    assert old in frame()
    try:
        files.read(dump(tmp_path, frame().replace(old, new, 1)), ("C", "O", "Si"))
    except StructureError as error:
        assert re.search(message, str(error)), error
    else:
        assert old == "ITEM: TIMESTEP"  # the step is not needed


@pytest.mark.parametrize("name", ["a.lammpstrj", "A.LAMMPSTRJ", "a.lammpstrj.gz"])
def test_another_file_of_the_suffix(tmp_path, name):
    (tmp_path / name).write_text("nothing of LAMMPS\n")
    with pytest.raises(StructureError, match="= no LAMMPS dump .* by its first bytes: must begin with ITEM: TIMESTEP"):
        files.read(tmp_path / name)


@pytest.mark.filterwarnings("ignore::hpcpot.notices.InputNotice")
def test_dumps_broken_at_random(tmp_path):
    """Whatever is wrong, there are atoms or a StructureError of ours."""
    content = (frame("id element x y z vx vy vz", "1 Li 0 0 0 1 1 1\n2 Si 3 3 0 2 2 2", TILTED) * 2).encode()
    rng, refused = random.Random(3), 0
    path = tmp_path / "a.dump"
    for _ in range(400):
        path.write_bytes(damaged(content, rng))
        for read in lammps_dump.frames(path) if lammps_dump.is_dump(path) else ():
            refused += isinstance(read, StructureError)
            assert isinstance(read, StructureError) or np.isfinite(read.positions).all()
    assert refused > 100
