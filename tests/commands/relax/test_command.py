"""`hpcpot relax` as a user runs it: good and bad structures of many files; the same command again has nothing to do."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.constraints import FixAtoms, FixScaled
from campaigns import LocalFarm, handlers_kept, run

from hpcpot import config
from hpcpot.commands.relax import add_arguments, command, figure, settings, summary, task
from hpcpot.errors import ConfigError, StructureError
from hpcpot.farm import structures as inputs
from hpcpot.farm.chunks import Failure
from hpcpot.farm.results import Results, Store
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential import files as potential_files
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.relaxation import minimizers
from hpcpot.relaxation.engine import CONVERGED, Options

relax = partial(run, "relax")
CONFIG = {
    "structures": {"files": ["cells.extxyz", "crystals/*.cif", "one.vasp", "broken.cif"]},
    "potential": {"file": "argon.h5"},
    "relax": {"force_eV_per_A": 1e-4, "stress_GPa": 1e-3},
    "farm": {"workers": 1, "chunk": 50},
    "output": {"results": "relaxed.h5", "keep_path": True},
}


def argon(a: float = 5.5, seed: int = 0) -> ase.Atoms:
    atoms = bulk("Ar", "fcc", a, cubic=True)
    atoms.rattle(0.05, seed=seed)
    return atoms


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("relax")
    nan, unknown, near, flat = (argon() for _ in range(4))
    nan.positions[1, 2] = np.nan
    unknown.symbols[0] = "Kr"
    near.positions[1] = near.positions[0] + 0.2
    flat.cell[2] = flat.cell[0]
    ase.io.write(folder / "cells.extxyz", [argon(seed=1), nan, argon(5.2, 2), unknown, near, flat, argon(5.4, 3)])
    (folder / "crystals").mkdir()
    for k, a in enumerate((5.3, 5.6)):
        ase.io.write(folder / "crystals" / f"c{k}.cif", argon(a, 10 + k))
    ase.io.write(folder / "one.vasp", argon(5.45, 20))
    (folder / "broken.cif").write_text("data_x\n_cell_length_a 1\nloop_\n")
    potential_files.save(LennardJones(("Ar",), np.array([[0.0104]]), np.array([[3.4]]), 7.0), folder / "argon.h5", {})
    (folder / "relax.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


def test_a_campaign_with_bad_structures(folder: Path) -> None:
    output = relax(folder, code=1).stdout
    with Results(folder / "relaxed.h5") as results:
        rows = {name: results.read(name) for name in results.columns}
        labels, failed = results.labels(), {label: failure for _, label, failure in results.failed()}
    good = ["cells.extxyz:0", "cells.extxyz:2", "cells.extxyz:6", "crystals/c0.cif", "crystals/c1.cif", "one.vasp"]
    assert sorted(labels) == good
    assert set(rows["status"]) == {CONVERGED}
    per_atom = rows["energy"] / [len(one) for one in rows["species"]]
    np.testing.assert_allclose(per_atom, per_atom[0], rtol=0, atol=1e-6)  # all are the same crystal in the end
    for k in range(6):
        assert rows["path_positions"][k].shape[0] == rows["steps"][k] + 1
        np.testing.assert_array_equal(rows["path_positions"][k][0], rows["initial_positions"][k])
        np.testing.assert_array_equal(rows["path_cell"][k][-1], rows["cell"][k])
        assert rows["path_energy"][k][-1] == rows["energy"][k] < rows["initial_energy"][k]
    reasons = {
        "cells.extxyz:1": "must be finite",
        "cells.extxyz:3": "species of atom 0 = Kr",
        "cells.extxyz:4": "must be at least 0.5 Å",
        "cells.extxyz:5": "must have a volume",
        "broken.cif": "cannot be read",
    }
    assert failed.keys() == reasons.keys()
    for label, reason in reasons.items():
        assert failed[label].kind == "StructureError" and reason in failed[label].message
    lines = output.splitlines()
    counts = next(
        after.split() for line, after in zip(lines, lines[1:], strict=False) if line.split()[:1] == ["completed"]
    )
    assert counts[:4] == ["11", "6", "0", "5"]
    assert (folder / "relaxed.png").read_bytes().startswith(b"\x89PNG")
    again = relax(folder, code=1).stdout
    assert "11 different items, 11 of them stored already" in again


def test_nothing_but_bad_structures(folder: Path) -> None:
    """A table and a figure of no rows."""
    output = relax(folder, "--set", "structures.files=broken.cif", "--set", "output.results=none.h5", code=1).stdout
    assert "0 of 1 done, 1 failed (1 StructureError now)" in output and "1 StructureError, e.g. broken.cif" in output
    assert (folder / "none.png").stat().st_size > 1000


def test_precision_that_the_potential_lacks(folder: Path) -> None:
    refused = relax(folder, "--set", "potential.precision=mixed", "--set", "output.results=none2.h5", code=1).stderr
    assert "potential.precision = mixed: Deep Potentials only" in refused and not (folder / "none2.h5").exists()


def test_other_settings_do_not_mix(folder: Path) -> None:
    assert "results with another task" in relax(folder, "--set", "relax.cell=fixed", code=1).stderr


def test_items_keep_frozen_atoms_and_content(tmp_path: Path) -> None:
    atoms = argon()
    atoms.set_constraint(FixAtoms([2]))
    ase.io.write(tmp_path / "a.vasp", atoms)
    ase.io.write(tmp_path / "b.extxyz", [argon(), argon(), argon(5.7)])
    found = inputs.items(inputs.expand("*", tmp_path), "all")
    assert [one.label for one in found] == ["a.vasp", "b.extxyz:0", "b.extxyz:1", "b.extxyz:2"]
    assert found[0].input.constraints[0].index.tolist() == [2]
    assert found[1].key == found[2].key != found[3].key != found[0].key
    atoms.set_constraint(FixScaled(1, [True, False, False]))
    ase.io.write(tmp_path / "a.vasp", atoms)
    partly = inputs.items([tmp_path / "a.vasp"], "all")[0].input
    assert isinstance(partly, StructureError) and "an atom must be frozen along all axes or along none" in str(partly)
    last = inputs.items([tmp_path / "b.extxyz"], "last")
    assert len(last) == 1 and last[0].key == found[3].key


def test_frames_of_a_damaged_file(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "cut.extxyz", [argon(), argon(5.7)])
    text = (tmp_path / "cut.extxyz").read_text()
    (tmp_path / "cut.extxyz").write_text(text[: len(text) - 60])
    found = inputs.items([tmp_path / "cut.extxyz"], "all")
    assert isinstance(found[-1].input, StructureError) and "cannot be read" in str(found[-1].input)


def test_good_frames_around_a_bad_one_are_kept(tmp_path: Path) -> None:
    """A line that is no atom fails its frame; a line that is no number of atoms ends the file, not what was before."""
    path = tmp_path / "cells.extxyz"
    ase.io.write(path, [argon(5.2 + 0.1 * k) for k in range(4)])
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:8], "Ar 0.0 zero 0.0\n", *lines[9:]]))
    kinds = [type(one.input) for one in inputs.items([path], "all")]
    assert kinds == [ase.Atoms, StructureError, ase.Atoms, ase.Atoms]
    path.write_text("".join([*lines[:12], "four\n", *lines[13:]]))
    found = inputs.items([path], "all")
    assert [type(one.input) for one in found] == [ase.Atoms, ase.Atoms, StructureError]
    assert found[2].label == "cells.extxyz:2" and "invalid literal for int" in str(found[2].input)
    path.write_text("".join([*lines[:6], "\n", *lines[6:]]))
    found = inputs.items([path], "all")
    assert "an empty line where a number of atoms belongs" in str(found[1].input)
    path.write_text("".join(lines) + "\n\n")
    assert next(one.key for one in inputs.items([path], "all")) == found[0].key
    path.write_text("")
    assert "no structure" in str(inputs.items([path], "all")[0].input)


def test_every_structure_of_a_file_of_blocks(tmp_path: Path) -> None:
    two = [argon(5.3), argon(5.7)]
    for name in ("two.cif", "two.traj"):
        ase.io.write(tmp_path / name, two)
    ase.io.write(tmp_path / "XDATCAR", two, format="vasp-xdatcar")
    for name in ("two.cif", "two.traj", "XDATCAR"):
        found = inputs.items([tmp_path / name], "all")
        assert [one.label for one in found] == [f"{name}:0", f"{name}:1"]
        assert [one.input.cell.lengths()[0] for one in found] == pytest.approx([5.3, 5.7])
        assert len({one.key for one in found}) == 2
        assert [one.label for one in inputs.items([tmp_path / name], "last")] == [name]
    (tmp_path / "none.cif").write_text("# nothing\n")
    found = inputs.items([tmp_path / "none.cif"], "all")
    assert len(found) == 1 and isinstance(found[0].input, StructureError) and "cannot be read" in str(found[0].input)


def test_names_of_the_config_are_those_of_the_tables() -> None:
    assert sorted(settings.MINIMIZERS) == sorted(minimizers.MINIMIZERS)


@pytest.mark.parametrize("key", ["potential.kernels=reference", "relax.cell=fixed", "relax.minimizer=fire"])
def test_what_rows_of_a_file_have_in_common(folder: Path, key: str) -> None:
    before, after = (config.load(folder / "relax.yaml", settings.SCHEMA, given) for given in ([], [key]))
    assert command.identity(before) != command.identity(after)


def test_stopped_by_a_signal(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """Ends with 75, draws nothing, and the file has what was done."""
    monkeypatch.setattr(command, "Farm", LocalFarm(stop_after=1))
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    given = [
        str(folder / "relax.yaml"),
        "--set",
        "structures.files=cells.extxyz",
        "--set",
        f"output.results={folder / 'stopped.h5'}",
    ]
    with handlers_kept():
        assert command.run_command(parser.parse_args(given)) == STOPPED == 75
    assert not (folder / "stopped.png").exists() and "figure" not in capsys.readouterr().out
    with Results(folder / "stopped.h5") as results:
        assert results.labels() == ["cells.extxyz:0"]


def test_table_and_figure_are_of_this_campaign(folder: Path, tmp_path: Path) -> None:
    """Rows of structures that the config no longer names stay in the file and out of the counts."""
    rng, path = np.random.default_rng(1), tmp_path / "many.h5"
    rows = []
    for k in range(40):
        n = 1 + k % 3
        row = {
            name: rng.random([n if length is None else length for length in column.shape]).astype(column.dtype)
            for name, column in task.COLUMNS.items()
            if name != "status"
        }
        row["species"] = np.where(np.arange(n) == 0, 3, 14).astype(np.int32)
        rows.append((f"{k:032}", f"cell {k}", row | {"status": CONVERGED if k % 4 else "no ionic convergence"}))
    rows += [(f"{k:032}", f"cell {k}", Failure("CellCollapse", f"volume of {k}")) for k in (40, 41)]
    with Store(path, kind="relax", columns=task.COLUMNS, identity={}, provenance={}, expected_rows=42) as store:
        store.append(rows)
    with Results(path) as results:
        campaign = summary.gather(results, {f"{k:032}" for k in (0, 1, 2, 3, 5, 41)})
    assert campaign.atoms.tolist() == [1, 2, 3, 1, 3]
    np.testing.assert_allclose(campaign.lithium, [1, 1 / 2, 1 / 3, 1, 1 / 3])
    assert campaign.energies.tolist() == [float(rows[k][2]["energy"]) for k in (0, 1, 2, 3, 5)]
    lines = summary.table(campaign).splitlines()
    assert lines[1].split()[:4] == ["6", "4", "1", "1"] and lines[2] == "  1 CellCollapse, e.g. cell 41: volume of 41"
    assert figure.write(campaign, tmp_path / "many.png").stat().st_size > 1000


def test_labels_tell_files_of_one_name_apart(tmp_path: Path) -> None:
    for k in (1, 2, 10):
        (tmp_path / f"run{k}").mkdir()
        ase.io.write(tmp_path / f"run{k}" / "POSCAR", argon(5.0 + 0.1 * k))
    found = inputs.items(inputs.expand("run*/POSCAR", tmp_path), "all")
    assert [one.label for one in found] == ["run1/POSCAR", "run2/POSCAR", "run10/POSCAR"]


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"structures.files = x\*.cif: must match files beside the config"):
        inputs.expand(["x*.cif"], tmp_path)
    with pytest.raises(ConfigError, match="structures.files = nothing.cif: must be a file"):
        inputs.expand("nothing.cif", tmp_path)


def test_numbers_in_names_sort_as_numbers(tmp_path: Path) -> None:
    for k in (10, 2, 1):
        (tmp_path / f"cell{k}.cif").write_text("")
    assert [path.name for path in inputs.expand("cell*.cif", tmp_path)] == ["cell1.cif", "cell2.cif", "cell10.cif"]


def test_room_follows_memory() -> None:
    assert task.room(0.001) == 1
    assert task.room(8.0) == 1000
    assert task.room(1e6) == task.SATURATED


def test_a_task_gives_each_input_one_outcome(folder: Path) -> None:
    from hpcpot.potential.files import fingerprint, load

    source = folder / "argon.h5"
    error = StructureError("x = y: z.")
    found = dict(
        task.compute(
            [argon(), error, argon(5.2)],
            source=source,
            fingerprint=fingerprint(load(source)),
            kernels="cpu",
            precision="float64",
            options=Options(),
            memory_MB=1.0,
        )
    )
    assert sorted(found) == [0, 1, 2] and found[1] is error
    assert found[0].keys() == found[2].keys() == task.COLUMNS.keys()
