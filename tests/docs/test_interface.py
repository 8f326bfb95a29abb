"""The section of the interface's page is filled in from a trajectory."""

import csv
import importlib.util
import shutil

import numpy as np
import pytest
import slabs
from repository import REPOSITORY

from hpcpot.parallel.ranks import SERIAL
from hpcpot.storage.trajectory import Trajectory

OBSERVED = {
    "stage": ("", ()),
    "temperature": ("K", ()),
    "potential_energy": ("eV", ()),
    "conserved_energy": ("eV", ()),
    "max_extrapolation_grade": ("", ()),
}


def write(path, count=12):
    """A stage of two frames and one of ten, each 1 ps apart, as a run writes them: lithium creeps 1 Å into the silicon."""
    frames = [slabs.slab(seed) for seed in range(count)]
    for k, frame in enumerate(frames[7:]):
        frame.positions[np.argsort(np.abs(frame.positions[:, 2] - 22.6))[: k + 1], 2] -= 3.0
    first = frames[0]
    with Trajectory(
        path,
        SERIAL,
        elements=("Li", "Si"),
        species=(first.numbers == 14).astype(np.int32),
        masses=np.array([6.94, 28.085]),
        n_atoms=len(first),
        periodic=np.asarray(first.pbc),
        particles={"position": 1000, "image": 1000},
        observables=OBSERVED,
        observables_every=1000,
        n_steps=1000 * count,
        provenance={"hpcpot": "0", "cpu": "a processor", "ranks": 1},
    ) as trajectory:
        for k, frame in enumerate(frames):
            particles = {"position": frame.positions, "image": np.zeros((len(frame), 3), np.int32)}
            numbers = (float(k > 1), 500.0, -100.0 - k, -50.0 + 1e-3 * k, 1.0 + 0.1 * k)
            observed = {name: np.array(value) for name, value in zip(OBSERVED, numbers, strict=True)}
            trajectory.append(1000 * k, 1000.0 * k, particles, frame.cell.array, observed)
    return path


def test_the_section_is_filled_in_and_again(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("docs_interface", REPOSITORY / "docs/interface.py")
    docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(docs)
    monkeypatch.setattr(docs, "PAGE", tmp_path / "page.md")
    shutil.copy(REPOSITORY / "docs/interface.md", docs.PAGE)
    path = write(tmp_path / "run.h5md")
    docs.main([str(path), "--window", "3"])
    once = docs.PAGE.read_text()
    section = once.split("<!-- nanosecond -->")[1].split("<!-- end -->")[0]
    assert "218 atoms for 9 ps at 500.0 K, 1 rank, one run; hpcpot 0, a processor." in section
    assert f"drifts by {1e-3 / 218 * 1e6:.2g} meV/atom/ns" in section
    assert "(page/nanosecond.png)" in section and (tmp_path / "page/nanosecond.png").exists()
    with (tmp_path / "page/nanosecond.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["time_ps"]) for row in rows] == [1.5, 4.5, 7.5]
    assert [(row["first_frame"], row["last_frame"]) for row in rows] == [("3", "5"), ("6", "8"), ("9", "11")]
    assert [float(row["max_grade"]) for row in rows] == pytest.approx([1.5, 1.8, 2.1])
    lengths = [float(row["length_A"]) for row in rows]
    assert lengths[2] > lengths[0] + 0.3 and 20.0 < float(rows[0]["z_L_A"]) < float(rows[0]["z_R_A"]) < 24.0
    counts = [
        int(line.split("|")[2].replace(",", ""))
        for line in section.splitlines()
        if line.startswith(("| sil", "| all", "| lit"))
    ]
    assert sum(counts) == 3 * 218
    docs.main([str(path), "--window", "3"])
    assert docs.PAGE.read_text() == once
