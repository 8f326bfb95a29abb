"""What structure files say besides places: constraints, velocities, types, periodicity; and what they say that is not used."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import ase.units
import numpy as np
import pytest
from ase import Atoms
from ase.constraints import FixAtoms, FixBondLength, FixCartesian, FixCom, FixedPlane, FixScaled

from hpcpot.commands.recipes import command as recipes
from hpcpot.commands.verify import probes
from hpcpot.dataset.files import load as load_data
from hpcpot.errors import DataError, StructureError
from hpcpot.notices import InputNotice
from hpcpot.structure import checks, constraints, files

FRAME = '4\npbc="T T T" Lattice="6 0 0 0 6 0 0 0 6" Properties=species:S:1:pos:R:3{columns}{keys}\n{rows}'
PLACES = ["Li 0 0 0", "Li 3 3 0", "Si 3 0 3", "Si 0 3 3"]


def frame(folder: Path, columns: str, rows: list[str], keys: str = "") -> Path:
    path = folder / "a.extxyz"
    lines = [f"{place} {row}\n" for place, row in zip(PLACES, rows, strict=True)]
    path.write_text(FRAME.format(columns=columns, keys=keys, rows="".join(lines)))
    return path


def noted(path: Path, **options) -> tuple[Atoms, list[str]]:
    """The structure, and what is said of it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        atoms = files.read(path, **options)
    return atoms, [str(entry.message) for entry in caught if isinstance(entry.message, InputNotice)]


@pytest.mark.parametrize(
    ("columns", "rows", "held"),
    [
        (":move_mask:L:3", ["F F F", "F F F", "T T T", "T T T"], [0, 1]),
        (":move_mask:L:1", ["F", "T", "T", "F"], [0, 3]),
        (":move_mask:I:3", ["0 0 0", "1 1 1", "1 1 1", "1 1 1"], [0]),
        (":move_mask:L:3", ["T T T"] * 4, []),
    ],
)
def test_move_mask_freezes_whole_atoms(tmp_path, columns, rows, held):
    checked = checks.check(files.read(frame(tmp_path, columns, rows)), ("Li", "Si"))
    assert np.flatnonzero(constraints.frozen(checked)).tolist() == held
    assert len(checked.constraints) == bool(held)


def test_a_poscar_freezes_whole_atoms(tmp_path):
    (tmp_path / "POSCAR").write_text(
        "Li Si\n1\n6 0 0\n0 6 0\n0 0 6\nLi Si\n1 1\nSelective\nDirect\n0 0 0 F F F\n.5 .5 .5 T T T\n"
    )
    assert constraints.frozen(files.read(tmp_path / "POSCAR")).tolist() == [True, False]


def pair(*held) -> Atoms:
    return Atoms("LiSi", [[0, 0, 0], [3, 0, 0]], cell=[6, 6, 6], pbc=True, constraint=list(held))


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([FixCartesian(0)], [True, False]),
        ([FixScaled([0, 1], [True] * 3)], [True, True]),
        ([FixCartesian(1, [True, False, False]), FixCartesian(1, [False, True, True])], [False, True]),
        ([FixAtoms([0]), FixCartesian(0, [True, False, False])], [True, False]),
        ([FixCartesian(0, [False] * 3)], [False, False]),
    ],
)
def test_whole_atoms(held, expected):
    assert constraints.frozen(pair(*held)).tolist() == expected


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (FixCartesian(1, [True, False, True]), r"constraint of atom 1 \(Si\) = held along x, z only, as 1 of 2"),
        (FixScaled(0, [False, False, True]), r"constraint of atom 0 \(Li\) = held along c only"),
        (FixedPlane(0, [0, 0, 1]), "constraints = FixedPlane: atoms can be frozen along all axes"),
        (FixBondLength(0, 1), "constraints = FixBondLengths?: atoms can be frozen along all axes"),
        (FixCom(), "constraints = FixCom: atoms can be frozen along all axes"),
        (FixAtoms([5]), "constraints = of atom 5: must be one of the 2 atoms"),
    ],
)
def test_other_constraints_are_refused(held, message):
    with pytest.raises(StructureError, match=message):
        checks.check(pair(held), ("Li", "Si"))


SPEEDS = ["0.01 0 0", "0 0.01 0", "0 0 -0.01", "-0.01 0 0.01"]


@pytest.mark.parametrize("name", ["vel", "velo", "velocities", "Velocity"])
def test_velocities_whose_unit_is_not_stated(tmp_path, name):
    atoms, notes = noted(frame(tmp_path, f":{name}:R:3", SPEEDS))
    assert not atoms.has("momenta") and len(notes) == 1
    assert f"a.extxyz: column {name} = not used: its unit is not stated" in notes[0]


