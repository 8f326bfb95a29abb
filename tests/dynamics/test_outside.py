"""Runs that leave the range of their potential: what is told, where a run stops, and that ranks agree on the atoms."""

from __future__ import annotations

from pathlib import Path

import ase
import numpy as np
import pytest
import runs
import systems
from ase.build import bulk

import hpcpot
from hpcpot.errors import ConfigError, SimulationError
from hpcpot.notices import InputNotice
from hpcpot.potential import files
from hpcpot.potential.range import TrainedRange
from hpcpot.storage.reader import TrajectoryReader

STEPS = {"md__steps": 20, "md__integrator": "nve", "md__temperature_K": None}


def trained(shortest: float = 3.5, **known: np.ndarray) -> TrainedRange:
    return TrainedRange(("Ar",), "argon", 10, 7.0, np.array([[shortest]]), **known)


def close_pair() -> ase.Atoms:
    """Crystal of 108 atoms in a cell of 16.2 Å; atom 17 is moved to 3.2 Å from atom 0 through the boundary of the cell."""
    atoms = bulk("Ar", "fcc", 5.4, cubic=True) * 3
    far = int(np.argmax(np.linalg.norm(atoms.positions - [13.5, 0.0, 2.7], axis=1) < 1e-6))
    atoms.positions[[17, far]] = atoms.positions[[far, 17]]
    atoms.positions[17] *= 3.2 / 3.8183766
    atoms.positions[17, 0] = 16.2 - 2.7 * 3.2 / 3.8183766
    return atoms


def prepare(folder: Path, known: TrainedRange, atoms: ase.Atoms | None = None, **changes: object) -> Path:
    folder = folder / str(len(list(folder.iterdir())))
    folder.mkdir()
    path = runs.prepare(folder, close_pair() if atoms is None else atoms, **(STEPS | changes))
    files.save(systems.argon(), folder / "argon.h5", {}, overwrite=True, trained=known)
    return path


def notes(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if "outside what the potential was trained on" in line]


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.mpi), pytest.param(4, marks=pytest.mark.mpi)])
def test_the_first_and_the_closest_are_told_with_their_atoms(ranks: int, tmp_path: Path):
    """Both atoms lie at the boundary of the cell, so that the partner is a ghost, of another rank where there are some."""
    done = runs.run(prepare(tmp_path, trained(), md__initial_temperature_K=None), ranks=ranks)
    first, last = notes(done.stdout)
    pair = first.split(": ", 2)[2]
    assert first.startswith("note: step 0 is outside what the potential was trained on: ")
    assert pair == "Ar 0 and Ar 17 are 3.200 Å apart, Ar-Ar was trained down to 3.50 Å"
    assert last == f"outside what the potential was trained on, closest at step 0: {pair}"  # they move apart


def test_stop_ends_the_run_with_its_files_whole(tmp_path: Path):
    path = prepare(tmp_path, trained(), potential__outside="stop", md__initial_temperature_K=None)
    done = runs.run(path, code=1)
    assert "structure at step 0 = outside what the potential was trained on: Ar " in done.stderr
    assert "3.200 Å apart, Ar-Ar was trained down to 3.50 Å; must be inside by potential.outside: stop" in done.stderr
    with TrajectoryReader(path.parent / "run.h5md") as reader:
        assert list(reader.steps("position")) == [0]
    assert (path.parent / "run.checkpoint.h5").exists()


def test_ignore_and_a_run_inside_say_nothing(tmp_path: Path):
    assert not notes(runs.run(prepare(tmp_path, trained(), potential__outside="ignore")).stdout)
    assert not notes(runs.run(prepare(tmp_path, trained(3.0))).stdout)


def test_two_per_cent_closer_is_inside(tmp_path: Path):
    still = {"md__initial_temperature_K": None, "md__steps": 0}
    assert not notes(runs.run(prepare(tmp_path, trained(3.2 / 0.98 - 0.01), **still)).stdout)
    assert len(notes(runs.run(prepare(tmp_path, trained(3.2 / 0.98 + 0.01), **still)).stdout)) == 2


