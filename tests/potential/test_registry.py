"""The table of families: every name in it leads to code, and it costs nothing until it is asked."""

import subprocess
import sys

import pytest
import systems

from hpcpot.errors import ConfigError
from hpcpot.potential import registry

ROWS = pytest.mark.parametrize("row", registry.FAMILIES.values(), ids=lambda row: row.name)


@ROWS
def test_every_import_path_leads_to_code(row):
    paths = [row.model, row.reference, row.cpu, row.gpu, row.mixed, row.grader, row.whole_cells]
    paths += [path for reader in row.readers for path in (reader.recognise, reader.read)]
    paths += [writer.write for writer in row.writers]
    assert all(callable(registry.code(path)) for path in paths if path)


def test_trainers_have_what_a_training_asks_of_them():
    for name, module in registry.trainers().items():
        assert registry.FAMILIES[name].trainer == module.__name__
        assert module.SECTIONS
        assert all(callable(getattr(module, part)) for part in ("complete", "check", "needs_forces", "fit"))


def test_a_model_of_a_subclass_is_of_the_family():
    class Special(type(systems.argon())):
        pass

    assert registry.row_of(Special(**vars(systems.argon()))).name == "lennard_jones"


def test_unknown_kernels_are_refused():
    with pytest.raises(ConfigError, match="potential.kernels = fast: must be cpu or reference; cpu is the fast one"):
        registry.check_kernels(systems.argon(), "fast", "float64")


def test_the_table_loads_no_heavy_package():
    code = "import sys, hpcpot.potential.registry; sys.exit(not {'numpy', 'numba', 'h5py', 'torch'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
