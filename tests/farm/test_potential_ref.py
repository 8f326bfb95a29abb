"""References to potentials: small, learnt without kernels, loaded once a process, and refused where the file is another."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpcpot.errors import ConfigError, FarmError, ModelError
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.potential import cells, files
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.potential.settings import PotentialSection


def save(path: Path, epsilon: float) -> Path:
    files.save(LennardJones(("Ar",), np.array([[epsilon]]), np.array([[3.4]]), 7.0), path, {}, overwrite=True)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save(tmp_path / "argon.h5", 0.0104)


def test_a_reference_knows_the_file_without_building_kernels(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "BlockPotential", None)
    ref = PotentialRef.of(PotentialSection(file=path))
    assert ref.fingerprint == files.fingerprint(files.load(path)) and ref.elements == ("Ar",)
    assert pickle.loads(pickle.dumps(ref)) == ref and len({ref, PotentialRef.of(PotentialSection(file=path))}) == 1
    assert len(pickle.dumps(ref)) < 1000


def test_a_process_loads_it_once(path: Path) -> None:
    ref = PotentialRef.of(PotentialSection(file=path, kernels="reference"))
    potential = ref.load()
    assert pickle.loads(pickle.dumps(ref)).load() is potential
    assert (potential.elements, potential.kernel_set) == (("Ar",), "reference")
    assert replace(ref, kernels="cpu").load() is not potential


def test_errors_come_before_any_work(path: Path) -> None:
    with pytest.raises(ConfigError, match="potential.precision = mixed: the cpu kernels of this"):
        PotentialRef.of(PotentialSection(file=path, precision="mixed"))
    with pytest.raises(ModelError, match="absent.h5 = no such file"):
        PotentialRef.of(PotentialSection(file=path.with_name("absent.h5")))


def test_another_or_no_file_on_a_worker_ends_the_run(path: Path) -> None:
    ref = PotentialRef.of(PotentialSection(file=path))
    save(path, 0.02)
    with pytest.raises(
        FarmError, match=r"argon.h5: has fingerprint \w{12} on .*, \w{12} where the command began; give"
    ):
        ref.load()
    path.unlink()
    with pytest.raises(
        FarmError, match=r"argon.h5: cannot be loaded on .*all nodes must see the file that the command"
    ):
        ref.load()
