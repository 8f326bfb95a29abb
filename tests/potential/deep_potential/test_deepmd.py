"""DeePMD-kit models: what is read, what is refused and why, and that damage never ends in another error."""

from __future__ import annotations

import json
import zipfile

import frozen_graph
import h5py
import numpy as np
import pytest
import yaml
from model_files import DATA, cut, edited_array, edited_dp, flipped, reference, refused

from hpcpot.cli import main
from hpcpot.errors import ModelError
from hpcpot.potential.files import fingerprint, load, load_with_range

ONE_SIDED, TWO_SIDED, DT = (DATA / "dp" / f"small_{name}.dp" for name in ("oneside", "twoside", "dt"))


def test_parameters_of_a_native_model() -> None:
    model = load(ONE_SIDED)
    assert model.elements == ("Li", "Si")
    assert (model.cutoff, model.cutoff_smooth, model.axis, model.protection) == (6.0, 0.5, 4, 0.0)
    assert model.slots.tolist() == [60, 40]
    np.testing.assert_array_equal(model.energy_shift, [-1.9, -5.4])
    assert model.one_sided and model.embeddings[0] is model.embeddings[1]
    assert [layer.weights.shape for layer in model.embeddings[0][1]] == [(1, 4), (4, 8), (8, 16)]
    assert [layer.resnet for layer in model.embeddings[0][1]] == [False, True, True]
    assert [layer.weights.shape for layer in model.fittings[1]] == [(64, 12), (12, 12), (12, 12), (12, 1)]
    assert [layer.resnet for layer in model.fittings[1]] == [False, True, True, False]
    assert [layer.activation for layer in model.fittings[1]] == ["tanh", "tanh", "tanh", "linear"]
    assert [layer.timestep is not None for layer in model.fittings[1]] == [False, True, True, False]


def test_statistics_are_kept_per_type() -> None:
    model = load(ONE_SIDED)
    with h5py.File(ONE_SIDED) as file:
        variables = json.loads(file.attrs["json"])["model"]["descriptor"]["@variables"]
        mean, deviation = file[variables["davg"]][()], file[variables["dstd"]][()]
    np.testing.assert_array_equal(model.mean, mean[:, [0, 60]])
    np.testing.assert_array_equal(model.deviation, deviation[:, [59, 99]])


def test_two_sided_networks_are_indexed_by_centre_and_neighbour() -> None:
    model = load(TWO_SIDED)
    with h5py.File(TWO_SIDED) as file:
        networks = json.loads(file.attrs["json"])["model"]["descriptor"]["embeddings"]["networks"]
        for i in range(2):
            for j in range(2):
                stored = file[networks[i + 2 * j]["layers"][0]["@variables"]["w"]][()]
                np.testing.assert_array_equal(model.embeddings[i][j][0].weights, stored)
    assert not model.one_sided


def test_timesteps_of_the_embedding() -> None:
    model = load(DT)
    assert [layer.timestep is not None for layer in model.embeddings[0][0]] == [False, True, True]


def test_yaml_is_the_same_model(tmp_path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(_as_yaml(ONE_SIDED))
    assert fingerprint(load(path)) == fingerprint(load(ONE_SIDED))


def known_distance(path) -> str:
    """What the range of a model file says of distances."""
    return load_with_range(path)[1].lines()["shortest"]


def test_native_models_say_the_shortest_distance_of_their_training(tmp_path) -> None:
    tree = yaml.safe_load(_as_yaml(ONE_SIDED))
    array = {"@class": "np.ndarray", "@is_variable": True, "@version": 1, "dtype": "float64", "value": 2.25}
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(tree | {"@variables": {"min_nbor_dist": array}}))
    assert known_distance(tmp_path / "model.yaml") == "2.250 Å, of any two atoms"
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(tree | {"@variables": {}}))
    assert load_with_range(tmp_path / "model.yaml")[1].is_assumed


def test_frozen_models_say_the_shortest_distance_of_their_training(tmp_path) -> None:
    constants, path = frozen_graph.constants(load(ONE_SIDED)), tmp_path / "model.pb"
    constants.pop("train_attr/min_nbor_dist", None)
    path.write_bytes(frozen_graph.graph(constants))
    assert load_with_range(path)[1].is_assumed
    path.write_bytes(frozen_graph.graph(constants | {"train_attr/min_nbor_dist": np.float64(1.625)}))
    assert known_distance(path) == "1.625 Å, of any two atoms"


