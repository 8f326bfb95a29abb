"""XSF and CFG as other programs write them: units, signs, orders, and what is refused."""

import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

from hpcpot.dataset.files import load
from hpcpot.dataset.formats.reading import ReadOptions
from hpcpot.errors import DataError
from hpcpot.notices import InputNotice

XSF = """# total energy = -12.5 eV

CRYSTAL
PRIMVEC
 4.0 0.0 0.0
 1.0 5.0 0.0
 0.0 0.0 6.0
PRIMCOORD
 2 1
Si 0.0 0.0 0.0  0.1 0.2 0.3
Li 1.0 2.0 3.0 -0.1 -0.2 -0.3
"""

CFG = """BEGIN_CFG
 Size
    2
 Supercell
    4.0 0.0 0.0
    1.0 5.0 0.0
    0.0 0.0 6.0
 AtomData:  id type       cartes_x      cartes_y      cartes_z           fx          fy          fz
             1    1       0.0 0.0 0.0  0.1 0.2 0.3
             2    0       1.0 2.0 3.0 -0.1 -0.2 -0.3
 Energy
       -1.25e1
 PlusStress:  xx          yy          zz          yz          xz          xy
     1.0 2.0 3.0 4.0 5.0 6.0
 Feature   EFS_by       VASP
END_CFG
"""


def test_xsf(tmp_path) -> None:
    (tmp_path / "bulk").mkdir()
    (tmp_path / "bulk" / "a.xsf").write_text(XSF)
    data = load([tmp_path / "bulk" / "a.xsf"])
    assert data.elements == ("Li", "Si") and data.species.tolist() == [1, 0] and data.groups.tolist() == ["bulk"]
    assert data.energies.tolist() == [-12.5] and data.forces[1].tolist() == [-0.1, -0.2, -0.3]
    assert data.cells[0, 1].tolist() == [1.0, 5.0, 0.0] and data.periodic.all() and np.isnan(data.virials).all()


def test_xsf_of_a_molecule_with_numbers_and_without_forces(tmp_path) -> None:
    (tmp_path / "a.xsf").write_text("# total energy = -1.0 eV\nATOMS\n14 0.0 0.0 0.0\n3 0.0 0.0 2.5\n")
    data = load([tmp_path / "a.xsf"])
    assert [data.elements[t] for t in data.species] == ["Si", "Li"] and not data.periodic.any()
    assert np.isnan(data.forces).all() and data.energies.tolist() == [-1.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (XSF.replace(" 2 1\n", " 3 1\n"), "2 of 3 atoms"),
        ("ANIMSTEPS 2\n" + XSF, "1 structures: must be 2, as ANIMSTEPS says"),
        (XSF.replace("0.1 0.2 0.3", "0.1 0.2"), "5 numbers to an atom: must be three or six"),
        (XSF.replace("-0.1 -0.2 -0.3", "-0.1 -0.2"), "row 1 = 5 values: must be 6"),
        (XSF.replace(" 1.0 5.0 0.0\n", ""), "PRIMCOORD without three rows of PRIMVEC"),
        (XSF.replace("-12.5 eV", "much"), "total energy = much: must be a number and its unit"),
        (XSF.replace("-12.5 eV", "-12.5 pounds"), "unit = pounds: must be a unit of energy"),
        (XSF.replace("Si 0", "Qq 0"), "atom = Qq: must be the symbol or number of an element"),
        ("text\n" + XSF, "text: must begin with CRYSTAL"),
        (XSF + XSF.replace("12.5", "13.5"), "2 structures: must be 1"),
        ("", "no PRIMCOORD or ATOMS"),
    ],
)
def test_xsf_that_is_not_whole(tmp_path, text, words) -> None:
    (tmp_path / "a.xsf").write_text(text)
    with pytest.raises(DataError, match=words):
        load([tmp_path / "a.xsf"])


def test_cfg(tmp_path) -> None:
    (tmp_path / "train.cfg").write_text(CFG + "\n" + CFG)
    data = load([tmp_path / "train.cfg"], ReadOptions(elements=("Li", "Si")))
    assert data.species.tolist() == [1, 0, 1, 0] and data.energies.tolist() == [-12.5, -12.5]
    assert data.virials[0].tolist() == [[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]]
    assert data.groups.tolist() == ["train"] * 2 and data.sources.tolist() == ["train.cfg:0", "train.cfg:1"]
    assert data.stresses[0, 0, 0] == pytest.approx(-1.0 / 120.0)


