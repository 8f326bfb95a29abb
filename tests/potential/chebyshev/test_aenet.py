"""aenet networks: what is read, the two conventions for angles, what is refused, and damage."""

from __future__ import annotations

import json

import aenet_files
import numpy as np
import pytest
from model_files import DATA, cut, flipped, reference, refused

from hpcpot.errors import ModelError
from hpcpot.potential.files import fingerprint, load, load_with_range

LI, SI = DATA / "aenet" / "Li.nn", DATA / "aenet" / "Si.nn"


def write(folder, name="Li.nn", form=aenet_files.binary, **changes):
    """A network file; `changes` of aenet_files.fields."""
    content = form(aenet_files.fields(**changes))
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_parameters_of_aenets_own_files() -> None:
    model = load([LI, SI])
    golden = json.loads((DATA / "aenet" / "golden.json").read_text())
    assert model.elements == tuple(golden["types"]) == ("Li", "Si")
    assert (model.radial_cutoff, model.radial_order) == (golden["radial_Rc"], golden["radial_N"]) == (6.0, 16)
    assert (model.angular_cutoff, model.angular_order) == (golden["angular_Rc"], golden["angular_N"]) == (3.0, 4)
    assert model.angular_domain == "cos"
    np.testing.assert_array_equal(model.spins, [[-1.0, 1.0], [-1.0, 1.0]])
    np.testing.assert_array_equal(model.energy_scale, [2.0, 2.0])
    np.testing.assert_array_equal(model.energy_shift, [0.2, 0.2])
    np.testing.assert_array_equal(model.atomic_energies, [-1.89539614, -5.4252709])
    assert model.min_distance == 0.35
    assert [layer.weights.shape for layer in model.networks[0]] == [(44, 10), (10, 10), (10, 1)]
    assert [layer.activation for layer in model.networks[0]] == ["tanh", "tanh", "linear"]


def test_networks_say_the_shortest_distance_of_their_training() -> None:
    """Rc_min, 0.35 Å in both files."""
    trained = load_with_range([LI, SI])[1]
    np.testing.assert_array_equal(trained.shortest, np.full((2, 2), 0.35))
    assert not trained.is_assumed and trained.origin.startswith("Rc_min of aenet")


def test_weights_are_stored_column_by_column_with_the_bias_last() -> None:
    """W[o + outputs * i] is the weight from input i to output o; the column after the inputs is the bias."""
    content = LI.read_bytes()
    start = content.index(np.int32(4568).tobytes()) + 4
    stored = np.frombuffer(content[start : start + 4568], "<f8")
    first, second, _ = load([LI, SI]).networks[0]
    for i, o in [(0, 0), (3, 7), (43, 9)]:
        assert first.weights[i, o] == stored[o + 10 * i]
    np.testing.assert_array_equal(first.bias, stored[440:450])
    assert second.weights[2, 1] == stored[450 + 21]


def test_inputs_are_scaled_by_the_standard_deviation(tmp_path) -> None:
    average, second_moment = np.full(14, 0.5), np.full(14, 0.25 + 0.04)
    second_moment[3], second_moment[4] = 0.25, 0.25 - 1e-12  # never varies in the training set; negative by round-off
    environment = {"average": average, "second_moment": second_moment}
    paths = [write(tmp_path, f"{e}.nn", element=e, **environment) for e in ("Li", "Si")]
    model = load(paths)
    np.testing.assert_array_equal(model.offset[0], average)
    np.testing.assert_allclose(model.scale[0], [5.0, 5.0, 5.0, 0.0, 0.0, *[5.0] * 9], rtol=1e-13)


def test_text_and_binary_are_the_same_model_bit_by_bit(tmp_path) -> None:
    paths = [write(tmp_path, f"{e}.nn", element=e) for e in ("Li", "Si")]
    lines = [write(tmp_path, f"{e}.nn.ascii", aenet_files.text, element=e) for e in ("Li", "Si")]
    wrapped = [
        write(tmp_path, f"{e}.wrapped", lambda r: aenet_files.text(r, wrap=3), element=e, normalised=True)
        for e in ("Li", "Si")
    ]
    assert fingerprint(load(lines)) == fingerprint(load(paths)) == fingerprint(load(wrapped))


