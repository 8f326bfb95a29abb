"""Reading, checking and writing structures: every format, every refusal, and files broken at random."""

import os
import random
import time

import ase.io
import ase.units
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from damage import damaged
from noted import notes

from hpcpot import data
from hpcpot.errors import OutputError, StructureError
from hpcpot.structure import checks, files, lammps_data
from hpcpot.structure.formats import StructureOptions

ELEMENTS = ("Li", "Si")
NAMES = ("atoms.extxyz", "POSCAR", "atoms.data", "atoms.cif")


@pytest.fixture
def atoms() -> Atoms:
    """8 atoms of two elements in a triclinic cell, with velocities, one atom outside the cell."""
    made = bulk("Si", cubic=True)
    made.set_cell([[5.4, 0, 0], [0.5, 5.3, 0], [-0.4, 0.3, 5.6]], scale_atoms=True)
    made.symbols[[1, 4, 6]] = "Li"
    made.rattle(0.05, seed=1)
    made.set_velocities(np.random.default_rng(1).normal(0, 0.1, (8, 3)))
    return made


def by_element(atoms: Atoms) -> np.ndarray:
    return np.argsort(atoms.numbers, kind="stable")


@pytest.mark.parametrize("name", NAMES)
def test_round_trip(tmp_path, atoms, name):
    files.write(tmp_path / name, atoms)
    back = files.read(tmp_path / name)
    order = by_element(atoms) if name == "POSCAR" else np.arange(8)
    assert list(back.symbols) == list(atoms.symbols[order])
    assert back.pbc.all()
    assert np.allclose(back.cell, atoms.cell, atol=1e-7)
    if name != "atoms.cif":
        assert np.allclose(back.positions, atoms.positions[order], atol=1e-7)
        assert np.allclose(back.get_velocities(), atoms.get_velocities()[order], atol=1e-7)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["POSCAR.1", "CONTCAR_final", "relaxed.POSCAR", "POSCAR-2x2"])
def test_names_with_poscar_in_them(tmp_path, atoms, name):
    files.write(tmp_path / name, atoms)
    assert (tmp_path / name).read_text().split()[:2] == ["Li", "Si"]
    assert list(files.read(tmp_path / name).symbols) == list(atoms.symbols[by_element(atoms)])
    with pytest.raises(OutputError, match="suffix '.gz': must be one of"):
        files.write(tmp_path / "POSCAR.gz", atoms)


@pytest.mark.parametrize(
    ("symbol", "mass", "said"),
    [
        ("Li", 1.0, True),
        ("Li", 100.0, True),
        ("Li", 6.015, False),
        ("H", 2.014, False),
        ("Si", 29.97, False),
        ("H", 3.5, True),
    ],
)
def test_masses_that_are_not_of_the_element(tmp_path, symbol, mass, said):
    header = "Properties=species:S:1:pos:R:3:masses:R:1"
    (tmp_path / "a.xyz").write_text(f"2\n{header}\n{symbol} 0 0 0 {mass}\nSi 3 0 0 28.085\n")
    read, said_of = notes(tmp_path / "a.xyz")
    assert read.get_masses()[0] == mass and len(said_of) == said
    assert all(f"masses of {symbol}, {mass:g} amu = not that of {symbol}, " in note for note in said_of)


def test_xyz_without_cell_is_a_free_cluster(tmp_path):
    (tmp_path / "two.xyz").write_text("2\n\nSi 0 0 0\nLi 0 0 2.5\n")
    read = files.read(tmp_path / "two.xyz")
    assert not read.pbc.any() and not read.cell.any() and not read.has("momenta")


def test_frame_is_chosen(tmp_path, atoms):
    moved = atoms.copy()
    moved.positions += 1
    ase.io.write(tmp_path / "two.extxyz", [atoms, moved])
    assert np.allclose(files.read(tmp_path / "two.extxyz").positions, moved.positions, atol=1e-7)
    assert np.allclose(files.read(tmp_path / "two.extxyz", index=0).positions, atoms.positions, atol=1e-7)
    with pytest.raises(StructureError, match="no frame 7: the file ends before"):
        files.read(tmp_path / "two.extxyz", index=7)