def test_float32_becomes_float64(tmp_path) -> None:
    path = edited_array(
        tmp_path / "model.dp",
        lambda model: model["fitting"]["nets"]["networks"][0]["layers"][0]["@variables"]["w"],
        lambda weights: weights.astype(np.float32),
    )
    weights = load(path).fittings[0][0].weights
    assert weights.dtype == np.float64
    np.testing.assert_allclose(weights, load(ONE_SIDED).fittings[0][0].weights, rtol=1e-7, atol=1e-7)


def test_a_layer_without_bias_has_a_zero_bias(tmp_path) -> None:
    def change(tree):
        tree["model"]["descriptor"]["embeddings"]["networks"][0]["layers"][1]["@variables"]["b"] = None

    model = load(edited_dp(tmp_path / "model.dp", change))
    np.testing.assert_array_equal(model.embeddings[0][0][1].bias, np.zeros(8))


def test_the_tables_of_a_compressed_native_model_are_left_out(tmp_path) -> None:
    def change(tree):
        descriptor = tree["model"]["descriptor"]
        descriptor["@version"] = 3
        descriptor["compress"] = {"@variables": {"compress_data": ["/none"], "compress_info": ["/none"]}}

    path = edited_dp(tmp_path / "model.dp", change)
    assert fingerprint(load(path)) == fingerprint(load(ONE_SIDED))


SETTINGS = [
    ("type", "linear_ener", "= a model of type linear_ener of DeePMD-kit: not supported"),
    ("type", "spin_ener", "= a model with spin of DeePMD-kit: not supported"),
    ("spin", {"use_spin": [True, False]}, "= a model with spin of DeePMD-kit: not supported"),
    ("model_dict", {"a": {}, "b": {}}, r"= a multi-task model \(a, b\) of DeePMD-kit: not supported"),
    ("descriptor.type", "dpa1", "= a DPA-1 model of DeePMD-kit: not supported"),
    ("descriptor.type", "se_atten", r"= a DPA-1 model \(se_atten\) of DeePMD-kit: not supported"),
    ("descriptor.type", "dpa2", "= a DPA-2 model of DeePMD-kit: not supported"),
    ("descriptor.type", "dpa3", "= a DPA-3 model of DeePMD-kit: not supported"),
    ("descriptor.type", "hybrid", r"= a model of several descriptors \(hybrid\) of DeePMD-kit: not supported"),
    ("descriptor.type", "new", "= a model of descriptor new of DeePMD-kit: not supported"),
    ("atom_exclude_types", [0], r"model\.atom_exclude_types = \[0\]"),
    ("pair_exclude_types", [[0, 1]], r"model\.pair_exclude_types"),
    ("@version", 3, r"@class Model, @version 3: .*up to version 2; write the model with deepmd-kit 3.2"),
    ("descriptor.type", "se_e3", "= a model of descriptor se_e3 of DeePMD-kit: not supported"),
    ("descriptor.exclude_types", [[0, 0]], r"descriptor\.exclude_types"),
    ("descriptor.precision", "bfloat16", r"descriptor\.precision = bfloat16"),
    ("descriptor.activation_function", "none", None),
    ("descriptor.env_mat.use_exp_switch", True, r"descriptor\.env_mat\.use_exp_switch = True"),
    ("descriptor.@version", 4, r"@class Descriptor, @version 4"),
    ("descriptor.axis_neuron", 17, r"axis_neuron = 17: 1 to 16 is required"),
    ("descriptor.axis_neuron", 3, r"fitting networks = of wrong number or widths: 2, 48 -> 1"),
    ("descriptor.rcut_smth", 7.0, r"rcut_smth, rcut = 7.0, 6.0"),
    ("descriptor.env_protection", -1.0, r"env_protection = -1.0"),
    ("type_map", ["Li", "Li"], "= types Li, Li: must be different elements"),
    ("fitting.type", "dipole", "= a model of dipole, not of energies, of DeePMD-kit: not supported"),
    ("fitting.numb_fparam", 2, r"fitting\.numb_fparam = 2"),
    ("fitting.numb_aparam", 1, r"fitting\.numb_aparam = 1"),
    ("fitting.dim_case_embd", 3, r"fitting\.dim_case_embd = 3"),
    ("fitting.exclude_types", [1], r"fitting\.exclude_types"),
    ("fitting.atom_ener", [-1.0, None], r"fitting\.atom_ener"),
    ("fitting.atom_ener", [None, None], None),
    ("fitting.mixed_types", True, r"fitting\.mixed_types = True"),
    ("fitting.tot_ener_zero", True, r"fitting\.tot_ener_zero = True"),
]


