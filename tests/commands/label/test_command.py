"""`hpcpot label` as a user runs it: labels are the calculator's own; what fails is no label; a stopped run goes on."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import ase
import ase.io
import labelled
import moods
import numpy as np
import pytest
import systems
import yaml
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from campaigns import LocalPool, handlers_kept, run
from moods import copper

from hpcpot import config
from hpcpot.commands import label as label_command
from hpcpot.commands.label import settings, task
from hpcpot.dataset import hdf5
from hpcpot.dataset.dataset import from_frames
from hpcpot.dataset.predict import predict
from hpcpot.errors import ConfigError, OutputError
from hpcpot.farm.results import Results
from hpcpot.labelling import calculators
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential import files as potentials
from hpcpot.potential.blocks import BlockPotential
from hpcpot.structure.formats import StructureOptions

label = partial(run, "label")
EMT_NAME = "ase.calculators.emt.EMT"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("label")
    shutil.copy(moods.__file__, folder)
    unknown, nan, frozen = copper(), copper(), copper(3.65, 4)
    unknown.symbols[0] = "Si"
    nan.positions[1, 2] = np.nan
    frozen.set_constraint(FixAtoms([0, 1]))
    ase.io.write(folder / "cells.extxyz", [copper(3.6, 1, "cold"), unknown, copper(3.5, 2, "pressed"), nan])
    ase.io.write(folder / "frozen.traj", frozen)
    cluster = ase.Atoms("Cu3", [[0, 0, 0], [2.5, 0, 0], [0.3, 2.6, 0]])
    ase.io.write(folder / "cluster.extxyz", cluster)
    ase.io.write(folder / "moody.extxyz", [copper(a / 100, a) for a in range(370, 377)])
    (folder / "label.yaml").write_text(
        yaml.safe_dump(
            {
                "structures": {"files": ["cells.extxyz", "frozen.traj", "cluster.extxyz"]},
                "calculator": {"class": EMT_NAME, "name": "effective medium"},
                "farm": {"workers": 1},
                "output": {"results": "results.h5", "dataset": "data.h5"},
            }
        )
    )
    return folder


def in_process(folder: Path, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    label_command.add_arguments(parser)
    return label_command.run(parser.parse_args([str(folder / "label.yaml"), *arguments]))


def test_labels_are_those_of_the_calculator(folder: Path) -> None:
    output = label(folder, code=1).stdout
    data = hdf5.read(folder / "data.h5")
    wanted = [
        *ase.io.read(folder / "cells.extxyz", ":"),
        *ase.io.read(folder / "frozen.traj", ":"),
        ase.io.read(folder / "cluster.extxyz"),
    ]
    wanted = [wanted[k] for k in (0, 2, 4, 5)]
    assert data.groups.tolist() == ["cold", "pressed", "frozen", "cluster"]
    names = ("cells.extxyz:0", "cells.extxyz:2", "frozen.traj", "cluster.extxyz:0")
    assert data.sources.tolist() == [f"{name} by effective medium" for name in names]
    for k, atoms in enumerate(wanted):
        atoms.set_constraint()
        atoms.calc = EMT()
        mine = slice(data.first[k], data.first[k + 1])
        np.testing.assert_array_equal(data.positions[mine], atoms.positions)
        assert data.energies[k] == atoms.get_potential_energy()
        np.testing.assert_array_equal(data.forces[mine], atoms.get_forces())
        if k < 3:
            np.testing.assert_array_equal(data.virials[k], -atoms.get_volume() * atoms.get_stress(voigt=False))
    assert np.isnan(data.virials[3]).all() and not data.periodic[3].any()
    with Results(folder / "results.h5") as results:
        failed = {name: failure for _, name, failure in results.failed()}
    assert failed.keys() == {"cells.extxyz:1", "cells.extxyz:3"}
    assert failed["cells.extxyz:1"].kind == "NotImplementedError" and "Si" in failed["cells.extxyz:1"].message
    assert "must be finite" in failed["cells.extxyz:3"].message
    assert "figure: none, as there are fewer than 5 structures" in output and not (folder / "data.png").exists()
    assert "effective" not in output
    (folder / "data.png").write_text("of earlier structures")
    again = label(folder, code=1).stdout
    assert (folder / "data.png").read_bytes().startswith(b"\x89PNG"), "a figure that is there follows the data"
    assert "6 different items, 6 of them stored already" in again
    assert hdf5.fingerprint(hdf5.read(folder / "data.h5")) == hdf5.fingerprint(data)


def test_frames_of_a_data_set_are_labelled_anew(folder: Path) -> None:
    """With their groups; what they were labelled before does not count."""
    before = replace(from_frames([copper(3.6, 1, "cold"), copper(3.7, 2, "hot")]), energies=np.array([1.0, np.nan]))
    hdf5.write(before, folder / "before.h5", {}, overwrite=True)
    label(
        folder,
        "--set",
        "structures.files=before.h5",
        "--set",
        "output.results=anew.h5",
        "--set",
        "output.dataset=anew_data.h5",
    )
    data = hdf5.read(folder / "anew_data.h5")
    assert data.groups.tolist() == ["cold", "hot"]
    assert data.sources.tolist() == [f"before.h5:{k} by effective medium" for k in (0, 1)]
    np.testing.assert_array_equal(data.positions, before.positions)
    for k, atoms in enumerate((copper(3.6, 1), copper(3.7, 2))):
        atoms.calc = EMT()
        assert data.energies[k] == pytest.approx(atoms.get_potential_energy(), abs=1e-12)


def test_what_fails_is_no_label(folder: Path) -> None:
    """A calculator that raises, returns nan, ends its process, or has no stress this time fails those frames alone."""
    label(
        folder,
        "--set",
        "structures.files=moody.extxyz",
        "--set",
        "calculator.class=moods.Moody",
        "--set",
        "calculator.name=null",
        "--set",
        "output.results=moody.h5",
        "--set",
        "output.dataset=moody_data.h5",
        "--set",
        "farm.retries=0",
        code=1,
    )
    with Results(folder / "moody.h5") as results:
        failed = {name: failure for _, name, failure in results.failed()}
    kinds = {name: failure.kind for name, failure in failed.items()}
    assert kinds == {
        "moody.extxyz:1": "ArithmeticError",
        "moody.extxyz:2": "DataError",
        "moody.extxyz:3": "WorkerDied",
        "moody.extxyz:4": "DataError",
    }
    assert failed["moody.extxyz:2"].message.startswith("forces by Moody = not finite")
    assert failed["moody.extxyz:4"].message.startswith("stress = none by Moody")
    data = hdf5.read(folder / "moody_data.h5")
    assert data.sources.tolist() == [f"moody.extxyz:{k} by moods.Moody" for k in (0, 5, 6)]
    assert np.isfinite(data.virials).all() and set(data.groups) == {"moody"}


def test_a_stopped_run_goes_on(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = LocalPool(stop_after=2)
    monkeypatch.setattr("hpcpot.farm.campaign.WorkerPool", pool)
    values = (
        "structures.files=moody.extxyz",
        "structures.every=2",
        f"output.results={tmp_path / 'stopped.h5'}",
        f"output.dataset={tmp_path / 'stopped_data.h5'}",
    )
    given = [word for value in values for word in ("--set", value)]
    with handlers_kept():
        assert in_process(folder, *given) == STOPPED
        assert not (tmp_path / "stopped_data.h5").exists()
        assert in_process(folder, *given) == 0
    assert pool.computed == [f"moody.extxyz:{k}" for k in (0, 2, 4, 6)]  # every second frame, each once
    assert len(hdf5.read(tmp_path / "stopped_data.h5")) == 4


def test_a_data_set_of_others_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "precious.h5").write_text("labels")
    with pytest.raises(OutputError, match="without .*new.h5 that it would be made of"):
        in_process(folder, "--set", f"output.dataset={tmp_path / 'precious.h5'}", "--set", "output.results=new.h5")
    (tmp_path / "there.h5").touch()
    given = ("--set", f"output.results={tmp_path / 'there.h5'}", "--set")
    with pytest.raises(OutputError, match="precious.h5 = exists, and not by hpcpot label"):
        in_process(folder, *given, f"output.dataset={tmp_path / 'precious.h5'}")
    with pytest.raises(OutputError, match="nowhere/data.h5 = not writable: its folder must exist"):
        in_process(folder, *given, f"output.dataset={tmp_path / 'nowhere/data.h5'}")
    assert (tmp_path / "precious.h5").read_text() == "labels"


def test_corrected_labels(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """The rows stay the calculator's, so that another correction labels nothing anew; one of other elements is refused."""
    pool = LocalPool(stop_after=-1)
    monkeypatch.setattr("hpcpot.farm.campaign.WorkerPool", pool)
    for seed in (1, 2):
        model = systems.moment_tensor(seed, level=4, elements=("Cu", "Si"))
        potentials.save(model, tmp_path / f"cu_{seed}.h5", {})
    values = ("structures.files=moody.extxyz", "structures.every=2", f"output.results={tmp_path / 'rows.h5'}")
    given = [word for value in (*values, f"output.dataset={tmp_path / 'sum.h5'}") for word in ("--set", value)]
    with handlers_kept():
        assert in_process(folder, *given, "--set", f"calculator.correction={tmp_path / 'cu_1.h5'}") == 0
        first = hdf5.read(tmp_path / "sum.h5")
        assert in_process(folder, *given, "--set", f"calculator.correction={tmp_path / 'cu_2.h5'}") == 0
    data = hdf5.read(tmp_path / "sum.h5")
    assert len(pool.computed) == 4 and "labels are corrected by cu_2.h5, fingerprint" in capsys.readouterr().out
    with Results(tmp_path / "rows.h5") as results:
        np.testing.assert_array_equal(results.read("energy"), data.raw.energies)
    added = predict(data, BlockPotential(model))
    np.testing.assert_array_equal(data.energies, data.raw.energies + added.energies)
    np.testing.assert_array_equal(data.virials, data.raw.virials + added.virials)
    assert data.sources[1].startswith("moody.extxyz:2 by effective medium + cu_2 ")
    labelled.assert_same_raw(first, data)
    assert (first.energies != data.energies).all()
    assert hdf5.provenance(tmp_path / "sum.h5")["correction"] == f"cu_2.h5, fingerprint {potentials.fingerprint(model)}"
    potentials.save(labelled.MODEL, tmp_path / "lisi.h5", {})
    with pytest.raises(ConfigError, match="calculator.correction = .*: knows Li, Si, and moody.extxyz:0 has Cu"):
        in_process(folder, *given, "--set", f"calculator.correction={tmp_path / 'lisi.h5'}")