def test_name_of_a_shipped_structure(tmp_path, monkeypatch, atoms):
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    files.write(tmp_path / "demo.extxyz", atoms)
    assert len(files.read("demo")) == 8
    with pytest.raises(StructureError, match=r"demi = no such file: .*\(demo\)"):
        files.read("demi")


LAMMPS = """title

4 atoms
2 atom types

0 10 xlo xhi
0 10 ylo yhi
0 12 zlo zhi
{tilt}

{masses}
Atoms{style}

3 1 1.0 2.0 3.0 0 0 0
1 2 0.5 0.5 0.5 1 0 -1
2 1 4.0 2.0 3.0 0 0 0
4 2 6.0 6.0 6.0 0 0 0

Velocities

1 0.0 0.0 1.0
2 0.0 0.0 2.0
3 0.0 0.0 3.0
4 0.0 0.0 4.0
"""


def lammps(tmp_path, masses="Masses\n\n1 6.94\n2 28.0855\n", style=" # atomic", tilt="1 2 3 xy xz yz", **replaced):
    text = LAMMPS.format(masses=masses, style=style, tilt=tilt)
    for old, new in replaced.values():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "x.data").write_text(text)
    return tmp_path / "x.data"


def test_lammps_data(tmp_path):
    read = files.read(lammps(tmp_path))
    cell = [[10, 0, 0], [1, 10, 0], [2, 3, 12]]
    assert list(read.symbols) == ["Si", "Li", "Li", "Si"]  # by id
    assert np.allclose(read.cell, cell) and read.pbc.all()
    assert np.allclose(read.positions[0], np.array([0.5, 0.5, 0.5]) + cell[0] - np.array(cell[2]))
    assert np.allclose(read.positions[1:], [[4, 2, 3], [1, 2, 3], [6, 6, 6]])
    assert np.allclose(read.get_velocities()[:, 2], np.arange(1, 5) / (1000 * ase.units.fs))  # Å/ps
    assert np.allclose(read.get_masses(), [28.0855, 6.94, 6.94, 28.0855])


@pytest.mark.filterwarnings("ignore::hpcpot.notices.InputNotice")
@pytest.mark.parametrize(
    ("masses", "elements"),
    [
        ("Masses\n\n1 6.94 # Li\n2 28.0855 # Si\n", None),
        ("Masses\n\n1 1.0 # Li\n2 1.0 # Si\n", None),  # reduced masses
        ("Masses\n\n1 6.941\n2 28.09\n", ("Li", "Si")),
        ("Atom Type Labels\n\n1 Li\n2 Si\n", None),
        ("", ("Li", "Si")),
        ("Masses\n\n1 500.0\n2 600.0\n", ("Li", "Si")),
    ],
)
def test_lammps_elements(tmp_path, masses, elements):
    assert list(files.read(lammps(tmp_path, masses), elements).symbols) == ["Si", "Li", "Li", "Si"]


def test_lammps_general_triclinic_and_labels(tmp_path):
    path = lammps(
        tmp_path,
        "Atom Type Labels\n\n1 Li\n2 Si\n",
        tilt="",
        x=("0 10 xlo xhi", "10 0 0 avec"),
        y=("0 10 ylo yhi", "1 9 2 bvec"),
        z=("0 12 zlo zhi", "0 1 8 cvec\n0 0 0 abc origin"),
        label=("2 1 4.0", "2 Li 4.0"),
    )
    read = files.read(path)
    assert np.allclose(read.cell, [[10, 0, 0], [1, 9, 2], [0, 1, 8]])
    assert read.symbols[1] == "Li"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"masses": ""}, "type 1 = no mass, no name: its element must be known"),
        ({"masses": "Masses\n\n1 500\n2 6.9\n"}, "type 1 = mass 500 amu"),
        ({"style": " # ellipsoid"}, "Atoms = style ellipsoid: must be one of atomic, charge"),
        ({"a": ("4 atoms", "5 atoms")}, "Atoms = 4 lines: the header says 5 atoms"),
        ({"a": ("4 atoms\n", "")}, r"no line `\.\.\. atoms` in the header"),
        ({"a": ("0 10 ylo yhi\n", "")}, r"no line `\.\.\. ylo yhi` in the header"),
        ({"a": ("4 2 6.0 6.0 6.0 0 0 0", "4 2 6.0 6.0")}, "lines of 4 to 8 columns"),
        ({"a": ("4 2 6.0", "3 2 6.0")}, "id 3 occurs twice"),
        ({"a": ("4 2 6.0", "4 3 6.0")}, "types 1 to 3: must be 1 to 2"),
        ({"a": ("4 0.0 0.0 4.0", "")}, "Velocities = none of number 4: must be complete"),
        ({"a": ("6.0 6.0 6.0", "6.0 six 6.0")}, "Atoms = six: must be a number"),
    ],
)
def test_lammps_refusals(tmp_path, change, message):
    with pytest.raises(StructureError, match=message):
        files.read(lammps(tmp_path, **change))


