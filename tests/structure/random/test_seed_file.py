"""Seeds of AIRSS: what they ask for, and what of them is not read."""

from pathlib import Path

import pytest

from hpcpot import config
from hpcpot.commands.recipes.settings import SCHEMA
from hpcpot.errors import ConfigError, StructureError
from hpcpot.notices import InputNotice
from hpcpot.structure.random.cells import generate
from hpcpot.structure.random.recipe import random_cells
from hpcpot.structure.random.seed_file import read

SEED = """%BLOCK LATTICE_CART
4 0 0
0 4 0
0 0 4
%ENDBLOCK LATTICE_CART

%BLOCK POSITIONS_FRAC
Li 0.0 0.0 0.0 # Li1 % NUM=4
Si 0.0 0.0 0.0 # Si1 % NUM=2
%ENDBLOCK POSITIONS_FRAC

## a comment
#TARGVOL=20-24
#NFORM={1,2}
#SYMMOPS=1-4
#MINSEP=2.0 Li-Si=2.2-2.4
#SLACK=0.05
#CONS=0.5
KPOINTS_MP_SPACING 0.07
"""


def seed(folder: Path, text: str) -> Path:
    path = folder / "lisi.cell"
    path.write_text(text)
    return path


def test_a_seed(tmp_path):
    cells = read(seed(tmp_path, SEED))
    assert cells.formula == {"Li": 4, "Si": 2} and cells.units == (1, 2) and not cells.per_operation
    assert cells.unit_volume == 3.0  # 6 atoms on two lines: TARGVOL is that of two
    assert cells.volume_ratio == (20.0, 24.0)
    assert cells.operations == (1, 2, 3, 4)
    assert cells.distance == pytest.approx((1.9, 1.9))
    assert cells.distances == {("Li", "Si"): pytest.approx((2.09, 2.28))}
    assert (cells.compactness, cells.angle_compactness, cells.push_step, cells.push_sweeps) == (0.5, 0.5, 0.25, 100)
    for index in range(5):
        atoms = generate(cells, 1, index)
        per_unit = atoms.get_volume() / atoms.info["formula_units"]
        assert 60 <= per_unit <= 72 and len(atoms) == 6 * atoms.info["formula_units"]


@pytest.mark.parametrize(
    ("tags", "atoms", "volume"),
    (
        ("#TARGVOL=50", "Si 0 0 0 # a % NUM=1\nO 0 0 0 # b % NUM=2", 75.0),
        ("#VARVOL=61", "Al 0 0 0 # a % NUM=8", 488.0),
        ("", "Al 0 0 0\nAl 0 0 0", None),
    ),
)
def test_volumes(tmp_path, tags, atoms, volume):
    """As AIRSS makes of these: 75.00 Å³ for SiO2 with two lines; by packing without any."""
    cells = read(
        seed(tmp_path, f"%BLOCK POSITIONS_FRAC\n{atoms}\n%ENDBLOCK POSITIONS_FRAC\n#MINSEP=2.28\n#NFORM=1\n{tags}")
    )
    low, high = (ratio * cells.unit_volume for ratio in cells.volume_ratio)
    if volume is None:
        volume = 2 * 18.2472
    assert (low, high) == pytest.approx(
        (volume, volume) if "TARG" in tags else (0.95 * volume, 1.05 * volume), rel=1e-4
    )


def test_the_lattice_gives_the_volume_and_operations_the_formula_units(tmp_path):
    text = SEED.replace("#TARGVOL=20-24\n", "").replace("#NFORM={1,2}\n", "").replace("2.0 Li-Si=2.2-2.4", "1.5")
    cells = read(seed(tmp_path, text.replace("SYMMOPS=1-4", "SYMMOPS=~2")))
    assert cells.unit_volume == pytest.approx(64.0) and cells.per_operation and cells.operations == (2,)
    atoms = generate(cells, 1, 0)
    assert len(atoms) == 12 and 0.95 * 128 <= atoms.get_volume() <= 1.05 * 128


