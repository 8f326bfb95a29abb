"""`hpcpot onsite` as a user runs it: results, tables and a figure; the same command again has nothing to do."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import ase.io
import numpy as np
import pytest
import reports
import slabs
import systems
import yaml
from campaigns import run

from hpcpot.farm.results import Results
from hpcpot.potential import files as potential_files
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.local_change import LocalChange
from hpcpot.storage.reader import TrajectoryReader

onsite = partial(run, "onsite")
CONFIG = {
    "frames": {"file": "run.h5md", "count": 3},
    "potential": {"file": "model.h5"},
    "profile": {"bin_A": 2.0, "frames": 3},
    "regions": {"si1_bulk": ["bottom+3", "bottom+8"], "alloy": ["right+5", "right+6"]},
    "sites": {"per_region": 6, "seed": 3},
    "bootstrap": {"replicas": 50},
    "farm": {"workers": 1},
    "output": {"results": "removals.h5"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onsite")
    slabs.write(folder / "run.h5md", slabs.drifting(6))
    potential_files.save(systems.deep_potential(), folder / "model.h5", {"source": "tests"})
    (folder / "onsite.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


def test_a_campaign(folder: Path) -> None:
    output = onsite(folder).stdout
    with Results(folder / "removals.h5") as results:
        rows = {name: results.read(name) for name in results.columns}
    assert len(rows["region"]) == 12 and set(rows["region"]) == {"si1_bulk", "si2_bulk", "interface", "alloy"}
    potential = BlockPotential(systems.deep_potential())
    with TrajectoryReader(folder / "run.h5md") as reader:
        for k in range(12):
            frame = LocalChange(reader.frame(int(rows["frame"][k])), potential)
            np.testing.assert_allclose(rows["energies"][k], frame.removals(rows["sites"][k]), rtol=0, atol=1e-9)
    assert "a-LixSi: no atoms in 3 of 3 frames; see the regions' ranges in the config" in output
    with open(folder / "removals_sites.csv", newline="") as file:
        sites = list(csv.DictReader(file))
    assert len(sites) == 3 * 3 * 6
    bulk = [float(row["dE_eV"]) for row in sites if row["region"] == "Si1,b"]
    with open(folder / "removals_summary.csv", newline="") as file:
        means = {row["region"]: float(row["mean_eV"]) for row in csv.DictReader(file)}
    assert means["Si1,b"] == pytest.approx(np.mean(bulk), abs=1e-12)
    assert means["ddE"] == pytest.approx(means["interface"] - means["Si1,b"], abs=1e-12)
    for name in ("histograms", "subsamples", "profile", "interfaces"):
        assert (folder / f"removals_{name}.csv").stat().st_size > 50
    assert (folder / "removals.png").read_bytes().startswith(b"\x89PNG")

    section = reports.section_of(folder / "removals.h5", "onsite", charts=1)
    assert section.quantities["dE, Si1,b"].value == pytest.approx(means["Si1,b"], abs=1e-12)
    assert section.quantities["ddE"].value == pytest.approx(means["ddE"], abs=1e-12)
    before = (folder / "removals_sites.csv").read_bytes()
    assert "12 different items, 12 of them stored already" in onsite(folder).stdout
    assert (folder / "removals_sites.csv").read_bytes() == before

    onsite(folder, "--set", "frames.to_ps=0.02", "--set", "frames.count=1")  # rows of the other frames stay in the file
    with open(folder / "removals_sites.csv", newline="") as file:
        assert {row["frame"] for row in csv.DictReader(file)} == {"0"}
    with Results(folder / "removals.h5") as results:
        assert len(results.keys()) == 12


def test_dry_run_says_how_many(folder: Path) -> None:
    output = onsite(folder, "--dry-run", "--set", "output.results=other.h5").stdout
    assert "54 sites: 3 frames, 4 regions\n" in output, "6 of each region but the alloy's, which is empty"
    assert "12 items in 1 to 12 tasks" in output
    assert not (folder / "other.h5").exists()


def test_other_sites_do_not_mix(folder: Path) -> None:
    error = onsite(folder, "--set", "sites.seed=4", code=1).stderr
    assert "removals.h5 = results with another task" in error


def test_bad_frames_fail_alone(folder: Path) -> None:
    """NaN, no volume, an unknown species, an overlap and a damaged file are failed rows with a reason."""
    nan, near, other, flat = (slabs.slab() for _ in range(4))
    nan.positions[3, 2] = np.nan
    near.positions[5] = near.positions[4] + 0.1
    other.symbols[7] = "Ge"
    flat.cell[1] = flat.cell[0]
    reasons = {
        "nan": "must be finite",
        "near": "must be at least 0.5 Å",
        "other": "species of atom 7 = Ge",
        "flat": "must have a volume",
        "cut": "frame 0 = 109 of 218 atoms",
    }
    for name, atoms in zip(("good", *reasons), (slabs.slab(), nan, near, other, flat, slabs.slab()), strict=True):
        ase.io.write(folder / f"{name}.extxyz", atoms)
    text = (folder / "cut.extxyz").read_text()
    (folder / "cut.extxyz").write_text(text[: len(text) // 2])
    arguments = (
        "--set",
        f"frames.file=[{', '.join(f'{name}.extxyz' for name in (*reasons, 'good'))}]",
        "--set",
        "frames.count=6",
        "--set",
        "output.results=bad.h5",
    )
    done = onsite(folder, *arguments, code=1)
    assert "18 sites: 1 frame, 4 regions; 5 frames of no use, stored as failed" in done.stdout
    with Results(folder / "bad.h5") as results:
        assert set(results.read("frame")) == {5} and len(results.keys()) == 4
        failed = {label: failure for _, label, failure in results.failed()}
    assert failed.keys() == {f"{name}.extxyz" for name in reasons}
    for name, reason in reasons.items():
        assert failed[f"{name}.extxyz"].kind == "StructureError" and reason in failed[f"{name}.extxyz"].message
    assert (folder / "bad.png").stat().st_size > 1000
    assert "9 different items, 9 of them stored already" in onsite(folder, *arguments, code=1).stdout


def test_precision(folder: Path) -> None:
    mixed = ("--set", "potential.precision=mixed")
    assert "results with another task" in onsite(folder, *mixed, code=1).stderr
    onsite(folder, *mixed, "--set", "output.results=mixed.h5", "--set", "frames.count=1", "--set", "frames.to_ps=0.02")
    with Results(folder / "mixed.h5") as single, Results(folder / "removals.h5") as double:
        for key in single.keys():  # noqa: SIM118  (no dict)
            exact = double.row(key)["energies"]
            np.testing.assert_allclose(single.row(key)["energies"], exact, rtol=0, atol=1e-3)
            assert len(exact) == 0 or (single.row(key)["energies"] != exact).any()
    potential_files.save(systems.deep_potential_with_first_skip(), folder / "skip.h5", {"source": "tests"})
    refused = onsite(folder, *mixed, "--set", "potential.file=skip.h5", "--set", "output.results=other.h5", code=1)
    assert "potential.precision = mixed: the cpu kernels of this" in refused.stderr
    assert not (folder / "other.h5").exists()