def test_lammps_file_is_known_by_its_prefix(tmp_path):
    assert len(files.read(lammps(tmp_path).rename(tmp_path / "data.lisi"))) == 4
    assert len(lammps_data.read(tmp_path / "data.lisi")) == 4


POSCAR = "Li Si\n1.0\n5 0 0\n0 5 0\n0 0 5\nLi Si\n{counts}\nDirect\n0 0 0\n0.5 0 0\n0.5 0.5 0\n"


def test_poscar_of_vasp_4_and_selective_dynamics(tmp_path):
    text = POSCAR.format(counts="1 2").replace("5\nLi Si\n", "5\n").replace("Direct", "Selective\nDirect")
    head, _, rows = text.partition("Direct\n")
    (tmp_path / "POSCAR").write_text(head + "Direct\n" + rows.replace("\n", " T T F\n"))
    assert list(files.read(tmp_path / "POSCAR").symbols) == ["Li", "Si", "Si"]


@pytest.mark.parametrize("flag", ["F", "f", ".FALSE.", ".f.", "false"])
def test_flags_of_selective_dynamics_as_fortran_reads_them(tmp_path, flag):
    head, _, rows = POSCAR.format(counts="1 2").partition("Direct\n")
    rows = rows.replace("\n", " .TRUE. t T Si\n").replace(" .TRUE. t T Si", f" {flag} {flag} {flag}", 1)
    (tmp_path / "POSCAR").write_text(f"{head}Selective dynamics\nDirect\n{rows}")
    (held,) = files.read(tmp_path / "POSCAR").constraints
    assert held.index.tolist() == [0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (POSCAR.format(counts="1 3"), "3 positions: the counts in its header say 4"),
        (POSCAR.format(counts="1 1"), "3 positions: the counts in its header say 2"),
        (POSCAR.format(counts="1 999999999999"), "3 positions: the counts in its header say 1000000000000"),
        (POSCAR.format(counts="1 2") + "Direct\n" + "0 0 0\n" * 3, "velocities in Direct"),
        ("", "POSCAR = no POSCAR, or not a whole one"),
        (
            POSCAR.format(counts="1 2").replace("5\nLi Si", "5\nli si"),
            "symbols li si of 2 counts: must be the symbol of an el",
        ),
        (POSCAR.format(counts="1 2").replace("5\nLi Si", "5\nLi"), "symbols Li of 2 counts"),
        (
            POSCAR.format(counts="1 2").replace("Direct", "Selective\nDirect"),
            "a position 0 0 0: must have three flags, T or F",
        ),
    ],
)
def test_poscar_refusals(tmp_path, text, message):
    (tmp_path / "POSCAR").write_text(text)
    with pytest.raises(StructureError, match=message):
        files.read(tmp_path / "POSCAR")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2\n\nSi 0 0 0\n", "frame 0 = 1 of 2 atoms"),
        ("99999999999999999999\n\nSi 0 0 0\n", "frame 0 = 1 of 99999999999999999999 atoms"),
        ("1\n\nSi 0 0 0\n2\n\nSi 0 0 0\n", "frame 1 = 1 of 2 atoms"),
        ("-5\n\nSi 0 0 0\n", "frame 0 = -5 atoms: a frame must have at least one atom"),
        ("1\n\nSi 0 0 0\n0\n\n", "frame 1 = 0 atoms: a frame must have at least one atom"),
        ("1\n\nQq 0 0 0\n", "species = Qq: must be the symbol of an element"),
        ("1\n\nSi 0 zero 0\n", "x.xyz:0: column pos = zero: must be a number"),
        ('1\nLattice="1 2"\nSi 0 0 0\n', "Lattice = 2 numbers: must be nine"),
        ("", "x.xyz = no frames"),
    ],
)
def test_xyz_refusals(tmp_path, text, message):
    (tmp_path / "x.xyz").write_text(text)
    with pytest.raises(StructureError, match=message):
        files.read(tmp_path / "x.xyz")


