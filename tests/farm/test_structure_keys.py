"""Keys of what structure files do not hold: the same in all commands, named after their own section in messages."""

from __future__ import annotations

from pathlib import Path

import ase
import ase.io
import pytest
import yaml
from ase.build import bulk

from hpcpot import config
from hpcpot.commands import schema_of
from hpcpot.commands.label import task as label_task
from hpcpot.errors import ConfigError, StructureError
from hpcpot.farm import structures
from hpcpot.structure import files
from hpcpot.structure.formats import StructureOptions
from hpcpot.structure.settings import options_of

TYPES = """LAMMPS data file, units = real

2 atoms
2 atom types

0 6 xlo xhi
0 6 ylo yhi
0 6 zlo zhi

Atoms # atomic

1 1 0 0 0
2 2 3 0 0
"""
CONFIGS = {
    "relax": {"structures": {"files": "a"}, "potential": {"file": "m.h5"}, "output": {"results": "r.h5"}},
    "label": {
        "structures": {"files": "a"},
        "calculator": {"class": "ase.calculators.emt.EMT"},
        "output": {"results": "r.h5", "dataset": "d.h5"},
    },
    "select": {"structures": {"files": "a"}, "output": {"vectors": "r.h5", "dataset": "d.h5"}},
    "onsite": {"frames": {"file": "a"}, "potential": {"file": "m.h5"}, "output": {"results": "r.h5"}},
    "md": {
        "structure": {"file": "a"},
        "potential": {"file": "m.h5"},
        "md": {"integrator": "nve", "steps": 1, "timestep_fs": 1.0},
        "output": {"trajectory": "r.h5md"},
    },
}
SECTIONS = {"relax": "structures", "label": "structures", "select": "structures", "onsite": "frames", "md": "structure"}


@pytest.mark.parametrize("command", CONFIGS)
def test_each_command_has_them_under_one_name(command: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(TYPES)
    (tmp_path / "m.h5").write_text("")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(CONFIGS[command]))
    name = SECTIONS[command]
    given = (f"{name}.elements=[Li, Si]", f"{name}.units=real", f"{name}.format=lammps-data")
    settings = config.load(tmp_path / "run.yaml", schema_of(command), given)
    options = options_of(getattr(settings, name), name)
    assert options == StructureOptions(("Li", "Si"), "real", "lammps-data", name)
    assert list(files.frame(tmp_path / "a", options).symbols) == ["Li", "Si"]
    absent = options_of(getattr(config.load(tmp_path / "run.yaml", schema_of(command)), name), name)
    assert absent == StructureOptions(section=name)
    with pytest.raises(
        StructureError, match=rf"no format by its name and its first bytes: .* say which by {name}\.format,"
    ):
        files.frame(tmp_path / "a", absent)
    with pytest.raises(StructureError, match=rf"give the elements of types 1, 2, \.\.\. in {name}\.elements\."):
        files.frame(tmp_path / "a", StructureOptions(format="lammps-data", section=name))
    with pytest.raises(StructureError, match=rf"{name}\.units is metal; correct or leave out {name}\.units"):
        files.frame(tmp_path / "a", StructureOptions(("Li", "Si"), "metal", "lammps-data", name))
    with pytest.raises(ConfigError, match=rf"{name}\.format = extxzy .* must be hdf5 \| h5md"):
        config.load(tmp_path / "run.yaml", schema_of(command), [f"{name}.format=extxzy"])


def test_items_are_those_of_named_types(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(TYPES)
    options = StructureOptions(("Li", "Si"), None, "lammps-data", "structures")
    expected = ase.Atoms("LiSi", [[0, 0, 0], [3, 0, 0]], cell=[6, 6, 6], pbc=True)
    ase.io.write(tmp_path / "b.extxyz", expected)
    relaxed = [
        structures.items([tmp_path / name], "all", given) for name, given in (("a", options), ("b.extxyz", None))
    ]
    assert relaxed[0][0].key == relaxed[1][0].key and list(relaxed[0][0].input.symbols) == ["Li", "Si"]
    labelled = label_task.structures([tmp_path / "a"], 1, options)
    assert list(labelled[0].input.symbols) == ["Li", "Si"]


def test_formats_by_the_names_of_ase(tmp_path: Path) -> None:
    """Its own readers are taken for them, unless hpcpot has one: ASE's of dumps takes types for atomic numbers."""
    crystal = bulk("Si", "diamond", 5.43, cubic=True)
    ase.io.write(tmp_path / "a", crystal, format="gen")
    read = files.read(tmp_path / "a", format="gen")
    assert read.cell[0, 0] == pytest.approx(5.43) and len(read) == 8
    ase.io.write(tmp_path / "b", crystal, format="xyz")
    assert len(files.read(tmp_path / "b", format="xyz")) == 8
    head = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS pp pp pp\n0 5\n0 5\n0 5\n"
    (tmp_path / "c").write_text(f"{head}ITEM: ATOMS id type x y z\n1 1 0 0 0\n")
    assert list(files.read(tmp_path / "c", ("Si",), format="lammps-dump-text").symbols) == ["Si"]
    with pytest.raises(StructureError, match=r"structure\.format = lammps-dump-binary: must be one of"):
        files.read(tmp_path / "c", format="lammps-dump-binary")
