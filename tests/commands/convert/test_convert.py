"""`hpcpot convert`, as a user runs it."""

from __future__ import annotations

import json

import h5py
import pytest
from model_files import DATA

from hpcpot.cli import main
from hpcpot.potential.files import fingerprint, load

TRAINING = DATA / "deepmd_training"
DP = DATA / "dp" / "small_twoside.dp"
AENET = [DATA / "aenet" / "Li.nn", DATA / "aenet" / "Si.nn"]


def test_a_deep_potential(tmp_path, capsys) -> None:
    output = tmp_path / "model.h5"
    assert main(["convert", str(DP), "-o", str(output), "--note", "a test"]) == 0
    model = load(output)
    assert fingerprint(model) == fingerprint(load(DP))
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "family       deep_potential",
        "elements     Li Si",
        "cutoff       6 Å, smooth from 0.5 Å",
        "slots        60 40",
        "embedding    1-4-8-16, two-sided (by centre and neighbour), axis 4",
        "fitting      64-12-12-12-1",
        "parameters   3,026 in 6 networks",
        "trained on   not said by the file: bonds below 0.6 times the sum of covalent radii count as outside",
        f"fingerprint  sha256:{fingerprint(model)}",
        f"written      {output}",
    ]
    with h5py.File(output) as file:
        provenance = dict(file["provenance"].attrs)
    assert provenance["source"] == "small_twoside.dp" and provenance["note"] == "a test"
    assert str(DATA) not in str(provenance)


def test_one_sided_embeddings_count_once(tmp_path, capsys) -> None:
    main(["convert", str(DATA / "dp" / "small_oneside.dp"), "-o", str(tmp_path / "model.h5")])
    printed = capsys.readouterr().out
    assert "one-sided (by neighbour), axis 4" in printed and "in 4 networks" in printed


def test_aenet_networks(tmp_path, capsys) -> None:
    output = tmp_path / "model.h5"
    assert main(["convert", *map(str, AENET), "-o", str(output)]) == 0
    printed = capsys.readouterr().out
    assert "radial 6 Å, angular 3 Å" in printed and "radial 16, angular 4" in printed and "domain cos" in printed
    assert "44-10-10-1, 44-10-10-1" in printed and "1,142 in 2 networks" in printed
    assert main(["convert", *map(str, AENET), "-o", str(output), "--angular-domain", "legacy", "--overwrite"]) == 0
    assert load(output).angular_domain == "legacy"