def test_a_folder_is_no_structure_file(tmp_path):
    (tmp_path / "x.extxyz").mkdir()
    with pytest.raises(StructureError, match="x.extxyz = a folder: a structure file is required"):
        files.read(tmp_path / "x.extxyz")


def test_unknown_format_and_absent_file(tmp_path):
    (tmp_path / "x.foo").write_bytes(b"\x00\x01\x02 nothing known")
    with pytest.raises(StructureError, match="x.foo = no format by its name and its first bytes"):
        files.read(tmp_path / "x.foo")
    with pytest.raises(StructureError, match="absent.extxyz = no such file"):
        files.read(tmp_path / "absent.extxyz")


@pytest.mark.filterwarnings("ignore")
def test_partial_occupancy_is_refused(tmp_path, atoms):
    files.write(tmp_path / "x.cif", atoms)
    text = (tmp_path / "x.cif").read_text().replace("1.0000\n", "0.5000\n", 1)
    (tmp_path / "x.cif").write_text(text)
    with pytest.raises(StructureError, match="occupancy Si 0.5: must be one atom"):
        files.read(tmp_path / "x.cif")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_truncated_files(tmp_path, atoms, name):
    """A file cut anywhere is refused, or has all atoms; CIF has no count, so it may lose some."""
    files.write(tmp_path / name, atoms)
    text = (tmp_path / name).read_text()
    for end in range(0, len(text), 3):
        (tmp_path / name).write_text(text[:end])
        try:
            read = files.read(tmp_path / name)
        except StructureError:
            continue
        assert name == "atoms.cif" or len(read) == 8
        assert name != "atoms.extxyz" or end > text.rstrip().rfind(" ")  # only digits of the last number are missing


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_damaged_files(tmp_path, atoms, name):
    """Whatever is wrong with a file, reading and checking it gives atoms or a StructureError."""
    files.write(tmp_path / name, atoms)
    content, rng, refused = (tmp_path / name).read_bytes(), random.Random(7), 0
    for _ in range(300):
        (tmp_path / name).write_bytes(damaged(content, rng))
        try:
            checked = checks.check(files.read(tmp_path / name), ELEMENTS)
        except StructureError:
            refused += 1
        else:
            assert len(checked) and np.isfinite(checked.positions).all() and checked.cell.volume > 0
    assert refused > 50


def put(atoms: Atoms, index, value) -> None:
    atoms.positions[index] = value


def test_checked_atoms_are_a_copy(atoms):
    checked = checks.check(atoms, ELEMENTS)
    assert checked is not atoms
    assert np.array_equal(checked.positions, atoms.positions)
    assert np.array_equal(checked.get_velocities(), atoms.get_velocities())


def test_left_handed_cell_is_accepted(atoms):
    atoms.set_cell(atoms.cell.array[[1, 0, 2]])
    assert np.linalg.det(checks.check(atoms, ELEMENTS).cell.array) < 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.__delitem__(slice(None)), "structure = 0 atoms: must have at least one"),
        (lambda a: a.symbols.__setitem__(3, "Na"), "species of atom 3 = Na: the potential knows Li, Si"),
        (lambda a: put(a, (5, 1), np.nan), r"positions of atom 5 \(Si\) = \[.*nan.*\]: must be finite"),
        (lambda a: put(a, slice(4, 6), np.inf), "as those of 2 atoms are not"),
        (lambda a: a.arrays["momenta"].__setitem__((2, 0), np.nan), r"velocities of atom 2 \(Si\)"),
        (lambda a: a.cell.__setitem__((1, 1), np.nan), r"cell = .*nan.*: must be finite"),
        (lambda a: a.set_cell([[5, 0, 0], [0, 5, 0], [0, 0, 0]]), "cell vector c = 0 on a periodic axis"),
        (lambda a: a.set_cell([[5, 0, 0], [0, 5, 0], [5, 5, 0]]), "must have a volume"),
        (lambda a: a.set_cell([[9, 0, 0], [0, 9, 0], [0, 0, 0.3]]), "an atom and its own image = 0.3 Å"),
        (lambda a: a.set_cell([[9, 0, 0], [0, 9, 0], [9.1, 9.2, 0.1]]), "an atom and its own image"),
        (lambda a: put(a, 7, a.positions[2] + 0.2), r"distance of atoms 2 \(Si\) and 7 \(Si\) = 0.346 Å"),
        (lambda a: put(a, 7, a.positions[2] + [-1, 3, 0] @ a.cell + 0.2), "atoms 2 .* and 7 .* = 0.346 Å"),
        (lambda a: put(a, slice(None), 0), "= 0 Å: must be at least 0.5 Å"),
    ],
)
def test_check_refuses(atoms, change, message):
    change(atoms)
    with pytest.raises(StructureError, match=message):
        checks.check(atoms, ELEMENTS)


