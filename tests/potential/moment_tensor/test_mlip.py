"""Files of MLIP-2: parameters that are read and written, elements, what is refused, damage."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import systems
from model_files import DATA, cut, flipped, refused

from hpcpot.errors import ModelError
from hpcpot.notices import InputNotice
from hpcpot.potential.files import fingerprint, load, save
from hpcpot.potential.moment_tensor import to_mlip as exporter

LISI = DATA / "mtp" / "lisi16.mtp"
ELEMENTS = ("Li", "Si")


def edited(path, old: str, new: str):
    """A copy of the file with the first match of a pattern replaced."""
    text, count = re.subn(old, lambda match: new, LISI.read_text(), count=1)
    assert count == 1
    path.write_text(text)
    return path


def test_parameters_of_a_file():
    model = load(LISI, elements=ELEMENTS)
    assert (model.elements, model.min_distance, model.cutoff, model.scaling) == (ELEMENTS, 2.0, 5.0, 0.7)
    assert model.radial.shape == (2, 2, 4, 6)
    assert model.radial[0, 1, 0, 0] == 6.826345592247665e-02
    assert (len(model.basics), len(model.products), len(model.scalars)) == (130, 969, 92)
    np.testing.assert_array_equal(model.species_energies, [1.369616873214543, -2.302132862361297])
    assert model.coefficients[-1] == 3.636400902455759e-04


def test_a_written_file_and_a_model_file_hold_the_same_bits(tmp_path):
    model = load(LISI, elements=ELEMENTS)
    exporter.write(model, tmp_path / "a.mtp")
    save(model, tmp_path / "a.h5", {})
    assert fingerprint(load(tmp_path / "a.mtp")) == fingerprint(load(tmp_path / "a.h5")) == fingerprint(model)
    names = [line.partition("=")[0].strip() for line in (tmp_path / "a.mtp").read_text().splitlines() if "=" in line]
    assert names == [line.partition("=")[0].strip() for line in LISI.read_text().splitlines() if "=" in line]


def test_two_scalings_multiply(tmp_path):
    path = edited(tmp_path / "a.mtp", r"\tmin_dist", "\tscaling = 0.5\n\tmin_dist")
    assert load(path, elements=ELEMENTS).scaling == 0.7 * 0.5


def test_a_selection_state_behind_the_potential_is_said(tmp_path):
    """MLIP-3 appends weights as text, then two matrices as float64, to the potential."""
    state = b"\n#MVS_v1.1\nenergy_weight 1.0\nweight_scaling 2\n#" + np.arange(1.0, 40000.0).tobytes() + b"\n#\n"
    path = tmp_path / "a.almtp"
    path.write_bytes(LISI.read_bytes().rstrip() + b"\n" + state)
    with pytest.warns(InputNotice, match=r"a.almtp: selection state \(#MVS\) = not used: a potential is read"):
        model = load(path, elements=ELEMENTS)
    assert fingerprint(model) == fingerprint(load(LISI, elements=ELEMENTS))


def test_elements_are_given_or_in_the_tag(tmp_path):
    assert load(LISI, elements=("Si", "Li")).elements == ("Si", "Li")
    assert load(edited(tmp_path / "a.mtp", "potential_tag = ", "potential_tag = Li Si")).elements == ELEMENTS
    with pytest.raises(ModelError, match="2 types without names of elements .* --elements names them"):
        load(LISI)
    for wrong in (("Li",), ("Li", "Li"), ("Li", "Qq")):
        with pytest.raises(ModelError, match="must be 2 different chemical symbols, of types 0 to 1"):
            load(LISI, elements=wrong)


@pytest.mark.parametrize("cutoff", ["1e308", "50.1"])
def test_a_cutoff_that_no_potential_has(tmp_path, cutoff):
    path = edited(tmp_path / "a.mtp", "max_dist = 5.0", f"max_dist = {cutoff}")
    with pytest.raises(ModelError, match="Å: must be above 0 and at most 50 Å"):
        load(path, elements=ELEMENTS)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1.1.0", "1.2.0", r"version = 1.2.0: 1.1.0, of MLIP-2, is required"),
        ("species_count = 2", "species_count = 99999999999", "species_count is 99999999999"),
        ("RBChebyshev", "RBTaylor", "radial_basis_type = RBTaylor: RBChebyshev is required"),
        (r"species_coeffs = .*", "", "untrained, without species_coeffs: a trained potential is required"),
        (r"min_dist = 2.0", "min_dist = 7", "min_dist, max_dist = 7.0, 5.0 Å"),
        ("radial_basis_size = 6", "radial_basis_size = 7", r"radial_coeffs = \(2, 2, 4, 6\): \(2, 2, 4, 7\) numbers"),
        ("alpha_scalar_moments = 92", "alpha_scalar_moments = 91", "alpha_scalar_moments = 91: 92, as the lists have"),
        (r"\{\{0, 0, 0, 0\}", "{{9, 0, 0, 0}", "radial_coeffs|basics = 10 radial functions"),
        (r"\{0, 0, 1, 130\}", "{0, 0, 1, 131}", "products = refers to moments not made before"),
        (r"mapping = \{0, \d+", "mapping = {0, 0", "scalars = 92 entries: different moments"),
        (r"\{0, 0, 1, 130\}", "{0, 140, 1, 130}", "products = refers to moments not made before"),
        (r"mapping = \{0", "mapping = {900", "scalars = 92 entries: different moments from 0 to 349"),
        (r"species_coeffs = \{", "species_coeffs = {1.0, ", r"species_energies = arrays \(92,\), \(3,\)"),
        (r"species_coeffs = \{1.3", "species_coeffs = {nan, 1.3", "species_energies = not finite"),
        (r"moment_coeffs = \{-4", "moment_coeffs = {inf", "moment_coeffs|not finite|cannot be read"),
        ("potential_name", "magnetic_name", "line 3 is not understood: magnetic_name"),
    ],
)
def test_what_is_refused(tmp_path, old, new, message):
    with pytest.raises(ModelError, match=message):
        load(edited(tmp_path / "a.mtp", old, new), elements=ELEMENTS)


def test_damage_ends_in_a_model_error(tmp_path):
    content = LISI.read_bytes()
    answers = refused(lambda path: load(path, elements=ELEMENTS), tmp_path / "a.mtp", cut(content, 25))
    assert sum(answers) >= 23  # the last ones lack digits only
    refused(lambda path: load(path, elements=ELEMENTS), tmp_path / "a.mtp", flipped(content, 40, 1))


def test_a_fingerprint_tells_parameters_apart():
    model = systems.moment_tensor()
    assert fingerprint(model) != fingerprint(replace(model, scaling=model.scaling * (1 + 1e-15) + 1e-15))


@pytest.mark.parametrize("key", ["radial_basis_size", "radial_funcs_count", "alpha_moments_count"])
@pytest.mark.parametrize("value", [None, "word"])
def test_sizes_that_lack_or_are_none_are_damage(tmp_path, key, value) -> None:
    line = re.search(rf"\t?{key} = .*\n", LISI.read_text())[0]
    (tmp_path / "a.mtp").write_text(LISI.read_text().replace(line, "" if value is None else f"{key} = {value}\n"))
    with pytest.raises(ModelError, match="a.mtp"):
        load(tmp_path / "a.mtp", elements=ELEMENTS)
