"""What every data format must do, also those of other packages: come back as it says, and refuse what is damaged."""

import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import labelled
import numpy as np
import pytest
from vasp_files import OUTCAR, VASPRUN

from hpcpot.cli import main
from hpcpot.dataset import dataset
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.files import load, losses, save
from hpcpot.dataset.formats import FORMATS, Format, register
from hpcpot.dataset.formats.reading import ReadOptions
from hpcpot.errors import DataError, ExtensionError, OutputError
from hpcpot.notices import InputNotice

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
OUTSIDE = Path(__file__).with_name("outside")
sys.path.append(str(OUTSIDE))
import json_frames  # noqa: E402, F401 -- adds a row

READ = [row for row in FORMATS.values() if row.reads]
WRITTEN = [row for row in FORMATS.values() if row.writes]
SHAPE = re.compile(r"\S.* = .+: .+; .+\.", re.DOTALL)
"""where = value found: what is required; what to do."""


def rows(found: list[Format]):
    return pytest.mark.parametrize("row", found, ids=[row.name for row in found])


@pytest.fixture(scope="module")
def data() -> DataSet:
    """Frames of several groups, sizes and compositions, periodic or not, with labels of all digits."""
    bare, rng = labelled.structures(6), np.random.default_rng(5)
    return replace(
        bare,
        energies=rng.normal(size=len(bare)),
        forces=rng.normal(size=bare.positions.shape),
        virials=rng.normal(size=(len(bare), 3, 3)),
    )


def output(row: Format, folder: Path) -> Path:
    return folder / f"data{row.suffixes[0] if row.suffixes else ''}"


def sample(row: Format, folder: Path, data: DataSet) -> Path:
    """A file or folder of a format: what it writes, or what is kept for one that is only read."""
    if row.writes:
        save(data, output(row, folder), {}, row.name)
        return output(row, folder)
    if row.name == "deepmd-hdf5":
        labelled.in_hdf5(data, folder / "systems.hdf5")
        return folder / "systems.hdf5"
    (folder / "OUTCAR").write_text(OUTCAR)
    return folder / "OUTCAR"


