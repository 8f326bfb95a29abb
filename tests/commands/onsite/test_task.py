"""What the worker computes is what was surveyed: items know the content of their frames."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import ase
import numpy as np
import pytest
import slabs
import systems
from ase.io import write as ase_write
from repository import CONFIGS

from hpcpot import config
from hpcpot.analysis.profile import Interfaces
from hpcpot.commands.onsite import compute, frames, sites, task
from hpcpot.commands.onsite.settings import SCHEMA, OnsiteSettings
from hpcpot.commands.onsite.sites import Choice
from hpcpot.farm.item import Failure, outcomes
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.potential import files as potential_files
from hpcpot.relaxation.engine import RelaxationOptions

CONFIG = CONFIGS / "onsite_interface_si100.yaml"


def survey(path: Path, *overrides: str) -> tuple[frames.FrameSource, list[Choice], OnsiteSettings]:
    given = (
        f"frames.file=[{path}]",
        "frames.count=1",
        "sites.per_region=2",
        "profile.bin_A=2.0",
        "regions.si1_bulk=[bottom+3, bottom+8]",
    )
    settings = config.load(CONFIG, SCHEMA, [*given, *overrides])
    source = frames.find(settings.frames)
    return source, sites.choose(source, settings, ("Li", "Si"), lambda text: None).choices, settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ase_write(tmp_path / "slab.extxyz", slabs.slab())
    return tmp_path / "slab.extxyz"


def test_a_frame_that_changed_since_the_survey_fails_its_rows(path: Path) -> None:
    source, choices, _ = survey(path)
    model = path.with_name("model.h5")
    potential_files.save(systems.deep_potential(), model, {"source": "tests"})
    potential = PotentialRef(model, potential_files.fingerprint(potential_files.load(model)))
    remove = partial(compute.compute, potential=potential, relaxed="none", radius=4.8, options=RelaxationOptions())
    inputs = [task.item(source, one).input for one in choices]
    moved = slabs.slab()
    moved.positions[100, 0] += 0.01
    ase_write(path, moved)
    failed = [outcome for _, outcome in outcomes(remove, inputs, batched=False)]
    assert len(failed) == 4 and all(isinstance(one, Failure) and one.kind == "StructureError" for one in failed)
    assert "slab.extxyz, frame 0 = another structure on this worker than where the command began" in failed[0].message
    ase_write(path, slabs.slab())
    done = [outcome for _, outcome in outcomes(remove, inputs, batched=False)]
    assert all(np.isfinite(one["energies"]).all() for one in done)


def changed(change: str) -> ase.Atoms:
    atoms = slabs.slab()
    if change == "species":
        atoms.symbols[0] = "Li"
    elif change == "cell":
        atoms.cell[0, 0] += 0.01
    elif change == "periodicity":
        atoms.pbc = [True, True, False]
    elif change == "positions":
        atoms.positions[3, 1] += 1e-6
    return atoms


def test_keys_are_of_all_that_the_energies_depend_on(path: Path) -> None:
    source, choices, _ = survey(path)
    one = choices[1]
    left, right = one.interfaces.left, one.interfaces.right
    others = [
        replace(one, content=frames.content(changed(change)))
        for change in ("species", "cell", "periodicity", "positions")
    ]
    others += [
        replace(one, interfaces=Interfaces(left + 0.1, right)),
        replace(one, interfaces=Interfaces(left, right + 0.1)),
        replace(one, sites=one.sites[::-1]),
    ]
    keys = [task.item(source, each).key for each in (one, *others)]
    assert len(set(keys)) == len(keys)
    same = replace(one, content=frames.content(source.read(0)))
    assert task.item(source, same).key == keys[0]


@pytest.mark.parametrize("key", ["potential.kernels=reference", "sites.seed=9", "removal.radius_A=5.0"])
def test_what_rows_of_a_file_have_in_common(path: Path, key: str) -> None:
    before, after = survey(path)[2], survey(path, key)[2]
    assert task.identity(before) != task.identity(after)
