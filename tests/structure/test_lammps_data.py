"""LAMMPS data files: atom styles, masses and labels, unit styles, what is not used and what is refused."""

import bz2
import gzip

import ase.units
import numpy as np
import pytest
from noted import notes

from hpcpot.errors import StructureError
from hpcpot.structure import files, lammps_data

TEXT = """{title}

2 atoms
2 atom types

0 6 xlo xhi
0 6 ylo yhi
0 6 zlo zhi

{masses}
Atoms{style}

{atoms}
{rest}"""
ATOMIC = "2 2 3.0 3.0 0.0\n1 1 0.5 0.0 0.0\n"
MASSES = "Masses\n\n1 6.94\n2 28.085\n"


def data(tmp_path, title="title", masses=MASSES, style="", atoms=ATOMIC, rest=""):
    path = tmp_path / "a.data"
    path.write_text(TEXT.format(title=title, masses=masses, style=style, atoms=atoms, rest=rest))
    return path


@pytest.mark.parametrize(
    ("style", "rows"),
    [
        (" # atomic", ("2 2 3 3 0", "1 1 0.5 0 0")),
        ("", ("2 2 3 3 0", "1 1 0.5 0 0")),
        ("", ("2 2 3 3 0 0 0 0", "1 1 0.5 0 0 0 0 0")),
        (" # id type x y z", ("2 2 3 3 0", "1 1 0.5 0 0")),
        (" # atom-ID atom-type x y z", ("2 2 3 3 0", "1 1 0.5 0 0")),
        (" # id type x y z nx ny nz", ("2 2 3 3 0 0 0 0", "1 1 0.5 0 0 0 0 0")),
        (" # lattice=5.43", ("2 2 3 3 0", "1 1 0.5 0 0")),
        (" # made by a script", ("2 2 3 3 0", "1 1 0.5 0 0")),
        (" # charge", ("2 2 0 3 3 0", "1 1 0 0.5 0 0")),
        ("", ("2 2 0.0 3 3 0", "1 1 0.0 0.5 0 0")),  # a molecule id is whole: charge
        (" # molecular", ("2 1 2 3 3 0", "1 1 1 0.5 0 0")),
        ("", ("2 7 2 3 3 0 0 0 0", "1 7 1 0.5 0 0 0 0 0")),  # no type 7: molecular
        (" # full", ("2 1 2 0 3 3 0 0 0 0", "1 1 1 0 0.5 0 0 0 0 0")),
        ("", ("2 1 2 0 3 3 0", "1 1 1 0 0.5 0 0")),
        (" # id mol type q x y z", ("2 1 2 0 3 3 0", "1 1 1 0 0.5 0 0")),
        (" # id x y z type", ("2 3 3 0 2", "1 0.5 0 0 1")),
    ],
)
def test_atom_styles(tmp_path, style, rows):
    atoms, said = notes(data(tmp_path, style=style, atoms="\n".join(rows) + "\n"))
    assert list(atoms.symbols) == ["Li", "Si"] and not said
    assert atoms.positions.tolist() == [[0.5, 0, 0], [3, 3, 0]]


@pytest.mark.parametrize(
    ("style", "row", "message"),
    [
        ("", "1 1 1 0 0 0", "Atoms = lines of 6 columns that fit charge or molecular.*: must be one of atomic"),
        ("", "1 1 1.0 0.5 0 0 0", "Atoms = lines of 7 columns that fit no known atom style"),
        (" # sphere", "1 1 1.0 0.5 0 0 0", "Atoms = style sphere: must be one of atomic"),
        (" # charge", "1 1 0 0 0", "Atoms = lines of 5 columns: must be id type q x y z, with or without 3 image"),
        ("", "1 1 0 0 0 0.5 0 0", "lines of 8 columns that fit no known atom style"),
        ("", "1 1 0 0 nan", "Atoms = nan: must be a finite number"),
        ("", "1 1 0 0 1e308", "Atoms = 1e308: must be a finite number below 1e"),
        (" # atomic", "1 1 0 0 0 0 0 99999999999", "Atoms = 99999999999: must be a whole number"),
        (" # atomic", "1.5 1 0 0 0", "Atoms = 1.5: must be a whole number"),
        (" # atomic", "1 Li 0 0 0", "type Li: must be a whole number or one of the section Atom Type Labels"),
    ],
)
def test_refused_lines_of_atoms(tmp_path, style, row, message):
    path = data(tmp_path, style=style, atoms=row + "\n" + row.replace("1", "2", 1) + "\n")
    with pytest.raises(StructureError, match=message):
        files.read(path)


LABELS = "Atom Type Labels\n\n1 Li\n2 Si\n\n"


