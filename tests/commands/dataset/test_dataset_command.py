"""`hpcpot dataset` and the data half of `hpcpot convert`, as a user runs them."""

import csv
import json
from dataclasses import replace

import h5py
import labelled
import numpy as np
import pytest
import systems

from hpcpot.cli import main
from hpcpot.dataset import hdf5
from hpcpot.dataset.dataset import join
from hpcpot.dataset.files import load, save
from hpcpot.labelling.correction import Correction
from hpcpot.potential import files as potentials


@pytest.fixture
def file(tmp_path):
    """Twenty sound frames, and one that is there twice."""
    data = labelled.dataset(20)
    save(join([data, data.select([3])]), tmp_path / "data.h5", {})
    return str(tmp_path / "data.h5")


WIDE = ["--force-bound-eV-A", "1000", "--stress-bound-GPa", "1e6"]


def test_statistics_and_doubts(file, capsys) -> None:
    assert main(["dataset", file, *WIDE]) == 0
    printed = capsys.readouterr().out
    assert "21 frames" in printed and "cold" in printed and "hot" in printed
    assert "doubt: duplicates: the same structure and labels as an earlier frame: made:3" in printed


def test_an_error_is_the_exit_code(file, tmp_path, capsys) -> None:
    data = load([file])
    hdf5.write(replace(data, energies=np.where(np.arange(21) == 20, 0.0, data.energies)), tmp_path / "bad.h5", {})
    command = ["dataset", str(tmp_path / "bad.h5"), *WIDE]
    assert main(command) == 1
    assert "ERROR: contradictory duplicates" in capsys.readouterr().out
    assert main([*command, "--drop", "contradictory duplicates", "-o", str(tmp_path / "good.h5")]) == 0
    assert len(load([tmp_path / "good.h5"])) == 20


def test_drop_split_csv_and_figure(file, tmp_path, capsys) -> None:
    outputs = ["--csv", str(tmp_path / "t.csv"), "--figure", str(tmp_path / "t.png"), "-o", str(tmp_path / "part.h5")]
    assert main(["dataset", file, *WIDE, "--drop", "all", "--split", "0.8,0.2", "--seed", "7", *outputs]) == 0
    train, test = (load([tmp_path / f"part_{name}.h5"]) for name in ("train", "test"))
    assert (len(train), len(test)) == (16, 4) and set(test.groups) == {"hot", "cold"}
    assert not set(train.sources) & set(test.sources)
    assert (tmp_path / "t.csv").read_text().startswith("group,frames,atoms_least")
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
    assert "left out: 1 frame" in capsys.readouterr().out
    assert main(["dataset", file, *WIDE, "--split", "0.8,0.1,0.1", "-o", str(tmp_path / "three")]) == 0
    assert {one.name for one in tmp_path.iterdir()} >= {"three_train", "three_validation", "three_test"}


def test_parts_that_exist_are_refused_before_the_work(file, tmp_path, capsys) -> None:
    (tmp_path / "p_test.h5").write_text("mine")
    assert main(["dataset", file, *WIDE, "--split", "0.8,0.2", "-o", str(tmp_path / "p.h5")]) == 1
    printed = capsys.readouterr()
    assert "p_test.h5 = exists" in printed.err and printed.out == "" and not (tmp_path / "p_train.h5").exists()


def test_something_must_be_left(tmp_path, capsys) -> None:
    save(labelled.structures(2), tmp_path / "bare.h5", {})
    command = ["dataset", str(tmp_path / "bare.h5"), "--drop", "missing labels", "-o", str(tmp_path / "x.h5")]
    assert main(command) == 1
    assert "--drop = missing labels: at least one frame must be left" in capsys.readouterr().err