def content(path: Path) -> Path:
    """The largest file of it."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return max(files, key=lambda one: one.stat().st_size)


def refused(path: Path) -> str:
    """The message with which reading is refused."""
    with pytest.raises(DataError) as refusal:
        load([path])
    assert SHAPE.fullmatch(str(refusal.value)), refusal.value
    return str(refusal.value)


def kept(row: Format, data: DataSet) -> DataSet:
    """What must come back, by what the format says that it loses; frames in order of their energies."""
    if "the order of atoms" in row.loses:
        order = np.lexsort((data.species, data.frame_of))
        data = replace(data, **{name: getattr(data, name)[order] for name in ("species", "positions", "forces")})
        data = replace(data, raw=data.raw and replace(data.raw, forces=data.raw.forces[order]))
    if "an antisymmetric part of the virial" in row.loses:
        data = replace(data, virials=0.5 * (data.virials + data.virials.transpose(0, 2, 1)))
    if "virials" in row.loses:
        data = replace(data, virials=np.full_like(data.virials, np.nan))
    if "raw labels" in row.loses:
        data = replace(data, raw=None)
    return data.select(np.argsort(data.energies)) if "the order of frames" in row.loses else data


def assert_kept(row: Format, path: Path, data: DataSet) -> None:
    """A file holds a data set bit by bit but for what the format says."""
    back = load([path])
    if row.name == "xsf":  # its tree is read group by group
        data, back = (one.select(np.argsort(one.energies)) for one in (data, back))
    expected = kept(row, data)
    back = back.select(np.argsort(back.energies)) if "the order of frames" in row.loses else back
    labelled.assert_same(back, expected, ("sources", "cells") if "sources" in row.loses else ("cells",))
    matters = expected.periodic.any(axis=1)  # nothing depends on the cell of the others
    np.testing.assert_array_equal(back.cells[matters], expected.cells[matters])
    assert (back.raw is None) == (expected.raw is None)
    if expected.raw is not None:
        labelled.assert_same_raw(back, expected)


@rows(list(FORMATS.values()))
def test_a_row_keeps_its_promise(row) -> None:
    assert hasattr(row.code, "write") >= row.writes and hasattr(row.code, "read") >= row.reads
    assert bool(row.words) == row.reads and (row.reads or row.writes)
    assert not row.suffixes or row.writes


@rows(WRITTEN)
def test_there_and_back_bit_by_bit(row, data, tmp_path) -> None:
    path, data = output(row, tmp_path), labelled.with_raw(data)
    assert save(data, path, {"command": "made"}, row.name) == row.name
    assert list(tmp_path.iterdir()) == [path]
    assert_kept(row, path, data)
    for loss in row.loses:  # each is one: a row that did not say so would be found out
        with pytest.raises(AssertionError):
            assert_kept(replace(row, loses=tuple(words for words in row.loses if words != loss)), path, data)


@rows(WRITTEN)
@pytest.mark.parametrize("missing", [("forces",), ("virials",), ("forces", "virials")], ids="-".join)
def test_missing_labels_stay_missing(row, data, tmp_path, missing) -> None:
    part = data.select([0, 1, 2])
    part = replace(part, **{name: np.full_like(getattr(part, name), np.nan) for name in missing})
    save(part, output(row, tmp_path), {}, row.name)
    assert_kept(row, output(row, tmp_path), part)


@rows(WRITTEN)
def test_structures_without_labels(row, tmp_path) -> None:
    save(labelled.structures(3), output(row, tmp_path), {}, row.name)
    back = load([output(row, tmp_path)], ReadOptions(unlabelled=True))
    assert len(back) == 3
    assert all(np.isnan(values).all() for values in (back.energies, back.forces, back.virials))


@rows(WRITTEN)
@pytest.mark.parametrize("periodic", [[True, True, False], [True, False, True]], ids=["ab", "ac"])
def test_a_slab_comes_back_or_is_refused(row, data, tmp_path, periodic) -> None:
    slab, path = replace(data.select([0]), periodic=np.array([periodic])), output(row, tmp_path)
    try:
        save(slab, path, {}, row.name)
    except DataError as refusal:
        assert str(refusal).startswith(f"periodic of frame 0 (made:0) = {periodic}: ") and SHAPE.fullmatch(str(refusal))
        assert not list(tmp_path.iterdir())
    else:
        assert load([path]).periodic.tolist() == [periodic]


@rows(WRITTEN)
def test_an_output_that_exists_is_kept(row, data, tmp_path) -> None:
    path = output(row, tmp_path)
    path.write_text("mine")
    with pytest.raises(OutputError, match="= exists: hpcpot does not overwrite by itself; use --overwrite"):
        save(data, path, {}, row.name)
    assert path.read_text() == "mine"
    path.unlink()
    path.mkdir()
    with pytest.raises(OutputError, match="= exists: .*; remove the folder, or choose another path"):
        save(data, path, {}, row.name, overwrite=True)


@rows(WRITTEN)
def test_a_write_that_fails_leaves_nothing(row, data, tmp_path, monkeypatch) -> None:
    def full(dataset, path, facts) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(row.code, "write", full)
    with pytest.raises(OutputError, match=r"data.* = cannot be written \(No space left on device\): the disk is full"):
        save(data, output(row, tmp_path), {}, row.name)
    assert not list(tmp_path.iterdir())


@rows(READ)
def test_it_is_found_in_a_tree(row, data, tmp_path) -> None:
    (tmp_path / "sub").mkdir()
    path = sample(row, tmp_path / "sub", data)
    (tmp_path / "sub" / "README.txt").write_text("no data")
    assert len(load([tmp_path])) == len(load([path]))


@rows(READ)
def test_absent_files(row, data, tmp_path) -> None:
    path = sample(row, tmp_path, data)
    text = refused(path.with_name(f"absent_{path.name}"))
    assert "= no such file, here or shipped: " in text
    assert not row.words or row.words in text


@rows(READ)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
def test_files_that_are_cut_off(row, data, tmp_path, share) -> None:
    path = sample(row, tmp_path, data.select([0, 1, 2]))
    file = content(path)
    os.truncate(file, int(share * file.stat().st_size))
    if row.name == "vasp" and share == 0.95:  # behind the step: runs are killed, and their whole steps count
        with pytest.warns(
            InputNotice, match="OUTCAR = stops before the end of the run, right behind a whole ionic step"
        ):
            assert len(load([path])) == 1
    else:
        assert path.name in refused(path)


@rows(READ)
def test_damaged_bytes_never_end_in_another_error(row, data, tmp_path) -> None:
    path, rng = sample(row, tmp_path, data.select([0, 1])), np.random.default_rng(1)
    file = content(path)
    whole = file.read_bytes()
    for _ in range(25):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            damaged[place] = rng.integers(0, 256)
        file.write_bytes(damaged)
        try:
            load([path])
        except DataError as refusal:
            assert SHAPE.fullmatch(str(refusal)), refusal


@rows(READ)
def test_unknown_elements(row, data, tmp_path) -> None:
    path = sample(row, tmp_path, data.select([0, 1]))
    for file in [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]:
        file.write_bytes(file.read_bytes().replace(b"Si", b"Qq"))
    refused(path)


MARK = 12345.0
"""A value of its own, in whose place files get others."""


def in_place_of_mark(path: Path, value: float) -> None:
    """Put a value where MARK is, in texts and in arrays of NumPy."""
    for file in [path] if path.is_file() else [part for part in path.rglob("*") if part.is_file()]:
        if file.suffix == ".npy":
            array = np.load(file)
            np.save(file, np.where(array == MARK, value, array))
        elif file.suffix not in (".h5", ".hdf5"):
            text = json.dumps(value) if file.suffix == ".jsonl" else str(value)
            file.write_bytes(re.sub(rb"12345(\.0*)?\b", text.encode(), file.read_bytes()))


IMPOSSIBLE = {
    "nan position": ("positions", np.nan),
    "infinite position": ("positions", np.inf),
    "position of 1e308": ("positions", 1e308),
    "position of 1e10": ("positions", -1e10),
    "nan cell": ("cells", np.nan),
    "cell of 1e300": ("cells", 1e300 * np.eye(3)),
    "no cell": ("cells", 0.0),
    "flat cell": ("cells", np.array([[4.0, 0, 0], [0, 4, 0], [4, 4, 0]])),
    "thin cell": ("cells", np.diag([9.0, 9.0, 0.01])),
    "tiny cell": ("cells", 0.5 * np.eye(3)),
    "infinite energy": ("energies", -np.inf),
    "energy of 1e308": ("energies", 1e308),
    "infinite force": ("forces", np.inf),
    "force of 1e300": ("forces", 1e300),
    "infinite virial": ("virials", np.inf),
    "force that lacks in part": ("forces", np.nan),
    "virial that lacks in part": ("virials", np.nan),
}
FRAME = re.compile(r"frame 1\b|:1\b|000001\.xsf|Li\d+Si\d+:0|/?16:0")
"""How the second frame is named: by its number, or by the file or system that it is in."""


@rows(WRITTEN)
@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_values_that_no_data_set_may_have(row, data, tmp_path, monkeypatch, case) -> None:
    field, value = IMPOSSIBLE[case]
    if (field == "virials" and "virials" in row.loses) or (row.name, case) == ("cfg", "no cell"):
        return  # not periodic, as in MLIP: tests/dataset/test_text_formats.py
    bad, path = data.select([0, 1]), output(row, tmp_path)
    marked = row.name != "hdf5" and np.isscalar(value) and value != 0  # writers leave out what is not finite
    monkeypatch.setattr(dataset, "refuse_unsound", lambda made: None)  # a bad file from elsewhere
    place = [int(data.first[1]) if field in ("positions", "forces") else 1, *([2] if "in part" in case else [])]
    getattr(bad, field)[tuple(place)] = MARK if marked else value
    with np.errstate(all="ignore"):
        row.code.write(bad, path, {})
    monkeypatch.undo()
    if marked:
        in_place_of_mark(path, value)
    text = refused(path)
    assert FRAME.search(text), text


COUNTS = {"extxyz": (b"16\n", b"%d\n"), "cfg": (b" 16\n", b" %d\n"), "xsf": (b"16 1\n", b"%d 1\n")}
"""Number of atoms as a format has it."""


@rows([row for row in READ if row.name in COUNTS])
@pytest.mark.parametrize("count", [0, 15, 17, 10**9, 10**18, 10**30, -16])
def test_numbers_of_atoms_that_are_not_there(row, data, tmp_path, count) -> None:
    path, (whole, other) = sample(row, tmp_path, data.select([1])), COUNTS[row.name]
    file = content(path)
    assert whole in file.read_bytes()
    file.write_bytes(file.read_bytes().replace(whole, other % count, 1))
    refused(path)


def test_vasprun_is_read_as_outcar_is(tmp_path) -> None:
    (tmp_path / "OUTCAR").write_text(OUTCAR)
    (tmp_path / "vasprun.xml").write_text(VASPRUN)
    one, other = load([tmp_path / "OUTCAR"]), load([tmp_path / "vasprun.xml"])
    np.testing.assert_array_equal(one.forces, other.forces)
    (tmp_path / "vasprun.xml").write_text(VASPRUN[: len(VASPRUN) // 2])
    refused(tmp_path / "vasprun.xml")


def test_a_name_or_suffix_is_taken_once() -> None:
    with pytest.raises(ExtensionError, match="format = cfg: is in the table already; choose another name"):
        register(Format("cfg", "mine"))
    with pytest.raises(ExtensionError, match=r"format = mine: outputs with \.cfg are of another format"):
        register(Format("mine", "mine", suffixes=(".cfg",)))
    assert "mine" not in FORMATS


def test_a_format_of_another_package_on_the_command_line(data, tmp_path, monkeypatch, capsys) -> None:
    """As users have it: named in HPCPOT_PLUGINS, then by --format, by its suffix, and in a folder."""
    monkeypatch.setenv("HPCPOT_PLUGINS", "json_frames")
    monkeypatch.chdir(tmp_path)
    save(data, Path("data.h5"), {})
    assert main(["convert", "data.h5", "-o", "data.jsonl"]) == 0
    assert main(["convert", "data.h5", "-o", "other.txt", "--format", "json"]) == 0
    printed = capsys.readouterr().out
    assert "json does not keep sources, virials" in printed and "written      data.jsonl, 6 frames as json" in printed
    assert losses(data, "json") == ["sources", "virials"]
    assert Path("data.jsonl").read_text() == Path("other.txt").read_text()
    main(["dataset", "data.jsonl"])
    assert capsys.readouterr().out.startswith("6 frames, ")