def test_masses_by_label_and_isotopes(tmp_path):
    masses = LABELS + "Masses\n\nLi 6.015\nSi 28.085\n"
    atoms, said = notes(data(tmp_path, masses=masses, style=" # atomic", atoms="1 Li 0.5 0 0\n2 Si 3 3 0\n"))
    assert list(atoms.symbols) == ["Li", "Si"] and atoms.get_masses().tolist() == [6.015, 28.085] and not said


def test_isotope_of_a_given_element(tmp_path):
    atoms, said = notes(data(tmp_path, masses="Masses\n\n1 6.015\n2 28.085\n"), ("Li", "Si"))
    assert list(atoms.symbols) == ["Li", "Si"] and atoms.get_masses()[0] == 6.015 and not said


def test_a_mass_of_no_element_is_said(tmp_path):
    atoms, said = notes(data(tmp_path, masses="Masses\n\n1 500\n2 1.0\n"), ("Li", "Si"))
    assert atoms.get_masses().tolist() == [500.0, 1.0] and list(atoms.symbols) == ["Li", "Si"]
    assert [
        "masses of Li, 500 amu = not that of Li, 6.94 amu" in said[0],
        "masses of Si, 1 amu = not that of Si, 28.085 amu" in said[1],
    ] == [True, True]


@pytest.mark.parametrize(
    ("masses", "elements", "message"),
    [
        ("Masses\n\n1 28.0855\n2 6.941\n", ("Li", "Si"), "mass 28.0855 amu, that of Si: structure.elements says Li"),
        (
            "Masses\n\n1 6.94\n2 26.98\n",
            ("Li", "Si"),
            "type 2 = mass 26.98 amu, that of Al: structure.elements says Si",
        ),
        ("Masses\n\n1 58.933\n2 28.085\n", ("Ni", "Si"), "that of Co: structure.elements says Ni"),
        (MASSES, ("Si", "Li"), "type 1 = mass 6.94 amu, that of Li: structure.elements says Si"),
        (LABELS + "Masses\n\n1 28.085\n2 6.94\n", None, "mass 28.085 amu, that of Si: its name in the file says Li"),
        ("Masses\n\n1 28.085 # Li\n2 6.94 # Si\n", None, "mass 28.085 amu, that of Si: its name in the file says Li"),
        (LABELS, ("Si", "Li"), "type 1 = Li by its name in the file: structure.elements says Si"),
        ("Masses\n\n1 0.0\n2 28.085\n", ("Li", "Si"), "Masses 1 = 0 amu: must be above 0"),
        ("Masses\n\n1 -6.94\n2 28.085\n", None, "Masses 1 = -6.94 amu: must be above 0"),
        ("Masses\n\n1 nan\n2 28.085\n", ("Li", "Si"), "Masses = nan: must be a finite number"),
        ("Masses\n\n1 inf\n2 28.085\n", None, "Masses = inf: must be a finite number"),
        ("Masses\n\n1 6.94\n", ("Li", "Si"), "Masses = none of number 2: must be complete"),
        ("", ("Li",), "type 2 = no mass, no name, structure.elements of 1: its element must be known"),
        ("Masses\n\nLi 6.94\nSi 28.085\n", None, "type Li: must be a whole number or one of the section"),
    ],
)
def test_masses_that_are_refused(tmp_path, masses, elements, message):
    with pytest.raises(StructureError, match=message):
        files.read(data(tmp_path, masses=masses), elements)


VELOCITIES = "\nVelocities\n\n1 0.005 0 0\n2 -0.001 0.002 0\n"


@pytest.mark.parametrize(
    ("title", "given"),
    [
        ("LAMMPS data file via write_data, version 29 Aug 2024, timestep = 1000, units = real", None),
        ("made by hand, Units: REAL", None),
        ("made by hand", "real"),
    ],
)
def test_real_velocities_are_per_fs(tmp_path, title, given):
    atoms, said = notes(data(tmp_path, title=title, rest=VELOCITIES), units=given)
    assert np.allclose(atoms.get_velocities() * ase.units.fs, [[0.005, 0, 0], [-0.001, 0.002, 0]], rtol=1e-12)
    assert [("units real: lengths, velocities" in note) for note in said] == [True] * (given is None)


@pytest.mark.parametrize("line", ["# units real", "# real units", "#units: REAL"])
def test_units_in_a_comment_of_the_header(tmp_path, line):
    path = data(tmp_path, rest=VELOCITIES)
    path.write_text(path.read_text().replace("2 atoms\n", f"{line}\n2 atoms\n"))
    atoms, said = notes(path)
    assert np.allclose(atoms.get_velocities()[0] * ase.units.fs, [0.005, 0, 0]) and "units real" in said[0]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_of_unicode(tmp_path, encoding):
    path = data(tmp_path, title="units real", rest=VELOCITIES)
    path.write_bytes(path.read_text().replace("\n", "\r\n").encode(encoding))
    assert np.allclose(files.read(path).get_velocities()[0] * ase.units.fs, [0.005, 0, 0])