def test_a_group_and_no_push(tmp_path):
    text = SEED.replace("SYMMOPS=1-4", "SYMM=P-1").replace("SLACK=0.05", "NOPUSH\n#NOCOMPACT\n#ADJGEN=0-1\n#MAXTIME=2")
    text += "#VARVOL=20\n#PACKING=0.3\n%BLOCK SYMMETRY_OPS\n1 0 0\n%ENDBLOCK SYMMETRY_OPS\n"
    with pytest.warns(InputNotice, match="KPOINTS_MP_SPACING, SYMMETRY_OPS, MAXTIME, TARGVOL, PACKING = not used"):
        cells = read(seed(tmp_path, text))
    assert (cells.groups, cells.push_sweeps, cells.reduce, cells.fewer_general) == ((2,), 0, False, (0, 1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    (
        ("#SLACK", "#SLAKC", "SLAKC = unknown tag: did you mean SLACK?"),
        ("#SLACK=0.05", "#XYZZY", "XYZZY = unknown tag: known are TARGVOL"),
        ("#SLACK=0.05", "#CELLADAPT", "CELLADAPT = a tag of AIRSS: is not read"),
        ("#SLACK=0.05", "#CONS=0.4", "CONS = appears twice"),
        ("SLACK=0.05", "SLACK=much", "SLACK = much: must be a number >= 0, or a range"),
        ("SLACK=0.05", "SLACK=0.1-0.2", "SLACK = 0.1-0.2: must be a number; correct it"),
        ("SYMMOPS=1-4", "SYMMOPS=5", "of operations some of 1, 2, 3, 4, 6"),
        ("SYMMOPS=1-4", "SYMMOPS={1,a}", "must be a whole number, a range a-b, or {a,b,c}"),
        ("SYMMOPS=1-4", "SYMM=P9", "SYMM = P9: must be a number from 1 to 230"),
        ("NFORM={1,2}", "NFORM=0", "NFORM = [0]"),
        ("MINSEP=2.0", "MINSEP=AUTO", "AUTO needs the structure whose distances it stands for"),
        ("Li-Si=", "Li-Xx=", "MINSEP = Li-Xx=2.2-2.4"),
        ("% NUM=4", "% NUM=1-4", "NUM=1-4 = not read"),
        ("% NUM=4", "% POSAMP=1", "POSAMP=1 = not read"),
        ("Li 0.0", "Xx 0.0", "= no atom: must be"),
        ("0 4 0\n", "", "LATTICE_CART = not three rows"),
        ("POSITIONS_FRAC", "KPOINTS", "= no atoms: must have a block"),
        ("TARGVOL=20-24", "TARGVOL=0", "must be > 0"),
        ("TARGVOL=20-24", "TARGVOL", "TARGVOL = : must have a value, #TARGVOL=..."),
        ("#TARGVOL=20-24\n", "#PACKING=0\n", "PACKING = 0: must be a number from 0.001 to 1"),
        ("SLACK=0.05", "SLACK=2", "SLACK = 2: must be a number from 0 to 0.99"),
        ("CONS=0.5", "CONS=3", "CONS = 3: must be a number from 0 to 1"),
        ("CONS=0.5", "ACONS=1", "ACONS = 1: must be a number from 0 to 0.95"),
        ("CONS=0.5", "PUSHSTEP=0", "PUSHSTEP = 0: must be a number from 0.001 to 10"),
        ("CONS=0.5", "PUSHMAX=2.7", "PUSHMAX = 2.7: must be a whole number"),
        ("CONS=0.5", "PUSHMAX=2-7", "PUSHMAX = 2-7: must be a whole number >= 0"),
        ("CONS=0.5", "NOPUSH=0", "NOPUSH = 0: must have no value"),
        ("CONS=0.5", "SYMM=P-1", "SYMMOPS = does not go with SYMM"),
        ("#CONS=0.5", "#COMPACT\n#NOCOMPACT", "NOCOMPACT = does not go with COMPACT"),
        (
            "MINSEP=2.0",
            "MINSEP=2.0 Si-Ge=2",
            "MINSEP = Si-Ge=2: must be there once, and of elements of the atoms, Li, Si",
        ),
        ("MINSEP=2.0", "MINSEP=2.0 Si-Li=2", "MINSEP = Li-Si=2.2-2.4: must be there once"),
        ("MINSEP=2.0", "MINSEP=2.0 1.0", "MINSEP = 1.0: must be there once"),
        ("%ENDBLOCK POSITIONS_FRAC", "", "%BLOCK POSITIONS_FRAC = has no end"),
        ("%ENDBLOCK LATTICE_CART", "", "= a block that is there twice, in another, or was not begun"),
        ("KPOINTS_MP", "%BLOCK LATTICE_ABC\n%ENDBLOCK LATTICE_ABC\n", "LATTICE_ABC = does not go with LATTICE_CART"),
    ),
)
def test_wrong_seeds(tmp_path, old, new, message):
    text = SEED.replace("#TARGVOL=20-24\n", "") if "LATTICE_CART =" in message else SEED
    with pytest.raises(StructureError) as refusal:
        read(seed(tmp_path, text.replace(old, new)))
    assert message in str(refusal.value)


def test_a_seed_in_a_config(tmp_path):
    seed(tmp_path, SEED)
    path = tmp_path / "build.yaml"
    path.write_text("recipe: random\nrandom: {seed_file: lisi.cell, count: 3}\n")
    assert random_cells(config.load(path, SCHEMA).random)[0].name == "Li4Si2"
    with pytest.raises(ConfigError, match="random.niggli = false .*: does not go with random.seed_file"):
        config.load(path, SCHEMA, ["random.niggli=false"])
    seed(tmp_path, SEED.replace("NFORM={1,2}", "NFORM=9999"))
    with pytest.raises(ConfigError, match="lisi.cell: atoms of a cell of 9999 Li4Si2 = 59994: must be at most 2000"):
        random_cells(config.load(path, SCHEMA).random)
    seed(tmp_path, SEED.replace("MINSEP=2.0", "MINSEP=4.0"))
    with pytest.raises(ConfigError, match=r"lisi.cell: volume of 1 Li4Si2 = 60 Å³ .* densest packing"):
        random_cells(config.load(path, SCHEMA).random)