def test_overlap_through_a_corner_of_a_skewed_cell():
    cell = np.array([[6.0, 0, 0], [5.5, 1.5, 0], [-5.2, 1.1, 2.4]])
    pair = Atoms("LiSi", [[0, 0, 0], [0.99, 0.99, 0.99] @ cell], cell=cell, pbc=True)
    distance = np.linalg.norm([0.01, 0.01, 0.01] @ cell)
    with pytest.raises(StructureError, match=f"atoms 0 .* and 1 .* = {distance:.3g} Å"):
        checks.check(pair, ELEMENTS)
    pair.pbc = False
    checks.check(pair, ELEMENTS)


def test_small_cells_pass():
    checks.check(bulk("Si"), ELEMENTS)
    checks.check(Atoms("Li", cell=[2.4, 2.4, 2.4], pbc=True), ELEMENTS)


@pytest.mark.parametrize("cell", [None, [0, 0, 0], [4, 0, 0], [[4, 1, 0], [0, 5, 0], [0, 0, 0]]])
def test_missing_vectors_are_made_up(cell):
    given = Atoms("Li2Si", [[0, 0, -3], [1, 2, 5], [2, 2, 2]], cell=cell, pbc=False)
    checked = checks.check(given, ELEMENTS)
    assert np.array_equal(checked.positions, given.positions)
    vectors = checked.cell.array
    assert np.linalg.det(vectors) > 0
    for axis in range(3):
        if given.cell[axis].any():
            assert np.array_equal(vectors[axis], given.cell[axis])
        else:
            length = np.linalg.norm(vectors[axis])
            others = np.delete(vectors, axis, axis=0)
            assert np.allclose(others @ vectors[axis], 0, atol=1e-12)
            assert length >= np.ptp(given.positions @ vectors[axis] / length)


def test_check_is_fast():
    """A million atoms in 2 s on an idle core; twice that here, as tests share their machine."""
    big = bulk("Si", cubic=True).repeat(50)
    big.set_cell(big.cell.array @ np.array([[1, 0, 0], [0.3, 1, 0], [0.2, 0.1, 1]]), scale_atoms=True)
    big.positions += np.random.default_rng(1).normal(0, 0.1, big.positions.shape)
    times = []
    for _ in range(3):
        began = time.process_time()
        checks.check(big, ELEMENTS)
        times.append(time.process_time() - began)
    assert min(times) < 4


def test_write_refuses(tmp_path, atoms):
    files.write(tmp_path / "x.extxyz", atoms)
    with pytest.raises(OutputError, match="x.extxyz = exists: .*--overwrite"):
        files.write(tmp_path / "x.extxyz", atoms)
    files.write(tmp_path / "x.extxyz", atoms[:4], overwrite=True)
    assert len(files.read(tmp_path / "x.extxyz")) == 4
    with pytest.raises(OutputError, match=r"suffix '.foo': must be one of .extxyz"):
        files.write(tmp_path / "x.foo", atoms)
    with pytest.raises(OutputError, match="not writable: its folder must exist"):
        files.write(tmp_path / "absent" / "x.extxyz", atoms)


