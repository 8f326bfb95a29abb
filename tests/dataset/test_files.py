"""Every format there and back, whole trees, and what cannot be read or written."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import labelled
import numpy as np
import pytest

from hpcpot.dataset.dataset import DataSet, join
from hpcpot.dataset.files import LOSSES, load, losses, save
from hpcpot.dataset.formats import FORMATS, recognise
from hpcpot.dataset.formats.reading import LabelNames, ReadOptions
from hpcpot.errors import DataError, OutputError
from hpcpot.notices import InputNotice


@pytest.fixture(scope="module")
def data() -> DataSet:
    """Sorted as a tree is read: by group, then by formula; atoms by element; symmetric virials."""
    found = labelled.dataset(6)
    found = replace(found, virials=0.5 * (found.virials + found.virials.transpose(0, 2, 1)))
    order = np.lexsort((found.species, found.frame_of))
    return replace(found, species=found.species[order], positions=found.positions[order], forces=found.forces[order])


def canonical(data: DataSet) -> DataSet:
    """Frames in an order that does not depend on the file."""
    return data.select(np.argsort(data.energies))


def test_the_suffix_says_the_format(data, tmp_path) -> None:
    for name, kind in {"a.h5": "hdf5", "a.extxyz": "extxyz", "a.cfg": "cfg", "a": "deepmd"}.items():
        assert save(data, tmp_path / name, {}) == kind
        row = recognise(tmp_path / name)
        assert row.name == kind if row else kind == "deepmd"  # a tree of systems
    with pytest.raises(OutputError, match=r"a\.foo = suffix '\.foo': must be \.h5"):
        save(data, tmp_path / "a.foo", {})


def test_raw_labels_are_said_to_be_lost(data) -> None:
    raw = labelled.with_raw(data)
    assert "raw labels" not in losses(data, "extxyz")
    own = [
        kind for kind, row in FORMATS.items() if (row.module.startswith("hpcpot.") and row.suffixes) or not row.reads
    ]
    assert [kind for kind in own if "raw labels" in losses(raw, kind)] == ["extxyz", "cfg", "deepmd", "deepmd-mixed"]


def test_trees_and_several_files(data, tmp_path) -> None:
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    save(data.select([0, 2]), tmp_path / "tree" / "x.extxyz", {})
    save(data.select([1]), tmp_path / "tree" / "sub" / "y.cfg", {})
    save(data.select([3, 4]), tmp_path / "tree" / "sub" / "dp", {})
    save(data.select([5]), tmp_path / "z.h5", {})
    (tmp_path / "tree" / "README.txt").write_text("no data")
    found = load([tmp_path / "tree", tmp_path / "z.h5"])
    labelled.assert_same(canonical(found), canonical(data), ("sources", "cells", "groups"))
    assert sorted(np.unique(found.groups)) == ["cold", "hot", "sub/dp/cold", "sub/dp/hot"]
    assert "x.extxyz:1" in found.sources and "sub/y.cfg:0" in found.sources


def test_groups_of_a_dp_gen_archive(data, tmp_path) -> None:
    whole = data.select([0])
    for place in (
        "aLiSi_configs/iter.000003/02.fp/data.017",
        "Si_configs/iter.000000/02.fp/data.000",
        "init_configs/Si8",
    ):
        save(replace(whole, groups=np.array(["g"])), tmp_path / "out", {})
        (system,) = (one.parent for one in (tmp_path / "out").rglob("type.raw"))
        (tmp_path / "data" / place).parent.mkdir(parents=True)
        system.rename(tmp_path / "data" / place)
        (tmp_path / "out" / "g").rmdir()
        (tmp_path / "out").rmdir()
    found = load([tmp_path / "data"])
    assert sorted(found.groups.tolist()) == ["Si_configs", "aLiSi_configs", "init_configs"]
    assert "data/aLiSi_configs/iter.000003/02.fp/data.017:0" in found.sources
    assert load([tmp_path / "data"], ReadOptions(group="mine")).groups.tolist() == ["mine"] * 3


def test_a_group_cannot_leave_the_folder(data, tmp_path) -> None:
    away = replace(data.select([0]), groups=np.array(["/../../etc"]))
    for kind in ("deepmd", "xsf"):
        save(away, tmp_path / kind, {}, kind)
        assert load([tmp_path / kind]).groups.tolist() == ["etc"]


def test_what_is_no_data(tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "other.cfg").write_text("[section]\n")
    foreign = "a file that is no labelled data"
    expected = {"absent": "no such file", "a.txt": foreign, "other.cfg": foreign, "empty": "a folder without data"}
    for name, words in expected.items():
        with pytest.raises(DataError, match=f"{name} = {words}"):
            load([tmp_path / name])


def test_a_suffix_that_contradicts_the_format_is_refused(data, tmp_path) -> None:
    with pytest.raises(OutputError, match=r"a\.h5 = suffix of hdf5: --format extxyz contradicts it"):
        save(data, tmp_path / "a.h5", {}, "extxyz")
    assert save(data, tmp_path / "a.v2", {}, "extxyz") == "extxyz"


def test_partly_periodic_frames_are_refused_where_the_format_has_none(data, tmp_path) -> None:
    slab = replace(data.select([0]), periodic=np.array([[True, False, True]]))
    for kind in ("deepmd", "xsf", "cfg"):
        with pytest.raises(DataError, match=r"periodic of frame 0 \(made:0\) = \[True, False, True\]"):
            save(slab, tmp_path / "out", {}, kind)
        assert not list(tmp_path.iterdir())
    first = replace(slab, periodic=np.array([[True, True, False]]))
    save(first, tmp_path / "a.cfg", {})
    assert load([tmp_path / "a.cfg"]).periodic.tolist() == [[True, True, False]]


def test_a_slab_in_extxyz(data, tmp_path) -> None:
    slab = replace(data.select([0]), periodic=np.array([[True, False, True]]))
    save(slab, tmp_path / "a.extxyz", {})
    labelled.assert_same(load([tmp_path / "a.extxyz"]), slab, ("sources",))


def test_many_files_are_one_data_set_in_order(data, tmp_path) -> None:
    save(data, tmp_path / "xsf", {}, "xsf")
    paths = sorted(Path(tmp_path / "xsf").rglob("*.xsf"), key=lambda one: one.name)
    found = load(paths)
    labelled.assert_same(found, join([load([one]) for one in paths]))


def test_what_is_lost_is_said_only_where_it_is_there(data) -> None:
    assert losses(data, "hdf5") == []
    assert losses(data, "cfg") == ["sources"] and losses(data.select([1]), "deepmd") == ["sources"]
    assert losses(data, "xsf") == ["virials", "sources"]
    assert losses(data, "deepmd") == ["sources", "the order of frames"]
    bare = replace(data, virials=np.full_like(data.virials, np.nan))
    assert losses(bare, "xsf") == ["sources"]
    skew = replace(data, virials=data.virials + np.arange(9.0).reshape(3, 3))
    assert losses(skew, "cfg") == ["sources", "an antisymmetric part of the virial"]
    turned = replace(data, species=data.species[::-1].copy())
    assert losses(turned, "deepmd")[-1] == "the order of atoms"
    assert all(words in LOSSES or words == "sources" for row in FORMATS.values() for words in row.loses)


def test_options_without_effect_are_refused(data, tmp_path) -> None:
    save(data, tmp_path / "a.h5", {})
    save(data, tmp_path / "a.extxyz", {})
    useless = {
        "--energy-unit": ReadOptions(energy_unit="eV"),
        "--elements": ReadOptions(elements=("Li", "Si")),
        "--energy-key": ReadOptions(names=LabelNames(energy="energy")),
        "--forces-key": ReadOptions(names=LabelNames(forces="forces")),
    }
    for words, options in useless.items():
        with pytest.raises(DataError, match=f"{words}.* = without effect on a data set of hpcpot"):
            load([tmp_path / "a.h5"], options)
        assert len(load([tmp_path / "a.h5", tmp_path / "a.extxyz"], options)) == 12


def test_a_calculation_to_a_folder_is_of_the_group_of_their_parent(data, tmp_path) -> None:
    for name in ("bulk", "slab"):
        for k in range(3):
            save(replace(data.select([k]), groups=np.array(["g"])), tmp_path / "one", {}, "xsf")
            (file,) = (tmp_path / "one").rglob("*.xsf")
            (tmp_path / "tree" / name / f"{k:04d}").mkdir(parents=True)
            file.rename(tmp_path / "tree" / name / f"{k:04d}" / "structure.xsf")
            shutil.rmtree(tmp_path / "one")
    with pytest.warns(
        InputNotice, match=r"6 files of one frame = in the groups of their parent folders \(bulk, slab\)"
    ):
        found = load([tmp_path / "tree"])
    assert found.groups.tolist() == ["bulk"] * 3 + ["slab"] * 3
    named = load(sorted((tmp_path / "tree" / "slab").glob("*/structure.xsf")))
    assert named.groups.tolist() == ["slab"] * 3
    assert load([tmp_path / "tree"], ReadOptions(group="all")).groups.tolist() == ["all"] * 6


def bare(data: DataSet, rows: list[int], path: Path) -> Path:
    """An extended XYZ of frames without group."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save(data.select(rows), path.with_name("whole.extxyz"), {})
    path.write_text(re.sub(r" group=\S+", "", path.with_name("whole.extxyz").read_text()))
    path.with_name("whole.extxyz").unlink()
    return path