@pytest.mark.parametrize("name, value, message", SETTINGS, ids=[f"{name}={value}" for name, value, _ in SETTINGS])
def test_settings_that_hpcpot_does_not_compute_are_refused(tmp_path, name, value, message) -> None:
    def change(tree):
        *sections, key = name.split(".")
        section = tree["model"]
        for part in sections:
            section = section[part]
        section[key] = value

    path = edited_dp(tmp_path / "model.dp", change)
    message = message and (f" {message}" if message.startswith("=") else f": {message}")
    if message is None:
        load(path)
    else:
        with pytest.raises(ModelError, match=rf"model\.dp{message}"):
            load(path)


def test_a_model_of_another_tree_is_named_before_its_arrays_are_read(tmp_path) -> None:
    """A DPA-3 model has lists where se_e2_a has arrays."""

    def change(tree):
        tree["model"]["descriptor"] = {"@class": "Descriptor", "type": "dpa3", "@variables": {"a": {"b": [1, 2]}}}

    path = edited_dp(tmp_path / "model.dp", change)
    with pytest.raises(
        ModelError, match="model.dp = a DPA-3 model of DeePMD-kit: not supported; .* run it in DeePMD-kit"
    ):
        load(path)


def zipped(path, members) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("name", "members", "message"),
    [
        (
            "a.pth",
            {"a/code/__torch__/deepmd/pt/model/descriptor/dpa3.py": ""},
            "a DPA-3 model of DeePMD-kit for PyTorch: not",
        ),
        (
            "a",
            {"a/code/__torch__/deepmd/pt/model/descriptor/dpa2.py": ""},
            "a DPA-2 model of DeePMD-kit for PyTorch: not",
        ),
        (
            "a.pth",
            {"a/code/__torch__/deepmd/pt/model/descriptor/se_a.py": ""},
            "for PyTorch: .* `dp convert-backend a.pth a.dp`",
        ),
        (
            "a.pt",
            {"a/data.pkl": b"\x80\x02X\x04\x00typeX\x04\x00\x00\x00dpa2q\x01"},
            r"a DPA-2 model of DeePMD-kit for PyTorch \(a checkpoint\): not supported",
        ),
    ],
)
def test_models_of_pytorch_are_named(tmp_path, name, members, message) -> None:
    zipped(tmp_path / name, members)
    with pytest.raises(ModelError, match=f"{name} = .*{message}"):
        load(tmp_path / name)


@pytest.mark.parametrize("name", ["a.model", "a.pth", "a.pt"])
def test_models_of_pytorch_of_other_programs_are_not_taken_for_those_of_deepmd_kit(tmp_path, name) -> None:
    zipped(tmp_path / name, {"a/code/__torch__/nequip/model.py": "", "a/data.pkl": b"\x80\x02cmace.modules\nMACE\n"})
    with pytest.raises(ModelError, match=f"{name} = a file of PyTorch, not of DeePMD-kit by what it holds"):
        load(tmp_path / name)
    zipped(tmp_path / "a.npz", {"x.npy": ""})
    with pytest.raises(ModelError, match=r"a\.npz = a zip archive"):
        load(tmp_path / "a.npz")


def test_checkpoints_of_tensorflow_are_named(tmp_path, capsys) -> None:
    (tmp_path / "model.ckpt").mkdir()
    (tmp_path / "model.ckpt" / "checkpoint").write_text("model_checkpoint_path: x")
    (tmp_path / "model.ckpt-1000.index").write_bytes(b"\0")
    (tmp_path / "a.savedmodel").mkdir()
    for name in ("model.ckpt", "model.ckpt-1000.index"):
        with pytest.raises(ModelError, match=f"{name} = a checkpoint of DeePMD-kit for TensorFlow: .* `dp freeze`"):
            load(tmp_path / name)
    for name in ("model.ckpt", "a.savedmodel"):
        assert main(["convert", str(tmp_path / name), "-o", str(tmp_path / "b.h5")]) == 1
        assert f"{name} = a " in capsys.readouterr().err