def test_unwritable_folder(tmp_path, atoms, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(OutputError, match="not writable"):
        files.write(tmp_path / "x.extxyz", atoms)


def test_failed_write_leaves_the_old_file(tmp_path, atoms, monkeypatch):
    files.write(tmp_path / "x.extxyz", atoms)

    def full(path, *arguments, **options):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ase.io, "write", full)
    with pytest.raises(OutputError, match=r"x.extxyz = cannot be written \(No space left.*the disk is full"):
        files.write(tmp_path / "x.extxyz", atoms[:4], overwrite=True)
    monkeypatch.undo()
    assert len(files.read(tmp_path / "x.extxyz")) == 8
    assert [path.name for path in tmp_path.iterdir()] == ["x.extxyz"]


@pytest.mark.parametrize("write", [files.write, lambda path, atoms: files.write_frames(path, [atoms[:4], atoms])])
def test_what_a_format_cannot_hold_leaves_no_file(tmp_path, atoms, write):
    atoms.set_array("phase", np.full(8, 1j))
    with pytest.raises(OutputError, match=r"x.extxyz = not written \(KeyError: .*must be able to hold the structure"):
        write(tmp_path / "x.extxyz", atoms)
    assert not list(tmp_path.iterdir())


def poscar(title: str, positions: str) -> str:
    return f"{title}\n1.0\n6 0 0\n0 6 0\n0 0 6\n1 2\nDirect\n{positions}"


def test_poscar_of_vasp_4_takes_its_symbols_from_the_config_or_the_title(tmp_path):
    path = tmp_path / "POSCAR"
    path.write_text(poscar("my interface", "0 0 0\n0.5d0 0 0\n0 5.0D-01 0\n"))
    (tmp_path / "OUTCAR").write_text("VRHFIN =Ge:\nVRHFIN =C:\n")  # of another calculation
    with pytest.raises(StructureError, match=r"2 kinds of atoms without symbols: .* structure\.elements: \[Li, Si\]"):
        files.read(path)
    read = files.read(path, ("Li", "Si"))
    assert list(read.symbols) == ["Li", "Si", "Si"]
    assert read.positions.tolist() == [[0, 0, 0], [3, 0, 0], [0, 3, 0]]
    path.write_text(poscar("Si Ge slab", "0 0 0\n0.5 0 0\n0 0.5 0\n"))
    assert list(files.read(path).symbols) == ["Si", "Ge", "Ge"]


@pytest.mark.parametrize("unknown", ["?", "."])
def test_occupancy_that_cif_does_not_tell_is_one(tmp_path, atoms, unknown):
    files.write(tmp_path / "a.cif", atoms)
    text = (tmp_path / "a.cif").read_text()
    (tmp_path / "b.cif").write_text(text.replace("1.0000", unknown, 1))
    read, said = notes(tmp_path / "b.cif")
    assert list(read.symbols) == list(atoms.symbols)
    assert said == [f"{tmp_path}/b.cif: _atom_site_occupancy = not told for sites: read as 1, the default of CIF"]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_config_tells_is_compared_or_noted(tmp_path, atoms, name):
    """Elements that a file names may not be others, and units of a file that has its own are not taken in silence."""
    files.write(tmp_path / name, atoms)
    with pytest.raises(StructureError, match="structure.elements"):
        files.read(tmp_path / name, ("C", "O"))
    with pytest.raises(StructureError, match="atoms of Si: structure.elements names Li only"):
        files.read(tmp_path / name, ("Li",))
    (read,) = files.frames(tmp_path / name, options=StructureOptions(("C", "O")))
    assert isinstance(read.structure, StructureError)
    said = notes(tmp_path / name, units="metal")[1]
    assert any("structure.units = not used" in note for note in said) == (name in ("POSCAR", "atoms.cif"))


def test_files_that_ase_never_comes_back_from(tmp_path):
    """A restart file of LAMMPS has the suffix by which ASE knows those of CP2K."""
    (tmp_path / "run.restart").write_text("LammpS RestartT\n")
    with pytest.raises(StructureError, match="no format by its name and its first bytes"):
        files.read(tmp_path / "run.restart")
    with pytest.raises(StructureError, match="structure.format = cp2k-restart: must be one of"):
        files.read(tmp_path / "run.restart", format="cp2k-restart")