def test_labels_against_their_potential(file, tmp_path, capsys) -> None:
    potentials.save(labelled.MODEL, tmp_path / "model.h5", {})
    assert main(["dataset", file, *WIDE, "--source", str(tmp_path / "model.h5")]) == 0
    assert "virials against its energies under strain: 1 times" in capsys.readouterr().out
    data = load([file])
    hdf5.write(replace(data, virials=-data.virials), tmp_path / "wrong.h5", {})
    assert main(["dataset", str(tmp_path / "wrong.h5"), *WIDE, "--source", str(tmp_path / "model.h5")]) == 1
    assert "ERROR: scale of virials: virials are -1 times what they must be" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--drop", "dupes", "-o", "x.h5"], "--drop = dupes: must be all or of missing labels"),
        (["--split", "0.9,a", "-o", "x.h5"], "--split = 0.9,a: must be numbers"),
        (["--split", "1", "-o", "x.h5"], "--split = 1: must be two or three fractions"),
        (["-o", "x.h5"], "--output = x.h5: goes with --minus, --align, --correct, --split or --drop; "),
        (["--split", "0.9,0.1"], "--output = none: must be named with --split or --drop; add -o"),
        (["--constants", "hot"], "--constants = hot: needs labels to compare with; add --minus or --align"),
        (["--align", "other.h5"], "--align = other.h5: needs groups to fit constants to; add --constants"),
        (["--minus", "absent.h5"], "absent.h5"),
        (["--virial-is", "stress_GPa"], "--virial-is = stress_GPa: needs the key"),
    ],
)
def test_options_that_do_not_fit(file, capsys, options, words) -> None:
    assert main(["dataset", file, *options]) == 1
    assert words in capsys.readouterr().err


def test_convert_data(file, tmp_path, capsys) -> None:
    cfg, back = tmp_path / "data.cfg", tmp_path / "back.h5"
    assert main(["convert", file, "-o", str(cfg)]) == 0
    assert "cfg does not keep sources" in capsys.readouterr().out
    assert main(["convert", str(cfg), "-o", str(back), "--note", "there and back"]) == 0
    labelled.assert_same(load([back]), load([file]), ("sources", "cells", "virials"))
    np.testing.assert_allclose(load([back]).virials, load([file]).virials, atol=1e-9)
    with h5py.File(back) as written:
        assert written["provenance"].attrs["note"] == "there and back"
        assert (
            written["provenance"].attrs["source"] == "data.cfg"
            and len(written["provenance"].attrs["source_sha256"]) == 64
        )
    assert main(["convert", file, "-o", str(tmp_path / "xsf"), "--format", "xsf"]) == 0
    assert len(list((tmp_path / "xsf").rglob("*.xsf"))) == 21
    assert main(["convert", file, "-o", str(cfg)]) == 1
    assert "= exists" in capsys.readouterr().err


def test_convert_asks_for_elements(tmp_path, capsys) -> None:
    text = "BEGIN_CFG\n Size\n 1\n AtomData: id type cartes_x cartes_y cartes_z\n 1 0 0 0 0\n Energy\n -1\nEND_CFG\n"
    (tmp_path / "a.cfg").write_text(text)
    command = ["convert", str(tmp_path / "a.cfg"), "-o", str(tmp_path / "a.h5")]
    assert main(command) == 1
    assert "name them in their order, --elements Li,Si" in capsys.readouterr().err
    assert main([*command, "--elements", "Si", "--group", "atoms"]) == 0
    data = load([tmp_path / "a.h5"])
    assert data.elements == ("Si",) and data.groups.tolist() == ["atoms"] and not data.periodic.any()


def test_commas_in_names_stay_in_their_cells(tmp_path) -> None:
    data = labelled.dataset(4)
    data = replace(data, groups=np.array(['Si, "hot"', "cold"] * 2))
    save(data, tmp_path / "data.h5", {})
    main(["dataset", str(tmp_path / "data.h5"), "--csv", str(tmp_path / "data.csv")])
    with (tmp_path / "data.csv").open(newline="") as file:
        assert [row["group"] for row in csv.DictReader(file)] == ['Si, "hot"', "cold", "all"]


def test_the_shipped_data_by_name(tmp_path) -> None:
    assert main(["convert", "lisi_training", "-o", str(tmp_path / "x.extxyz")]) == 0
    assert len(load([tmp_path / "x.extxyz"])) == len(load(["lisi_training"])) == 957


def compared(tmp_path):
    """Files of a teacher, and of a program that adds 0.1 eV to each Li, -0.2 to Si, and a model's energy in hot frames."""
    teacher = labelled.dataset(8)
    shift = teacher.counts @ [0.1, -0.2] + np.where(teacher.groups == "hot", 0.05 * teacher.sizes, 0.0)
    save(teacher, tmp_path / "teacher.h5", {})
    save(replace(teacher, energies=teacher.energies + shift, forces=teacher.forces + 0.1), tmp_path / "dft.h5", {})
    return teacher


