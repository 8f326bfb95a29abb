"""`hpcpot select` as a user runs it: farthest points with their labels, vectors made once, bad inputs refused."""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from functools import partial
from pathlib import Path

import ase
import ase.io
import h5py
import labelled
import numpy as np
import pytest
import reports
import systems
import yaml
from campaigns import LocalPool, handlers_kept, run

from hpcpot.commands import select as select_command
from hpcpot.commands.select import blocks
from hpcpot.commands.select.groups import compositions
from hpcpot.dataset import hdf5
from hpcpot.dataset.dataset import join
from hpcpot.descriptors.descriptor import of_frames
from hpcpot.descriptors.moment_tensor import MomentTensorBasis
from hpcpot.descriptors.similarity import similarity
from hpcpot.descriptors.soap.power_spectrum import Soap
from hpcpot.errors import ConfigError, DataError, HpcpotError, OutputError
from hpcpot.farm.results import Column, Results
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential import files as potential_files
from hpcpot.selection.farthest import at_random, central, farthest
from hpcpot.selection.quotas import Quotas
from hpcpot.selection.spanning import cur, d_optimal
from hpcpot.storage.tables import read_tables

select = partial(run, "select")
DATA = labelled.dataset(30)
SMALL = {"n_max": 4, "l_max": 3}
MODEL = systems.moment_tensor(level=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("select")
    hdf5.write(DATA.select(range(20)), folder / "first.h5", {})
    hdf5.write(DATA.select(range(18, 30)), folder / "rest.h5", {})  # two of them once more
    potential_files.save(MODEL, folder / "model.h5", {})
    (folder / "select.yaml").write_text(
        yaml.safe_dump(
            {
                "structures": {"files": ["first.h5", "rest.h5"]},
                "descriptor": SMALL,
                "selection": {"count": 8, "random_seeds": [3]},
                "farm": {"workers": 1},
                "output": {"vectors": "vectors.h5", "dataset": "selected.h5"},
            }
        )
    )
    return folder


def given(*values: str) -> list[str]:
    return [word for value in values for word in ("--set", value)]


def outputs(folder: Path, name: str) -> list[str]:
    return [f"output.vectors={folder / f'{name}_vectors.h5'}", f"output.dataset={folder / f'{name}.h5'}"]


def in_process(folder: Path, *values: str) -> int:
    parser = argparse.ArgumentParser()
    select_command.add_arguments(parser)
    return select_command.run(parser.parse_args([str(folder / "select.yaml"), *given(*values)]))


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> LocalPool:
    pool = LocalPool(stop_after=0)
    monkeypatch.setattr("hpcpot.farm.campaign.WorkerPool", pool)
    return pool


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_farthest_points_with_their_labels(folder: Path) -> None:
    said = select(folder).stdout
    assert "30 different items, 0 of them stored already" in said
    vectors = of_frames(DATA, Soap(("Li", "Si"), **SMALL))
    expected = farthest(vectors, central(vectors), 8)
    chosen = hdf5.read(folder / "selected.h5")
    labelled.assert_same(chosen, DATA.select(expected.order))
    rows = table(folder / "selected_sizes.csv")
    np.testing.assert_allclose([float(row["farthest_distance"]) for row in rows], expected.distances, atol=1e-8)
    assert [float(row["covered_percent"]) for row in rows] == pytest.approx(100 * expected.covered)
    assert [row["source"] for row in rows] == chosen.sources.tolist() and "covered_percent_random_3" in rows[0]
    compositions = table(folder / "selected_compositions.csv")
    assert sum(int(row["all"]) for row in compositions) == 30
    assert sum(int(row["first_8"]) for row in compositions) == 8
    assert (folder / "selected.png").read_bytes().startswith(b"\x89PNG")
    assert f"8 of 30 selected: {100 * expected.covered[-1]:.1f} % nearer than 0.1" in said

    for name in ("selected.h5", "vectors.h5"):
        section = reports.section_of(folder / name, "select", charts=1)
        assert section.quantities["structures"].value == 8
        assert section.quantities["nearer than 0.1"].value == pytest.approx(100 * expected.covered[-1])

    again = select(folder, *given("selection.count=null", "selection.distance=0.2", "selection.start=4")).stdout
    assert "30 different items, 30 of them stored already" in again
    expected = farthest(vectors, 4, distance=0.2)
    order = hdf5.read(folder / "selected.h5")
    labelled.assert_same(order, DATA.select(expected.order))


def test_by_the_basis_of_a_model(folder: Path, tmp_path: Path, pool: LocalPool) -> None:
    values = [
        "descriptor.kind=moment_tensor",
        f"descriptor.model={folder / 'model.h5'}",
        "selection.covered_percent=90",
    ]
    assert in_process(folder, *values, "selection.count=null", *outputs(tmp_path, "model")) == 0
    expected = of_frames(DATA, MomentTensorBasis(MODEL))
    order = farthest(expected, central(expected), covered=0.9).order
    labelled.assert_same(hdf5.read(tmp_path / "model.h5"), DATA.select(order))


def test_a_stopped_run_goes_on(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = LocalPool(stop_after=5)
    monkeypatch.setattr("hpcpot.farm.campaign.WorkerPool", pool)
    with handlers_kept():
        assert in_process(folder, "structures.every=2", *outputs(tmp_path, "parts")) == STOPPED
        assert not (tmp_path / "parts.h5").exists()
        assert in_process(folder, "structures.every=2", *outputs(tmp_path, "parts")) == 0
    assert len(pool.computed) == len(set(pool.computed)) == 15
    assert len(hdf5.read(tmp_path / "parts.h5")) == 8


def test_labels_of_other_formats_are_kept(folder: Path, tmp_path: Path, pool: LocalPool) -> None:
    ase.io.write(tmp_path / "some.extxyz", [DATA.frame(k) for k in range(4)])
    files = f"structures.files={tmp_path / 'some.extxyz'}"
    assert in_process(folder, files, "selection.count=4", "selection.start=0", *outputs(tmp_path, "text")) == 0
    chosen = hdf5.read(tmp_path / "text.h5")
    order = [int(source.rpartition(":")[2]) for source in chosen.sources]
    assert order[0] == 0 and sorted(order) == [0, 1, 2, 3]
    np.testing.assert_allclose(chosen.energies, DATA.energies[order], atol=1e-7)
    np.testing.assert_allclose(chosen.forces, DATA.select(order).forces, atol=1e-7)


def test_what_has_no_vector_is_not_selected(folder: Path, tmp_path: Path, pool: LocalPool) -> None:
    """An atom alone is a neighbourhood for SOAP, and none for a model; bare structures have no labels."""
    ase.io.write(tmp_path / "alone.cif", ase.Atoms("Si", cell=[30, 30, 30], pbc=True))
    files = f"structures.files=[first.h5, {tmp_path / 'alone.cif'}]"
    assert in_process(folder, files, "selection.count=21", *outputs(tmp_path, "soap")) == 0
    chosen = hdf5.read(tmp_path / "soap.h5")
    assert chosen.groups[list(chosen.sources).index("alone.cif")] == "alone" and np.isnan(chosen.energies).sum() == 1
    values = [files, "descriptor.kind=moment_tensor", f"descriptor.model={folder / 'model.h5'}"]
    assert in_process(folder, *values, *outputs(tmp_path, "model")) == 1
    with Results(tmp_path / "model_vectors.h5") as results:
        [(_, name, failure)] = results.failed()
    assert name == "alone.cif" and "must have a length" in failure.message
    assert len(hdf5.read(tmp_path / "model.h5")) == 8
    only = f"structures.files={tmp_path / 'alone.cif'}"
    with pytest.raises(DataError, match="structures = none with a vector"):
        in_process(folder, only, *values[1:], "selection.count=1", *outputs(tmp_path, "model"))


def test_other_methods_and_quotas(folder: Path, tmp_path: Path, pool: LocalPool) -> None:
    vectors = of_frames(DATA, Soap(("Li", "Si"), **SMALL))
    expected = {"cur": cur(vectors, 8), "d_optimal": d_optimal(vectors, 8), "random": at_random(30, 8, 5)}
    for method, order in expected.items():
        values = [f"selection.method={method}", "selection.seed=5", *outputs(tmp_path, "other")]
        assert in_process(folder, *values) == 0
        labelled.assert_same(hdf5.read(tmp_path / "other.h5"), DATA.select(order))
    kinds, labels = np.unique(compositions(DATA), return_inverse=True)
    most = np.bincount(labels)
    most[kinds == "Li9Si7"] = 1
    assert in_process(folder, "selection.duplicates=1e-6", *outputs(tmp_path, "none")) == 0
    _, tables, _ = read_tables(tmp_path / "none_tables.h5")
    assert [len(column) for column in tables["duplicates"].values()] == [0] * 5
    order = farthest(vectors, central(vectors), 8, quotas=Quotas(labels, most)).order
    assert order.tolist() != farthest(vectors, central(vectors), 8).order.tolist()
    assert in_process(folder, "selection.quotas={Li18Si14: 1}", *outputs(tmp_path, "other")) == 0
    labelled.assert_same(hdf5.read(tmp_path / "other.h5"), DATA.select(order))


def test_diagram_duplicates_and_similarities_of_all_pairs(folder: Path, tmp_path: Path, pool: LocalPool) -> None:
    """Against the similarities of all pairs; the two frames that stand in both files are one structure."""
    moved = replace(DATA.select([4]), positions=DATA.select([4]).positions + 1e-5)
    hdf5.write(moved, tmp_path / "moved.h5", {})
    data = join([DATA, moved])
    vectors = of_frames(data, Soap(("Li", "Si"), **SMALL))
    formulas = compositions(data)
    names = ["LiSi", "Li3Si5"]
    values = [
        f"structures.files=[first.h5, rest.h5, {tmp_path / 'moved.h5'}]",
        f"diagram.x={names[0]}",
        f"diagram.y={names[1]}",
        "selection.duplicates=0.0005",
        f"output.similarities={tmp_path / 'all.h5'}",
        *outputs(tmp_path, "seen"),
    ]
    assert in_process(folder, *values) == 0
    kernel = vectors @ vectors.T
    with h5py.File(tmp_path / "all.h5") as file:
        np.testing.assert_allclose(file["similarities"][:], kernel, atol=1e-12)
    rows = table(tmp_path / "seen_diagram.csv")
    for name in names:
        expected = kernel[:, formulas == name].mean(axis=1)
        np.testing.assert_allclose([float(row[f"similarity_to_{name}"]) for row in rows], expected, atol=1e-12)
    chosen = hdf5.read(tmp_path / "seen.h5").sources.tolist()
    assert [row["source"] for row in sorted(rows, key=lambda row: int(row["place"])) if row["place"] != "0"] == chosen
    pairs = table(tmp_path / "seen_pairs.csv")
    members = np.flatnonzero(formulas == names[0])
    own = kernel[np.ix_(members, members)][np.triu_indices(len(members), 1)]
    for row in (pairs[0], pairs[len(pairs) // 2], pairs[-1]):
        at = float(row["similarity"])
        assert float(row[names[0]]) == pytest.approx(np.mean(own < at) if at < 1.0 else 1.0)
    [twice] = table(tmp_path / "seen_duplicates.csv")
    assert (twice["source"], twice["nearest_source"]) == (data.sources[30], data.sources[4])
    assert float(twice["distance"]) < 5e-4
    for name in ("seen.pdf", "seen.png", "seen_diagram.pdf", "seen_diagram.png", "seen_tables.h5"):
        assert (tmp_path / name).stat().st_size > 1000
    _, tables, _ = read_tables(tmp_path / "seen_tables.h5")
    assert set(tables) == {"sizes", "compositions", "diagram", "pairs", "duplicates"}
    reports.section_of(tmp_path / "seen.h5", "select", charts=2)


def test_zeta_of_two_by_blocks(folder: Path, tmp_path: Path, pool: LocalPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from the kernel of all pairs at once; more structures compute only the blocks that lack."""
    monkeypatch.setattr(blocks, "SIZE", 8)
    monkeypatch.setattr(blocks, "COLUMNS", {"kernel": Column((8, 8))})
    kernel = similarity(DATA, DATA, Soap(("Li", "Si"), **SMALL), 2)
    expected = farthest(np.linalg.cholesky(kernel + 1e-12 * np.eye(30)), 6, 8)
    values = ["descriptor.zeta=2", f"output.similarities={tmp_path / 'all.h5'}", *outputs(tmp_path, "zeta")]
    assert in_process(folder, "structures.files=first.h5", *values) == 0
    assert len(pool.computed) == 6, "pairs of three blocks"
    assert in_process(folder, "selection.start=6", *values) == 0
    labelled.assert_same(hdf5.read(tmp_path / "zeta.h5"), DATA.select(expected.order))
    with h5py.File(tmp_path / "all.h5") as file:
        np.testing.assert_allclose(file["similarities"][:], kernel, atol=1e-10)
    assert len(pool.computed) == 6 + 10 - 3, "the third block was not full"
    with pytest.raises(
        OutputError, match=r"vectors of Soap.* to the power zeta=2: must be of Soap\(.*\), as in the config"
    ):
        in_process(folder, *outputs(tmp_path, "zeta"))


def test_settings_are_not_mixed(folder: Path, tmp_path: Path, pool: LocalPool) -> None:
    assert in_process(folder, *outputs(tmp_path, "mixed")) == 0
    with pytest.raises(
        OutputError, match=r"vectors of Soap.*sigma=0.4.*: must be of Soap.*sigma=0.5.*as in the config"
    ):
        in_process(folder, "descriptor.sigma_A=0.5", *outputs(tmp_path, "mixed"))
    other = replace(DATA.select([0]), elements=("Ge", "Si"))
    hdf5.write(join([other, DATA.select([1])]), tmp_path / "other.h5", {})
    with pytest.raises(OutputError, match=r"'Li', 'Si'.*: must be of .*'Li', 'Si', 'Ge'"):
        in_process(folder, f"structures.files={tmp_path / 'other.h5'}", *outputs(tmp_path, "mixed"))


def test_bad_input(folder: Path, tmp_path: Path, pool: LocalPool) -> None:
    new, lennard_jones = outputs(tmp_path, "new"), tmp_path / "argon.h5"
    potential_files.save(systems.argon(), lennard_jones, {})
    for values, message in (
        (["selection.count=31"], "selection.count = 31: must be at most 30, as there are 30 different structures"),
        (["selection.start=30"], "selection.start = 30: must be at most 29"),
        (["selection.covered_percent=101"], "selection.covered_percent = 101 .*: must be at most 100"),
        (["structures.files=none.h5"], "structures.files = none.h5: must be a file or folder beside the config"),
        (["descriptor.kind=moment_tensor"], "descriptor.model = .*: is required"),
        (["descriptor.model=lisi_mtp"], "descriptor.model = .*: is for descriptor.kind: moment_tensor"),
        (["descriptor.zeta=0"], "descriptor.zeta = 0 .*: must be"),
        (["selection.method=cur", "descriptor.zeta=2"], "selection.method = .*: needs vectors"),
        (["selection.method=random", "selection.count=null"], "selection.count = .*: is required for selection.method"),
        (["selection.method=cur", "selection.start=3"], "selection.start = .*: is for selection.method: farthest"),
        (["diagram.x=LiSi"], "diagram.y = .*: is required where the other axis is given"),
        (
            ["diagram.x=first", "diagram.y=Li99Si"],
            "diagram.x = first: must be one of the .* that structures have; .* is",
        ),
        (
            ["selection.quotas={SiC: 3}"],
            "selection.quotas = SiC: must be one of the .* that structures have; .* nearest",
        ),
        (["selection.duplicates=0"], "selection.duplicates = 0 .*: must be"),
        ([f"output.similarities={tmp_path / 'new.h5'}"], "output.similarities = .*: must be another file"),
        (["descriptor.width_A=4"], "width of SOAP = 4.0: must be above 0 and at most the cutoff"),
        (
            ["descriptor.kind=moment_tensor", f"descriptor.model={lennard_jones}"],
            "argon.h5: must be a moment tensor potential",
        ),
    ):
        with pytest.raises(ConfigError, match=message):
            in_process(folder, *values, *new)
    (tmp_path / "precious.h5").write_text("labels")
    with pytest.raises(OutputError, match="precious.h5 = exists, without .*h5 that it would be made of"):
        in_process(folder, new[0], f"output.dataset={tmp_path / 'precious.h5'}")
    assert not (tmp_path / "new.h5").exists()


def test_files_that_hold_nothing_or_no_numbers(folder: Path, tmp_path: Path, pool: LocalPool) -> None:
    (tmp_path / "empty.extxyz").write_text("")
    broken = [DATA.frame(k) for k in range(2)]
    broken[1].positions[0, 0] = np.nan
    ase.io.write(tmp_path / "broken.extxyz", broken)
    for name, message in (
        ("empty.extxyz", "empty.extxyz.*:"),
        ("broken.extxyz", "a position that is not finite|finite"),
    ):
        with pytest.raises(HpcpotError, match=message):
            in_process(folder, f"structures.files={tmp_path / name}", *outputs(tmp_path, "bad"))


def test_a_dry_run_selects_nothing(folder: Path, tmp_path: Path) -> None:
    said = select(folder, "--dry-run", *given(*outputs(tmp_path, "dry"))).stdout
    assert "sigma_A: 0.4" in said and not (tmp_path / "dry_vectors.h5").exists()
