"""XSF, CFG, extended XYZ and VASP as other programs write them: units, signs, orders, and what is refused."""

import numpy as np
import pytest
from ase.units import GPa

from hpcpot.dataset.files import load
from hpcpot.dataset.formats.reading import LabelNames, ReadOptions
from hpcpot.errors import DataError

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
        ("ANIMSTEPS 2\n" + XSF, "several structures in one file"),
        (XSF.replace("0.1 0.2 0.3", "0.1 0.2"), "damaged XSF file"),
        ("", "damaged XSF file"),
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
        (CFG.replace("PlusStress:", "Stress:"), ("Li", "Si"), "keyword Stress: is not known"),
        (CFG.replace("             2    0", "             3    0"), ("Li", "Si"), "ids must be 1 to 2"),
    ],
)
def test_cfg_that_is_refused(tmp_path, text, elements, words) -> None:
    (tmp_path / "a.cfg").write_text(text)
    with pytest.raises(DataError, match=words):
        load([tmp_path / "a.cfg"], ReadOptions(elements=elements))


def xyz(comment: str, properties: str = "species:S:1:pos:R:3:forces:R:3") -> str:
    return (
        f'2\nLattice="4 0 0 1 5 0 0 0 6" Properties={properties} {comment}\n'
        "Si 0.0 0.0 0.0 0.1 0.2 0.3\nLi 1.0 2.0 3.0 -0.1 -0.2 -0.3\n"
    )


def read_xyz(tmp_path, text: str, names: LabelNames | None = None):
    (tmp_path / "a.extxyz").write_text(text)
    return load([tmp_path / "a.extxyz"], ReadOptions(names=names or LabelNames()))


STRESS = 'stress="0.1 0.6 0.5 0.6 0.2 0.4 0.5 0.4 0.3"'
SIGMA = np.array([[0.1, 0.6, 0.5], [0.6, 0.2, 0.4], [0.5, 0.4, 0.3]])


def test_xyz_stress_is_positive_in_tension(tmp_path) -> None:
    data = read_xyz(tmp_path, xyz(f"energy=-12.5 {STRESS} config_type=bulk"))
    np.testing.assert_allclose(data.virials[0], -120.0 * SIGMA)
    assert data.groups.tolist() == ["bulk"] and data.energies.tolist() == [-12.5] and data.periodic.all()


def test_xyz_virial_is_minus_volume_times_stress(tmp_path) -> None:
    virial = 'virial="-12 -72 -60 -72 -24 -48 -60 -48 -36"'
    np.testing.assert_allclose(read_xyz(tmp_path, xyz(virial)).virials[0], -120.0 * SIGMA)
    np.testing.assert_allclose(read_xyz(tmp_path, xyz(f"{virial} {STRESS}")).virials[0], -120.0 * SIGMA)
    with pytest.raises(DataError, match=r"a.extxyz:0 = virial 12 eV \(xx\), but by the stress -12 eV"):
        read_xyz(tmp_path, xyz(f'{STRESS} virial="12 72 60 72 24 48 60 48 36"'))


@pytest.mark.parametrize(
    ("kind", "factor"),
    [("virial_eV", -120.0), ("stress_eV_A3", 1.0), ("stress_GPa", 1 / GPa), ("pressure_kB", -10 / GPa)],
)
def test_xyz_tensors_of_other_units(tmp_path, kind, factor) -> None:
    values = " ".join(str(value) for value in (factor * SIGMA).ravel())
    data = read_xyz(tmp_path, xyz(f'REF_s="{values}"'), LabelNames(tensor="REF_s", tensor_is=kind))
    np.testing.assert_allclose(data.virials[0], -120.0 * SIGMA, rtol=1e-6)


def test_xyz_labels_under_other_names_are_asked_about(tmp_path) -> None:
    with pytest.raises(DataError, match="energy under the name REF_energy.* --energy-key REF_energy"):
        read_xyz(tmp_path, xyz("REF_energy=-3"))
    data = read_xyz(tmp_path, xyz("REF_energy=-3"), LabelNames(energy="REF_energy"))
    assert data.energies.tolist() == [-3.0]
    other = xyz("energy=-1", "species:S:1:pos:R:3:dft_forces:R:3")
    with pytest.raises(DataError, match="--forces-key dft_forces"):
        read_xyz(tmp_path, other)
    assert read_xyz(tmp_path, other, LabelNames(forces="dft_forces")).forces[0].tolist() == [0.1, 0.2, 0.3]
    with pytest.raises(DataError, match="--virial-key virial_stress and what it is, --virial-is"):
        read_xyz(tmp_path, xyz('energy=-1 virial_stress="1 2 3 4 5 6 7 8 9"'))
    with pytest.raises(DataError, match="a.extxyz:0 = no mine: must be one of"):
        read_xyz(tmp_path, xyz("energy=-1"), LabelNames(energy="mine"))


def test_xyz_that_is_cut_off(tmp_path) -> None:
    with pytest.raises(DataError, match="a.extxyz = damaged extended XYZ"):
        read_xyz(tmp_path, xyz("energy=-1") + xyz("energy=-1")[:-60])
