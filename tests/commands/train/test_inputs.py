"""input.json of DeePMD-kit, and train.in of aenet-PyTorch."""

import json
import random
import time
import warnings
from dataclasses import replace

import numpy as np
import pytest
import yaml
from ase.data import chemical_symbols
from damage import damaged
from repository import CONFIGS
from trainings import dataset

from hpcpot import cli
from hpcpot.commands.train.inputs import load
from hpcpot.dataset import files as dataset_files
from hpcpot.errors import ConfigError
from hpcpot.notices import InputNotice
from hpcpot.potential.files import load as load_model
from hpcpot.training import batches, job
from hpcpot.training.settings import member

INPUT = {
    "_comment": "a model",
    "model": {
        "type_map": ["Li", "Si"],
        "descriptor": {
            "type": "se_e2_a",
            "sel": "auto:1.15",
            "rcut_smth": 2.0,
            "rcut": 4.0,
            "neuron": [4, 8],
            "seed": 11,
        },
        "fitting_net": {"n_neuron": [8, 8], "resnet_dt": True, "seed": 12},
    },
    "learning_rate": {"type": "exp", "decay_steps": 80, "start_lr": 0.002, "stop_lr": 1e-6},
    "loss": {"type": "ener", "start_pref_e": 0.02, "limit_pref_e": 2, "start_pref_f": 1000, "limit_pref_f": 1},
    "training": {
        "training_data": {"systems": ["systems"], "batch_size": [2, 2]},
        "stop_batch": 3,
        "seed": 13,
        "disp_freq": 1,
        "disp_file": "lcurve.out",
        "save_freq": 1000,
        "disp_training": True,
    },
}


def written(folder, change=lambda tree: None):
    tree = json.loads(json.dumps(INPUT))
    change(tree)
    (folder / "input.json").write_text(json.dumps(tree))
    return folder / "input.json"


def test_an_input_of_deepmd_kit_means_the_same_here(tmp_path):
    found = load(written(tmp_path), [])
    model, rate = found.deep_potential, found.learning_rate
    assert (model.cutoff_A, model.cutoff_smooth_A, model.sel, model.neuron) == (4.0, 2.0, "auto:1.15", [4, 8])
    assert (model.axis_neuron, model.type_one_side, model.fitting_neuron) == (4, False, [8, 8])
    assert (rate.start, rate.stop, rate.decay_steps, rate.scale_by_workers) == (0.002, 1e-6, 80, "linear")
    assert (found.loss.start_pref_f, found.loss.start_pref_v, found.loss.limit_pref_e) == (1000.0, 0.0, 2.0)
    assert (found.training.steps, found.training.batch_size, found.training.seed) == (3, 2, 13)
    assert (found.data.elements, found.data.validation_fraction) == (["Li", "Si"], 0.0)
    assert str(found.output.model) == "input.h5"


def test_it_trains(tmp_path, monkeypatch):
    dataset_files.save(dataset(), tmp_path / "systems", {}, "deepmd")
    monkeypatch.chdir(tmp_path)
    written(tmp_path, lambda tree: tree["training"]["training_data"].update(batch_size="auto"))
    assert cli.main(["train", "input.json"]) == 0
    assert load_model(tmp_path / "input.h5").elements == ("Li", "Si")
    assert (tmp_path / "input.curve.csv").exists() and not (tmp_path / "lcurve.out").exists()


def test_a_type_map_of_all_elements_makes_a_model_of_those_that_occur(tmp_path, monkeypatch, capsys):
    dataset_files.save(dataset(), tmp_path / "systems", {}, "deepmd")
    monkeypatch.chdir(tmp_path)

    def change(tree):
        tree["model"]["type_map"] = chemical_symbols[1:119]
        tree["model"]["descriptor"]["sel"] = [40 + k for k in range(118)]
        tree["training"]["training_data"]["batch_size"] = "auto"

    written(tmp_path, change)
    assert cli.main(["train", "input.json"]) == 0
    assert "note: data.elements: H, He, Be, B, C and 111 more = in no frame: the model is made without them" in (
        capsys.readouterr().err
    )
    model = load_model(tmp_path / "input.h5")
    assert model.elements == ("Li", "Si") and model.slots.tolist() == [42, 53]