def test_labels_less_those_of_a_teacher(tmp_path, capsys) -> None:
    teacher = compared(tmp_path)
    options = ["--minus", str(tmp_path / "teacher.h5"), "--constants", "cold", "-o", str(tmp_path / "less.h5")]
    assert main(["dataset", str(tmp_path / "dft.h5"), *options]) == 0
    printed = capsys.readouterr().out
    assert "constants by 4 frames of cold: Li +0.100000, Si -0.200000 eV; they leave 0.00 meV/atom" in printed
    less = load([tmp_path / "less.h5"])
    np.testing.assert_allclose(less.energies, np.where(teacher.groups == "hot", 0.05 * teacher.sizes, 0.0), atol=1e-9)
    np.testing.assert_allclose(less.forces, 0.1)
    np.testing.assert_allclose(less.virials, 0.0, atol=1e-12)
    facts = hdf5.provenance(tmp_path / "less.h5")
    assert facts["minus"] == f"teacher.h5, hash {hdf5.fingerprint(teacher)}"
    assert facts["constants_of"] == "4 frames of cold"
    np.testing.assert_allclose(list(json.loads(facts["constants_eV"]).values()), [0.1, -0.2])


def test_labels_aligned_with_those_of_a_teacher(tmp_path, capsys) -> None:
    """All frames stay, those too that the teacher has not labelled; only energies change."""
    teacher = compared(tmp_path)
    save(teacher.select(np.arange(6)), tmp_path / "teacher.h5", {}, overwrite=True)
    options = ["--align", str(tmp_path / "teacher.h5"), "--constants", "co*", "-o", str(tmp_path / "aligned.h5")]
    assert main(["dataset", str(tmp_path / "dft.h5"), *WIDE, *options]) == 0
    assert "note: 2 of 8 frames = not in" in capsys.readouterr().err
    aligned, dft = load([tmp_path / "aligned.h5"]), load([tmp_path / "dft.h5"])
    hot = np.where(teacher.groups == "hot", 0.05 * teacher.sizes, 0.0)
    np.testing.assert_allclose(aligned.energies, teacher.energies + hot, atol=1e-9)
    labelled.assert_same(aligned, dft, but=("energies",))


def test_labels_with_a_correction(file, tmp_path, capsys) -> None:
    """As `hpcpot label` makes them; what was corrected is refused, and so is a correction that lacks an element."""
    potentials.save(systems.moment_tensor(level=6), tmp_path / "small.h5", {})
    options = ["--correct", str(tmp_path / "small.h5"), "-o", str(tmp_path / "sum.h5")]
    main(["dataset", file, *WIDE, *options])
    raw, corrected, correction = load([file]), load([tmp_path / "sum.h5"]), Correction.read(tmp_path / "small.h5")
    labelled.assert_same(corrected, correction.added(raw))
    labelled.assert_same_raw(corrected, correction.added(raw))
    assert hdf5.provenance(tmp_path / "sum.h5")["correction"] == correction.identity
    assert main(["dataset", str(tmp_path / "sum.h5"), *WIDE, "--correct", str(tmp_path / "small.h5")]) == 1
    assert "--correct = " in (error := capsys.readouterr().err) and "the labels were corrected before" in error
    potentials.save(systems.moment_tensor(level=6, elements=("Si",)), tmp_path / "si.h5", {})
    assert main(["dataset", file, *WIDE, "--correct", str(tmp_path / "si.h5")]) == 1
    assert "si.h5: knows Si, and the data has Li: must know all elements" in capsys.readouterr().err


def test_signs_and_units_are_judged_by_whole_labels(tmp_path, capsys) -> None:
    """Differences are too small for it: here their forces have the wrong sign, as they may where a teacher errs."""
    data = labelled.series(12)
    save(data, tmp_path / "dft.h5", {})
    less = replace(data, energies=0.99 * data.energies, forces=1.01 * data.forces, virials=0.99 * data.virials)
    save(less, tmp_path / "teacher.h5", {})
    assert main(["dataset", str(tmp_path / "dft.h5"), *WIDE, "--minus", str(tmp_path / "teacher.h5")]) == 0
    printed = capsys.readouterr().out
    assert "forces against the energies" in printed and "ERROR" not in printed
    hdf5.write(replace(data, forces=-data.forces), tmp_path / "wrong.h5", {})
    assert main(["dataset", str(tmp_path / "wrong.h5"), *WIDE, "--minus", str(tmp_path / "teacher.h5")]) == 1
    assert "ERROR: scale of forces: forces are -0.99" in capsys.readouterr().out