@pytest.mark.parametrize("rows", [[0, 1], [0]])
def test_files_of_one_name_in_several_folders_are_several_groups(data, tmp_path, rows) -> None:
    paths = [bare(data, rows, tmp_path / f"parent{k}" / f"f{k}" / "a.extxyz") for k in range(2)]
    apart = [name for name in ("f0/a", "f1/a") for _ in rows]
    assert load(paths).groups.tolist() == apart
    assert load([tmp_path]).groups.tolist() == apart
    assert load([tmp_path / "parent0", tmp_path / "parent1"]).groups.tolist() == apart
    assert load([paths[0], paths[0]]).groups.tolist() == ["a"] * (2 * len(rows))
    deep = bare(data, rows, tmp_path / "other" / "f0" / "a.extxyz")
    assert load([paths[0], deep]).groups.tolist() == [name for name in ("parent0/f0/a", "other/f0/a") for _ in rows]


def test_files_of_one_name_and_frame_are_of_the_folder_above_theirs(data, tmp_path) -> None:
    for k in range(4):
        bare(data, [k], tmp_path / "runs" / f"task.{k}" / "labels.extxyz")
    with pytest.warns(InputNotice, match=r"4 files of one frame = in the groups of their parent folders \(runs\)"):
        assert load([tmp_path / "runs"]).groups.tolist() == ["runs"] * 4
    bare(data, [4, 5], tmp_path / "runs" / "task.0" / "more.extxyz")
    assert load([tmp_path / "runs"]).groups.tolist()[1:3] == ["more"] * 2