def test_any_logical_but_zero_is_true(tmp_path) -> None:
    gnu = [write(tmp_path, f"{e}.nn", element=e) for e in ("Li", "Si")]
    intel = [write(tmp_path, f"{e}.ann", lambda r: aenet_files.binary(r, true=-1), element=e) for e in ("Li", "Si")]
    assert fingerprint(load(gnu)) == fingerprint(load(intel))


def test_the_environment_list_gives_the_order_and_the_spins(tmp_path) -> None:
    assert fingerprint(load([SI, LI])) == fingerprint(load([LI, SI]))
    paths = [write(tmp_path, "Li.nn", environment=("Si", "Li")), write(tmp_path, "Si.nn", element="Si")]
    model = load(paths)
    assert model.elements == ("Si", "Li")
    np.testing.assert_array_equal(model.spins, [[1.0, -1.0], [-1.0, 1.0]])  # each file has its own order


@pytest.mark.parametrize(
    "elements, spins",
    [(("Li",), [0.0]), (("H", "Li", "Si"), [-1.0, 0.0, 1.0]), (("H", "Li", "O", "Si"), [-2.0, -1.0, 1.0, 2.0])],
)
def test_spins_of_other_numbers_of_elements(tmp_path, elements, spins) -> None:
    model = load([write(tmp_path, f"{e}.nn", element=e, environment=elements) for e in elements])
    np.testing.assert_array_equal(model.spins, [spins] * len(elements))
    assert model.offset.shape == (len(elements), 7 if len(elements) == 1 else 14)
    np.testing.assert_array_equal(model.atomic_energies, -np.arange(1.0, len(elements) + 1.0))


def test_the_angular_domain_is_found_by_the_averages(tmp_path) -> None:
    """One file whose averages are impossible for T_n of a cosine settles it; an explicit choice stands."""
    average = np.linspace(0.1, 0.2, 14)
    average[4:7] = 1.0, 0.5, -1.1
    li = write(tmp_path, "Li.nn")
    paths = [li, write(tmp_path, "Si.nn", element="Si", average=average, second_moment=average**2 + 1)]
    assert load(paths).angular_domain == "legacy"
    assert load(paths, angular_domain="cos").angular_domain == "cos"
    assert load([LI, SI], angular_domain="legacy").angular_domain == "legacy"
    average[6] = -1.0
    write(tmp_path, "Si.nn", element="Si", average=average, second_moment=average**2 + 1)
    assert load(paths).angular_domain == "cos"
    with pytest.raises(ModelError, match="angular_domain = theta: must be one of auto, cos, legacy"):
        load(paths, angular_domain="theta")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"basis": (100, "Behler2011")}, "basis = Behler2011: Chebyshev is required"),
        ({"species": ("Na",)}, r"cannot be read as aenet network \(no atomic energy of Na among Li, Si"),
        ({"environment": ("Li", "Li")}, r"ENV = \('Li', 'Li'\): different names"),
        ({"activations": aenet_files._int(5, 0)}, r"activations \[5, 0\] do not fit together"),
        ({"scale": np.array([0.0])}, "energy scale 0"),
        ({"average": np.full(14, np.nan)}, "numbers = not finite"),
        ({"average": np.full(14, 1e200)}, "second moments = below the squares"),
        ({"size": aenet_files._int(64)}, r"record 9 \(weights\)"),
        ({"layers": aenet_files._int(0)}, r"record 1 \(number of layers\) is 0"),
        ({"nodes": aenet_files._int(10, 5, 1)}, r"layers \[10, 5, 1\] with 65 weights"),
    ],
)
@pytest.mark.parametrize("form", [aenet_files.binary, aenet_files.text])
def test_files_that_do_not_fit_are_refused(tmp_path, form, changes, message) -> None:
    path = write(tmp_path, "Li.nn", form, **changes)
    with pytest.raises(ModelError, match=rf"Li\.nn.*{message}" if form is aenet_files.binary else r"Li\.nn"):
        load([path, SI])


def test_an_angular_cutoff_beyond_the_radial_one_is_refused(tmp_path) -> None:
    paths = [write(tmp_path, f"{element}.nn", element=element, cutoffs=(3.0, 4.0)) for element in ("Li", "Si")]
    with pytest.raises(ModelError, match=r"R_r, R_a = 3.0, 4.0 Å: 0 < R_a <= R_r is required"):
        load(paths)


