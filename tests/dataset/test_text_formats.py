"""XSF and CFG as other programs write them: units, signs, orders, and what is refused."""

import numpy as np
import pytest

from hpcpot.dataset.files import load
from hpcpot.dataset.formats.reading import ReadOptions
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