def test_cfg_with_fractional_coordinates_and_another_order_of_the_virial(tmp_path) -> None:
    text = (
        CFG.replace("cartes_", "direct_")
        .replace("1.0 2.0 3.0 -0.1", "0.5 0.5 0.5 -0.1")
        .replace("xx          yy          zz          yz          xz          xy", "xx xy xz yy yz zz")
    )
    (tmp_path / "a.cfg").write_text(text)
    data = load([tmp_path / "a.cfg"], ReadOptions(elements=("Li", "Si")))
    assert data.positions[1].tolist() == [2.5, 2.5, 3.0]
    assert data.virials[0].tolist() == [[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]]


@pytest.mark.parametrize(
    ("text", "elements", "words"),
    [
        (CFG, None, "types without names: the elements of types 0 to 1"),
        (CFG, ("Si",), "types 0 to 1, but elements are Si"),
        (CFG.replace("END_CFG", ""), ("Li", "Si"), "1 BEGIN_CFG, 0 END_CFG"),
        (CFG.replace("PlusStress:", "Stress:"), ("Li", "Si"), "Stress: the negative of PlusStress"),
        (CFG.replace("             2    0", "             3    0"), ("Li", "Si"), "ids must be 1 to 2"),
    ],
)
def test_cfg_that_is_refused(tmp_path, text, elements, words) -> None:
    (tmp_path / "a.cfg").write_text(text)
    with pytest.raises(DataError, match=words):
        load([tmp_path / "a.cfg"], ReadOptions(elements=elements))


@pytest.mark.parametrize(
    ("comment", "energy"),
    [
        ("total energy = -12.5 Ry", -12.5 * 13.605693122994),
        ("total energy = -12.5 Rydberg", -12.5 * 13.605693122994),
        ("total energy = -12.5 Ha", -12.5 * 27.211386245988),
        ("total energy = -12.5 hartree", -12.5 * 27.211386245988),
        ("Total energy = -12.5 eV", -12.5),
        ("TOTAL ENERGY: -12.5eV", -12.5),
        ("total energy [Ry] = -12.5", -12.5 * 13.605693122994),
        ("total energy = -1.25D+01 eV", -12.5),
        ("total energy = -12.5 a.u.", -12.5 * 27.211386245988),
        ("total energy = -12.5 eV.", -12.5),
        ("cohesive energy = -12.5 eV", -12.5),
    ],
)
def test_the_energy_of_an_xsf_as_others_write_it(tmp_path, comment, energy) -> None:
    (tmp_path / "a.xsf").write_text(XSF.replace("total energy = -12.5 eV", comment))
    assert load([tmp_path / "a.xsf"], ReadOptions(force_unit="eV/A")).energies[0] == pytest.approx(energy, rel=1e-14)


def test_an_animation_under_its_own_suffix(tmp_path) -> None:
    steps = "".join(f"PRIMCOORD {k}\n1 1\nSi {k} 0 0\n" for k in (1, 2))
    text = (
        f"# total energy = -1 eV\n# total energy = -2 eV\nANIMSTEPS 2\nCRYSTAL\nPRIMVEC\n6 0 0\n0 6 0\n0 0 6\n{steps}"
    )
    (tmp_path / "a.axsf").write_text(text)
    assert load([tmp_path / "a.axsf"]).energies.tolist() == [-1, -2]


def test_units_that_an_xsf_does_not_tell_are_asked_for(tmp_path) -> None:
    path = tmp_path / "a.xsf"
    path.write_text(XSF.replace(" eV", " Ha"))
    with pytest.raises(
        DataError, match="a.xsf = forces beside an energy in Ha, whose unit XSF does not tell.*--force-unit"
    ):
        load([path])
    path.write_text(XSF.partition("\n\n")[2])
    with pytest.raises(DataError, match="a.xsf = forces without an energy, whose unit XSF does not tell"):
        load([path])
    assert load([path], ReadOptions(force_unit="Ha/A")).forces[0, 0] == pytest.approx(2.7211386245988, rel=1e-14)
    path.write_text("# forces in Ha/bohr\n" + XSF.partition("\n\n")[2])
    assert load([path]).forces[0, 0] == pytest.approx(5.14220674763259, rel=1e-12)
    path.write_text(XSF.replace(" eV", ""))
    with pytest.warns(InputNotice, match="a.xsf: total energy = without a unit, read as eV"):
        assert load([path]).energies.tolist() == [-12.5]
    data = load([path], ReadOptions(energy_unit="Ry", force_unit="Ry/bohr"))
    assert data.energies[0] == pytest.approx(-12.5 * 13.605693122994) and data.forces[0, 0] == pytest.approx(
        2.5711033738
    )