def test_models_of_other_backends_are_named(tmp_path) -> None:
    (tmp_path / "a.savedmodel").mkdir()
    (tmp_path / "a.hlo").write_bytes(b"\n\x00hlo")
    (tmp_path / "a.json").write_text('{"base_code": {"magic": "pir"}}')
    (tmp_path / "input.json").write_text('{"model": {"descriptor": {"type": "se_e2_a"}}}')
    for name, message in {
        "a.savedmodel": "for JAX or TensorFlow: not supported; turn it into a .dp by `dp convert-backend a.savedmodel a.dp`",
        "a.hlo": "for JAX: not supported",
        "a.json": "for Paddle: not supported",
        "input.json": "the settings of a training .*, no model; hpcpot train takes them",
    }.items():
        with pytest.raises(ModelError, match=f"{name} = .*{message}"):
            load(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model:\n  type: standard\n  descriptor:\n    type: dpa2\n", "a DPA-2 model of DeePMD-kit: not supported"),
        ('{"model": {"descriptor": {"type": "dpa3"}}}', "a DPA-3 model of DeePMD-kit: not supported"),
        (
            "model:\n  descriptor:\n    type: se_e2_a\n",
            r"without the class of each part \(@class\): must be as `dp conv",
        ),
        ("model:\n  descriptor:\n    type: dpa2\ntraining:\n  numb_steps: 1\n", "the settings of a training, no model"),
    ],
)
def test_texts_without_classes_are_named(tmp_path, text, message) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ModelError, match=f"a.yaml = .*{message}"):
        load(tmp_path / "a.yaml")


def test_models_without_one_descriptor_are_refused(tmp_path) -> None:
    path = edited_dp(tmp_path / "model.dp", lambda tree: tree["model"].pop("descriptor"))
    with pytest.raises(ModelError, match="model.descriptor = absent: .*multi-task"):
        load(path)


def test_excluded_networks_are_refused(tmp_path) -> None:
    def change(tree):
        tree["model"]["descriptor"]["embeddings"]["networks"][1] = None

    with pytest.raises(ModelError, match="networks of EmbeddingNetwork = 1: 2 are required.*excluded pairs"):
        load(edited_dp(tmp_path / "model.dp", change))


def test_unknown_activations_are_refused(tmp_path) -> None:
    def change(tree):
        tree["model"]["descriptor"]["embeddings"]["networks"][0]["layers"][0]["activation_function"] = "gelu"

    with pytest.raises(ModelError, match="activation_function = gelu: hpcpot computes tanh"):
        load(edited_dp(tmp_path / "model.dp", change))


def _davg(model):
    return model["descriptor"]["@variables"]["davg"]


def _dstd(model):
    return model["descriptor"]["@variables"]["dstd"]


def _last_bias(model):
    return model["fitting"]["nets"]["networks"][1]["layers"][3]["@variables"]["b"]


def _with(index, value):
    def change(values):
        values[index] = value
        return values

    return change