def test_systems_without_names_have_the_types_of_the_type_map(tmp_path):
    dataset_files.save(dataset(), tmp_path / "systems", {}, "deepmd")
    for path in tmp_path.rglob("type_map.raw"):
        path.unlink()
    found = load(written(tmp_path, lambda tree: tree["model"].update(type_map=["Si", "Li", "O"])), [])
    with pytest.warns(InputNotice, match="data.elements: O = in no frame"):
        made = job.make(found, tmp_path, False, lambda: False, print).training
    assert made.elements == ("Si", "Li")
    assert made.counts.sum(axis=0).tolist() == dataset().counts.sum(axis=0).tolist()  # Li was type 0


def quiet(path):
    """Settings of an input, and what is said of it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = load(path, [])
    return found, [str(warning.message) for warning in caught]


def test_an_input_of_deepmd_kit_1(tmp_path):
    """Keywords of v1 at their places of v1, null seeds and validation data, lists of trainable."""

    def change(tree):
        tree["model"]["descriptor"].update(type="se_a", seed=None)
        tree["model"]["fitting_net"].update(
            seed=None, coord_norm=True, type_fitting_net=False, trainable=[True, True, True]
        )
        del tree["training"]["training_data"], tree["loss"]["type"]
        tree["training"].update(
            systems=["systems"],
            set_prefix="set",
            batch_size=[4],
            numb_test=4,
            load_ckpt="model.ckpt",
            save_ckpt="model.ckpt",
            seed=None,
            validation_data=None,
            profiling=False,
        )
        tree["training"]["_comment2"] = tree["model"]["_comment_b"] = {"any": "thing"}

    found, said = quiet(written(tmp_path, change))
    assert (found.training.batch_size, found.training.steps, found.training.seed) == (4, 3, 0)
    assert (found.data.files, found.data.validation) == (["systems"], None)
    idle = (
        "model.fitting_net.coord_norm, training.disp_file, training.set_prefix, training.numb_test, training.load_ckpt"
    )
    assert said == [f"input.json: {idle}, training.profiling = without effect in hpcpot: not used."]


@pytest.mark.parametrize(
    ("given", "batch_size", "systems"),
    [
        ({"batch_size": [2, 1, 4]}, [2, 1, 4], "prob_sys_size"),
        ({"batch_size": [3, 3, 3], "auto_prob": "prob_uniform"}, 3, "prob_uniform"),
        ({"batch_size": "mixed:6"}, "mixed:6", "prob_sys_size"),
        ({"auto_prob": "prob_sys_size;0:1:0.3;1:3:0.7"}, None, "prob_sys_size;0:1:0.3;1:3:0.7"),
        ({"auto_prob_style": "prob_sys_size;0:3:1"}, None, "prob_sys_size;0:3:1"),
        ({"sys_probs": [0.5, 0.3, 0.2]}, None, "prob_sys_size;0:1:0.5;1:2:0.3;2:3:0.2"),
        ({"auto_prob": None, "sys_probs": None, "batch_size": None}, None, "prob_sys_size"),
    ],
)
def test_batches_of_an_input(tmp_path, given, batch_size, systems):
    names = ["a", "b", "c"]

    def change(tree):
        tree["training"]["training_data"] = {"systems": names} | given

    found = load(written(tmp_path, change), []).training
    assert (found.batch_size, found.systems) == (batch_size or "auto", systems)


def test_each_system_has_its_own_batch_size_and_probability(tmp_path, monkeypatch):
    """Systems 0 and 1 are the same files; a block of weight 0 is never drawn from."""
    dataset_files.save(dataset(), tmp_path / "systems", {}, "deepmd")
    monkeypatch.chdir(tmp_path)

    def change(tree):
        tree["training"]["training_data"] = {
            "systems": ["systems", "systems"],
            "batch_size": [2, 3],
            "auto_prob": "prob_sys_size;0:1:0;1:2:1",
        }

    settings = load(written(tmp_path, change), [])
    data = job.make(settings, tmp_path, False, lambda: False, print).training
    systems = batches.systems(data, settings.training.batch_size)
    assert sorted(set(zip(systems.entries, systems.batch_sizes, strict=True))) == [(0, 2), (1, 3)]
    shares = batches.probabilities(systems, settings.training.systems)
    assert [shares[np.array(systems.entries) == k].sum() for k in (0, 1)] == pytest.approx([0.0, 1.0])
    assert cli.main(["train", "input.json"]) == 0
    assert load_model(tmp_path / "input.h5").elements == ("Li", "Si")


def test_mixed_batches_train(tmp_path, monkeypatch):
    dataset_files.save(dataset(), tmp_path / "systems", {}, "deepmd")
    monkeypatch.chdir(tmp_path)
    written(tmp_path, lambda tree: tree["training"]["training_data"].update(batch_size="mixed:5"))
    assert cli.main(["train", "input.json"]) == 0
    assert (tmp_path / "input.curve.csv").exists()


def test_two_inputs_in_a_folder_keep_their_curves(tmp_path):
    first = written(tmp_path)
    other = first.rename(tmp_path / "other.json")
    written(tmp_path)
    outputs = [load(path, []).output for path in (first, other)]
    assert [output.curve.name for output in outputs] == ["input.curve.csv", "other.curve.csv"]
    members = [member(load(first, ["committee.members=2"]), k).output.curve.name for k in (0, 1)]
    assert members == ["input_0.curve.csv", "input_1.curve.csv"]


def test_nested_json_is_refused(tmp_path):
    for depth in (40, 100000):
        (tmp_path / "input.json").write_text('{"model": ' + '{"a":' * depth + "1" + "}" * depth + "}")
        with pytest.raises(ConfigError, match="must be an input.json of DeePMD-kit"):
            load(tmp_path / "input.json", [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t["model"]["descriptor"].update(rcut_smooth=2.0),
            r"model.descriptor.rcut_smooth = 2.0 .*did you mean model.descriptor.rcut_smth\?",
        ),
        (
            lambda t: t["model"]["descriptor"].update(type="dpa1", attn_layer=2),
            r"model.descriptor.type = dpa1 \(input.json\): not supported: hpcpot trains with se_e2_a only; [^\n]*$",
        ),
        (
            lambda t: t["loss"].update(start_pref_ae=1.0),
            r"loss.start_pref_ae = 1.0 .*not supported: hpcpot trains with 0 only",
        ),
        (lambda t: t["learning_rate"].update(type="cosine"), r"learning_rate.type = cosine .*not supported"),
        (
            lambda t: t["training"]["training_data"].update(batch_size=[1, 2]),
            r"training.training_data.batch_size = \[1, 2\] .*: must be a number for each of the 1 entries",
        ),
        (
            lambda t: t["training"]["training_data"].update(auto_prob="prob_sys_size;0:2:1"),
            "training.training_data.auto_prob = prob_sys_size;0:2:1 .*: must be blocks of the 1 entries",
        ),
        (
            lambda t: t["training"]["training_data"].update(auto_prob="prob_size"),
            "training.training_data.auto_prob = prob_size .*: must be prob_sys_size, prob_uniform, or blocks",
        ),
        (
            lambda t: t["training"]["training_data"].update(batch_size="filter:4"),
            "training.training_data.batch_size = filter:4 .*: must be frames",
        ),
        (lambda t: t["model"]["descriptor"].update(rcut=-1), r"model.descriptor.rcut = -1 \(input.json\): must be > 0"),
        (
            lambda t: t["model"]["descriptor"].update(rcut_smth=9.0),
            r"model.descriptor.rcut_smth = 9.0 \(input.json\): must be below model.descriptor.rcut, 4",
        ),
        (lambda t: t["model"]["fitting_net"].update(n_neuron=[0]), r"model.fitting_net.n_neuron = \[0\]"),
        (lambda t: t["training"].update(stop_batch=0), r"training.stop_batch = 0 \(input.json\)"),
        (
            lambda t: t["model"].update(type_embedding={"neuron": [8]}),
            "model.type_embedding.neuron = .*supported: type emb",
        ),
        (lambda t: t["model"].update(spin={"use_spin": [True]}), "model.spin.use_spin = .*: not supported: spin"),
        (
            lambda t: t["model"].update(use_srtab="zbl.dat"),
            "model.use_srtab = zbl.dat .*: not supported: a short-range table",
        ),
        (lambda t: t["training"].update(mixed_precision={"compute_prec": "float16"}), "not supported: mixed precision"),
        (lambda t: t["model"]["fitting_net"].update(trainable=[True, False]), "trainable = .*not supported"),
        (
            lambda t: t["training"].update(wibble=1),
            r"training.wibble = 1 .*: unknown keyword of the section training\.",
        ),
        (lambda t: t["training"].update(numb_stps=1), r"unknown keyword; did you mean training\.numb_steps\?$"),
        (lambda t: t["learning_rate"].update(stop_lr_ratio="x"), "stop_lr_ratio = x .*: must be a number"),
        (lambda t: t.pop("model"), "has no section model"),
    ],
)
def test_what_is_not_the_same_here_is_refused_by_name(change, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        load(written(tmp_path, change), [])


@pytest.mark.parametrize("name", ["INPUT.JSON", "input.yaml", "deepmd.yml"])
def test_an_input_under_another_name_means_the_same(tmp_path, name):
    """DeePMD-kit reads YAML, too; numbers are such as YAML 1.2 and JSON have."""
    expected = load(written(tmp_path), [])
    text = (tmp_path / "input.json").read_text() if name.endswith("JSON") else yaml.safe_dump(INPUT)
    (tmp_path / name).write_text(text)
    found = load(tmp_path / name, [])
    assert replace(found, output=expected.output) == expected
    (tmp_path / name).write_text(text.replace("stop_batch", "stop_btch"))
    with pytest.raises(ConfigError, match=r"training\.stop_btch = 3 .*: unknown keyword"):
        load(tmp_path / name, [])


def test_a_keyword_that_is_there_twice(tmp_path):
    path = written(tmp_path)
    path.write_text(path.read_text().replace('"seed": 13', '"seed": 13, "seed": 14'))
    with pytest.raises(ConfigError, match=r"input\.json: seed appears twice in one section; keep one"):
        load(path, [])
    path.write_text(path.read_text().replace('"seed": 14', '"seed": 13, "_comment": "a", "_comment": "b"'))
    assert load(path, []).training.seed == 13


def test_the_optimiser_of_deepmd_kit_may_be_named(tmp_path):
    load(written(tmp_path, lambda tree: tree["training"].update(opt_type="Adam")), [])
    with pytest.raises(ConfigError, match="opt_type = LKF .*: not supported: hpcpot trains with Adam only"):
        load(written(tmp_path, lambda tree: tree["training"].update(opt_type="LKF")), [])


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("train_*.yaml")), ids=lambda path: path.stem)
def test_the_examples_are_right(path):
    found = load(path, [])
    assert hasattr(found, found.family)


TRAIN = """! a comment
TRAININGSET lisi.train
TESTPERCENT 20
ITERATIONS 3

