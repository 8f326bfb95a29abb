"""Signs and units: right labels have slope 1, wrong ones are told by their slope."""

from dataclasses import replace

import labelled
import numpy as np
import pytest

from hpcpot.dataset import scales
from hpcpot.dataset.predict import predict
from hpcpot.potential.blocks import BlockPotential


@pytest.fixture(scope="module")
def series():
    return labelled.series(24)


def test_right_labels(series) -> None:
    found = {one.name: one for one in scales.by_work(series)}
    assert found["forces"].slope == pytest.approx(1, abs=0.05) and found["forces"].correlation > 0.99
    assert found["virials"].slope == pytest.approx(1, abs=0.05) and found["virials"].correlation > 0.99
    assert scales.findings(list(found.values())) == []


@pytest.mark.parametrize(
    ("name", "factor", "words"),
    [
        ("forces", -1.0, "the opposite sign"),
        ("forces", 1 / 51.4221, "Hartree/Bohr for eV/Å"),
        ("virials", -1.0, "the opposite sign"),
        ("virials", 160.2177, "GPa for eV/Å³"),
        ("virials", -1602.1766, "kbar, positive in compression"),
    ],
)
def test_wrong_labels_are_told_by_the_work(series, name, factor, words) -> None:
    wrong = replace(series, **{name: factor * getattr(series, name)})
    (finding,) = scales.findings([one for one in scales.by_work(wrong) if one.name == name])
    assert finding.name == f"scale of {name}" and words in finding.text and finding.is_error


def test_right_labels_against_their_potential() -> None:
    data = labelled.dataset(6)
    found = {one.name: one for one in scales.by_potential(data, BlockPotential(labelled.MODEL))}
    assert found["energies"].slope == found["forces"].slope == pytest.approx(1, abs=1e-12)
    assert found["virials"].slope == pytest.approx(1, abs=1e-6) and found["virials"].correlation == pytest.approx(1)


def test_a_wrong_virial_against_its_potential() -> None:
    data = labelled.dataset(6)
    (finding,) = scales.findings(
        scales.by_potential(replace(data, virials=-data.virials), BlockPotential(labelled.MODEL))
    )
    assert finding.text.startswith("virials are -1 times what they must be, perhaps the opposite sign")


def test_the_strain_derivative_is_the_virial() -> None:
    data = labelled.dataset(2)
    potential = BlockPotential(labelled.MODEL)
    np.testing.assert_allclose(scales.strain_derivatives(data, potential), predict(data, potential).virials, atol=1e-5)


def test_frames_far_apart_are_not_compared() -> None:
    assert scales.by_work(labelled.dataset(6)) == []