@pytest.mark.parametrize(
    ("keys", "options", "in_A_per_fs"),
    [
        (' vel_unit="A/fs"', {}, 0.01),
        (" velocity_units=Angstrom/ps", {}, 1e-5),
        (" vel_unit=m/s", {}, 1e-7),
        ("", {"units": "metal"}, 1e-5),
        ("", {"units": "real"}, 0.01),
        (" vel_unit=A/fs", {"units": "metal"}, 0.01),
    ],
)
def test_velocities_whose_unit_is_stated(tmp_path, keys, options, in_A_per_fs):
    atoms, notes = noted(frame(tmp_path, ":vel:R:3", SPEEDS, keys), **options)
    assert not notes
    expected = np.array([[1, 0, 0], [0, 1, 0], [0, 0, -1], [-1, 0, 1]]) * in_A_per_fs
    np.testing.assert_allclose(atoms.get_velocities() * ase.units.fs, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("columns", "used", "other"), [(":momenta:R:3:vel:R:3", "momenta", "vel"), (":vel:R:3:velo:R:3", "vel", "velo")]
)
def test_a_second_column_of_velocities_is_named(tmp_path, columns, used, other):
    rows = [f"{row} 9 9 9" for row in SPEEDS]
    atoms, notes = noted(frame(tmp_path, columns, rows, " vel_unit=A/fs"))
    assert notes == [f"{tmp_path}/a.extxyz: columns {other} = not used: velocities are those of the column {used}."]
    first = np.array([row.split() for row in SPEEDS], float)
    stated = atoms.get_momenta() if used == "momenta" else atoms.get_velocities() * ase.units.fs
    np.testing.assert_allclose(stated, first, rtol=1e-6)


def test_lengths_in_a_unit_that_the_file_states(tmp_path):
    path = frame(tmp_path, "", [""] * 4)
    stated = tmp_path / "b.extxyz"
    stated.write_text(path.read_text().replace("Properties", "position_unit=nm Properties"))
    (plain, _), (converted, notes) = noted(path), noted(stated)
    np.testing.assert_allclose(converted.positions, 10 * plain.positions)
    assert converted.cell.volume == pytest.approx(1000 * plain.cell.volume) and not notes


def test_an_unknown_unit_of_velocities(tmp_path):
    with pytest.raises(StructureError, match=r"unit of vel = furlong/fortnight: must be one of a/fs, a/ps"):
        files.read(frame(tmp_path, ":vel:R:3", SPEEDS, " vel_unit=furlong/fortnight"))


def test_columns_that_are_not_used_are_named_and_labels_are_not(tmp_path):
    rows = ["0.5 7 0.1 0.2 0.3"] * 4
    path = frame(tmp_path, ":spin:R:1:site:I:1:forces:R:3", rows, " energy=-3.5 Origin='-3 -3 -3'")
    atoms, notes = noted(path)
    assert [note.split(" = ")[0].rpartition("/")[2] for note in notes] == [
        "a.extxyz: columns spin, site",
        "a.extxyz: Origin",
    ]
    assert atoms.arrays["site"].tolist() == [7] * 4 and atoms.info["energy"] == -3.5


OVITO = 'Properties=id:I:1:species:I:1:pos:R:3 Lattice="6 0 0 0 6 0 0 0 6"'


@pytest.mark.parametrize("text", [f"2\n{OVITO}\n1 1 0 0 0\n2 2 3 0 0\n", "2\nAtoms. Timestep: 0\n1 0 0 0\n2 2.6 0 0\n"])
def test_types_of_xyz_files(tmp_path, text):
    (tmp_path / "a.xyz").write_text(text)
    assert list(files.read(tmp_path / "a.xyz", ("Li", "Si")).symbols) == ["Li", "Si"]
    with pytest.raises(StructureError, match=r"species = 1, a number: .*structure\.elements: \[Li, Si\]"):
        files.read(tmp_path / "a.xyz")
    with pytest.raises(StructureError, match="species = 2, a number"):
        files.read(tmp_path / "a.xyz", ("Li",))


def test_labels_of_sites_in_xyz_files(tmp_path):
    (tmp_path / "a.xyz").write_text("3\n\nSi1 0 0 0\nSi_a 3 0 0\nLI 0 3 0\n")
    atoms, notes = noted(tmp_path / "a.xyz")
    assert list(atoms.symbols) == ["Si", "Si", "Li"] and "labels read as the elements" in notes[0]


CIF = """data_x
_cell_length_a 5
_cell_length_b 5
_cell_length_c 5
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Si1 Si 0.0 0.0 0.0
Si2 Si 0.3 0.5 0.5
"""


@pytest.mark.parametrize("unknown", ["?", "."])
@pytest.mark.parametrize(
    ("line", "value", "tag"),
    [
        ("Si2 Si 0.3", "0.3", "_atom_site_fract_x of Si2 = {}, a value that is not known: must be a number"),
        ("Si2 Si 0.3", " Si", "_atom_site_type_symbol of Si2 = {}, a value that is not known: must be an element"),
        ("_length_b 5", "5", "_cell_length_b = {}, a value that is not known: must be a number"),
        ("_length_b 5", " 5", "_cell_length_b = {}, a value that is not known: must be a number"),
        ("_angle_gamma 90", "90", "_cell_angle_gamma = {}, a value that is not known: must be a number"),
        (
            "_name_H-M 'P 1'",
            "'P 1'",
            "_symmetry_space_group_name_H-M = {}, a value that is not known: must be the space",
        ),
    ],
)
def test_values_that_a_cif_does_not_tell(tmp_path, line, value, tag, unknown):
    gap = "\n" if value == " 5" else " " * (value[0] == " ")
    (tmp_path / "a.cif").write_text(CIF.replace(line, line.replace(value, gap + unknown)))
    with pytest.raises(StructureError, match=re.escape(f"a.cif: {tag.format(unknown)}")):
        files.read(tmp_path / "a.cif")


