"""`hpcpot learn` as a user runs it: copper learned from an embedded-atom calculator, killed and resumed, and bad input."""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import shutil
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
import reports
import systems
import yaml
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from campaigns import LocalPool, handlers_kept, run

from hpcpot import config, provenance
from hpcpot.commands import learn as learn_command
from hpcpot.commands.learn import command, figure, files, loop, runs, summary
from hpcpot.commands.learn.settings import SCHEMA
from hpcpot.dataset import hdf5
from hpcpot.dataset.predict import predict
from hpcpot.errors import ConfigError, HpcpotError, OutputError
from hpcpot.farm import campaign
from hpcpot.farm.results import Results
from hpcpot.labelling import calculators
from hpcpot.learning import dpgen_tree, ledger
from hpcpot.learning.levels import ACCURATE, CANDIDATE, FAILED, AdaptiveLevels, Levels
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential import files as potentials
from hpcpot.potential.blocks import BlockPotential
from hpcpot.training import curve

learn = partial(run, "learn")


def copper(seed: int, a: float = 3.6, by: float = 0.05) -> Atoms:
    atoms = bulk("Cu", cubic=True, a=a) * (2, 1, 1)
    atoms.rattle(by, seed=seed)
    return atoms


CONFIG: dict[str, Any] = {
    "data": {"files": ["start.extxyz"], "held_out_fraction": 0.2},
    "systems": {"dense": "dense.extxyz", "thin": ["thin.extxyz"]},
    "training": {
        "members": 2,
        "config": {
            "family": "moment_tensor",
            "moment_tensor": {"level": 4, "cutoff_A": 4.0, "radial_size": 4, "grade": False},
            "training": {"steps": 3},
        },
    },
    "exploration": {
        "temperatures_K": [600, 1500],
        "integrator": "nvt_langevin",
        "timestep_fs": 2,
        "steps": [40],
        "frames": 4,
        "force_low_eV_A": 0.001,
        "force_high_eV_A": 5.0,
        "labels_per_system": 3,
        "accurate_percent": 99,
        "most_iterations": 2,
    },
    "selection": {"minimum_distance_A": 1.0},
    "calculator": {"class": "ase.calculators.emt.EMT", "name": "EMT"},
    "output": {"folder": "out"},
    "farm": {"workers": 1},
}


def prepare(folder: Path, **sections: dict[str, Any]) -> Path:
    """Write structures, labelled data and a config, with other values of some keys."""
    frames = [copper(seed, a) for seed, a in enumerate(np.linspace(3.5, 3.75, 10))]
    for atoms in frames:
        atoms.calc = EMT()
        atoms.get_stress()
    ase.io.write(folder / "start.extxyz", frames)
    ase.io.write(folder / "dense.extxyz", [copper(20, 3.5, 0.0)])
    ase.io.write(folder / "thin.extxyz", [copper(21, 3.8, 0.0)])
    tree = {name: {**entry, **sections.pop(name, {})} for name, entry in CONFIG.items()} | sections
    (folder / "learn.yaml").write_text(yaml.safe_dump(tree))
    return folder / "learn.yaml"