def test_other_arguments_do_not_mix(folder: Path) -> None:
    refused = label(folder, "--set", "calculator.arguments={asap_cutoff: true}", code=1).stderr
    assert "results with another calculator" in refused


def test_what_a_calculator_starts_from_comes_along(tmp_path: Path) -> None:
    with_spins, without = copper(), copper()
    with_spins.set_initial_magnetic_moments(np.linspace(0.0, 1.0, len(with_spins)))
    ase.io.write(tmp_path / "both.extxyz", [with_spins, without])
    first, second = task.structures([tmp_path / "both.extxyz"], 1, StructureOptions())
    assert first.key != second.key and not second.input.has("initial_magmoms")
    assert np.allclose(first.input.get_initial_magnetic_moments(), with_spins.get_initial_magnetic_moments())


def test_a_dry_run_labels_nothing(folder: Path) -> None:
    output = label(folder, "--dry-run", "--set", "output.results=dry.h5", "--set", "output.dataset=dry_data.h5").stdout
    assert f"class: {EMT_NAME}" in output and not (folder / "dry.h5").exists()


TRACE = """
from pathlib import Path
from ase.calculators.emt import EMT
Path("ran").touch()
"""


def test_a_dry_run_runs_no_code_of_a_calculator(folder: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "traced.py").write_text(TRACE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    given = ("--set", "calculator.class=traced.EMT", "--set", f"output.results={tmp_path}/dry.h5")
    in_process(folder, "--dry-run", *given, "--set", f"output.dataset={tmp_path}/dry_data.h5")
    assert not (tmp_path / "ran").exists()
    calculators.build("traced.EMT", {})
    assert (tmp_path / "ran").exists(), "else the test shows nothing"
    with pytest.raises(
        ConfigError, match="calculator.class = nobody_has_this.EMT: there is no package nobody_has_this"
    ):
        in_process(folder, "--dry-run", *given[:1], "calculator.class=nobody_has_this.EMT", *given[2:])


def test_a_calculator_without_stress_is_refused_before_any_work(folder: Path) -> None:
    with pytest.raises(ConfigError, match="calculator.stress = true: moods.Stressless has no stress"):
        in_process(folder, "--set", "calculator.class=moods.Stressless", "--set", "output.dataset=other.h5")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("calculator.class=EMT", r"calculator.class = EMT .*must be module.Name"),
        ("calculator.arguments=[1]", "must be names with plain values"),
        ("calculator.arguments={ismear: .inf}", "must be names with plain values, .*; numbers must be finite"),
        ("calculator.arguments={setups: {1: s}}", "names within them must be text, too"),
        ("calculator.name=''", "calculator.name = .*must be text"),
        ("structures.every=0", "must be >= 1"),
        ("output.dataset=data.extxyz", "must end in .h5; hpcpot convert makes other formats"),
        ("output.dataset=results.h5", "must be another file than output.results"),
        ("calculator.clas=x.y", r"unknown key; did you mean calculator.class\?"),
    ],
)
def test_wrong_values(folder: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config.load(folder / "label.yaml", settings.SCHEMA, [override])
