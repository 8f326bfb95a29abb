"""Deep Potentials written for DeePMD-kit come back the same."""

import pytest
import systems

from hpcpot.potential.deep_potential.to_deepmd import write_native
from hpcpot.potential.files import fingerprint, load


@pytest.mark.parametrize("one_sided", [True, False])
def test_native_file_round_trip(one_sided, tmp_path):
    model = systems.deep_potential(one_sided=one_sided)
    write_native(model, tmp_path / "model.dp", shortest=1.5)
    assert fingerprint(load(tmp_path / "model.dp")) == fingerprint(model)


def test_shipped_model_round_trip(tmp_path):
    model = load("lisi")
    write_native(model, tmp_path / "lisi.dp", shortest=1.5)
    assert fingerprint(load(tmp_path / "lisi.dp")) == fingerprint(model)