@pytest.fixture
def loop_only(tmp_path, monkeypatch):
    """In a folder of its own, with one process, without figures and without facts of the machine, which take seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "WorkerPool", LocalPool(-1))
    monkeypatch.setattr(provenance, "collect", dict)
    monkeypatch.setattr(calculators, "version", lambda name: "any")
    monkeypatch.setattr(curve, "draw", lambda curve, output: output)
    monkeypatch.setattr(figure, "write", lambda settings, rows, output: output)


def in_process(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    learn_command.add_arguments(parser)
    with handlers_kept():
        return learn_command.run(parser.parse_args(["learn.yaml", *arguments]))


def test_two_iterations(tmp_path: Path) -> None:
    prepare(tmp_path)
    text = learn(tmp_path).stdout
    out = tmp_path / "out"
    rows = ledger.history(out / files.LEDGER)
    assert [row["stage"] for row in rows] == ["exploration"] * 2
    assert rows[0]["ended"] == "" and rows[1]["ended"].startswith("2 iterations, the most that are allowed")
    for row in rows:
        assert row["runs"] == 4 and row["accurate"] + row["candidate"] + row["failed"] == 20
        assert 0 < row["labelled"] <= 6
        new = [hdf5.read(out / name) for name in row["data"]]
        assert sum(len(data) for data in new) == row["labelled"]
        for data in new:
            for k in range(len(data)):
                atoms = data.frame(k)
                wanted = atoms.copy()
                wanted.calc = EMT()
                np.testing.assert_allclose(atoms.get_forces(), wanted.get_forces(), atol=1e-12)
    assert rows[1]["training_frames"] > rows[0]["training_frames"] == 8
    assert (out / "iteration_002" / "model_1.h5").exists() and "iteration_002/model_1.h5" in text
    table = list(csv.DictReader((out / "iterations.csv").open()))
    assert [row["system"] for row in table] == ["dense", "thin"] * 2


class KillingPool(LocalPool):
    """Ends its process at once, as when it is killed, after so many outcomes in all; what was stored by then stays."""

    def run(self, compute, items, *, batched, total, stop):
        for outcome in super().run(compute, items, batched=batched, total=total, stop=stop):
            yield outcome
            stop()  # stores it
            if len(self.computed) == -self.stop_after:
                os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def uninterrupted(loop_only: None) -> tuple[list[str], list]:
    """Labels of all items of a whole loop in their order, and the rows of its iterations; computed once."""
    if not WHOLE:
        prepare(Path())
        assert in_process() == 0
        WHOLE.append((command.WorkerPool.computed, ledger.history(Path("out") / files.LEDGER)))
        shutil.rmtree("out")
    return WHOLE[0]


WHOLE: list[tuple[list[str], list]] = []


def same(rows: list[dict], others: list[dict]) -> bool:
    """Whether two loops came to the same, but for the time that it took."""

    def without_times(row: dict) -> dict:
        return {name: value for name, value in row.items() if not name.startswith("seconds")}

    return [without_times(row) for row in rows] == [without_times(row) for row in others]


@pytest.mark.parametrize("after", [4, 9, 21])
def test_killed_anywhere_the_same_command_goes_on(after, tmp_path, monkeypatch, loop_only, uninterrupted):
    """In an exploration and between labels: nothing stored is computed twice, and all comes out the same."""
    items, rows = uninterrupted
    prepare(tmp_path)
    monkeypatch.setattr(campaign, "STORE_SECONDS", -1.0)
    monkeypatch.setattr(command, "WorkerPool", KillingPool(-after))
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            in_process()
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    pool = LocalPool(-1)
    monkeypatch.setattr(command, "WorkerPool", pool)
    assert in_process() == 0
    assert pool.computed == items[after:]
    assert same(ledger.history(tmp_path / "out" / files.LEDGER), rows)


def test_a_signal_ends_it_in_order(tmp_path, monkeypatch, capsys, loop_only, uninterrupted):
    _, rows = uninterrupted
    prepare(tmp_path)
    monkeypatch.setattr(command, "WorkerPool", LocalPool(9))
    assert in_process() == STOPPED
    assert "stopped by a signal; the same command goes on" in capsys.readouterr().out
    monkeypatch.setattr(command, "WorkerPool", LocalPool(-1))
    assert in_process() == 0
    assert same(ledger.history(tmp_path / "out" / files.LEDGER), rows)


def test_an_iteration_anew_keeps_its_labels(tmp_path, monkeypatch, capsys, loop_only, uninterrupted):
    _, rows = uninterrupted
    prepare(tmp_path)
    in_process()
    labels = (tmp_path / "out" / files.LABELS).read_bytes()
    for part, computed in (("explore", 4 + 2), ("select", 2), ("train", 2 + 4 + 2)):
        pool = LocalPool(-1)
        monkeypatch.setattr(command, "WorkerPool", pool)
        assert in_process("--from", "1", part) == 0
        assert len(pool.computed) == computed and not [name for name in pool.computed if name.startswith("iteration")]
        assert same(ledger.history(tmp_path / "out" / files.LEDGER), rows)
    assert (tmp_path / "out" / files.LABELS).read_bytes() == labels
    capsys.readouterr()
    for arguments, done in (([], "2 iterations"), (["--from", "1", "train"], "1 iteration"), (["--overwrite"], None)):
        assert in_process("--dry-run", *arguments) == 0
        text = capsys.readouterr().out
        assert f"held out; {done} done already" in text if done else "done already" not in text
    with pytest.raises(ConfigError, match="--from = 7 train: must be an iteration that was begun, 0 to 2"):
        in_process("--dry-run", "--from", "7", "train")
    for wrong in (("7", "train"), ("1", "label"), ("x", "train")):
        with pytest.raises(HpcpotError, match="--from = "):
            in_process("--from", *wrong)
    with pytest.raises(HpcpotError, match="give one"):
        in_process("--from", "0", "train", "--overwrite")


def test_what_was_changed_by_hand_is_refused(tmp_path, monkeypatch, loop_only):
    prepare(tmp_path, exploration={"most_iterations": 1})
    monkeypatch.setattr(command, "WorkerPool", LocalPool(-1))
    assert in_process() == 0
    new = tmp_path / "out" / "iteration_000" / files.NEW
    data = hdf5.read(new)
    hdf5.write(data.select([0]), new, {}, overwrite=True)
    with pytest.raises(HpcpotError, match=r"other frames than iteration 0 wrote: .* --from 0 train"):
        in_process()
    new.unlink()
    with pytest.raises(HpcpotError, match="missing, as iteration 0 wrote"):
        in_process()
    assert in_process("--from", "0", "select") == 0
    assert hdf5.fingerprint(hdf5.read(new)) == hdf5.fingerprint(data)
    with pytest.raises(HpcpotError, match="must be of the data of the config"):
        in_process("--set", "data.held_out_fraction=0.3")
    assert in_process("--overwrite", "--set", "data.held_out_fraction=0.3") == 0
    assert ledger.history(tmp_path / "out" / files.LEDGER)[0]["training_frames"] == 7


FAILING = """
from ase.calculators.emt import EMT