def test_an_xsf_of_ase(tmp_path) -> None:
    atoms = ase.Atoms("SiLi", [[0, 0, 0], [1, 2, 3]], cell=[4, 5, 6], pbc=True)
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=np.array([[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]))
    moved = atoms.copy()
    moved.cell[0, 0] = 5.0
    moved.calc = SinglePointCalculator(moved, energy=-1.0, forces=np.ones((2, 3)))
    ase.io.write(tmp_path / "a.xsf", atoms)
    ase.io.write(tmp_path / "b.xsf", [atoms, moved])
    data = load([tmp_path / "a.xsf", tmp_path / "b.xsf"], ReadOptions(force_unit="Ha/A"))
    np.testing.assert_allclose(data.forces[:2], atoms.get_forces(), rtol=1e-6)
    np.testing.assert_allclose(data.forces[4:], 1.0, rtol=1e-6)
    assert data.cells[:, 0, 0].tolist() == [4.0, 4.0, 5.0] and data.sources[1:].tolist() == ["b.xsf:0", "b.xsf:1"]


@pytest.mark.parametrize(
    ("head", "periodic"),
    [
        ("SLAB", [True, True, False]),
        ("POLYMER", [True, False, False]),
        ("MOLECULE", [False, False, False]),
        ("DIM-GROUP\n 2 1", [True, True, False]),
    ],
)
def test_an_xsf_says_along_which_axes_it_is_periodic(tmp_path, head, periodic) -> None:
    text = XSF.replace("CRYSTAL", head) + "BEGIN_BLOCK_DATAGRID_3D\n data\nEND_BLOCK_DATAGRID_3D\n"
    (tmp_path / "a.xsf").write_text(text)
    with pytest.warns(InputNotice, match="a.xsf: BEGIN_BLOCK_DATAGRID_3D = not used: data on grids"):
        assert load([tmp_path / "a.xsf"]).periodic.tolist() == [periodic]


def read_cfg(tmp_path, text: str, **options):
    (tmp_path / "a.cfg").write_text(text)
    return load([tmp_path / "a.cfg"], ReadOptions(elements=("Li", "Si"), **options))


def test_a_cfg_under_the_other_names_of_mlip(tmp_path) -> None:
    text = CFG.replace("Supercell", "SuperCell").replace("AtomData:", "Atomic_data:").replace("-1.25e1", "-1.25D+01")
    text = text.replace(" Feature   EFS_by       VASP", " Features:  EFS_by  mindist\n    VASP  2.5")
    data = read_cfg(tmp_path, text)
    assert data.energies.tolist() == [-12.5] and data.cells[0, 1].tolist() == [1.0, 5.0, 0.0]
    assert data.virials[0].tolist() == [[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]]


def test_a_cfg_without_ids_types_energy_or_cell(tmp_path) -> None:
    bare = "BEGIN_CFG\nSize\n2\nAtomData: cartes_x cartes_y cartes_z fx fy fz\n0 0 0 1 2 3\n0 0 2.5 -1 -2 -3\nEND_CFG\n"
    with pytest.warns(
        InputNotice, match="a.cfg: no column type = all atoms are of type 0, Li, as in MLIP; --elements names"
    ):
        data = read_cfg(tmp_path, bare)
    assert [data.elements[t] for t in data.species] == ["Li", "Li"] and not data.periodic.any()
    assert np.isnan(data.energies).all() and data.forces[1].tolist() == [-1, -2, -3]
    two = bare.replace("AtomData", "Supercell\n4 0 0\n0 5 0\nAtomData")
    assert read_cfg(tmp_path, two).periodic.tolist() == [[True, True, False]]
    for rows, periodic in (("0 0 0\n0 0 0\n0 0 0\n", [False] * 3), ("4 0 0\n0 0 0\n0 0 6\n", [True, False, True])):
        with pytest.warns(InputNotice, match="a.cfg:0: Supercell = a vector of zero: not periodic along it"):
            assert read_cfg(tmp_path, bare.replace("AtomData", f"Supercell\n{rows}AtomData")).periodic.tolist() == [
                periodic
            ]