BATCHSIZE 4
MAXENERGY 50
FORCES
alpha=0.2
NPSEED 7
PHSEED 8
METHOD
method=adamw lr=0.001
REGULARIZATION 0.01
NETWORKS
  Li  Li.nn  2  6:tanh 6:tanh
  Si  Si.nn  2  6:tanh 6:tanh
"""
GENERATE = """OUTPUT lisi.train
TYPES
2
Li -1.9
Si -5.4
SETUPS
Li Li.stp
Si Si.stp
FILES
{n}
{files}
"""
SETUP = """DESCR
 a basis
END DESCR
ATOM {element}
ENV 2
Li
Si
RMIN 0.75d0
BASIS type=Chebyshev
radial_Rc = 4.0 radial_N = 4 angular_Rc = 3.0 angular_N = 2
"""


def aenet(folder, train=TRAIN):
    dataset_files.save(dataset(), folder / "xsf", {}, "xsf")
    names = sorted(str(path.relative_to(folder)) for path in (folder / "xsf").rglob("*.xsf"))
    (folder / "train.in").write_text(train)
    (folder / "generate.in").write_text(GENERATE.format(n=len(names), files="\n".join(names)))
    for element in ("Li", "Si"):
        (folder / f"{element}.stp").write_text(SETUP.format(element=element))
    return folder / "train.in"


def test_an_input_of_aenet_trains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = aenet(tmp_path)
    found = load(path, [])
    assert (found.chebyshev.radial_order, found.chebyshev.angular_cutoff_A, found.chebyshev.hidden) == (4, 3.0, [6, 6])
    assert (found.loss.force_weight, found.training.weight_decay, found.training.seed) == (0.2, 0.01, 7)
    assert (found.data.validation_fraction, found.training.epochs, found.learning_rate.stop) == (0.2, 3.0, None)
    assert cli.main(["train", "train.in"]) == 0
    model = load_model(tmp_path / "train.h5")
    np.testing.assert_array_equal(model.spins, [[-1, 1], [-1, 1]])
    np.testing.assert_array_equal(model.atomic_energies, [-1.9, -5.4])


def test_an_input_without_forces_trains_on_energies(tmp_path):
    """As aenet-PyTorch does; TIMING is a keyword of aenet's own program."""
    found = load(aenet(tmp_path, TRAIN.replace("FORCES\nalpha=0.2\n", "TIMING\n")), [])
    assert found.loss.force_weight == 0.0