class Failing(EMT):
    def calculate(self, atoms, properties, system_changes):
        raise ArithmeticError("no licence")

class Moody(EMT):
    calls = 0

    def calculate(self, atoms, properties, system_changes):
        super().calculate(atoms, properties, system_changes)
        Moody.calls += 1
        if Moody.calls % 3 == 0:
            raise ArithmeticError("not converged in 60 steps")

class Late(EMT):
    calls = 0

    def calculate(self, atoms, properties, system_changes):
        super().calculate(atoms, properties, system_changes)
        Late.calls += 1
        if Late.calls > 2:
            raise ArithmeticError("no licence any more")
"""


def test_a_calculator_that_fails_at_all_ends_it_after_few(tmp_path, monkeypatch, loop_only):
    prepare(tmp_path, calculator={"class": "failing.Failing"}, exploration={"labels_per_system": 8})
    (tmp_path / "failing.py").write_text(FAILING)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(HpcpotError, match="failed at all of the first 5 structures, with ArithmeticError: no licence"):
        in_process()
    assert len([name for name in command.WorkerPool.computed if name.startswith("iteration 0")]) == loop.FIRST_LABELS


def test_failed_labels_are_rows_and_the_rest_goes_on(tmp_path, monkeypatch, loop_only):
    prepare(tmp_path, calculator={"class": "failing.Moody"}, exploration={"labels_per_system": 8, "most_iterations": 1})
    (tmp_path / "failing.py").write_text(FAILING)
    monkeypatch.syspath_prepend(tmp_path)
    assert in_process() == 0
    (row,) = ledger.history(tmp_path / "out" / files.LEDGER)
    with Results(tmp_path / "out" / files.LABELS) as results:
        failures = [failure.message for _, _, failure in results.failed()]
        assert len(results.keys()) == row["labelled"] > 0
    assert failures == ["not converged in 60 steps"] * row["label_failures"] and failures


@pytest.mark.parametrize(
    ("config", "measured"),
    [
        (
            {
                "family": "deep_potential",
                "deep_potential": {"cutoff_A": 4.0, "neuron": [4, 8], "axis_neuron": 2, "fitting_neuron": [8, 8]},
                "training": {"steps": 5},
            },
            "meV/Å",
        ),
        ({"family": "chebyshev", "training": {"steps": 3}}, "meV/atom"),
    ],
    ids=["deep_potential", "chebyshev"],
)
def test_other_families(config, measured, tmp_path, loop_only, capsys):
    """A chebyshev network that is trained on energies alone has no errors of forces, and says none."""
    prepare(tmp_path, training={"config": config}, exploration={"steps": [8], "frames": 2, "most_iterations": 1})
    assert in_process() == 0
    (row,) = ledger.history(tmp_path / "out" / files.LEDGER)
    assert row["runs_ended"] == 0 and row["accurate"] + row["candidate"] + row["failed"] == 12
    assert row["labelled"] > 0 and (tmp_path / "out/iteration_001/model_1.h5").exists()
    errors = summary.errors(row)
    assert errors.endswith(measured) and "nan" not in capsys.readouterr().out


def test_a_few_failed_labels_end_no_loop_that_had_others(tmp_path, monkeypatch, loop_only, capsys):
    prepare(tmp_path, calculator={"class": "failing.Late"}, exploration={"labels_per_system": 1})
    (tmp_path / "failing.py").write_text(FAILING)
    monkeypatch.syspath_prepend(tmp_path)
    assert in_process() == 0
    first, second = ledger.history(tmp_path / "out" / files.LEDGER)
    assert (first["labelled"], second["labelled"], second["label_failures"]) == (2, 0, 2)
    assert second["ended"].endswith("is labelled: none was asked for, all were passed over, or their labels failed")


CONTRADICTING = """
from ase.calculators.emt import EMT

