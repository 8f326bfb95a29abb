"""`hpcpot verify`, as a user runs it."""

import ase.io
import pytest
import reports
import systems
from ase.build import bulk

from hpcpot.cli import main
from hpcpot.potential import files as potentials


@pytest.fixture
def argon(tmp_path):
    """A model that is sound but for its step at the cutoff, and a crystal."""
    potentials.save(systems.argon(), tmp_path / "argon.h5", {})
    ase.io.write(tmp_path / "fcc.extxyz", bulk("Ar", "fcc", 5.4, cubic=True))
    return ["verify", str(tmp_path / "argon.h5"), "--nve-steps", "40", "-o", str(tmp_path / "check")]


def test_a_table_files_a_figure_and_the_exit_code(argon, tmp_path, capsys) -> None:
    assert main([*argon, "--structure", str(tmp_path / "fcc.extxyz")]) == 1
    printed = capsys.readouterr().out
    failed = [line for line in printed.splitlines() if " FAIL" in line]
    unsound = {f"step of the {what} at the cutoff" for what in ("energy", "force")} | {
        "energy less work in steps of 2 mÅ"
    }
    drift = "NVE: drift of the energy"  # of so short a run
    assert unsound <= {line.split("  ")[0] for line in failed} <= unsound | {drift}
    assert printed.splitlines()[-1].endswith(f"checks, {len(failed)} failed")
    rows = (tmp_path / "check.csv").read_text().splitlines()
    assert rows[0] == "name,value,unit,low,high,verdict,where" and sum(",FAIL," in row for row in rows) == len(failed)
    crystals = (tmp_path / "check_crystals.csv").read_text().splitlines()
    assert "eos_bulk_modulus_GPa" in crystals[0] and len(crystals) == 2
    assert len((tmp_path / "check_eos.csv").read_text().splitlines()) == 12
    assert (tmp_path / "check.png").read_bytes().startswith(b"\x89PNG")
    section = reports.section_of(tmp_path / "check.csv", "verify", charts=1)
    assert len(section.warnings) == len(failed) == section.quantities["checks failed"].value


def test_errors_are_one_line(argon, tmp_path, capsys) -> None:
    assert main(argon) == 1
    assert "structures = none: no crystal by name consists of Ar; give one with --structure" in capsys.readouterr().err
    (tmp_path / "check.csv").write_text("mine")
    assert main(argon) == 1
    assert "check.csv = exists" in capsys.readouterr().err and (tmp_path / "check.csv").read_text() == "mine"
    ase.io.write(tmp_path / "slab.extxyz", bulk("Ar", "fcc", 5.4, cubic=True))
    atoms = bulk("Ar", "fcc", 5.4, cubic=True)
    atoms.pbc = (True, True, False)
    ase.io.write(tmp_path / "slab.extxyz", atoms)
    assert main([*argon, "--structure", str(tmp_path / "slab.extxyz"), "--overwrite"]) == 1
    assert "slab.extxyz = periodic [True, True, False]: must be periodic" in capsys.readouterr().err
