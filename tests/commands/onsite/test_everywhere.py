"""All frames of files of several, and sites without regions: crystals have no vacuum and no interface."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
import slabs
import systems
import yaml
from ase.build import bulk
from campaigns import run

import hpcpot
from hpcpot import config
from hpcpot.commands.onsite import everywhere, frames, task
from hpcpot.commands.onsite.settings import SCHEMA, FramesSection, OnsiteSettings
from hpcpot.errors import ConfigError, StructureError
from hpcpot.farm.results import Results
from hpcpot.notices import InputNotice
from hpcpot.potential import files as potential_files
from hpcpot.structure import lammps_write

onsite = partial(run, "onsite")


def crystal(strain: float = 0.0) -> ase.Atoms:
    return bulk("Si", "diamond", 5.43 * (1 + strain), cubic=True)


def settings(folder: Path, *overrides: str) -> OnsiteSettings:
    tree = {"potential": {"file": "m.h5"}, "output": {"results": str(folder / "r.h5")}, "frames": {"file": "f.extxyz"}}
    (folder / "onsite.yaml").write_text(yaml.safe_dump(tree))
    potential_files.save(systems.deep_potential(), folder / "m.h5", {"source": "tests"}, overwrite=True)
    return config.load(folder / "onsite.yaml", SCHEMA, overrides)


def test_a_crystal_needs_no_regions(tmp_path: Path) -> None:
    """All eight sites of diamond are the same one, in each of three cells; nothing of regions is written."""
    cells = [crystal(strain) for strain in (0.0, 0.02, 0.04)]
    ase.io.write(tmp_path / "f.extxyz", cells)
    settings(tmp_path)
    first = onsite(tmp_path)
    output = first.stdout
    why = "note: f.extxyz:0: widest gap along c = 1.36 Å, which is no vacuum = no interface, so no regions but all Si atoms"
    assert why in first.stderr
    assert "24 sites: 3 frames, 1 region\n" in output
    with Results(tmp_path / "r.h5") as results:
        rows = {name: results.read(name) for name in results.columns}
    calculator = hpcpot.Calculator(tmp_path / "m.h5")
    for k in np.argsort(rows["frame"]):
        cell = cells[int(rows["frame"][k])]
        assert rows["region"][k] == "all" and rows["sites"][k].tolist() == list(range(8))
        assert np.isnan(rows["places"][k]).all() and np.isnan(rows["left"][k])
        whole, less = (calculator.get_potential_energy(atoms) for atoms in (cell, cell[1:]))
        np.testing.assert_allclose(rows["energies"][k], whole - less, rtol=0, atol=1e-8)
    names = sorted(path.name for path in tmp_path.glob("r_*.csv"))
    assert names == ["r_histograms.csv", "r_sites.csv", "r_summary.csv"]
    assert "3 different items, 3 of them stored already" in onsite(tmp_path).stdout


def test_a_dump_with_types(tmp_path: Path) -> None:
    """Every frame of it; the elements of types are given as in `hpcpot md`, under the name of this section."""
    with (tmp_path / "f.lammpstrj").open("w") as file:
        for step in range(3):
            lammps_write.dump(file, crystal(0.01 * step), step, {})
    text = (tmp_path / "f.lammpstrj").read_text()
    assert " element " in text
    (tmp_path / "f.lammpstrj").write_text(text.replace(" element ", " ").replace(" Si ", " "))
    found = frames.find(FramesSection(file=tmp_path / "f.lammpstrj", elements=["Si"]))
    assert [place.name for place in found.places] == [f"f.lammpstrj:{k}" for k in range(3)]
    assert [found.read(k).cell[0, 0] for k in range(3)] == pytest.approx([5.43, 5.4843, 5.5386])
    assert set(found.read(1).symbols) == {"Si"}
    with pytest.raises(StructureError, match=r"in frames\.elements"):
        frames.find(FramesSection(file=tmp_path / "f.lammpstrj")).read(0)


def test_a_damaged_frame_fails_alone(tmp_path: Path) -> None:
    bad = crystal()
    bad.positions[2, 1] = np.nan
    ase.io.write(tmp_path / "f.extxyz", [crystal(), bad, crystal(0.01)])
    chosen, said = settings(tmp_path, f"frames.file={tmp_path / 'f.extxyz'}"), []
    source = frames.find(chosen.frames)
    with pytest.warns(InputNotice, match="no interface, so no regions but all Si atoms"):
        assert everywhere.is_meant(source, chosen)
    found = everywhere.choose(source, chosen, ("Li", "Si"), said.append)
    assert [choice.frame for choice in found.choices] == [0, 2] and list(found.unusable) == [1]
    assert "positions of atom 2" in said[-1]


def test_several_files_count_through(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "a.extxyz", [crystal(), crystal(0.01)])
    ase.io.write(tmp_path / "POSCAR", crystal(0.02))
    found = frames.find(FramesSection(file=[tmp_path / "a.extxyz", tmp_path / "POSCAR"]))
    assert [place.name for place in found.places] == ["a.extxyz:0", "a.extxyz:1", "POSCAR"]
    assert found.steps.tolist() == [0, 1, 2]
    assert [found.read(k).cell[0, 0] for k in range(3)] == pytest.approx([5.43, 5.4843, 5.5386])


def test_which_atoms_are_meant(tmp_path: Path) -> None:
    """A slab with vacuum has regions unless all its atoms are asked for, a crystal has none."""
    slabs.write(tmp_path / "slab.h5md", slabs.drifting(2))
    ase.io.write(tmp_path / "bulk.extxyz", crystal())
    ase.io.write(tmp_path / "pure.extxyz", slabs.slab()[:128])

    def is_meant(name: str, *overrides: str) -> bool:
        chosen = settings(tmp_path, f"frames.file={tmp_path / name}", *overrides)
        return everywhere.is_meant(frames.find(chosen.frames), chosen)

    assert not is_meant("slab.h5md")
    assert is_meant("slab.h5md", "sites.among=all") and not is_meant("bulk.extxyz", "sites.among=regions")
    with pytest.warns(InputNotice, match="bulk.extxyz.*: widest gap along c"):
        assert is_meant("bulk.extxyz")
    with pytest.warns(InputNotice, match="pure.extxyz.*: no Li = no interface"):
        assert is_meant("pure.extxyz")
    none = [f"regions.{name}=null" for name in ("si1_bulk", "si2_bulk", "interface", "alloy")]
    assert is_meant("slab.h5md", *none)
    with pytest.raises(ConfigError, match=r"give at least one, or set sites\.among: all"):
        is_meant("slab.h5md", *none, "sites.among=regions")


def test_results_of_before_have_no_word_of_this_key(tmp_path: Path) -> None:
    chosen = settings(tmp_path, f"frames.file={slabs.write(tmp_path / 'slab.h5md', slabs.drifting(1))}")
    assert "sites: {'element': 'Si', 'per_region': 50, 'seed': 0}\n" in task.identity(chosen)
    assert task.identity(chosen, is_everywhere=True).startswith("sites: all Si\nremoval: {")


def test_a_number_of_sites_that_has_no_effect(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "f.extxyz", crystal())
    overrides = (f"frames.file={tmp_path / 'f.extxyz'}", "sites.among=all", "sites.per_region=3")
    chosen = settings(tmp_path, *overrides)
    with pytest.warns(InputNotice, match="sites.per_region = not used: there are no regions"):
        selection = everywhere.choose(frames.find(chosen.frames), chosen, ("Li", "Si"), print)
    assert len(selection.choices[0].sites) == 8


def test_an_element_that_is_not_there(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "f.extxyz", crystal())
    chosen = settings(tmp_path, f"frames.file={tmp_path / 'f.extxyz'}", "sites.element=Li", "sites.among=all")
    with pytest.raises(StructureError, match=r"structure = no Li: .* name another element in sites\.element"):
        everywhere.choose(frames.find(chosen.frames), chosen, ("Li", "Si"), print)