@pytest.mark.parametrize(
    "pick, change, message",
    [
        (_davg, _with((0, 3, 0), 9.0), "davg of neighbour type 0 = not one radial"),
        (_dstd, _with((1, 70, 2), 9.0), "dstd of neighbour type 1 = not one radial"),
        (_davg, _with(..., 0.5), r"davg = not \(a number, 0, 0, 0\)"),
        (_dstd, _with(..., 0.0), "dstd = not positive"),
        (_davg, _with((..., 0), np.inf), "mean = not finite"),
        (_last_bias, _with(..., np.nan), "fittings/.*/bias = not finite"),
        (_last_bias, lambda values: values.astype(np.float16), "has type float16: float64 or float32 is required"),
        (_davg, lambda values: values[:, :-1], "cannot be read as native DeePMD-kit model"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, pick, change, message) -> None:
    path = edited_array(tmp_path / "model.dp", pick, change)
    with pytest.raises(ModelError, match=rf"model\.dp.*{message}"):
        load(path)


def test_a_damaged_shape_does_not_fill_the_memory(tmp_path) -> None:
    path = edited_dp(tmp_path / "model.dp", lambda tree: None)
    with h5py.File(path, "r+") as file:
        name = _davg(json.loads(file.attrs["json"])["model"])
        del file[name]
        file.create_dataset(name, (10**9, 10**3), "f8")
    with pytest.raises(ModelError, match="claims 8000000000000 bytes"):
        load(path)


@pytest.mark.parametrize("name", ["oneside", "twoside"])
def test_a_frozen_graph_is_the_same_model(tmp_path, name) -> None:
    model = load(DATA / "dp" / f"small_{name}.dp")
    path = tmp_path / "model.pb"
    path.write_bytes(frozen_graph.graph(frozen_graph.constants(model)))
    assert fingerprint(load(path)) == fingerprint(model)


def test_skips_and_timesteps_of_a_frozen_graph(tmp_path) -> None:
    """TensorFlow's rules for skips and idt.

    Embedding: where the width stays or doubles, and an idt elsewhere does nothing. Fitting: only where the width stays.
    """
    constants = frozen_graph.constants(load(DT))
    constants["filter_type_all/idt_1_0"] = np.full((1, 5), 7.0)
    path = tmp_path / "model.pb"
    path.write_bytes(frozen_graph.graph(constants))
    model = load(path)
    assert [layer.resnet for layer in model.embeddings[0][0]] == [False, True, True]
    assert [layer.timestep is not None for layer in model.embeddings[0][0]] == [False, True, True]
    assert model.embeddings[0][0][1].timestep.shape == (5,)
    assert [layer.weights.shape for layer in model.fittings[0]] == [(30, 10), (10, 10), (10, 20), (20, 1)]
    assert [layer.resnet for layer in model.fittings[0]] == [False, True, False, False]


def test_shortened_constants(tmp_path) -> None:
    """TensorFlow may store one value for many, none for zeros, and integers one field each."""
    constants = frozen_graph.constants(load(ONE_SIDED))
    field, shape = frozen_graph.field, frozen_graph.field(2, frozen_graph.field(2, frozen_graph.field(1, 2)))
    constants["fitting_attr/t_bias_atom_e"] = field(1, 2) + shape + field(6, np.float64(-2.5).tobytes())
    constants["descrpt_attr/sel"] = field(1, 3) + shape + field(7, 60) + field(7, 40)
    constants["descrpt_attr/original_sel"] = field(1, 3) + shape + field(7, bytes([60, 40]))
    constants["layer_1_type_0/bias"] = field(1, 2) + field(2, field(2, field(1, 12)))
    path = tmp_path / "model.pb"
    path.write_bytes(frozen_graph.graph(constants))
    model = load(path)
    np.testing.assert_array_equal(model.energy_shift, [-2.5, -2.5])
    np.testing.assert_array_equal(model.fittings[0][1].bias, np.zeros(12))


def test_energy_biases_of_fitting_and_model_add_up(tmp_path) -> None:
    constants = frozen_graph.constants(load(ONE_SIDED))
    constants["model_attr/model_attr/t_out_bias"] = np.array([[[1.0], [2.0]]])
    path = tmp_path / "model.pb"
    path.write_bytes(frozen_graph.graph(constants))
    np.testing.assert_allclose(load(path).energy_shift, [-0.9, -3.4], rtol=1e-15)


SCRIPTS = [
    ({"model__descriptor__type": "se_atten"}, r"= a DPA-1 model \(se_atten\) of DeePMD-kit: not supported"),
    ({"model__descriptor__exclude_types": [[0, 1]]}, r"descriptor\.exclude_types"),
    ({"model__type_embedding": {"neuron": [8]}}, r"model\.type_embedding"),
    ({"model__use_srtab": "zbl.dat"}, r"model\.use_srtab = zbl.dat"),
    ({"model__bridging_method": "ZBL"}, r"model\.bridging_method = ZBL"),
    ({"model__fitting_net__numb_fparam": 1}, r"fitting\.numb_fparam = 1"),
    ({"model__fitting_net__layer_name": ["a", None]}, r"fitting\.layer_name"),
    ({"model__fitting_net__activation_function": "relu"}, "activation_function = relu"),
    ({"model": {"model_dict": {"a": {}}}}, r"= a multi-task model \(a\)"),
    ({"training__mixed_precision": {"compute_prec": "float16"}}, r"training\.mixed_precision = on"),
]


@pytest.mark.parametrize("changes, message", SCRIPTS)
def test_training_scripts_that_hpcpot_does_not_compute_are_refused(tmp_path, changes, message) -> None:
    constants = frozen_graph.constants(load(ONE_SIDED), frozen_graph.script(**changes))
    path = tmp_path / "model.pb"
    path.write_bytes(frozen_graph.graph(constants))
    with pytest.raises(ModelError, match=rf"model\.pb.* {message}"):
        load(path)


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("train_attr/training_script", None, "without train_attr/training_script: .*dp freeze"),
        ("descrpt_attr/original_sel", np.array([80, 40], np.int32), r"sel = \[60, 40\]: \[80, 40\], as trained"),
        ("model_attr/model_attr/t_out_std", np.array([[[2.0], [1.0]]]), "t_out_std = not 1"),
        ("filter_type_all/matrix_1_1", None, "constant filter_type_all/matrix_1_1 = absent: .*excluded pairs"),
        ("final_layer_type_1/matrix", None, "constant final_layer_type_1/matrix = absent"),
        ("layer_0_type_0/bias", np.zeros(12, np.float16), "cannot be read as frozen .* TensorFlow type 19"),
        ("model_attr/tmap", "Li", r"sel = array \(2,\): \(1,\) is required"),
    ],
)
def test_graphs_that_are_not_a_plain_model_are_refused(tmp_path, name, value, message) -> None:
    constants = frozen_graph.constants(load(ONE_SIDED)) | {name: value}
    path = tmp_path / "model.pb"
    path.write_bytes(frozen_graph.graph({key: value for key, value in constants.items() if value is not None}))
    with pytest.raises(ModelError, match=rf"model\.pb.*{message}"):
        load(path)


