"""Model deviation by the definition of DeePMD-kit."""

import numpy as np
import pytest

from hpcpot.analysis import deviation
from hpcpot.errors import ConfigError


def test_two_models_by_hand() -> None:
    forces = np.array([[[1.0, 0, 0], [0, 2.0, 0]], [[3.0, 0, 0], [0, 2.0, 4.0]]])
    assert deviation.force_deviations(forces).tolist() == [1.0, 2.0]
    relative = deviation.force_deviations(forces, level=1.0)
    assert relative.tolist() == pytest.approx([1 / 3, 2 / (np.sqrt(8) + 1)])


def test_by_frame_has_the_names_of_dp_model_devi() -> None:
    rng = np.random.default_rng(0)
    energies, forces, virials = rng.normal(size=(4, 2)), rng.normal(size=(4, 5, 3)), rng.normal(size=(4, 2, 3, 3))
    found = deviation.by_frame(energies, forces, virials, np.array([0, 2, 5]))
    atoms = np.linalg.norm(forces.std(axis=0), axis=1)
    assert found["max_devi_f"].tolist() == [atoms[:2].max(), atoms[2:].max()]
    assert found["min_devi_f"].tolist() == [atoms[:2].min(), atoms[2:].min()]
    assert found["avg_devi_f"] == pytest.approx([atoms[:2].mean(), atoms[2:].mean()])
    assert found["devi_e"] == pytest.approx(energies.std(axis=0) / [2, 3])
    per_atom = virials[:, 1].std(axis=0) / 3
    assert found["max_devi_v"][1] == pytest.approx(per_atom.max())
    assert found["avg_devi_v"][1] == pytest.approx(np.sqrt((per_atom**2).sum() / 9))
    assert list(found) == ["max_devi_v", "min_devi_v", "avg_devi_v", "max_devi_f", "min_devi_f", "avg_devi_f", "devi_e"]


def test_the_relative_form_of_virials() -> None:
    """As calc_model_devi_v of DeePMD-kit 3.2.0, for each frame by itself (it fails for several)."""
    virials = np.random.default_rng(2).normal(size=(4, 2, 3, 3))
    found = deviation.virial_deviations(virials, np.array([2, 3]), level=0.2)
    for k, size in enumerate((2, 3)):
        per_atom = virials[:, k] / size
        right = per_atom.std(axis=0) / (np.linalg.norm(per_atom.mean(axis=0)) + 0.2)
        assert found[k] == pytest.approx(right)


def test_equal_models_do_not_deviate() -> None:
    forces = np.repeat(np.random.default_rng(1).normal(size=(1, 3, 3)), 4, axis=0)
    assert (deviation.force_deviations(forces) == 0).all()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["one.h5"], "observe.deviation.files = one model: must be at least two"),
        (["one.h5", "two.h5"], "observe.deviation.files = one.h5, two.h5: must be a file"),
    ],
)
def test_models_that_cannot_be_apart(files: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        deviation.ModelDeviation(None, files)
