"""Frozen atoms by every way in: whole ones stay where they are, some axes only are refused in the same words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
import runs
import systems
import yaml
from ase.constraints import FixAtoms, FixCartesian, FixScaled

import hpcpot
from hpcpot.commands.label import task as label_task
from hpcpot.commands.onsite import compute
from hpcpot.commands.onsite import frames as sources
from hpcpot.commands.onsite.settings import FramesSection
from hpcpot.errors import StructureError
from hpcpot.farm import structures
from hpcpot.potential import files as potential_files
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.local_change import LocalChange
from hpcpot.relaxation import engine
from hpcpot.relaxation.engine import RelaxationOptions
from hpcpot.structure import checks, files
from hpcpot.structure.formats import StructureOptions

HELD = [1, 4]
WORDS = r"constraint of atom 1 \(Ar\) = held along [xyzabc, ]+ only, .* frozen along all axes or along none; free it or"
RULES: dict[str, Callable[[list[bool]], list]] = {
    "FixAtoms": lambda axes: [FixAtoms(HELD)],
    "FixCartesian": lambda axes: [FixCartesian(HELD, axes)],
    "FixScaled": lambda axes: [FixScaled(HELD, axes)],
}


def argon(rule: str, axes: list[bool]) -> ase.Atoms:
    atoms = runs.argon()
    atoms.set_constraint(RULES[rule](axes))
    return atoms


def file(folder: Path, kind: str, axes: list[bool]) -> Path:
    """XYZ with move_mask, or a POSCAR with selective dynamics, of the same atoms; not by a writer of ASE."""
    atoms, words = runs.argon(), " ".join("F" if held else "T" for held in axes)
    rows = [
        f"{' '.join(f'{x:.10f}' for x in place)} {words if k in HELD else 'T T T'}"
        for k, place in enumerate(atoms.positions)
    ]
    cell = [" ".join(map(str, vector)) for vector in atoms.cell.tolist()]
    if kind == "extxyz":
        path, head = folder / "a.extxyz", f'Lattice="{" ".join(cell)}" Properties=species:S:1:pos:R:3:move_mask:L:3'
        lines = [str(len(atoms)), head, *(f"Ar {row}" for row in rows)]
    else:
        path = folder / "POSCAR"
        lines = ["argon", "1.0", *cell, "Ar", str(len(atoms)), "Selective dynamics", "Cartesian", *rows]
    path.write_text("\n".join([*lines, ""]))
    return path


def stay(before: np.ndarray, after: np.ndarray) -> None:
    """Of all atoms only those are where they were, up to vectors of the cell of 3 x 5.4 Å."""
    moved = after - before
    moved -= 16.2 * np.round(moved / 16.2)
    assert np.flatnonzero(np.abs(moved).max(axis=1) < 1e-12).tolist() == HELD


KEYS = {"integrator": "nve", "steps": 3, "timestep_fs": 2.0, "temperature_K": 80.0, "initial_temperature_K": 80.0}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "argon.h5"
    potential_files.save(systems.argon(), path, {"source": "tests"})
    return path


@pytest.mark.parametrize("rule", RULES)
def test_a_run_in_python(rule: str, model: Path) -> None:
    atoms = argon(rule, [True] * 3)
    after = hpcpot.md(atoms, potential=model, **KEYS, seed=1, report=None).atoms
    stay(atoms.positions, after.positions)


@pytest.mark.parametrize("rule", ["FixCartesian", "FixScaled"])
def test_a_run_in_python_refuses_some_axes(rule: str, model: Path) -> None:
    with pytest.raises(StructureError, match=WORDS):
        hpcpot.md(argon(rule, [True, False, True]), potential=model, **KEYS, seed=1, report=None)


@pytest.mark.parametrize("kind", ["extxyz", "POSCAR"])
def test_a_run_of_a_file(kind: str, tmp_path: Path) -> None:
    path = file(tmp_path, kind, [True] * 3)
    runs.run(runs.prepare(tmp_path, structure__file=str(path)))
    stay(files.read(tmp_path / "run.h5md", index=0).positions, files.read(tmp_path / "run.h5md").positions)
    path = file(tmp_path, kind, [True, False, True])
    (tmp_path / "run.h5md").unlink()
    tree = yaml.safe_load((tmp_path / "run.yaml").read_text())
    tree["md"]["steps"] = 1
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tree))
    refused = runs.run(tmp_path / "run.yaml", "--overwrite", code=1).stderr
    assert "only, as 2 of 108 atoms are along some axes: an atom can be frozen along all axes or along none" in refused


@pytest.mark.parametrize("kind", ["extxyz", "POSCAR"])
def test_a_relaxation(kind: str, tmp_path: Path) -> None:
    item = structures.items([file(tmp_path, kind, [True] * 3)], "all")[0]
    options = RelaxationOptions(cell="fixed", steps=3)
    (_, outcome), *_ = engine.relax([item.input], BlockPotential(systems.argon()), options, 4096)
    stay(item.input.positions, outcome.final.positions)
    refused = structures.items([file(tmp_path, kind, [True, False, True])], "all")[0].input
    with pytest.raises(StructureError, match=WORDS):
        raise refused


@pytest.mark.parametrize("kind", ["extxyz", "POSCAR"])
def test_removals(kind: str, tmp_path: Path) -> None:
    """The energy of a relaxed removal is that with the atoms held, and not the one with all of them free."""
    path, potential = file(tmp_path, kind, [True] * 3), BlockPotential(systems.argon())
    options = RelaxationOptions(cell="fixed", force=1e-3, steps=200)
    atoms = checks.check(sources.find(FramesSection(file=path)).read(0), ("Ar",))
    free = atoms.copy()
    free.set_constraint()
    values = [
        compute.relaxed_removals(LocalChange(each, potential), np.array([0]), np.inf, options)[0]
        for each in (atoms, free)
    ]
    assert np.isfinite(values).all() and abs(values[0] - values[1]) > 1e-6
    (_, whole), (_, less) = sorted(engine.relax([atoms, atoms[1:]], potential, options, 4096), key=lambda row: row[0])
    assert values[0] == pytest.approx(whole.final.energy - less.final.energy, abs=1e-5)
    source = sources.find(FramesSection(file=file(tmp_path, kind, [True, False, True])))
    with pytest.raises(StructureError, match=WORDS):
        checks.check(source.read(0), ("Ar",))


@pytest.mark.parametrize("kind", ["extxyz", "POSCAR"])
def test_labels_are_those_of_free_atoms(kind: str, tmp_path: Path) -> None:
    """Nothing moves where labels are made, and forces on held atoms are forces, too."""
    item = label_task.structures([file(tmp_path, kind, [True] * 3)], 1, StructureOptions())[0]
    assert not item.input.constraints and len(item.input) == 108
    refused = label_task.structures([file(tmp_path, kind, [True, False, True])], 1, StructureOptions())[0].input
    with pytest.raises(StructureError, match=WORDS):
        raise refused