def test_columns_of_a_cfg_that_are_not_used_are_named(tmp_path) -> None:
    text = CFG.replace("fz\n", "fz site_en charge\n").replace("0.3\n", "0.3 -1.0 0.5\n")
    with pytest.warns(InputNotice, match="a.cfg: site_en, charge = not used"):
        assert read_cfg(tmp_path, text).forces[0].tolist() == [0.1, 0.2, 0.3]


def test_configurations_that_did_not_converge(tmp_path) -> None:
    with pytest.warns(InputNotice, match="a.cfg: 1 of 2 frames = left out"):
        assert len(read_cfg(tmp_path, CFG + CFG.replace("       VASP", "       VASP_not_converged"))) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CFG.replace("-1.25e1", "nan"), "energy of a.cfg:0 = not finite"),
        (CFG.replace("-1.25e1", "low"), "a.cfg:0: Energy = low: must be a number"),
        (CFG.replace("    2\n", "    3\n"), "AtomData = Energy: must be a number|of 24 values"),
        (CFG.replace("    2\n", "    -2\n"), "AtomData = -2 atoms"),
        (CFG.replace("cartes_z", "cartes_w"), "some of cartes_x, cartes_y, cartes_z: all are required"),
        (CFG.replace("cartes_", "direct_").replace(" 0.0 0.0 6.0\n", ""), "direct_x without three rows of Supercell"),
        (CFG.replace("    4.0 0.0 0.0\n", "    4.0 0.0\n"), "Supercell = 8 numbers: must be three, six or nine"),
        (CFG.replace("xx  ", "xy  "), "PlusStress = .*: must be xx yy zz yz xz xy, each once"),
        (CFG + "rubbish\n", "rubbish behind 1 configurations: must be BEGIN_CFG"),
        (CFG.replace("  0       1.0 2.0", "  0.5       1.0 2.0"), "types 0.5 to 1, but elements are Li,Si"),
    ],
)
def test_a_cfg_that_is_damaged(tmp_path, text, words) -> None:
    with pytest.raises(DataError, match=words):
        read_cfg(tmp_path, text)


def test_features_of_cfg_that_are_not_used_are_named(tmp_path) -> None:
    feature = " Feature   EFS_by       VASP\n"
    assert feature in CFG
    (tmp_path / "a.cfg").write_text(CFG.replace(feature, feature + " Feature mindist 2.1\n Feature conf_id 7\n"))
    with pytest.warns(InputNotice, match=r"a\.cfg: Feature mindist, conf_id = not used: of features only") as notes:
        load([tmp_path / "a.cfg"], ReadOptions(elements=("Li", "Si")))
    assert len(notes) == 1


def test_units_told_against_an_xsf_are_refused(tmp_path) -> None:
    (tmp_path / "a.xsf").write_text(XSF)
    with pytest.warns(
        InputNotice, match="a.xsf: --energy-unit eV = not used: no energy is read from the file, or it states"
    ):
        load([tmp_path / "a.xsf"], ReadOptions(energy_unit="eV"))
    with pytest.raises(DataError, match="= eV, as the file states: --energy-unit Ry contradicts it"):
        load([tmp_path / "a.xsf"], ReadOptions(energy_unit="Ry", force_unit="eV/A"))


def test_binary_cfg_of_mlip_is_named(tmp_path) -> None:
    """As MLIP's Configuration::SaveBin writes a single atom."""
    lattice, place = np.eye(3).tobytes(), np.zeros(3).tobytes()
    (tmp_path / "a.cfg").write_bytes(b"n" + (1).to_bytes(4, "little") + b"l" + lattice + b"p" + place + b"t" + bytes(4))
    with pytest.raises(
        DataError, match=r"a\.cfg = a binary \.cfg of MLIP: must be text; convert it by `mlp convert-cfg a"
    ):
        load([tmp_path / "a.cfg"])
    (tmp_path / "b.cfg").write_bytes(b"n" + bytes(200))
    with pytest.raises(DataError) as refused:
        load([tmp_path / "b.cfg"])
    assert "of MLIP: must be text" not in str(refused.value)