def test_metal_velocities_are_per_ps_and_said_if_not_stated(tmp_path):
    atoms, said = notes(data(tmp_path, rest=VELOCITIES))
    assert np.allclose(atoms.get_velocities() * ase.units.fs, [[5e-6, 0, 0], [-1e-6, 2e-6, 0]], rtol=1e-12)
    assert len(said) == 1 and "no units stated: velocities read as Å/ps" in said[0]
    assert not notes(data(tmp_path, title="x units = metal", rest=VELOCITIES))[1]
    assert not notes(data(tmp_path, rest=VELOCITIES), units="metal")[1]
    assert not notes(data(tmp_path))[1]


def test_lengths_and_masses_of_other_styles(tmp_path):
    """The numbers of docs.lammps.org/units.html: Bohr, nm and attograms, metres and kilograms."""
    path = data(tmp_path, title="units = electron", rest=VELOCITIES)
    atoms = notes(path)[0]
    assert np.allclose(atoms.cell.lengths(), 6 * 0.529177210903, rtol=1e-8)
    assert np.allclose(atoms.positions[0], [0.5 * 0.529177210903, 0, 0], rtol=1e-8)
    speed = atoms.get_velocities()[0, 0] * ase.units.fs
    assert speed == pytest.approx(0.005 * 0.529177210903 / 1.03275, rel=1e-8)  # Å/fs
    nano = notes(data(tmp_path, title="units = nano", masses="Masses\n\n1 1.1524e-5\n2 4.6636e-5\n", rest=VELOCITIES))[
        0
    ]
    assert nano.positions[0, 0] == 5.0 and nano.get_masses()[0] == pytest.approx(6.9399, rel=1e-4)
    assert nano.get_velocities()[0, 0] * ase.units.fs == pytest.approx(5e-8)  # 0.005 m/s
    path = data(
        tmp_path, "units = si", "Masses\n\n1 1.1524e-26\n2 4.6636e-26\n", atoms="1 1 0 0 0\n2 2 3e-10 3e-10 0\n"
    )
    path.write_text(path.read_text().replace("0 6 ", "0 6e-10 "))
    si = notes(path)[0]
    assert np.allclose(si.cell.lengths(), 6) and np.allclose(si.positions[1], [3, 3, 0])
    assert list(si.symbols) == ["Li", "Si"]


def test_units_that_contradict_or_are_none(tmp_path):
    with pytest.raises(StructureError, match="units real, as it states: structure.units is metal"):
        files.read(data(tmp_path, title="units = real"), units="metal")
    with pytest.raises(StructureError, match="units lj: must be one of metal, real"):
        files.read(data(tmp_path, title="units = lj"))


def test_what_is_not_used_is_named(tmp_path):
    atoms, said = notes(
        data(
            tmp_path,
            style=" # full",
            atoms="1 1 1 0.8 0.5 0 0\n2 2 2 -0.8 3 3 0\n",
            rest="\nBonds\n\n1 1 1 2\n\nPair Coeffs\n\n1 0.1 3\n",
        )
    )
    assert len(atoms) == 2 and len(said) == 3
    assert "Atoms, charges = not used" in said[0] and "Atoms, molecule ids = not used" in said[1]
    assert "a.data: Bonds, Pair Coeffs = not used" in said[2]


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_packed(tmp_path, suffix, pack):
    path = tmp_path / f"a.data{suffix}"
    path.write_bytes(pack(data(tmp_path).read_bytes()))
    assert list(files.read(path).symbols) == ["Li", "Si"]
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(StructureError, match="cannot be read as LAMMPS file"):
        files.read(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2 atoms", "4294967297 atoms", "Atoms = 2 lines: the header says 4294967297 atoms"),
        ("2 atoms", "-2 atoms", "atoms = -2: must be a whole number >= 0"),
        ("2 atoms", "2.5 atoms", "atoms = 2.5: must be a whole number"),
        ("2 atoms", "atoms", "atoms = Atoms|no line"),
        ("0 6 xlo xhi", "6 0 xlo xhi", "box = xhi - xlo = -6: must be above 0"),
        ("0 6 xlo xhi", "0 6 1 xlo xhi", "xlo xhi = 0 6 1: must be 2 numbers"),
        ("0 6 xlo xhi", "0 1e308 xlo xhi", "box = 1e308: must be a finite number"),
        ("1 1 0.5", "2 1 0.5", "id 2 occurs twice"),
    ],
)
def test_refused_headers(tmp_path, old, new, message):
    path = data(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(StructureError, match=message):
        lammps_data.read(path)
