"""The Li-Si models that ship: their page tells the errors that they have on the frames kept for testing."""

import re

import numpy as np
import pytest
from ase import Atoms
from repository import REPOSITORY

from hpcpot import Calculator, data
from hpcpot.commands.accuracy import errors
from hpcpot.dataset.dataset import from_frames
from hpcpot.dataset.files import load as load_data
from hpcpot.dataset.predict import frame_grades, predict
from hpcpot.dataset.split import split
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import load
from hpcpot.potential.moment_tensor.extrapolation import Extrapolation
from hpcpot.structure import crystals

COMMITTEE = [f"lisi_dp_{k}" for k in range(4)]
COLUMNS = {"lisi_dp_0": 1, "lisi_chebyshev": 3, "lisi_mtp": 4}
"""Of the table of errors in docs/models.md; the committee is column 2."""


@pytest.fixture(scope="module")
def held_out():
    """The frames that `jobs/lisi_models.sh` keeps for testing."""
    whole = load_data(["lisi_training"])
    return whole.select(split(whole, (0.9, 0.1), seed=1)[1])


def told(column: int) -> tuple[float, float]:
    """Errors over all held-out frames on the page: meV/atom, meV/Å."""
    page = (REPOSITORY / "docs" / "models.md").read_text(encoding="utf-8")
    cells = re.search(r"`lisi_test.h5`.*?^\| all \|(.*?)\|$", page, re.DOTALL | re.MULTILINE).group(1).split("|")
    return float(cells[2 * column - 1]), float(cells[2 * column])


@pytest.mark.parametrize("name", COLUMNS)
def test_errors_are_those_of_the_page(name, held_out):
    found = errors.row(held_out, predict(held_out, BlockPotential(load(name))), np.ones(len(held_out), bool))
    assert len(held_out) == 100
    energy, force = told(COLUMNS[name])
    assert found["energy_rmse_meV_per_atom"] == pytest.approx(energy, abs=0.06)
    assert 1e3 * found["force_rmse_eV_per_A"] == pytest.approx(force, abs=0.6)


def test_the_committee_disagrees_where_it_errs(held_out):
    """Four Deep Potentials of one kind; their spread of forces goes with the error of their mean."""
    frames = held_out.select(np.flatnonzero(held_out.sizes <= 76)[::2])
    models = [load(name) for name in COMMITTEE]
    assert {model.embeddings[0][0][-1].weights.shape[1] for model in models} == {100} and models[0].cutoff == 6.0
    forces = np.stack([predict(frames, BlockPotential(model)).forces for model in models])
    spread = np.sqrt(((forces - forces.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0))
    error = np.linalg.norm(forces.mean(axis=0) - frames.forces, axis=1)
    assert np.corrcoef(spread, error)[0, 1] > 0.4
    assert (np.abs(forces - forces[0]).max(axis=(1, 2))[1:] > 1e-2).all()


def test_the_moment_tensor_potential_grades(held_out):
    """Its active set comes with it: what it was tested on is inside, a crystal pressed to a third far outside."""
    pressed = crystals.build("Si", (2, 2, 2))
    pressed.set_cell(0.7 * pressed.cell, scale_atoms=True)
    extrapolation = Extrapolation(load("lisi_mtp"))
    known = frame_grades(held_out.with_elements(("Li", "Si")), extrapolation)
    unknown = frame_grades(from_frames([pressed], ("Li", "Si")), extrapolation)
    assert np.median(known) < 1.0 and unknown.min() > 10.0


SECOND = (REPOSITORY / "docs" / "models.md").read_text(encoding="utf-8").split("## Second edition")[1]
DATA = REPOSITORY / "docs" / "data_generation"


def silicon(lattice: float, model: str) -> Atoms:
    whole = crystals.build("Si", (2, 2, 2))
    whole.set_cell(whole.cell * (2 * lattice / whole.cell.lengths()[0]), scale_atoms=True)
    whole.calc = Calculator(model)
    return whole


def removal(whole: Atoms) -> float:
    """Energy of the crystal less that without one atom, unrelaxed, eV."""
    holed = whole.copy()
    del holed[0]
    holed.calc = whole.calc
    return whole.get_potential_energy() - holed.get_potential_energy()


def test_silicon_of_both_editions():
    """Their lattice constants, and the energies to take one atom out, are those of the page."""
    lattices = re.search(r"Si: lattice constants \(Å\) \|.*?\| ([\d.]+) \| ([\d.]+) \|$", SECOND, re.MULTILINE).groups()
    second, first = re.search(
        r"out of 64, unrelaxed, (-[\d.]+) eV \(PBE -8.92; first edition (-[\d.]+)\)", SECOND
    ).groups()
    for model, lattice, told in zip(("lisi_mtp", "lisi_mtp_20"), lattices, (first, second), strict=True):
        whole = silicon(float(lattice), model)
        assert np.abs(whole.get_stress()).max() < 2e-3
        assert removal(whole) == pytest.approx(float(told), abs=0.006)


def test_errors_of_the_second_edition_are_those_of_the_page():
    unseen = load_data([DATA / "lisi_unseen.h5"])
    energy, force = re.search(r"^\| all \| 246 \|.*\| ([\d.]+) \| ([\d.]+) \|$", SECOND, re.MULTILINE).groups()
    found = errors.row(unseen, predict(unseen, BlockPotential(load("lisi_mtp_20"))), np.ones(len(unseen), bool))
    assert found["energy_rmse_meV_per_atom"] == pytest.approx(float(energy), abs=0.06)
    assert 1e3 * found["force_rmse_eV_per_A"] == pytest.approx(float(force), abs=0.6)


def test_what_the_correction_makes_of_a_vacancy():
    page = (DATA.with_suffix(".md")).read_text(encoding="utf-8")
    teacher, corrected = re.search(r"one Si out of 64.*?\| (-[\d.]+) eV \| (-[\d.]+) eV", page).groups()
    change = removal(silicon(5.4685, str(DATA / "lisi_correction.h5")))
    assert float(teacher) + change == pytest.approx(float(corrected), abs=0.006)


def test_they_are_small():
    assert all(data.find(name).stat().st_size < 5e6 for name in [*COMMITTEE, *COLUMNS, "lisi_mtp_20"])
