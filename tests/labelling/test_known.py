"""Labels that exist already, looked up by structure."""

from dataclasses import replace

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from hpcpot.dataset import files, hdf5
from hpcpot.dataset.dataset import RawLabels
from hpcpot.errors import ConfigError, DataError
from hpcpot.labelling import calculators
from hpcpot.labelling.compute import compute
from hpcpot.notices import InputNotice

NAME = "hpcpot.labelling.known.KnownLabels"


def copper(seed: int):
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=seed)
    atoms.calc = EMT()
    atoms.get_stress()
    return atoms


@pytest.fixture
def pool(tmp_path):
    ase.io.write(tmp_path / "pool.extxyz", [copper(k) for k in range(4)])
    hdf5.write(files.load([tmp_path / "pool.extxyz"]), tmp_path / "pool.h5", {})
    return tmp_path / "pool.h5"


def test_labels_are_those_of_the_pool(pool):
    known, data = calculators.build(NAME, {"file": str(pool)}), files.load([pool])
    for k in (2, 0, 3):
        atoms = data.frame(k)
        atoms.calc = known
        assert atoms.get_potential_energy() == data.energies[k]
        assert np.array_equal(atoms.get_forces(), data.forces[data.first[k] : data.first[k + 1]])
        assert np.allclose(-atoms.get_volume() * atoms.get_stress(voigt=False), data.virials[k])


def test_a_label_task_takes_them(pool):
    atoms = files.load([pool]).frame(1)
    atoms.calc = None
    atoms.info["group"] = "pool"
    row = compute(atoms, name=NAME, arguments=f'{{"file": "{pool}"}}', stress=True)
    assert row["energy"] == files.load([pool]).energies[1] and np.isfinite(row["virial"]).all()
    atoms.positions[0, 0] += 1e-9
    with pytest.raises(DataError, match=r"structure = Cu4 that is not in .*pool\.h5: must be one of its 4 frames"):
        compute(atoms, name=NAME, arguments=f'{{"file": "{pool}"}}', stress=True)


def test_a_pool_of_corrected_labels_is_told(pool):
    data = files.load([pool])
    hdf5.write(replace(data, raw=RawLabels.none(data)), pool, {}, overwrite=True)
    with pytest.warns(InputNotice, match="pool.h5 = labels with a correction in them; leave calculator.correction out"):
        calculators.build(NAME, {"file": str(pool)})


def test_pools_that_cannot_be(tmp_path):
    with pytest.raises(ConfigError, match=r"calculator\.arguments\.file = none\.h5: cannot be read"):
        calculators.build(NAME, {"file": "none.h5"})
    frames = [copper(0), copper(1), copper(0)]
    ase.io.write(tmp_path / "same.extxyz", frames)
    calculators.build(NAME, {"file": tmp_path / "same.extxyz"})
    frames[2].calc.results["free_energy"] += 1.0
    ase.io.write(tmp_path / "two.extxyz", frames)
    with pytest.raises(ConfigError, match=r"two\.extxyz:0 and two\.extxyz:2 are one structure with two labels"):
        calculators.build(NAME, {"file": tmp_path / "two.extxyz"})
    frames[0].calc.results.pop("forces")
    ase.io.write(tmp_path / "bare.extxyz", frames[:2])
    bare = calculators.build(NAME, {"file": tmp_path / "bare.extxyz"})
    atoms = files.load([tmp_path / "bare.extxyz"]).frame(0)
    atoms.calc = bare
    with pytest.raises(DataError, match=r"bare\.extxyz:0 = no forces: must be there for a label"):
        atoms.get_forces()
