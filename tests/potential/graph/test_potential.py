"""A graph network in relaxations, as a calculator of ASE, and where it has no place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import ase
import numpy as np
import pytest
import systems
import torch
from graph_networks import data_set, periodic_cells, random_network
from repository import REPOSITORY

from hpcpot import Calculator, cli
from hpcpot.dataset.predict import predict
from hpcpot.errors import ConfigError, DataError, DependencyError, ModelError, StructureError
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.notices import InputNotice
from hpcpot.potential import cells, files, registry, torch_device
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.settings import PotentialSection
from hpcpot.relaxation.engine import RelaxationOptions, Relaxed, relax
from hpcpot.relaxation.guards import CellCollapse
from hpcpot.relaxation.minimizers import MINIMIZERS

NO_PLACE = (
    "potential = graph network: must be a sum of energies of atoms by their neighbours; its forces are no gradient"
)


def calculator(model: Any) -> Calculator:
    with pytest.warns(
        InputNotice, match="forces are no gradient of a smooth energy: energy is not conserved in dynamics"
    ):
        return Calculator(model)


@pytest.mark.parametrize("minimizer", MINIMIZERS)
def test_structures_relax_together_as_each_alone(minimizer: str) -> None:
    potential = cells.prepare(random_network())
    options = RelaxationOptions(minimizer=minimizer, steps=6, force=1e-6)
    together = dict(relax(periodic_cells(4), potential, options, 1000))
    for k, atoms in enumerate(periodic_cells(4)):
        ((_, alone),) = relax([atoms], potential, options, 1000)
        if not isinstance(alone, Relaxed):
            assert type(together[k]) is type(alone)
            continue
        np.testing.assert_allclose(together[k].final.positions, alone.final.positions, rtol=0, atol=1e-6)
        np.testing.assert_allclose(together[k].final.cell, alone.final.cell, rtol=0, atol=1e-6)


def test_steepest_descent_moves_along_the_forces() -> None:
    """The first step of `damped` with friction 2 is 0.1 potim F; the cell strains by alpha / L² (-V sigma)."""
    model = replace(random_network(), force_scale=0.1, stress_scale=1e-3, stress_shift=0.0)
    potential, atoms = cells.prepare(model), periodic_cells(1)[0]
    options = RelaxationOptions(minimizer="damped", steps=1, force=1e-9, keep_path=True)
    ((_, result),) = relax([atoms], potential, options, 1000)
    first, second = result.path
    volume = abs(np.linalg.det(first.cell))
    strain = -0.04 / volume ** (2 / 3) * volume * first.stress
    np.testing.assert_allclose(second.cell, first.cell @ (np.eye(3) + strain), rtol=0, atol=1e-9)
    expected = (first.positions + 0.0) @ np.linalg.solve(first.cell, second.cell) + 0.04 * first.forces
    np.testing.assert_allclose(second.positions, expected, rtol=0, atol=1e-9)


def test_the_energy_does_not_judge_the_steps_of_lbfgs() -> None:
    """It may rise along forces that are not its gradient."""
    model = replace(random_network(), force_scale=2e-3, stress_scale=1e-6, stress_shift=0.0)
    ends = []
    for scale in (1.0, 1e3):
        potential = cells.prepare(replace(model, energy_scale=scale))
        ((_, result),) = relax([periodic_cells(1)[0]], potential, RelaxationOptions(steps=8, force=1e-9), 1000)
        ends.append(result.final.positions)
    np.testing.assert_array_equal(*ends)


def test_a_cell_that_collapses_fails_alone() -> None:
    squeezed = cells.prepare(replace(random_network(), stress_shift=1.0, force_scale=1e-3))
    options = RelaxationOptions(minimizer="damped", steps=60)
    ((_, outcome),) = relax(periodic_cells(1)[:1], squeezed, options, 1000)
    assert isinstance(outcome, Exception)
    assert isinstance(outcome, CellCollapse) or "distance" in str(outcome)


def test_open_cells_and_unknown_elements_are_refused() -> None:
    potential, slab = cells.prepare(random_network()), periodic_cells(1)[0]
    slab.pbc = (True, True, False)
    ((_, outcome),) = relax([slab], potential, RelaxationOptions(cell="fixed"), 1000)
    assert isinstance(outcome, StructureError)
    assert "periodic = [True, True, False]: a graph network takes cells that are periodic along all axes" in str(
        outcome
    )
    slab.calc = calculator(random_network())
    with pytest.raises(StructureError, match="a graph network takes cells that are periodic"):
        slab.get_potential_energy()
    germanium = periodic_cells(1)[0]
    germanium.symbols[0] = "Ge"
    ((_, outcome),) = relax([germanium], potential, RelaxationOptions(), 1000)
    assert isinstance(outcome, Exception) and "Ge" in str(outcome)
    germanium.calc = calculator(random_network())
    with pytest.raises(ModelError, match="structure = has Ge: the potential knows Li, Si only"):
        germanium.get_forces()
    lone = random_network(elements=("Li", "Si"))
    with pytest.raises(DataError, match="Si"):
        predict(data_set(2), cells.prepare(replace(lone, elements=("Li", "Ge"))))


def test_the_calculator_agrees_with_a_batch() -> None:
    model = random_network("global")
    found = predict(data_set(3), cells.prepare(model))
    for k in range(3):
        atoms = data_set(3).frame(k)
        atoms.calc = calculator(model)
        mine = slice(data_set(3).first[k], data_set(3).first[k + 1])
        assert atoms.get_potential_energy() == pytest.approx(found.energies[k], abs=1e-9)
        np.testing.assert_allclose(atoms.get_forces(), found.forces[mine], rtol=0, atol=1e-9)
        np.testing.assert_allclose(-atoms.get_stress(voigt=False) * atoms.get_volume(), found.virials[k], atol=1e-8)
        with pytest.raises(ase.calculators.calculator.PropertyNotImplementedError):
            atoms.get_potential_energies()


def test_it_has_no_place_in_dynamics_and_changes_of_a_part(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    files.save(random_network(), Path("graph.h5"), {})
    with pytest.raises(ModelError, match=NO_PLACE):
        BlockPotential(random_network())
    with pytest.raises(ModelError, match=NO_PLACE):
        PotentialRef.of(PotentialSection(file=Path("graph.h5")))
    assert PotentialRef.of(PotentialSection(file=Path("graph.h5")), whole_cells=True).load().elements == ("Li", "Si")
    assert (
        cli.main(
            [
                "md",
                str(REPOSITORY / "configs/interface_si100.yaml"),
                "--set",
                "potential.file=graph.h5",
                "--set",
                "md.steps=1",
            ]
        )
        == 1
    )
    assert NO_PLACE in capsys.readouterr().err
    assert cli.main(["verify", "graph.h5"]) == 1
    assert NO_PLACE in capsys.readouterr().err


def test_kernels_and_devices_that_there_are_not(monkeypatch) -> None:
    with pytest.raises(
        ConfigError, match="potential.kernels = reference: the graph network has one implementation, in torch"
    ):
        cells.prepare(random_network(), "reference")
    with pytest.raises(
        ConfigError, match="device = gpu: many structures at once are computed on the CPU by a Lennard-Jones"
    ):
        cells.prepare(systems.argon(), device="gpu")
    if not torch.cuda.is_available():
        with pytest.raises(DependencyError, match=r"device = gpu: torch .* sees no GPU"):
            cells.prepare(random_network(), device="gpu")
    monkeypatch.setattr(torch_device, "find_spec", lambda name: None)
    with pytest.raises(
        DependencyError, match=r"potential = graph network: needs torch, .* pip install 'hpcpot\[train\]'"
    ):
        cells.prepare(random_network())


def test_parameters_that_do_not_fit_are_problems() -> None:
    model = random_network()
    assert not list(model.problems())
    for bad, words in (
        (replace(model, variant="spheres"), "variant = spheres: one of planes, corner, global, energy"),
        (replace(model, blocks=()), "layers = of shapes that do not follow"),
        (replace(model, variant="global"), "layers = of shapes"),
        (replace(model, force_scale=0.0), "force_scale = 0: a positive number"),
        (replace(model, energy_shift=np.zeros(3)), "energy_shift"),
    ):
        assert any(words in problem for problem in bad.problems())
    assert registry.row_of(model).name == "graph"
