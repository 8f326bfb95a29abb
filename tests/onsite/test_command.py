"""`hpcpot onsite` as a user runs it: results, tables and a figure; the same command again has nothing to do."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

import numpy as np
import pytest
import runs
import slabs
import systems
import yaml

from hpcpot.onsite.removal import Frame
from hpcpot.potential import files as potential_files
from hpcpot.potential.base import Potential
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.storage.results import Results

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


def onsite(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
    done = subprocess.run([*runs.HPCPOT, "onsite", "onsite.yaml", *arguments], cwd=folder, env=runs.environment(),
                          capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)  # fmt: skip
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done


def test_a_campaign(folder: Path) -> None:
    output = onsite(folder).stdout
    with Results(folder / "removals.h5") as results:
        rows = {name: results.read(name) for name in results.columns}
    assert len(rows["region"]) == 12 and set(rows["region"]) == {"si1_bulk", "si2_bulk", "interface", "alloy"}
    potential = Potential(systems.deep_potential())
    with TrajectoryReader(folder / "run.h5md") as reader:
        for k in range(12):
            frame = Frame(reader.frame(int(rows["frame"][k])), potential)
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

    before = (folder / "removals_sites.csv").read_bytes()
    assert "12 different items, 12 of them stored already" in onsite(folder).stdout
    assert (folder / "removals_sites.csv").read_bytes() == before


def test_dry_run_says_how_many(folder: Path) -> None:
    output = onsite(folder, "--dry-run", "--set", "output.results=other.h5").stdout
    assert "72 sites" in output or "54 sites" in output
    assert not (folder / "other.h5").exists()


def test_other_sites_do_not_mix(folder: Path) -> None:
    error = onsite(folder, "--set", "sites.seed=4", code=1).stderr
    assert "removals.h5 = results with another task" in error