def test_a_compressed_graph_is_refused_with_the_reason(tmp_path) -> None:
    constants = frozen_graph.constants(load(ONE_SIDED))
    constants = {name: value for name, value in constants.items() if not name.startswith("filter_type")}
    path = tmp_path / "model.pb"
    path.write_bytes(frozen_graph.graph(constants, ("ProdEnvMatA", "TabulateFusionSeA")))
    with pytest.raises(ModelError, match=r"a compressed model: .*tables; convert the uncompressed model"):
        load(path)


def test_damaged_native_models_end_in_one_error(tmp_path) -> None:
    """Truncations anywhere; changed bytes in the JSON text and the arrays.

    Changed HDF5 structures are left to the HDF5 library, which may crash on them.
    """
    content, path = ONE_SIDED.read_bytes(), tmp_path / "model.dp"
    assert all(refused(load, path, cut(content, 60)))
    start = content.index(b'{"software"')
    assert any(refused(load, path, flipped(content, 150, 1, start, start + 4000)))
    assert refused(load, path, flipped(content, 50, 2, len(content) - 2000))


def test_damaged_yaml_models_end_in_one_error(tmp_path) -> None:
    content, path = _as_yaml(ONE_SIDED).encode(), tmp_path / "model.yaml"
    end = content.index(b"\nversion:")
    assert all(refused(load, path, cut(content[: end + 1], 30)))
    assert all(refused(load, path, iter([content[: content.index(b"- Si\nsoftware") + 3], content[:end]])))
    assert any(refused(load, path, flipped(content, 40, 3)))
    assert any(refused(load, path, flipped(content, 40, 4, 0, 500)))


def test_damaged_frozen_models_end_in_one_error(tmp_path) -> None:
    content = frozen_graph.graph(frozen_graph.constants(load(ONE_SIDED)))
    path = tmp_path / "model.pb"
    assert all(refused(load, path, cut(content, 100)))
    assert any(refused(load, path, flipped(content, 300, 5)))
    assert any(refused(load, path, flipped(content, 300, 6, 0, 400)))


def test_shipped_model_is_the_one_that_deepmd_wrote() -> None:
    native = load(reference("deep-potential/lisi.dp"))
    frozen = load(reference("deep-potential/lisi.pb"))
    assert fingerprint(load("lisi")) == fingerprint(native) == fingerprint(frozen)


def _as_yaml(path) -> str:
    """The .yaml that DeePMD-kit writes for a .dp."""

    def convert(node, file, is_variable=False):
        if isinstance(node, dict):
            return {key: convert(child, file, is_variable or key == "@variables") for key, child in node.items()}
        if isinstance(node, list):
            return [convert(child, file, is_variable) for child in node]
        if not is_variable or node is None:
            return node
        array = file[node][()]
        return {
            "@class": "np.ndarray",
            "@is_variable": True,
            "@version": 1,
            "dtype": array.dtype.name,
            "value": array.tolist(),
        }

    with h5py.File(path) as file:
        tree = convert(json.loads(file.attrs["json"]), file)
    return yaml.dump(tree, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper))
