import os
import subprocess
import sys

import pytest

from hpcpot.errors import OutputError
from hpcpot.notices import InputNotice
from hpcpot.outputs import Replacement, check_output, refuse_existing


def test_what_exists_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    refuse_existing(path)
    path.write_text("mine")
    refuse_existing(path, overwrite=True)
    text = "exists: hpcpot does not overwrite by itself; use --overwrite, or choose another path."
    with pytest.raises(OutputError) as refusal:
        refuse_existing(path)
    assert str(refusal.value) == f"{path} = {text}"
    with pytest.raises(OutputError, match="exists: .*; use --restart or --overwrite, or choose another path"):
        refuse_existing(path, can_restart=True)
    with pytest.raises(OutputError, match="a.h5 = exists, and is older: hpcpot does not"):
        refuse_existing(path, detail=", and is older")
    with pytest.raises(OutputError, match="exists: .*; remove the folder, or choose another path"):
        refuse_existing(tmp_path, overwrite=True)


def test_a_path_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    check_output(path)
    with pytest.raises(OutputError, match=r"absent/a.h5 = not writable: its folder must exist and be writable; create"):
        check_output(tmp_path / "absent" / "a.h5")
    path.touch()
    check_output(path, overwrite=True)
    with pytest.raises(OutputError, match="a.h5 = exists"):
        check_output(path)
    monkeypatch.setattr(os, "access", lambda folder, mode: False)
    with pytest.raises(OutputError, match="a.h5 = not writable"):
        check_output(path, overwrite=True)


def test_the_old_stays_until_the_new_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with Replacement(path) as part:
        part.write_text("new")
        assert part.parent == tmp_path and path.read_text() == "old"
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_error_leaves_the_old_and_nothing_of_the_new(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), Replacement(path) as part:
        part.write_text("half")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_file_is_on_the_disk_before_it_is_renamed(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda _: done.append("fsync"))
    rename = os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: (done.append("rename"), rename(old, new)))
    with Replacement(tmp_path / "a.txt") as part:
        part.write_text("new")
    assert done == ["fsync", "rename", "fsync"]


def test_what_the_system_refuses(tmp_path, monkeypatch):
    with pytest.raises(
        OutputError, match=r"absent/a.txt = cannot be written \(No such file or directory\): the path must"
    ):
        with Replacement(tmp_path / "absent" / "a.txt") as part:
            part.write_text("new")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"a.txt = cannot be written \(No space left on device\): the disk is full"):
        with Replacement(tmp_path / "a.txt") as part:
            part.write_text("new")
    assert not list(tmp_path.iterdir())


def test_a_folder(tmp_path):
    path = tmp_path / "systems"
    with Replacement(path) as part:
        part.mkdir()
        (part / "a").write_text("new")
    assert (path / "a").read_text() == "new" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(OutputError, match="systems = cannot be written"), Replacement(path) as part:
        part.mkdir()
        (part / "b").write_text("newer")
    assert (path / "a").read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_a_given_part_replaces_what_a_killed_run_left_there(tmp_path):
    path, part = tmp_path / "a.txt", tmp_path / "a.txt.part"
    part.write_text("left")
    with Replacement(path, part) as given:
        assert given == part and not part.read_text()
        part.write_text("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_no_link_is_followed(tmp_path):
    path, part, foreign = tmp_path / "a.txt", tmp_path / "a.txt.part", tmp_path / "precious"
    foreign.write_text("mine")
    part.symlink_to(foreign)
    with Replacement(path, part):
        part.write_text("new")
    assert foreign.read_text() == "mine" and path.read_text() == "new"


def test_a_link_made_at_the_last_moment_is_not_followed(tmp_path, monkeypatch):
    path, part, foreign = tmp_path / "a.txt", tmp_path / "a.txt.part", tmp_path / "precious"
    foreign.write_text("mine")
    part.touch()
    clear = Replacement._clear
    monkeypatch.setattr(Replacement, "_clear", lambda self: (clear(self), part.symlink_to(foreign)))
    with pytest.raises(OutputError, match=r"a.txt = cannot be written \(File exists\)"):
        Replacement(path, part)
    assert foreign.read_text() == "mine"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o027, 0o640)])
def test_permissions_are_those_of_the_mask(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        for part in (None, tmp_path / "a.part"):
            with Replacement(tmp_path / f"a{part is None}", part) as given:
                given.write_text("new")
                assert given.stat().st_mode & 0o777 == mode
    finally:
        os.umask(before)


@pytest.mark.parametrize("given", [True, False])
def test_what_replaces_a_private_file_is_private_from_its_first_byte(tmp_path, given):
    path = tmp_path / "a.txt"
    path.touch(mode=0o600)
    with Replacement(path, tmp_path / "a.part" if given else None) as part:
        assert part.stat().st_mode & 0o777 == 0o600
        part.write_text("new")
    assert path.stat().st_mode & 0o777 == 0o600 and path.read_text() == "new"


def test_a_folder_in_the_way_of_a_part(tmp_path):
    part = tmp_path / "a.txt.part"
    part.mkdir()
    with pytest.raises(
        OutputError, match=r"a.txt.part = in the way \(.*\): hpcpot writes a.txt there first; remove it"
    ):
        Replacement(tmp_path / "a.txt", part)
    assert part.is_dir()


def test_processes_do_not_disturb_one_another(tmp_path):
    path = tmp_path / "a.txt"
    code = (
        "import sys, pathlib, hpcpot.outputs as o\n"
        "for _ in range(200):\n"
        "    with o.Replacement(pathlib.Path(sys.argv[1])) as part: part.write_text(sys.argv[2] * 10000)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, path, letter]) for letter in "ab"]
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            assert path.read_text() in ("a" * 10000, "b" * 10000)
    assert [writer.returncode for writer in writers] == [0, 0] and list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_named(tmp_path):
    left, foreign = tmp_path / ".a.csv.0123456789ab.part", tmp_path / ".b.csv.0123456789ab.part"
    left.write_text("half")
    foreign.write_text("half")
    with pytest.warns(
        InputNotice, match=r"\.a\.csv\.0123456789ab\.part = left by a writer that was killed; remove"
    ) as told:
        with Replacement(tmp_path / "a.csv") as part:
            part.write_text("whole")
    assert len(told) == 1 and left.exists() and (tmp_path / "a.csv").read_text() == "whole"
