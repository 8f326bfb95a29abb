"""`hpcpot md` from LAMMPS files: elements of types and units, as the config says them."""

import ase.units
import numpy as np
import pytest

from hpcpot import cli
from hpcpot.storage.reader import TrajectoryReader

DUMP = """ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp pp
0.0 6.0
0.0 6.0
0.0 6.0
ITEM: ATOMS id type x y z vx vy vz
4 3 0.0 3.0 3.0 0.0 0.0 0.002
3 3 3.0 0.0 3.0 0.0 0.0 -0.002
"""
CONFIG = """
structure: {{file: a.lammpstrj, {keys}}}
potential: {{file: lisi_mtp}}
md: {{integrator: nve, steps: 0, timestep_fs: 1.0, remove_drift: false}}
output: {{trajectory: o.h5md, velocity_every: 1}}
"""


def run(tmp_path, monkeypatch, keys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.lammpstrj").write_text(DUMP)
    (tmp_path / "md.yaml").write_text(CONFIG.format(keys=keys))
    return cli.main(["md", "md.yaml"])


@pytest.mark.parametrize(("units", "speed"), [("real", 0.002), ("metal", 2e-6)])
def test_types_are_mapped_and_units_converted(tmp_path, monkeypatch, units, speed):
    assert run(tmp_path, monkeypatch, f"elements: [C, O, Si], units: {units}") == 0
    with TrajectoryReader(tmp_path / "o.h5md") as reader:
        atoms = reader.frame(0)
    assert list(atoms.symbols) == ["Si", "Si"]
    velocities = atoms.get_velocities()[:, 2] * ase.units.fs
    assert np.allclose(velocities, [-speed, speed], rtol=1e-12)


def test_types_without_elements_are_refused(tmp_path, monkeypatch, capsys):
    assert run(tmp_path, monkeypatch, "units: real") == 1
    assert "type 3 = no mass, no name: its element must be known" in capsys.readouterr().err
    assert run(tmp_path, monkeypatch, "units: lj, elements: [C, O, Si]") == 1
    assert "structure.units = lj" in capsys.readouterr().err