class Contradicting(EMT):
    def calculate(self, atoms, properties, system_changes):
        super().calculate(atoms, properties, system_changes)
        self.results["energy"] += 0.05
        self.results["free_energy"] = self.results["energy"]
"""


def test_labels_that_contradict_the_data_are_not_taken(tmp_path, monkeypatch, loop_only, capsys):
    """Not bit by bit a frame of the held-out data, but the same to 1e-4 Å, with another energy; and not tried again."""
    unset = {"temperatures_K": None, "steps": [0], "labels_per_system": 9, "accurate_percent": 100}
    calculator = {"class": "contradicting.Contradicting"}
    prepare(tmp_path, exploration=unset, calculator=calculator, data={"held_out": "held.extxyz"})
    (tmp_path / "contradicting.py").write_text(CONTRADICTING)
    monkeypatch.syspath_prepend(tmp_path)
    held = copper(60, 3.55)
    held.calc = EMT()
    held.get_stress()
    ase.io.write(tmp_path / "held.extxyz", held)
    near = ase.io.read(tmp_path / "held.extxyz")
    near.calc = None
    near.positions += 1e-7
    ase.io.write(tmp_path / "dense.extxyz", [near, copper(61)])
    assert in_process() == 0
    first, second = ledger.history(tmp_path / "out" / files.LEDGER)
    assert (first["labelled"], first["label_failures"], second["labelled"]) == (1, 1, 0)
    assert "note: 1 label not taken: contradictory duplicates" in capsys.readouterr().out
    assert second["systems"]["dense"]["dropped"] == {"label not taken before": 1, "labelled before": 1}


def test_another_calculator_is_refused_before_an_iteration_is_taken_back(tmp_path, loop_only):
    prepare(tmp_path, exploration={"most_iterations": 1})
    assert in_process() == 0
    before = ledger.history(tmp_path / "out" / files.LEDGER)
    other = ("--set", "calculator.arguments={asap_cutoff: true}")
    for arguments in (other, (*other, "--from", "0", "explore")):
        with pytest.raises(OutputError, match=r"labels.h5 = labels by .*EMT\(\{\}\).* must be by .*asap_cutoff"):
            in_process(*arguments)
        assert ledger.history(tmp_path / "out" / files.LEDGER) == before


def test_labels_are_corrected(tmp_path, loop_only):
    """New data are sums and keep the raw labels; another correction, or one of other elements, is refused."""
    for name, elements in {"one": ("Cu",), "other": ("Cu",), "si": ("Si",)}.items():
        model = systems.moment_tensor(len(name), level=4, elements=elements)
        model = replace(model, coefficients=0.001 * model.coefficients)
        potentials.save(model, tmp_path / f"{name}.h5", {})
    prepare(tmp_path, exploration={"most_iterations": 1}, calculator={"correction": "one.h5"})
    with pytest.raises(ConfigError, match="calculator.correction = .*si.h5: knows Si, and the loop has Cu: must know"):
        in_process("--set", "calculator.correction=si.h5")
    assert in_process() == 0
    (row,) = ledger.history(tmp_path / "out" / files.LEDGER)
    data = hdf5.read(tmp_path / "out" / next(iter(row["data"])))
    atoms = data.frame(0)
    atoms.calc = EMT()
    assert data.raw.energies[0] == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
    added = predict(data, BlockPotential(potentials.load(tmp_path / "one.h5")))
    np.testing.assert_allclose(data.forces, data.raw.forces + added.forces, atol=1e-12)
    assert np.abs(added.forces).max() > 1e-6
    with pytest.raises(
        OutputError, match="labels.h5 = labels by .*one.h5, fingerprint .* must be by .*other.h5, finger"
    ):
        in_process("--set", "calculator.correction=other.h5")


def test_equal_start_structures_are_runs_of_their_own(tmp_path, loop_only, capsys):
    prepare(tmp_path, exploration={"most_iterations": 1}, data={"held_out_fraction": 0.0})
    ase.io.write(tmp_path / "dense.extxyz", [copper(20, 3.5, 0.0)] * 2)
    assert in_process() == 0
    (row,) = ledger.history(tmp_path / "out" / files.LEDGER)
    assert row["runs"] == 6
    with Results(tmp_path / "out" / "iteration_000" / files.EXPLORED) as results:
        ends = [positions[-8:] for positions in results.read("positions")]
    assert len({positions.tobytes() for positions in ends}) == 6
    assert "iteration 0 (exploration): 10 frames; none held out; " in capsys.readouterr().out


def test_structures_of_the_first_data_are_not_labelled_again(tmp_path, loop_only):
    unset = {"temperatures_K": None, "steps": [0], "labels_per_system": 9, "most_iterations": 1}
    prepare(tmp_path, exploration=unset)
    ase.io.write(tmp_path / "dense.extxyz", [ase.io.read(tmp_path / "start.extxyz", k) for k in (0, 3)])
    assert in_process() == 0
    (row,) = ledger.history(tmp_path / "out" / files.LEDGER)
    dense = row["systems"]["dense"]
    assert dense["candidate"] == 2 and dense["chosen"] == 0 and dense["dropped"] == {"in the first data": 2}


def test_a_training_on_energies_alone(recwarn):
    assert np.isnan(loop.finite_mean(np.full(2, np.nan))) and loop.finite_mean(np.array([1.0, np.nan, 2.0])) == 1.5
    assert not recwarn.list
    row = {"held_out_frames": 2, "rmse_energy": 0.0345, "rmse_force": np.nan}
    assert summary.errors(row) == "held out 34.50 meV/atom"


@pytest.mark.parametrize(
    ("section", "keys", "words"),
    [
        ("training", {"members": 1}, "exploration.force_high_eV_A = 5.0 .*needs a committee"),
        ("exploration", {"force_low_eV_A": 5.0}, "force_low_eV_A = 5.0 .*must be below force_high_eV_A, 5 for dense"),
        ("exploration", {"force_low_eV_A": {"dense": 0.1}}, "must be a number, or one for each of dense, thin"),
        ("exploration", {"force_low_eV_A": None}, "one of force_low_eV_A and adaptive_count is required"),
        ("exploration", {"adaptive_count": 3}, "one of force_low_eV_A and adaptive_count is required"),
        ("exploration", {"systems": ["dens"]}, "must be names of systems, of dense, thin; dens is none"),
        ("exploration", {"pressures_GPa": [1.0]}, "pressures_GPa = .*has no effect on nvt_langevin"),
        ("exploration", {"integrator": "npt_nose_hoover"}, "pressures_GPa = null .*is required for npt_nose_hoover"),
        ("exploration", {"grade_low": 2.0, "grade_high": 10.0}, "force_low_eV_A = .*is for a committee"),
        (
            "exploration",
            {"grade_low": 2.0, "grade_high": 10.0, "adaptive_percent": 5},
            "adaptive_percent = 5 .*a committee",
        ),
        ("exploration", {"skip_steps": 40}, "skip_steps = 40 .*must be below steps, 40"),
        ("exploration", {"virial_low_eV": 0.1}, "virial_low_eV = .*go together"),
        ("exploration", {"melt_K": 3000}, "set both or neither"),
        ("exploration", {"fewer_from_percent": 99}, "fewer_from_percent = .*must be below accurate_percent, 99"),
        ("exploration", {"relative_virial_eV": 1}, "relative_virial_eV = 1 .*has no effect without virial_high_eV"),
        ("output", {"folder": "start.extxyz/out"}, "out = cannot be made .Not a directory.: .*change output.folder"),
        ("systems", {"dense": "none_*.extxyz"}, "systems.dense = none_.*must match files"),
        ("systems", {"dense": "silicon.extxyz"}, "systems.dense = .*has Si: must have elements of data.files, Cu"),
        ("data", {"files": ["nothing.extxyz"]}, "nothing.extxyz"),
        ("training", {"config": {"family": "moment_tensor", "output": {"model": "a.h5"}}}, "is set by the loop"),
        ("training", {"config": {"family": "moment_tensor", "training": {"step": 1}}}, "did you mean training.steps"),
        ("calculator", {"class": "ase.calculators.emt.EMTT"}, "did you mean ase.calculators.emt.EMT"),
    ],
)
def test_bad_input_is_refused_before_any_work(section, keys, words, tmp_path, monkeypatch, loop_only):
    prepare(tmp_path, **{section: keys})
    ase.io.write(tmp_path / "silicon.extxyz", bulk("Si", cubic=True))
    with pytest.raises(HpcpotError, match=f"(?s){words}"):
        in_process()
    assert not list((tmp_path / "out").glob("iteration*"))


def test_a_plan(tmp_path, monkeypatch, capsys, loop_only):
    prepare(tmp_path)
    assert in_process("--dry-run") == 0
    text = capsys.readouterr().out
    assert "8 frames to train on, 2 held out" in text
    assert (
        "4 runs of up to 40 steps, 1.28e+03 atom-steps, at most 6 labels in an iteration; at most 2 iterations" in text
    )
    assert "farm: local, 1 CPU worker" in text and not (tmp_path / "out").exists()


def test_one_model_by_its_extrapolation_grade(tmp_path, loop_only):
    keys = {"force_low_eV_A": None, "force_high_eV_A": None, "grade_low": 1.5, "grade_high": 1e9, "most_iterations": 1}
    tree = {"members": 1, "config": {**CONFIG["training"]["config"], "moment_tensor": {"level": 4, "cutoff_A": 4.0}}}
    prepare(tmp_path, exploration=keys, training=tree)
    assert in_process() == 0
    (row,) = ledger.history(tmp_path / "out" / files.LEDGER)
    with Results(tmp_path / "out" / "iteration_000" / files.EXPLORED) as results:
        grades = np.concatenate(results.read("deviation"))
    assert row["candidate"] == np.count_nonzero(grades >= 1.5) > 0 and row["labelled"] > 0
    assert list(row["models"]) == ["iteration_000/model_0.h5"]
    section = reports.section_of(tmp_path / "out", "learn", charts=1)
    assert section.quantities["frames trained on"].value == row["training_frames"]
    assert section.tables["iterations"]["system"].tolist() == list(row["systems"])


def test_levels_by_system_and_rungs(tmp_path, loop_only):
    keys = {
        "force_low_eV_A": {"dense": 0.1, "thin": 0.2},
        "force_high_eV_A": 0.5,
        "virial_low_eV": 0.01,
        "virial_high_eV": {"dense": 0.03, "thin": 0.04},
        "temperatures_K": [100, 200, 300],
        "temperatures_at_once": 2,
    }
    prepare(tmp_path, exploration=keys)
    stage = config.load("learn.yaml", SCHEMA).exploration
    assert runs.levels(stage, "dense") == Levels(0.1, 0.5, 0.01, 0.03)
    assert runs.levels(stage, "thin") == Levels(0.2, 0.5, 0.01, 0.04)
    assert runs.rungs(stage) == [[100.0, 200.0], [300.0]]
    adaptive = {"force_low_eV_A": None, "adaptive_count": 7, "adaptive_percent": 2.5}
    prepare(tmp_path, exploration=adaptive)
    stage = config.load("learn.yaml", SCHEMA).exploration
    assert runs.levels(stage, "thin") == AdaptiveLevels(5.0, force_count=7, force_percent=2.5)
    assert runs.rungs(stage) == [[600.0, 1500.0]]


def test_models_are_kept_where_an_iteration_added_nothing(tmp_path, loop_only, capsys):
    stages = {"cold": {"temperatures_K": [20]}, "warm": {"temperatures_K": [30, 40], "temperatures_at_once": 1}}
    prepare(tmp_path, exploration={"force_low_eV_A": 4.9, "steps": [4]}, stages=stages)
    assert in_process() == 0
    rows = ledger.history(tmp_path / "out" / files.LEDGER)
    assert [(row["stage"], row["rung"]) for row in rows] == [("cold", 0), ("warm", 0), ("warm", 1)]
    assert all(row["ended"].startswith("accurate: 100.0 %") and not row["labelled"] for row in rows)
    assert all(row["models"] == rows[0]["models"] for row in rows)
    text = capsys.readouterr().out
    assert "iteration 2, stage warm, 40 K: " in text and "models: out/iteration_000/model_0.h5, " in text
    (tmp_path / "out" / "iteration_000" / "model_1.h5").write_bytes(
        (tmp_path / "out" / "iteration_000" / "model_0.h5").read_bytes()
    )
    with pytest.raises(HpcpotError, match="another model than iteration 2 used"):
        in_process()
    with pytest.raises(HpcpotError, match="must have warm, the stage of iteration 2"):
        (tmp_path / "learn.yaml").write_text((tmp_path / "learn.yaml").read_text().replace("warm:", "hot:"))
        in_process()


def test_a_loop_as_a_tree(tmp_path, loop_only, capsys):
    prepare(tmp_path)
    with pytest.raises(OutputError, match=r"learn\.h5 = no complete iteration"):
        in_process("--export-tree", "early")
    assert not (tmp_path / "out").exists() and in_process("--set", "exploration.most_iterations=1") == 0
    capsys.readouterr()
    assert in_process("--export-tree", "tree") == 0
    (row,) = ledger.history(tmp_path / "out" / files.LEDGER)
    assert capsys.readouterr().out == f"written: tree, 1 iteration, {row['labelled']} labelled frames\n"
    (iteration,) = dpgen_tree.read(tmp_path / "tree", ("Cu",))
    for system, counts in zip(row["systems"].values(), iteration.counts().values(), strict=True):
        assert counts == {ACCURATE: system["accurate"], CANDIDATE: system["candidate"], FAILED: system["failed"]}
    assert [len(labels) for labels in iteration.labels.values()] == [of["labelled"] for of in row["systems"].values()]
    for labels in iteration.labels.values():
        for k in range(len(labels)):
            atoms = labels.frame(k)
            energy, atoms.calc = atoms.get_potential_energy(), EMT()
            assert atoms.get_potential_energy() == pytest.approx(energy)
    run = iteration.explored[0]
    assert run.job == {"ensemble": "nvt", "temps": 600.0, "model_devi_dt": 0.002} and run.steps.tolist() == [
        0,
        10,
        20,
        30,
        40,
    ]
    assert np.isfinite(run.deviations[:, [0, 3]]).all() and np.isnan(run.deviations[:, 1]).all()
    chosen = list(csv.DictReader((tmp_path / "out/iteration_000/chosen.csv").open()))
    assert len(list((tmp_path / "tree/iter.000000/02.fp").glob("task.*"))) == len(chosen)
    for link in (tmp_path / "tree/iter.000000/02.fp").glob("task.*/conf.dump"):
        assert link.is_file()
    for other in (["--dry-run"], ["--overwrite"], ["--retry-failed"], ["--from", "0", "train"]):
        with pytest.raises(ConfigError, match=f"--export-tree, {other[0]} = both: .*give one"):
            in_process("--export-tree", "again", *other)
    with pytest.raises(OutputError, match="tree = exists"):
        in_process("--export-tree", "tree")
    with pytest.raises(ConfigError, match=r"systems = dense: must have thin, a system of iteration 0"):
        in_process("--export-tree", "again", "--set", "exploration.systems=[dense]")
    with pytest.raises(ConfigError, match=r"levels by which frames of dense in iteration 0 are of other classes"):
        in_process("--export-tree", "again", "--set", "exploration.force_low_eV_A=4.9")
    text = (
        (tmp_path / "learn.yaml")
        .read_text()
        .replace("exploration:", "stages:\n  other:\n    systems: [dense]\nexploration:")
    )
    (tmp_path / "learn.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"stages = other: must have exploration, the stage of iteration 0"):
        in_process("--export-tree", "again")


def test_choosing_from_a_labelled_pool(tmp_path, loop_only, capsys):
    """Without dynamics the structures themselves are judged; their labels are looked up, and none is taken twice."""
    pool = [copper(40 + k, 3.4 + 0.06 * k, 0.1) for k in range(6)]
    for atoms in pool:
        atoms.calc = EMT()
        atoms.get_stress()
    ase.io.write(tmp_path / "pool.extxyz", pool)
    unset = {"temperatures_K": None, "steps": [0], "labels_per_system": 2, "accurate_percent": 100}
    calculator = {"class": "hpcpot.labelling.known.KnownLabels", "arguments": {"file": "pool.extxyz"}, "name": "pool"}
    prepare(tmp_path, exploration=unset, calculator=calculator)
    tree = yaml.safe_load((tmp_path / "learn.yaml").read_text()) | {"systems": {"pool": "pool.extxyz"}}
    (tmp_path / "learn.yaml").write_text(yaml.safe_dump(tree))
    assert in_process("--dry-run") == 0
    assert "exploration, as they are: 6 structures, at most 2 labels in an iteration" in capsys.readouterr().out
    assert in_process() == 0
    rows = ledger.history(tmp_path / "out" / files.LEDGER)
    assert [row["runs"] for row in rows] == [6, 6] and [row["labelled"] for row in rows] == [2, 2]
    keys = [key for row in rows for key in row["systems"]["pool"]["keys"]]
    assert len(set(keys)) == 4
    energies = {round(atoms.get_potential_energy(), 9) for atoms in pool}
    for row in rows:
        for name in row["data"]:
            assert {round(energy, 9) for energy in hdf5.read(tmp_path / "out" / name).energies} <= energies


def test_data_too_few_to_be_divided(tmp_path, loop_only):
    prepare(tmp_path)
    ase.io.write(tmp_path / "start.extxyz", ase.io.read(tmp_path / "start.extxyz", 0))
    with pytest.raises(
        ConfigError, match=r"data\.held_out_fraction = 0\.2: must leave frames on both sides, of 1 in 1 group"
    ):
        in_process("--dry-run")


def test_a_family_without_dynamics_explores_nothing(tmp_path, loop_only):
    prepare(tmp_path)
    with pytest.raises(ConfigError, match="training.config = .*must be of a family that explores by dynamics"):
        in_process("--dry-run", "--set", "training.config={family: graph, training: {steps: 3}}")


def test_a_flat_error_needs_errors_of_forces(tmp_path, loop_only):
    prepare(tmp_path, exploration={"flat_percent": 5})
    with pytest.raises(ConfigError, match=r"flat_percent = 5 .*needs frames that are held out"):
        in_process("--dry-run", "--set", "data.held_out_fraction=0")
    energies = ("--set", "training.config={family: chebyshev, training: {steps: 3}}")
    with pytest.raises(ConfigError, match=r"flat_percent = 5 .*needs models that are trained on forces"):
        in_process("--dry-run", *energies)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"steps": [0]}, r"temperatures_K = .*has no effect without dynamics"),
        ({"steps": [0, 40], "temperatures_K": None}, r"steps = .*must be \[0\] alone"),
        ({"steps": [0], "temperatures_K": None, "skip_steps": 10}, r"skip_steps = 10 .*has no effect without dynamics"),
        ({"temperatures_K": None}, r"temperatures_K = null .*is required"),
    ],
)
def test_pool_and_dynamics_do_not_mix(keys, message, tmp_path, loop_only):
    prepare(tmp_path, exploration=keys)
    with pytest.raises(ConfigError, match=message):
        in_process("--dry-run")
