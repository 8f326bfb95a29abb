"""Random cells of a recipe, relaxed without a file of them: the same as with one, a line for each composition."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from campaigns import run
from repository import CONFIGS

from hpcpot import cli, config
from hpcpot.commands.relax import summary
from hpcpot.commands.relax.settings import SCHEMA
from hpcpot.farm.results import Results
from hpcpot.potential import files as potential_files
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.relaxation import starts
from hpcpot.structure import files

relax = partial(run, "relax")
RECIPE = {
    "recipe": "random",
    "seed": 5,
    "random": {
        "compositions": {"Ar2": "1-2", "Ar3": 1},
        "count": 4,
        "volume_A3": {"Ar": 38.0},
        "minimum_distance_A": 3.3,
        "volume_ratio": [0.9, 1.2],
        "operations": [1, 2],
    },
}
CONFIG = {
    "structures": {"recipe": "random.yaml"},
    "potential": {"file": "argon.h5"},
    "relax": {"steps": 40},
    "farm": {"workers": 1, "chunk": 50},
    "output": {"results": "relaxed.h5"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    potential_files.save(LennardJones(("Ar",), np.array([[0.0104]]), np.array([[3.4]]), 7.0), tmp_path / "argon.h5", {})
    (tmp_path / "random.yaml").write_text(yaml.safe_dump(RECIPE))
    (tmp_path / "relax.yaml").write_text(yaml.safe_dump(CONFIG))
    return tmp_path


def counts(output: str) -> dict[str, list[str]]:
    """Columns of the table by batch."""
    lines = output.split("core seconds\n")[1].splitlines()
    return {line.split()[-1]: line.split()[:-1] for line in lines[:3]}


def test_a_recipe_is_relaxed_as_its_file_is(folder: Path) -> None:
    table = counts(relax(folder).stdout)
    assert list(table) == ["Ar2", "Ar3", "all"]
    assert [table[name][0] for name in table] == ["4", "4", "8"]
    seconds = [float(table[name][5]) for name in table]
    assert 0 < seconds[2] == pytest.approx(seconds[0] + seconds[1], abs=0.011)
    assert cli.main(["build", str(folder / "random.yaml"), "-o", str(folder / "cells.extxyz")]) == 0
    made = [frame.structure for frame in files.frames(folder / "cells.extxyz")]
    with Results(folder / "relaxed.h5") as results:
        rows = dict(zip(results.labels(), results.read("initial_positions"), strict=True))
        assert sum(results.read("core_seconds")) == pytest.approx(seconds[2], abs=0.006)
    names = [f"{name}:{k}" for name in ("Ar2", "Ar3") for k in range(4)]
    for name, atoms in zip(names, made, strict=True):
        np.testing.assert_allclose(rows[name], atoms.positions, rtol=0, atol=1e-7)
    more = RECIPE | {"random": RECIPE["random"] | {"count": 5}}
    (folder / "random.yaml").write_text(yaml.safe_dump(more))
    assert "10 different items, 8 of them stored already" in relax(folder).stdout


def test_cells_without_room_fail_alone(folder: Path) -> None:
    """At the upper end of the band there is room, at the lower end there is none."""
    tight = RECIPE["random"] | {"compositions": {"Ar4": 3}, "volume_ratio": [0.67, 0.73], "operations": [1], "count": 6}
    (folder / "random.yaml").write_text(yaml.safe_dump(RECIPE | {"random": tight}))
    said = relax(folder, code=1).stdout
    with Results(folder / "relaxed.h5") as results:
        failed = [failure for _, _, failure in results.failed()]
        assert len(results.keys()) + len(failed) == 6 and len(failed) < 6
    assert failed and {failure.kind for failure in failed} == {"StructureError"}
    assert all("no room for the atoms" in failure.message for failure in failed)
    assert f"  {len(failed)} StructureError, e.g. Ar4:" in said


def test_items_are_numbers_not_structures(monkeypatch):
    """25,000 items: none holds atoms, keys are of what the structure depends on."""
    items = starts.of_recipe(CONFIGS / "build_random_lisi.yaml")
    assert len(items) == 25_000
    first, last = items[0], items[24_999]
    assert (first.label, last.label) == ("LiSi:0", "Li15Si4:4999")
    assert items[3].key == items[3].key != items[4].key
    monkeypatch.setattr(starts, "VERSION", 2)
    assert starts.of_recipe(CONFIGS / "build_random_lisi.yaml")[3].key != items[3].key
    assert last.input.build().info["index"] == 4999
    with pytest.raises(IndexError):
        items[25_000]


@pytest.mark.parametrize(
    ("structures", "message"),
    (
        ({}, "structures.files = null (relax.yaml): is required, files or patterns; or structures.recipe"),
        ({"files": "a.cif", "recipe": "random.yaml"}, "structures.files = a.cif (relax.yaml): does not go with"),
        ({"frames": "last", "recipe": "random.yaml"}, "structures.frames = last (relax.yaml): does not go with"),
        ({"elements": ["Ar"], "recipe": "random.yaml"}, "structures.elements = ['Ar'] (relax.yaml): does not go with"),
        ({"recipe": "none.yaml"}, "structures.recipe = none.yaml (relax.yaml): must be a file"),
        ({"recipe": "relax.yaml"}, "recipe = missing (relax.yaml): is required, random"),
        ({"recipe": "empty.yaml"}, "random.compositions = null (empty.yaml): or random.seed_file is required"),
    ),
)
def test_wrong_sources(folder: Path, structures: dict, message: str) -> None:
    (folder / "empty.yaml").write_text("recipe: random\n")
    (folder / "relax.yaml").write_text(yaml.safe_dump(CONFIG | {"structures": structures}))
    assert message in relax(folder, code=1).stderr
    assert not (folder / "relaxed.h5").exists()


def test_the_shipped_config():
    settings = config.load(CONFIGS / "relax_random_lisi.yaml", SCHEMA)
    assert settings.structures.recipe.name == "build_random_lisi.yaml"
    assert (settings.relax.force_eV_per_A, settings.relax.steps) == (0.01, 2000)


@pytest.mark.parametrize(
    ("label", "batch"), (("cells.extxyz:17", "cells.extxyz"), ("LiSi:0", "LiSi"), ("a.cif", ""), ("a:b.cif", ""))
)
def test_batches(label, batch):
    assert summary.batch_of(label) == batch