def test_a_cif_without_a_whole_cell_or_with_a_group_by_number(tmp_path):
    (tmp_path / "a.cif").write_text(CIF.replace("_cell_length_c 5\n", ""))
    with pytest.raises(StructureError, match="_cell_length_c = not there: must be a number"):
        files.read(tmp_path / "a.cif")
    (tmp_path / "a.cif").write_text(CIF.replace("'P 1'\n", "?\n_symmetry_Int_Tables_number 2\n"))
    assert len(files.read(tmp_path / "a.cif")) == 3


def test_the_format_of_an_unknown_suffix_is_told(tmp_path):
    (tmp_path / "atoms.foo").write_text("1\n\nSi 0 0 0\n")
    with pytest.raises(
        StructureError, match=r"atoms.foo = no format by its name and its first bytes: .* say which by structure.format"
    ):
        files.read(tmp_path / "atoms.foo")
    assert list(files.read(tmp_path / "atoms.foo", format="extxyz").symbols) == ["Si"]
    with pytest.raises(StructureError, match="structure.format = extxzy: must be one of hdf5, h5md, "):
        files.read(tmp_path / "atoms.foo", format="extxzy")


XSF = "{head}PRIMVEC\n6.0D0 0 0\n0 6.0d+00 0\n0 0 0.6D1\nPRIMCOORD\n2 1\n3 0 0 0\nSi 0.3D1 0 1.5 0.1 0.1D-1 0\n"


@pytest.mark.parametrize(
    ("head", "periodic"),
    [("CRYSTAL\n", 3), ("SLAB\n", 2), ("POLYMER\n", 1), ("MOLECULE\n", 0), ("", 3), ("DIM-GROUP\n2 1\n", 2)],
)
def test_periodicity_and_exponents_of_xsf(tmp_path, head, periodic):
    text = XSF.format(head=f"# total energy = -3.5 eV\n{head}").replace("3 0 0 0\n", "3 0 0 0 0 0 0\n")
    (tmp_path / "a.xsf").write_text(text)
    atoms = files.read(tmp_path / "a.xsf")
    assert atoms.pbc.tolist() == [True] * periodic + [False] * (3 - periodic)
    assert list(atoms.symbols) == ["Li", "Si"] and atoms.positions[1].tolist() == [3.0, 0.0, 1.5]
    assert np.array_equal(atoms.cell.array, 6 * np.eye(3))


def test_steps_of_an_xsf_animation(tmp_path):
    steps = "".join(f"PRIMCOORD {k}\n1 1\nSi {k} 0 0\n" for k in (1, 2, 3))
    (tmp_path / "a.xsf").write_text(f"ANIMSTEPS 3\nCRYSTAL\nPRIMVEC\n6 0 0\n0 6 0\n0 0 6\n{steps}")
    assert [frame.structure.positions[0, 0] for frame in files.frames(tmp_path / "a.xsf")] == [1.0, 2.0, 3.0]
    assert files.read(tmp_path / "a.xsf", index=0).positions[0, 0] == 1.0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2 1\n", "3 1\n"),
        ("PRIMVEC\n", "ANIMSTEPS 2\nPRIMVEC\n"),
        ("Si 0", "Qq 0"),
        ("6.0D0 0 0\n", ""),
        ("PRIMCOORD", "X"),
    ],
)
def test_structures_and_labels_of_xsf_are_refused_in_the_same_words(old, new, tmp_path):
    text = XSF.format(head="CRYSTAL\n").replace("3 0 0 0\n", "3 0 0 0 0 0 0\n")
    (tmp_path / "a.xsf").write_text(text.replace(old, new, 1))
    with pytest.raises(StructureError) as structure:
        files.read(tmp_path / "a.xsf")
    with pytest.raises(DataError) as labels:
        load_data([tmp_path / "a.xsf"])
    assert str(structure.value) == str(labels.value)


@pytest.mark.parametrize("command", [lambda path: probes.given([str(path)], ("Li", "Si")), recipes.read_cell])
def test_commands_without_keys_of_structures_name_none(command, tmp_path):
    """What `verify --structure` and the recipes of `build` cannot be told is told in Python."""
    path = tmp_path / "a.data"
    path.write_text(
        "x\n\n1 atoms\n1 atom types\n0 5 xlo xhi\n0 5 ylo yhi\n0 5 zlo zhi\n\nAtoms # atomic\n\n1 1 0 0 0\n"
    )
    with pytest.raises(
        StructureError, match=r"types 1, 2, ... in `elements` of hpcpot.structure.files.read in Python\.$"
    ):
        command(path)
    with pytest.raises(
        StructureError, match="say which by `format` of hpcpot.structure.files.read in Python, or rename"
    ):
        command(path.rename(tmp_path / "a.foo"))