def test_another_input_of_aenet_is_told(tmp_path):
    aenet(tmp_path)
    with pytest.raises(
        ConfigError, match=r"NETWORKS \(generate.in\) = missing: a train.in of aenet-PyTorch is required"
    ):
        load(tmp_path / "generate.in", [])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("TESTPERCENT 20", "TESTPERCENTAGE 20", r"TESTPERCENTAGE \(train.in\): unknown .* did you mean TESTPERCENT\?"),
        ("TESTPERCENT 20", "WIBBLE 20", r"WIBBLE \(train.in\): unknown keyword: must be one of aenet"),
        ("ITERATIONS 3", "ITERATIONS nan", r"ITERATIONS \(train.in\) = nan: a finite number"),
        ("ITERATIONS 3", "ITERATIONS -3", r"ITERATIONS = -3 \(train.in\): must be > 0"),
        ("alpha=0.2", "beta=0.2", r"alpha \(train.in\) = nothing: a number is required"),
        ("lr=0.001", "lr=0.001 betas=0.9", r"betas = 0.9 \(train.in\): option of METHOD not supported"),
        ("2  6:tanh 6:tanh", "3  6:tanh 6:tanh", r"NETWORKS \(train.in\) = 2 layers: must be 3"),
        ("BATCHSIZE 4", "BATCHSIZE many", r"BATCHSIZE \(train.in\) = many: a number is required"),
        ("method=adamw lr=0.001", "bfgs", r"METHOD \(train.in\): must be followed by method=adamw .*train.x \(bfgs"),
        ("NETWORKS", "! NETWORKS", r"unknown keyword|NETWORKS \(train.in\) = missing"),
        ("lisi.train", "other.train", "TRAININGSET = other.train: a generate.in with this OUTPUT"),
    ],
)
def test_wrong_inputs_of_aenet_are_named(old, new, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        load(aenet(tmp_path, TRAIN.replace(old, new)), [])


def test_a_training_set_as_text_and_fortran_numbers(tmp_path):
    """TRAININGSET is what aenet-PyTorch's converter made of OUTPUT; D exponents are numbers."""
    path = aenet(tmp_path, TRAIN.replace("lisi.train", "lisi.train.ascii") + "! end\n")
    (tmp_path / "generate.in").write_text(
        (tmp_path / "generate.in").read_text().replace("-1.9", "-0.19D+01").replace("-5.4", "-54d-1 ! eV")
    )
    for element in ("Li", "Si"):
        text = (
            SETUP.format(element=element)
            .replace("radial_Rc = 4.0", "radial_Rc=0.4d+1")
            .replace("ENV 2\nLi\nSi", "ENV 2 Li Si")
        )
        (tmp_path / f"{element}.stp").write_text(text)
    found, said = quiet(path)
    assert found.chebyshev.atomic_energies_eV == {"Li": -1.9, "Si": -5.4}
    assert (found.chebyshev.radial_cutoff_A, found.data.elements) == (4.0, ["Li", "Si"])
    assert said == ["train.in: PHSEED = without effect in hpcpot: not used."]


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("generate.in", "TYPES\n2", "TYPES\ntwo", r"TYPES \(.*generate.in\) = two: a number is required"),
        ("generate.in", "TYPES\n2", "TYPES\n4294967297", "TYPES .* = 4294967297: a finite number up to"),
        ("generate.in", "TYPES\n2", "TYPES\n200", "TYPES .* lines: must be 200, as it says"),
        ("generate.in", "TYPES\n2", "TYPES\n-2", "TYPES .* = -2: a whole number above 0"),
        ("generate.in", "Li -1.9", "Li", "TYPES .*: must be an element and a value a line"),
        ("generate.in", "Li -1.9", "Li nan", "TYPES Li .* = nan: a finite number"),
        ("generate.in", "Si Si.stp", "Ge Si.stp", "SETUPS .* = Li, Ge: must be of the TYPES, Li, Si"),
        ("generate.in", "Si Si.stp", "Si absent.stp", "absent.stp = cannot be read"),
        ("generate.in", "FILES", "FILE", "a generate.in with this OUTPUT, with TYPES, SETUPS, FILES"),
        ("Li.stp", "ENV 2", "ENV two", r"ENV \(.*Li.stp\) = two: a number is required"),
        ("Li.stp", "ENV 2", "ENV 20", "Li.stp = no Chebyshev setup"),
        ("Li.stp", "type=Chebyshev", "type=Behler2011", "Li.stp = no Chebyshev setup"),
        ("Li.stp", "radial_N = 4", "radial_N = 1e308", r"radial_N \(.*Li.stp\) = 1e308: a finite number"),
        ("Li.stp", "radial_N = 4", "radial_N = 5", "SETUPS .* = different bases"),
    ],
)
def test_wrong_setups_of_aenet_are_named(name, old, new, message, tmp_path):
    path = aenet(tmp_path)
    text = (tmp_path / name).read_text()
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=message):
        load(path, [])


