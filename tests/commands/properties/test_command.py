"""`hpcpot properties` as a user runs it: structures or a config, tables, figure, page."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pytest
import reports
import yaml
from ase.build import bulk

from hpcpot import cli
from hpcpot.farm.results import Results
from hpcpot.potential import files as potential_files
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.storage.tables import read_table

FAST = ("--workers", "1", "--set", "properties.phonon_length_A=10", "--set", "properties.vacancy_atoms=30")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    potential_files.save(LennardJones(("Ar",), np.array([[0.0104]]), np.array([[3.4]]), 4.6), "argon.h5", {})
    Path("cells").mkdir()
    ase.io.write("cells/fcc.cif", bulk("Ar", "fcc", 5.4))
    ase.io.write("cells/hcp.cif", bulk("Ar", "hcp", 3.8))
    return tmp_path


def properties(*words: str, code: int = 0) -> None:
    assert cli.main(["properties", *words]) == code


def test_all_of_two_crystals(folder, capsys):
    pytest.importorskip("phonopy")
    properties("cells", "--potential", "argon.h5", *FAST)
    printed = capsys.readouterr().out
    lines = {line[:33].strip(): line[33:].split() for line in printed.splitlines()}
    assert lines["space group"] == ["Fm-3m", "(225)", "P6_3/mmc", "(194)"]
    assert float(lines["energy"][0]) == pytest.approx(-6 * 0.0104, abs=1e-4) == float(lines["energy"][1])
    whole = read_table(folder / "cells_properties.csv")
    assert whole["crystal"].tolist() == ["fcc.cif", "hcp.cif"]
    assert whole["C11_GPa"][0] == pytest.approx(2 * whole["C12_GPa"][0], rel=0.02)
    surfaces = read_table(folder / "cells_properties_surfaces.csv")
    assert surfaces["plane"].tolist() == ["(100)", "(110)", "(111)"] * 2
    for part in ("eos", "dos", "thermal", "vacancies", "phonons"):
        assert {*read_table(folder / f"cells_properties_{part}.csv")["crystal"]} == {"fcc.cif", "hcp.cif"}
    assert (folder / "cells_properties.png").read_bytes().startswith(b"\x89PNG")
    section = reports.section_of(folder / "cells_properties.h5", "properties", charts=1)
    assert section.tables.keys() >= {"crystals", "eos", "surfaces"} and not section.warnings
    properties("cells", "--potential", "argon.h5", *FAST)
    assert "2 of them stored already" in capsys.readouterr().out


def test_a_config_and_some_of_it(folder, capsys):
    Path("p.yaml").write_text(
        yaml.safe_dump(
            {
                "structures": {"files": "cells/fcc.cif"},
                "potential": {"file": "argon.h5"},
                "properties": {"compute": ["eos"]},
                "output": {"results": "p.h5", "figure": False},
            }
        )
    )
    properties("p.yaml", "--workers", "1")
    assert "C11" not in capsys.readouterr().out and not (folder / "p.png").exists()
    with Results("p.h5") as results:
        assert "elastic" not in results.columns and len(results.read("eos_volumes")[0]) == 11
    properties("p.yaml", "--compute", "[eos, elastic]", code=1)
    assert "results with another task" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("cells",), "potential.file = missing (command line): is required"),
        (
            ("cells", "--potential", "argon.h5", "--compute", "[eos, band]"),
            "properties.compute = ['eos', 'band'] (--compute)",
        ),
        (("cells", "--potential", "argon.h5", "--compute", "[eos, eos]"), "must name each once"),
        (("cells", "--potential", "argon.h5", "--set", "properties.surface_planes=[[0, 0, 0]]"), "three whole numbers"),
        (("cells", "--potential", "argon.h5", "--set", "properties.strain=0.1"), "must be at most 0.05"),
        (("cells", "--potential", "argon.h5", "--set", "properties.eos_range=0.6"), "must be below 0.5"),
    ],
)
def test_what_cannot_be_is_told(words, told, capsys):
    properties(*words, code=1)
    assert told in capsys.readouterr().err