def test_systems_of_one_frame(data, tmp_path) -> None:
    for k in range(3):
        save(replace(data.select([k]), groups=np.array(["g"])), tmp_path / "out", {})
        (file,) = (tmp_path / "out").rglob("type.raw")
        (tmp_path / "tree").mkdir(exist_ok=True)
        file.parent.rename(tmp_path / "tree" / f"calc{k}")
        shutil.rmtree(tmp_path / "out")
    assert load([tmp_path / "tree"]).groups.tolist() == ["tree"] * 3
    assert load(sorted((tmp_path / "tree").glob("calc*"))).groups.tolist() == ["tree"] * 3


def test_groups_that_files_name_stay(data, tmp_path) -> None:
    for k in range(3):
        save(replace(data.select([k]), groups=np.array([f"mine{k}"])), tmp_path / f"{k}.extxyz", {})
    assert load([tmp_path]).groups.tolist() == ["mine0", "mine1", "mine2"]


def test_all_bad_files_are_named_or_left_out(data, tmp_path) -> None:
    save(data.select([0, 1]), tmp_path / "good.extxyz", {})
    for k in range(25):
        (tmp_path / f"bad{k:02d}.extxyz").write_text("8\n\nSi 0 0 0\n")
    with pytest.raises(DataError) as refusal:
        load([tmp_path])
    text = str(refusal.value)
    assert text.startswith("data = 25 of 26 files cannot be read:\n") and text.endswith("leave them out by --skip-bad.")
    assert "bad00.extxyz" in text and "bad19.extxyz" in text and "bad20" not in text and "  and 5 more\n" in text
    with pytest.warns(InputNotice, match="25 of 26 files = left out, as they cannot be read:") as notes:
        assert len(load([tmp_path], ReadOptions(skip_bad=True))) == 2
    assert "bad19.extxyz" in str(notes[0].message)
    (tmp_path / "good.extxyz").unlink()
    with pytest.raises(DataError, match="data = 25 of 25 files cannot be read"):
        load([tmp_path], ReadOptions(skip_bad=True))


def test_elements_without_atoms_are_left_out(data, tmp_path) -> None:
    save(data.with_elements(["H", "Li", "Ge", "Si"]), tmp_path / "a.h5", {})
    assert load([tmp_path / "a.h5"]).elements == ("Li", "Si")


def test_a_link_to_a_file_beside_it_is_read_once(data, tmp_path) -> None:
    save(data, tmp_path / "a.extxyz", {})
    (tmp_path / "b.extxyz").symlink_to("a.extxyz")
    with pytest.warns(InputNotice, match=r"b\.extxyz = named or linked to once more: read once"):
        assert len(load([tmp_path])) == len(data)
    assert len(load([tmp_path / "a.extxyz", tmp_path / "b.extxyz"])) == 2 * len(data)