def test_networks_that_do_not_belong_together_are_refused(tmp_path) -> None:
    li, si = write(tmp_path, "Li.nn"), write(tmp_path, "Si.nn", element="Si")
    with pytest.raises(ModelError, match=r"files of Li = not the elements of .*Li.nn \(Li, Si\): .*name them all"):
        load([li])
    with pytest.raises(ModelError, match=r"Li2.nn = a second file of Li: one file per element"):
        load([li, write(tmp_path, "Li2.nn"), si])
    with pytest.raises(ModelError, match=r"Si2.nn: R_r.* = \[6.0, 3.0, 2.5, 2.0\]: \[6.0, 3.0, 3.0, 2.0\] as in Li"):
        load([li, write(tmp_path, "Si2.nn", element="Si", cutoffs=(6.0, 2.5))])
    with pytest.raises(ModelError, match=r"Si3.nn: ENV = H, Si: the elements Li, Si of Li.nn are required"):
        load([li, write(tmp_path, "Si3.nn", element="Si", environment=("H", "Si"))])
    with pytest.raises(ModelError, match="absent.nn = cannot be opened"):
        load([li, tmp_path / "absent.nn"])


@pytest.mark.parametrize("form", [aenet_files.binary, aenet_files.text])
def test_damaged_networks_end_in_one_error(tmp_path, form) -> None:
    path = write(tmp_path, "Li.nn", form)
    content = path.read_bytes()
    other = write(tmp_path, "Si.nn", form, element="Si")
    lines = content.rstrip()  # a text that lost only its last digits still is a potential
    end = len(content) if form is aenet_files.binary else lines.rindex(b" ")
    assert all(refused(lambda damaged: load([damaged, other]), path, cut(content[:end], 150)))
    assert any(refused(lambda damaged: load([damaged, other]), path, flipped(content, 400, 1)))
    assert any(refused(lambda damaged: load([damaged, other]), path, flipped(content, 200, 2, 0, 100)))


def test_a_truncated_file_names_its_record(tmp_path) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(
        ModelError, match=r"Li\.nn = cannot be read as .*record 10 \(description\): the file ends at byte 700"
    ):
        load([path, SI])
    path.write_bytes(LI.read_bytes() + b"more")
    with pytest.raises(ModelError, match="more follows after record 36"):
        load([path, SI])


def test_published_networks_of_both_conventions() -> None:
    new = load([reference(f"golden/aenet-lisi/{e}.pytorch.nn") for e in ("Li", "Si")])
    assert new.angular_domain == "cos"
    assert (new.radial_cutoff, new.radial_order, new.angular_cutoff, new.angular_order) == (6.0, 16, 3.0, 4)
    assert [layer.weights.shape[1] for layer in new.networks[0]] == [25, 25, 1]
    np.testing.assert_allclose(new.energy_scale, 2.06200416, atol=1e-8)
    np.testing.assert_allclose(new.energy_shift, 0.21533242, atol=1e-8)
    old = load([reference(f"golden/aenet-lisi/{e}.15t-15t.ann") for e in ("Li", "Si")])
    assert old.angular_domain == "legacy"
    assert (old.radial_cutoff, old.radial_order, old.angular_cutoff, old.angular_order) == (8.0, 16, 4.0, 4)
    np.testing.assert_allclose(old.atomic_energies, [-1.89539614, -5.4252709], atol=1e-8)


@pytest.mark.parametrize("suffix, lattice", [("pytorch.nn", (3.42, 5.43)), ("15t-15t.ann", (3.44, 5.468))])
def test_published_networks_give_the_reference_energies(suffix, lattice) -> None:
    from ase.build import bulk

    from hpcpot.potential.calculator import Calculator

    golden = json.loads(reference("golden/aenet-lisi/golden.json").read_text())[suffix.removesuffix(".ann")]
    calculator = Calculator([reference(f"golden/aenet-lisi/{e}.{suffix}") for e in ("Li", "Si")], "reference")
    lithium, silicon = bulk("Li", "bcc", lattice[0], cubic=True), bulk("Si", "diamond", lattice[1], cubic=True)
    lithium.calc = silicon.calc = calculator
    assert lithium.get_potential_energy() == pytest.approx(golden[f"bccLi_conv_a{lattice[0]}"], abs=1e-7)
    assert silicon.get_potential_energy() == pytest.approx(golden[f"Si_conv_a{lattice[1]}"], abs=1e-7)