@pytest.mark.filterwarnings("ignore::hpcpot.notices.InputNotice")
def test_damaged_inputs_of_aenet_end_in_one_error(tmp_path):
    path, rng = aenet(tmp_path), random.Random(5)
    for name in ("train.in", "generate.in", "Li.stp"):
        content, refusals = (tmp_path / name).read_bytes(), 0
        for _ in range(60):
            (tmp_path / name).write_bytes(damaged(content, rng))
            try:
                load(path, [])
            except ConfigError:
                refusals += 1
        (tmp_path / name).write_bytes(content)
        assert refusals > 10


def test_a_long_word_takes_no_time(tmp_path):
    path = aenet(tmp_path)
    for name in ("train.in", "generate.in", "Li.stp"):
        content = (tmp_path / name).read_text()
        (tmp_path / name).write_text(content + "A" * 70000 + "\n" + "x=" * 35000 + "\n")
        start = time.process_time()
        try:
            quiet(path)
        except ConfigError as error:
            assert len(str(error)) < 2000
        assert time.process_time() - start < 2.0
        (tmp_path / name).write_text(content)


def test_a_mark_of_the_encoding_is_no_part_of_an_input(tmp_path):
    path = written(tmp_path)
    plain = load(path, [])
    path.write_text("\ufeff" + path.read_text(), encoding="utf-8")
    assert load(path, []) == plain