def test_density_composition_temperature_and_energy(tmp_path: Path):
    """16.2³ / 108 = 39.37 Å³ to an atom."""
    known = {
        "densities": np.array([1 / 60.0, 1 / 45.0]),
        "temperatures": np.array([20.0, 60.0]),
        "shares": np.array([[1.0, 1.0]]),
        "references": np.array([5.0]),
        "spanned": np.array([[1.0]]),
        "residuals": np.array([0.0, 0.1]),
    }
    atoms = bulk("Ar", "fcc", 5.4, cubic=True) * 3
    told = notes(runs.run(prepare(tmp_path, trained(3.0, **known), atoms)).stdout)
    begin = "note: step 0 is outside what the potential was trained on: "
    assert told[:2] == [f"{begin}39.37 Å³/atom, trained down to 45.00", f"{begin}80 K, trained up to 60 K"]
    assert told[2].startswith(f"{begin}energy -0.0") and told[2].endswith("eV/atom below any that was trained")
    assert len(told) == 3  # the cell stays, so nothing more is told of it at the end


def test_a_vacuum_and_a_density_within_five_per_cent_are_no_news(tmp_path: Path):
    atoms = bulk("Ar", "fcc", 5.4, cubic=True) * 3
    known = trained(3.0, densities=np.array([1 / 60.0, 1 / 41.0]))
    assert not notes(runs.run(prepare(tmp_path, known, atoms, md__steps=0)).stdout)
    atoms.center(vacuum=20.0, axis=2)
    assert not notes(runs.run(prepare(tmp_path, known, atoms, md__steps=0)).stdout)


def test_a_model_that_does_not_say_where_it_ends(tmp_path: Path):
    done = runs.run(runs.prepare(tmp_path, **(STEPS | {"md__steps": 0})))
    assert done.stderr.count("does not say what it was trained on") == 1 and not notes(done.stdout)


@pytest.mark.parametrize("pressure", [1.0e5, -1001.0])
def test_a_pressure_in_bar_is_refused(pressure: float):
    keys = {"integrator": "npt_nose_hoover", "barostat_axes": ["x"], "steps": 1, "timestep_fs": 1, "temperature_K": 1}
    what = "pressure_GPa = .*: must be within -1000 and 1000 GPa; GPa is required: 1 bar = 1e-4 GPa"
    with pytest.raises(ConfigError, match=what):
        hpcpot.md(bulk("Ar", cubic=True), potential="lisi", pressure_GPa=pressure, **keys)


def test_a_run_that_its_barostat_blows_up_names_the_pressure_first():
    keys = {"integrator": "npt_nose_hoover", "barostat_axes": ["x", "y", "z"], "steps": 400, "timestep_fs": 1.0}
    silicon = bulk("Si", "diamond", 5.43, cubic=True) * 2
    what = (
        r"^md.pressure_GPa = 1000 GPa along x, y, z, which .*: must be in GPa; check it first, as 1 bar is 1e-4 GPa.\n"
    )
    with pytest.raises(SimulationError, match=what):
        hpcpot.md(
            silicon, potential="lisi_mtp", pressure_GPa=1000.0, temperature_K=300, initial_temperature_K=300, **keys
        )


def test_the_calculator_tells_once():
    calculator = hpcpot.Calculator("lisi_mtp")
    atoms = ase.Atoms("Si2", [[0.1, 0, 0], [7.2, 0, 0]], cell=[8, 8, 8], pbc=True, calculator=calculator)
    with pytest.warns(
        InputNotice, match=r"Si [01] and Si [01] are 0.900 Å apart, Si-Si was trained down to 1.88 Å"
    ) as told:
        atoms.get_potential_energy()
        atoms.rattle(0.01)
        atoms.get_potential_energy()
    assert len(told) == 1