def test_a_moment_tensor_potential_and_back(tmp_path, capsys) -> None:
    model, back = tmp_path / "model.h5", tmp_path / "back.mtp"
    assert main(["convert", str(DATA / "mtp" / "lisi16.mtp"), "-o", str(model)]) == 1
    assert "2 types without names of elements" in capsys.readouterr().err
    assert main(["convert", str(DATA / "mtp" / "lisi16.mtp"), "--elements", "Li,Si", "-o", str(model)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[2:6] == [
        "distances    2 to 5 Å",
        "radial       4 functions of 6 polynomials",
        "basis        92 functions of 350 moments",
        "parameters   190",
    ]
    assert main(["convert", str(model), "-o", str(back)]) == 0
    assert fingerprint(load(back)) == fingerprint(load(model))


def test_an_hpcpot_model_is_copied(tmp_path) -> None:
    assert main(["convert", "lisi", "-o", str(tmp_path / "model.h5")]) == 0
    assert fingerprint(load(tmp_path / "model.h5")) == fingerprint(load("lisi"))


def test_a_name_of_another_format_is_refused(tmp_path, capsys) -> None:
    """A file model.pb would not be one of TensorFlow."""
    for name in ("model.pb", "model.pth", "model.txt", "model"):
        assert main(["convert", str(DP), "-o", str(tmp_path / name)]) == 1
        assert "must be one of .h5, .hdf5, .dp, .mtp; rename the output" in capsys.readouterr().err
        assert not (tmp_path / name).exists()


def test_a_mark_of_utf_8_before_a_text_model(tmp_path) -> None:
    source, path = DATA / "mtp" / "lisi16.mtp", tmp_path / "a.mtp"
    path.write_bytes(b"\xef\xbb\xbf" + source.read_bytes().replace(b"\n", b"\r\n"))
    assert fingerprint(load(path, elements=["Li", "Si"])) == fingerprint(load(source, elements=["Li", "Si"]))


def test_errors_are_one_line_and_exit_code_1(tmp_path, capsys) -> None:
    output = tmp_path / "model.h5"
    assert main(["convert", str(tmp_path / "absent.dp"), "-o", str(output)]) == 1
    assert capsys.readouterr().err.startswith(f"ModelError: {tmp_path}/absent.dp = no such file")
    assert not output.exists()
    output.write_text("mine")
    assert main(["convert", str(DP), "-o", str(output)]) == 1
    assert capsys.readouterr().err == (
        f"OutputError: {output} = exists: hpcpot does not overwrite by itself; use --overwrite, or choose another path.\n"
    )
    assert output.read_text() == "mine"
    with pytest.raises(SystemExit, match="2"):
        main(["convert", str(DP)])


def nameless(tmp_path, names=("Type_0", "Type_1")):
    """A copy of a native model with a type_map of its own."""
    path = tmp_path / "nameless.dp"
    path.write_bytes((DATA / "dp" / "small_oneside.dp").read_bytes())
    with h5py.File(path, "r+") as file:
        tree = json.loads(file.attrs["json"])
        tree["model"]["type_map"] = list(names)
        file.attrs["json"] = json.dumps(tree)
    return path


def test_types_without_names_are_named(tmp_path, capsys) -> None:
    output = tmp_path / "model.h5"
    assert main(["convert", str(nameless(tmp_path)), "-o", str(output)]) == 1
    assert "2 types without names of elements (Type_0, Type_1)" in capsys.readouterr().err
    assert main(["convert", str(nameless(tmp_path)), "--elements", "Li,Si", "-o", str(output)]) == 0
    assert fingerprint(load(output)) == fingerprint(load(DATA / "dp" / "small_oneside.dp"))
    assert main(["convert", str(nameless(tmp_path, ("Li", "Type_1"))), "--elements", "Li,Si", "-o", str(output)]) == 1
    assert (
        main(["convert", str(nameless(tmp_path, ("Li", "b"))), "--elements", "Li,Si", "-o", str(tmp_path / "b.h5")])
        == 0
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lisi", "--elements", "Si,Li"], "types Li, Si by its own names: --elements Si,Li contradicts them"),
        ([str(DP), "--elements", "Si,Li"], "types Li, Si by its own names: --elements Si,Li contradicts them"),
        ([*map(str, AENET), "--elements", "Ge,Si"], "by its own names: --elements Ge,Si contradicts them"),
        (["lisi_mtp", "--elements", "Si,Li"], "by its own names: --elements Si,Li contradicts them"),
        (
            [str(DATA / "mtp" / "lisi16.mtp"), "--elements", "Li"],
            "--elements = Li: must be 2 different chemical symbols",
        ),
        ([str(DATA / "mtp" / "lisi16.mtp"), "--elements", "Li,X"], "--elements = Li, X: must be 2 different"),
        (["lisi", "--angular-domain", "cos"], "angular_domain = cos: has no effect on an hpcpot model"),
        ([str(DP), "--angular-domain", "auto"], "angular_domain = auto: has no effect on a DeePMD-kit model"),
        (["lisi", "--format", "xsf"], "--format = xsf: has no effect on a model"),
        (["lisi", "--group", "a"], "--group = a: has no effect on a model"),
        (["lisi", "--energy-key", "E"], "--energy-key = E: has no effect on a model"),
        (["lisi", "--forces-key", "F"], "--forces-key = F: has no effect on a model"),
        (["lisi", "--virial-key", "V"], "--virial-key = V: has no effect on a model"),
        (["lisi", "--energy-unit", "Ry"], "--energy-unit = Ry: has no effect on a model"),
        (["lisi", "--force-unit", "Ry/Bohr"], "--force-unit = Ry/Bohr: has no effect on a model"),
        (["lisi", "--unconverged", "keep"], "--unconverged = keep: has no effect on a model"),
        (["lisi", "--unlabelled"], "--unlabelled: has no effect on a model"),
        (["lisi", "--skip-bad"], "--skip-bad: has no effect on a model"),
        (["lisi", "--trained-temperatures", "300"], "--trained-temperatures = 300: has no effect on a model without"),
        (["lisi", "--virial-is", "stress_GPa"], "--virial-is = stress_GPa: needs the key"),
        (["lisi", "--shortest-distance-A", "2"], "--shortest-distance-A = 2.0: has no effect on"),
        ([str(TRAINING), "--angular-domain", "cos"], "--angular-domain = cos: has no effect on data"),
        ([str(TRAINING), "--shortest-distance-A", "2"], "--shortest-distance-A = 2.0: has no effect on data"),
    ],
)
def test_options_without_effect_are_refused(tmp_path, capsys, arguments, message) -> None:
    assert main(["convert", *arguments, "-o", str(tmp_path / "out.h5")]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_note_that_is_not_kept_is_refused(tmp_path, capsys) -> None:
    for source, output in (("lisi", "a.dp"), (str(TRAINING), "a.extxyz")):
        assert main(["convert", source, "-o", str(tmp_path / output), "--note", "mine"]) == 1
        assert "--note = mine: is kept in .h5 files only" in capsys.readouterr().err
