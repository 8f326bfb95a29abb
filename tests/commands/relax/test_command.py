"""`hpcpot relax` as a user runs it: good and bad structures of many files; the same command again has nothing to do."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
import reports
import yaml
from ase.build import bulk
from campaigns import LocalPool, handlers_kept, run, task_of_relax

from hpcpot.commands import relax as relax_command
from hpcpot.commands.relax import figure, summary
from hpcpot.errors import StructureError
from hpcpot.farm.item import Failure, outcomes
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Results, Store
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential import files as potential_files
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.relaxation import compute
from hpcpot.relaxation.engine import CONVERGED, RelaxationOptions

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
        np.testing.assert_array_equal(rows["path_positions"][k][0], rows["initial_positions"][k].astype(np.float32))
        np.testing.assert_array_equal(rows["path_cell"][k][-1], rows["cell"][k].astype(np.float32))
        assert rows["path_energy"][k][-1] == rows["energy"][k] < rows["initial_energy"][k]
    reasons = {
        "cells.extxyz:1": "must be finite",
        "cells.extxyz:3": "species of atom 0 = Kr",
        "cells.extxyz:4": "must be at least 0.5 Å",
        "cells.extxyz:5": "must have a volume",
        "broken.cif": "no structure",
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
    section = reports.section_of(folder / "relaxed.h5", "relax", charts=1)
    assert section.quantities["converged"].value == pytest.approx(100 * 6 / 11)
    assert section.title == "6 structures done, 5 failed, 0 to do" and "must be finite" in section.warnings[0]
    again = relax(folder, code=1).stdout
    assert "11 different items, 11 of them stored already" in again


def test_nothing_but_bad_structures(folder: Path) -> None:
    """A table of no rows."""
    output = relax(folder, "--set", "structures.files=broken.cif", "--set", "output.results=none.h5", code=1).stdout
    assert "0 of 1 done, 1 failed (1 StructureError now)" in output and "1 StructureError, e.g. broken.cif" in output
    assert "figure: none, as there are fewer than 5 structures" in output and not (folder / "none.png").exists()


def test_precision_that_the_potential_lacks(folder: Path) -> None:
    refused = relax(folder, "--set", "potential.precision=mixed", "--set", "output.results=none2.h5", code=1).stderr
    assert "potential.precision = mixed: the cpu kernels of this" in refused and not (folder / "none2.h5").exists()


def test_other_settings_do_not_mix(folder: Path) -> None:
    assert "results with another task" in relax(folder, "--set", "relax.cell=fixed", code=1).stderr


@pytest.mark.parametrize("key", ["potential.kernels=reference", "relax.cell=fixed", "relax.minimizer=fire"])
def test_what_rows_of_a_file_have_in_common(folder: Path, key: str) -> None:
    assert task_of_relax(folder / "relax.yaml") != task_of_relax(folder / "relax.yaml", key)


def test_what_old_results_files_have_as_their_task(folder: Path) -> None:
    """Another text would make them another campaign's."""
    assert task_of_relax(folder / "relax.yaml") == (
        "Options(minimizer='lbfgs', moves=Options(longest_step=0.2, potim=0.4, smass=2.0, rise=1e-09), cell='full', "
        "pressure=0.0, force=0.0001, stress=6.241509074460763e-06, steps=2000, skin=1.0, keep_path=True)\n"
        "precision: float64, kernels: cpu"
    )


def test_stopped_by_a_signal(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """Ends with 75, draws nothing, and the file has what was done."""
    monkeypatch.setattr("hpcpot.farm.campaign.WorkerPool", LocalPool(stop_after=1))
    parser = argparse.ArgumentParser()
    relax_command.add_arguments(parser)
    given = [
        str(folder / "relax.yaml"),
        "--set",
        "structures.files=cells.extxyz",
        "--set",
        f"output.results={folder / 'stopped.h5'}",
    ]
    with handlers_kept():
        assert relax_command.run(parser.parse_args(given)) == STOPPED == 75
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
            for name, column in compute.COLUMNS.items()
            if name != "status"
        }
        row["species"] = np.where(np.arange(n) == 0, 3, 14).astype(np.int32)
        rows.append((f"{k:032}", f"cell {k}", row | {"status": CONVERGED if k % 4 else "no ionic convergence"}))
    rows += [(f"{k:032}", f"cell {k}", Failure("CellCollapse", f"volume of {k}")) for k in (40, 41)]
    with Store(path, kind="relax", columns=compute.COLUMNS, identity={}, provenance={}, expected_rows=42) as store:
        store.append(rows)
    with Results(path) as results:
        campaign = summary.gather(results, {f"{k:032}" for k in (0, 1, 2, 3, 5, 41)})
    assert campaign.atoms.tolist() == [1, 2, 3, 1, 3]
    np.testing.assert_allclose(campaign.lithium, [1, 1 / 2, 1 / 3, 1, 1 / 3])
    assert campaign.energies.tolist() == [float(rows[k][2]["energy"]) for k in (0, 1, 2, 3, 5)]
    lines = summary.table(campaign).splitlines()
    assert lines[1].split()[:4] == ["6", "4", "1", "1"] and lines[2] == "  1 CellCollapse, e.g. cell 41: volume of 41"
    assert figure.write(campaign, tmp_path / "many.png").stat().st_size > 1000


def test_room_follows_memory() -> None:
    assert compute.room(0.001) == 1
    assert compute.room(8.0) == 1000
    assert compute.room(1e6) == compute.SATURATED


def test_each_input_has_one_outcome(folder: Path) -> None:
    ref = PotentialRef(folder / "argon.h5", potential_files.fingerprint(potential_files.load(folder / "argon.h5")))
    relax_chunk = partial(compute.compute, potential=ref, options=RelaxationOptions(), memory_MB=1.0)
    results = dict(outcomes(relax_chunk, [argon(), StructureError("x = y: z."), argon(5.2)], batched=True))
    assert sorted(results) == [0, 1, 2] and results[1].message == "x = y: z."
    assert results[0].keys() == results[2].keys() == (compute.COLUMNS | compute.TIME).keys()
