"""SOAP against quippy and against its readable reference."""

from __future__ import annotations

import json
from dataclasses import replace

import ase
import numpy as np
import pytest
from repository import REPOSITORY

from hpcpot.dataset.dataset import DataSet, from_frames
from hpcpot.dataset.predict import neighborhoods
from hpcpot.descriptors.descriptor import of_atoms, of_frames
from hpcpot.descriptors.similarity import similarity
from hpcpot.descriptors.soap import radial, reference
from hpcpot.descriptors.soap.power_spectrum import Soap
from hpcpot.errors import ConfigError
from hpcpot.potential.moments.tables import interpolate

SOAP = Soap(("Li", "Si"))
GOLDEN = json.loads((REPOSITORY / "tests" / "data" / "soap" / "golden.json").read_text())
FRAMES = from_frames(
    [ase.Atoms(s["numbers"], s["positions"], cell=s["cell"], pbc=True) for s in GOLDEN["structures"]], ("Li", "Si")
)


def test_kernels_of_atoms_are_those_of_quippy():
    vectors = of_atoms(FRAMES, SOAP)
    a, b = vectors[: FRAMES.first[1]], vectors[FRAMES.first[2] : FRAMES.first[3]]
    np.testing.assert_allclose(a @ b.T, GOLDEN["env_kernel_0_2"], rtol=0, atol=1e-10)


@pytest.mark.parametrize(("normalize", "name"), [(False, "K_raw"), (True, "K_norm")])
def test_average_kernels_are_those_of_quippy(normalize, name):
    vectors = of_frames(FRAMES, SOAP, normalize)
    np.testing.assert_allclose(vectors @ vectors.T, GOLDEN[name], rtol=0, atol=1e-10)
    np.testing.assert_allclose(similarity(FRAMES, FRAMES, SOAP, 1, normalize), GOLDEN[name], rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "soap",
    [
        SOAP,
        replace(SOAP, taper="outside", width=1.0, central_weight=0.5),
        replace(SOAP, n_max=11, l_max=9, central_weight=0.0),
        replace(SOAP, n_max=1, l_max=0, sigma=0.8),
        replace(SOAP, elements=("Si", "C", "Li"), n_max=5, l_max=4, cutoff=4.0, width=4.0),
    ],
)
def test_the_compiled_kernel_is_the_reference(soap):
    frames = FRAMES.with_elements(soap.elements)
    joined = neighborhoods(frames, soap.reach)
    points = joined.points(frames.positions, frames.cells)
    expected = reference.rows(soap, points, joined.pairs, frames.species[joined.owners])
    found = of_atoms(frames, soap)
    assert found.shape == (len(points[: frames.first[-1]]), soap.size)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, rtol=0, atol=1e-11)


def test_outside_is_inside_of_a_larger_cutoff():
    outside, inside = replace(SOAP, taper="outside"), replace(SOAP, cutoff=3.5)
    np.testing.assert_allclose(of_frames(FRAMES, outside), of_frames(FRAMES, inside), rtol=0, atol=1e-14)


@pytest.mark.parametrize(("n_max", "l_max", "sigma"), [(8, 6, 0.4), (12, 12, 0.3), (4, 8, 1.0)])
def test_tables_are_the_functions(n_max, l_max, sigma):
    table = radial.tabulate(n_max, l_max, 3.0, 0.5, sigma, 1.0)
    r = table.step * (np.arange(len(table.nodes) - 1) + 0.5)
    flat = table.nodes.reshape(*table.nodes.shape[:2], -1)
    found = interpolate(flat[:-1], flat[1:], 0.5, table.step)[0].reshape(len(r), l_max + 1, n_max)
    expected = radial.functions(r, n_max, l_max, 3.0, sigma)[0] / (2 * np.arange(l_max + 1)[:, None] + 1) ** 0.25
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


def test_derivatives_of_the_functions():
    r, h = np.linspace(0.0, 3.0, 31), 1e-4
    value, slope, bend = radial.functions(r, 8, 6, 3.0, 0.4)
    (before, slope_before, _), (after, slope_after, _) = (radial.functions(x, 8, 6, 3.0, 0.4) for x in (r - h, r + h))
    inner = r > 0.0  # functions of a distance end there
    np.testing.assert_allclose(slope[inner], ((after - before) / (2 * h))[inner], atol=1e-7)
    np.testing.assert_allclose(bend[inner], ((slope_after - slope_before) / (2 * h))[inner], atol=1e-6)
    assert np.isfinite(value).all() and np.abs(value[0, 1:]).max() < 1e-25


def test_the_taper():
    r = np.array([0.0, 2.5, 2.75, 3.0, 9.0])
    np.testing.assert_allclose(radial.taper(r, 3.0, 0.5), [1, 1, 0.5, 0, 0], atol=1e-15)


def alone(*symbols: str) -> DataSet:
    return from_frames([ase.Atoms(symbol, cell=[20, 20, 20], pbc=True) for symbol in symbols], ("Li", "Si"))


def test_atoms_alone_are_alike_if_of_one_element():
    np.testing.assert_allclose(similarity(alone("Li", "Si"), alone("Si", "Li"), SOAP), [[0, 1], [1, 0]], atol=1e-14)


def test_an_atom_alone_without_weight_has_no_density():
    assert not of_atoms(alone("Li"), replace(SOAP, central_weight=0.0)).any()


def test_atoms_in_one_place_are_seen():
    soap = replace(SOAP, n_max=4, l_max=3)
    for gap in (0.0, 1e-12):
        frame = from_frames([ase.Atoms("LiSi", [[5, 5, 5], [5, 5, 5 + gap]], cell=[20, 20, 20], pbc=True)])
        assert of_atoms(frame, soap)[0] @ of_atoms(frame, soap)[1] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cutoff": 0.0}, "cutoff of SOAP = 0.0: must be above 0 and at most 20 Å"),
        ({"cutoff": float("nan")}, "cutoff of SOAP = nan: must be above 0"),
        ({"width": 4.0}, "width of SOAP = 4.0: must be above 0 and at most the cutoff, 3 Å"),
        ({"taper": "both"}, "taper of SOAP = both: must be inside or outside"),
        ({"n_max": 0}, "n_max of SOAP = 0: must be 1 to 32"),
        ({"l_max": -1}, "l_max of SOAP = -1: must be 0 to 32"),
        ({"sigma": 0.0}, "sigma of SOAP = 0.0: must be 0.05 to 5 Å"),
        ({"central_weight": -1.0}, "central_weight of SOAP = -1.0: must be 0 to 100"),
        ({"n_max": 30, "sigma": 1.0}, "n_max of SOAP = 30 radial functions within 3 Å: must be as far apart as sigma"),
    ],
)
def test_settings_out_of_range(values, message):
    with pytest.raises(ConfigError, match=message):
        replace(SOAP, **values)
