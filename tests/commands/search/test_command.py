"""`hpcpot search` as a user runs it: the crystal of argon among random cells; a stop on the way; bad inputs."""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from functools import partial
from pathlib import Path

import ase.io
import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.build import bulk
from campaigns import LocalPool, handlers_kept, run
from repository import CONFIGS

from hpcpot import config
from hpcpot.commands import search as search_command
from hpcpot.commands.search import known, ranking, summary
from hpcpot.commands.search.duplicates import Box, Minimum, Nearness, boxes, compute
from hpcpot.commands.search.minima import Gathered, Trial, minimum, reduced_formula, trials_of
from hpcpot.commands.search.settings import SCHEMA
from hpcpot.errors import ConfigError, SimulationError, StructureError
from hpcpot.farm.item import Item
from hpcpot.farm.results import Results
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential import files as potential_files
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.relaxation.engine import CONVERGED
from hpcpot.structure.matching import MatchTolerances

search = partial(run, "search")
RECIPE = {
    "recipe": "random",
    "seed": 5,
    "random": {
        "compositions": {"Ar": [1, 2, 4]},
        "count": 8,
        "volume_A3": {"Ar": 38.0},
        "minimum_distance_A": 3.3,
        "volume_ratio": [0.9, 1.2],
        "operations": [1, 2],
    },
}
CONFIG = {
    "structures": {"recipe": "random.yaml"},
    "coarse": {"file": "argon.h5", "force_eV_per_A": 0.05, "keep_eV_per_atom": 0.05},
    "potential": {"file": "argon.h5"},
    "relax": {"force_eV_per_A": 1e-4, "stress_GPa": 1e-3},
    "known": {"crystals": ["fcc.extxyz"]},
    "ranking": {"within_eV_per_atom": 0.05, "energy_eV_per_atom": 1e-4},
    "farm": {"workers": 1},
    "output": {"folder": "out"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search")
    potential_files.save(LennardJones(("Ar",), np.array([[0.0104]]), np.array([[3.4]]), 7.0), folder / "argon.h5", {})
    ase.io.write(folder / "fcc.extxyz", bulk("Ar", "fcc", 5.3))
    (folder / "random.yaml").write_text(yaml.safe_dump(RECIPE))
    (folder / "search.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def in_process(folder: Path, *values: str) -> int:
    parser = argparse.ArgumentParser()
    search_command.add_arguments(parser)
    given = [word for value in values for word in ("--set", value)]
    return search_command.run(parser.parse_args([str(folder / "search.yaml"), *given]))


def test_a_search_finds_the_crystal(folder: Path) -> None:
    said = search(folder).stdout
    ranked, (crystal,) = table(folder / "out/ranked.csv"), table(folder / "out/crystals.csv")
    fcc = next(row for row in ranked if row["known_as"] == "fcc")
    assert fcc["space_group"] == "Fm-3m" and abs(float(fcc["above_hull_eV_per_atom"])) < 1e-5
    assert crystal["times_found"] == fcc["times_found"] and crystal["trials"] == "8"
    assert float(crystal["rate_low"]) < int(fcc["times_found"]) / 8 < float(crystal["rate_high"])
    assert f"fcc (Fm-3m, 0.0000 eV/atom above the hull): in {fcc['times_found']} of 8 trials, first in" in said
    assert "trials: 8 (8 Ar); relaxed to minima:" in said and "hull: not drawn of 1 elements" in said
    assert (folder / "out/search.png").read_bytes().startswith(b"\x89PNG")
    frames = ase.io.read(folder / "out/ranked.extxyz", ":")
    assert [atoms.info["rank"] for atoms in frames] == list(range(1, len(ranked) + 1))
    assert len(list((folder / "out").glob("best_*.cif"))) == min(10, len(ranked))
    with Results(folder / "out/coarse.h5") as coarse, Results(folder / "out/relaxed.h5") as relaxed:
        assert coarse.identity()["task"] != relaxed.identity()["task"]
        assert set(relaxed.labels()) <= set(coarse.labels())
    again = search(folder).stdout
    assert again.count(" of them stored already") == 5 and "items/s" not in again
    assert again.splitlines()[-8:] == said.splitlines()[-8:]


def test_stopped_on_the_way_it_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """A signal in each part in turn; what is done is not done again, and the end is that of a search without a stop."""
    search(folder)
    monkeypatch.chdir(folder)
    computed = []
    for _ in range(3):
        pool = LocalPool(stop_after=4)
        monkeypatch.setattr("hpcpot.commands.search.command.WorkerPool", pool)
        with handlers_kept():
            assert in_process(folder, "output.folder=stopped") == STOPPED
        computed += pool.computed
        assert not Path("stopped/ranked.csv").exists()
    monkeypatch.setattr("hpcpot.commands.search.command.WorkerPool", pool := LocalPool(stop_after=0))
    with handlers_kept():
        assert in_process(folder, "output.folder=stopped") == 0
    counts = Counter(computed + pool.computed)
    assert max(counts[f"Ar:{k}"] for k in range(8)) <= 2  # by each of two relaxations
    assert Path("stopped/ranked.csv").read_text() == Path("out/ranked.csv").read_text()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("known.crystals=[nothing]", "known.crystals = nothing: must be the name of a crystal, or a file; known by name are"),
        ("known.crystals=[Li15Si]", "did you mean Li15Si4?"),
        ("known.crystals=[fcc.extxyz, fcc.extxyz]", "known.crystals = fcc: must be there once"),
        ("relax.cell=fixed", "relax.cell = fixed (--set): must not be fixed"),
        ("relax.pressure_GPa=1", "must be 0, as minima are ranked by energy"),
        ("potential.outside=ignore", "would be ranked first"),
        ("coarse.file=null", "is for a first relaxation, by coarse.file"),
    ],
)  # fmt: skip
def test_wrong_configs(folder: Path, value: str, message: str) -> None:
    with handlers_kept(), pytest.raises(ConfigError) as refused:
        in_process(folder, value)
    assert message in str(refused.value)


def test_a_dry_run_makes_nothing(folder: Path) -> None:
    said = search(folder, "--dry-run", "--set", "output.folder=none").stdout
    assert "8 items in 1 to 8 tasks" in said and not (folder / "none").exists()


def test_an_element_without_a_crystal_is_refused() -> None:
    silicon = minimum("Si", "Si", bulk("Si"), -10.0)
    with pytest.raises(ConfigError, match="must have a crystal of each element, and there is none of Li; add it"):
        ranking.HullOfPhases([silicon], ["Li15Si4"])


def test_crystals_that_do_not_relax_are_refused(folder: Path) -> None:
    (item,) = known.items(["fcc.extxyz"], folder)
    search(folder)
    with Results(folder / "out/known.h5") as results:
        (key,) = results.keys()
        assert known.relaxed(results, [Item(key, None, "fcc")])[0].key == "fcc"
    slow = search(folder, "--set", "relax.steps=1", "--set", "output.folder=slow", "--set", "coarse.steps=1", code=1)
    assert "known.crystals = fcc: no ionic convergence; must relax to a minimum of the potential" in slow.stderr
    ase.io.write(folder / "drop.extxyz", Atoms("Ar2", [[0, 0, 0], [3, 0, 0]], cell=[9, 9, 9], pbc=False))
    with pytest.raises(ConfigError, match="must be periodic along all axes"):
        known.items(["drop.extxyz"], folder)
    assert item.label == "fcc" and issubclass(SimulationError, Exception)


NEARNESS = Nearness(0.002, 0.02, MatchTolerances())


def silicon(energy: float, a: float = 5.43, rattle: float = 0.0, key: str = "") -> Minimum:
    atoms = bulk("Si", "diamond", a) * (1, 1, 2)
    atoms.rattle(rattle, seed=1)
    return Minimum(key or f"{energy} {a} {rattle}", "Si", atoms, energy, atoms.get_volume() / len(atoms))


def test_only_near_minima_are_compared() -> None:
    """Pairs of one composition within the tolerances, each once, whatever box they are in."""
    rng = np.random.default_rng(1)
    minima = [
        silicon(energy, a, key=f"{k}") for k, (energy, a) in enumerate(rng.uniform((0, 5.3), (0.05, 5.6), (300, 2)))
    ]
    seen = Counter()
    for box in boxes(minima, NEARNESS):
        everything = (*box.own, *box.before)
        for k, mine in enumerate(box.own):
            for number, other in enumerate(everything):
                if number < k or number >= len(box.own):
                    seen[frozenset((mine.key, other.key))] += 1
    near = {
        frozenset((one.key, other.key))
        for k, one in enumerate(minima)
        for other in minima[:k]
        if abs(one.energy - other.energy) <= 0.002 and abs(np.log(one.volume / other.volume)) <= 0.02
    }
    assert near <= seen.keys() and set(seen.values()) == {1}
    assert len(seen) < 300 * 299 / 2 / 5


def test_same_and_different_minima() -> None:
    crystal, copy, other = silicon(0.0), silicon(0.001, 5.44, 0.02), silicon(0.0015, 5.44, 0.8)
    row = compute(Box((crystal, copy, other), (silicon(-0.0005, 5.42),)), nearness=NEARNESS)
    assert row["same"].tolist()[:2] == [3, 0] and row["same"][2] == -1
    assert row["comparisons"] >= 4


def test_trials_are_counted_by_composition() -> None:
    cells = [Item("a", bulk("Si")), Item("b", bulk("Si") * 2), Item("a", bulk("Si")), Item("c", StructureError("x"))]
    assert trials_of(cells) == {"a": Trial("Si", 1), "b": Trial("Si", 2)}
    assert [reduced_formula(counts) for counts in ({"Li": 30, "Si": 8}, {"Si": 2, "Li": 2})] == ["Li15Si4", "LiSi"]


def test_the_interval_of_a_rate() -> None:
    """Clopper and Pearson, as in tables: 3 of 4199, and none of 100."""
    share, low, high = ranking.SearchedCrystal("x", "Si", ("Fd-3m", 227), 0.0, 4199, 3, 512).rate
    np.testing.assert_allclose([share, low, high], [7.1446e-4, 1.4737e-4, 2.0865e-3], rtol=1e-3)
    never = ranking.SearchedCrystal("x", "Si", ("Fd-3m", 227), 0.0, 100, 0, None)
    np.testing.assert_allclose(never.rate, [0.0, 0.0, 1 - 0.025**0.01], rtol=1e-6)
    section = config.load(CONFIGS / "search_small.yaml", SCHEMA).ranking
    gathered = Gathered([], Counter({CONVERGED: 90, "outside": 10}))
    below = ranking.RankedMinimum(silicon(0.0), -0.3, ("Fd-3m", 227), 2, 7, ())
    text = summary.text(section, Counter({"Si": 100}), gathered, 0, 0, [below], [never])
    assert "x (Fd-3m, 0.0000 eV/atom above the hull): not in 100 trials; its share is below 3.62 % (95 %)" in text
    assert "others: 10 outside" in text and "note: 1 of these is below the hull of the known crystals, by 0.300" in text


@pytest.mark.parametrize("name", ["search_small", "search_li15si4"])
def test_the_shipped_configs(name: str) -> None:
    settings = config.load(CONFIGS / f"{name}.yaml", SCHEMA)
    assert settings.structures.recipe.exists() and {"Li", "Si"} <= set(settings.known.crystals)
    assert [item.label for item in known.items(settings.known.crystals, CONFIGS)] == settings.known.crystals
