"""What the harness says of readers that go wrong, and that it has a target for all that hpcpot reads."""

import os
import re
import signal
import time
from pathlib import Path

import ase
import numpy as np
import pytest
from fuzz import campaign, children, data, models, targets
from fuzz.damage import damaged_copy
from fuzz.judge import impossible_part, judged
from fuzz.targets import Target, written
from numba.core import event

from hpcpot.dataset.formats import FORMATS, Format
from hpcpot.errors import DataError
from hpcpot.potential.registry import FAMILIES, FamilyRow
from hpcpot.wording import plural


def target(read, seconds: float = 5.0) -> Target:
    """A target whose whole files are read well; `read` meets those that are not."""
    text = "1.5 2.5\nabc def\n"

    def guarded():
        return None if Path("a.txt").read_text(errors="replace") == text else read()

    return Target("a-target", lambda: written("a.txt", text), guarded, seconds)


def raises(error):
    def read():
        raise error

    return read


def hang():
    time.sleep(60)


FAULTY = {
    "traceback": raises(KeyError("x")),
    "unclear": raises(DataError("no")),
    "silent": lambda: {"energies": np.array([1.0, np.inf])},
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "hang": hang,
    "memory": lambda: np.zeros(10**13),
}


@pytest.mark.parametrize("kind", FAULTY)
def test_each_kind_of_fault_is_found_and_told_how_to_repeat(kind, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(children, "IDLE", 5)
    assert campaign.run([target(FAULTY[kind], 0.3)], "7", tmp_path, 2, None, 1) == 1
    printed = capfd.readouterr().out
    assert re.search(rf"^  {kind} x2: ", printed, re.MULTILINE), printed
    assert "  replay: make fuzz SEED=7 TARGET=a-target CASE=0\n" in printed


def test_faults_are_told_at_the_end_without_the_targets_that_have_none(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = Target("whole", lambda: written("a.txt", "1"), lambda: None)
    assert campaign.run([target(FAULTY["traceback"]), whole], "7", tmp_path, 4, None, 1) == 1
    end = capfd.readouterr().out.partition("\nseed 7, faults:\n")[2]
    assert "  traceback x2: outside hpcpot KeyError: " in end and "CASE=0" in end and "whole" not in end


def only_first(path: Path, does):
    """A reader that does something when it is called for the first time of all processes."""

    def read():
        if not path.exists():
            path.touch()
            does()

    return read


@pytest.mark.parametrize("does", [hang, lambda: spin(60.0)], ids=["waits", "works"])
def test_a_hang_is_told_with_its_place(does, tmp_path, capfd, monkeypatch):
    class Count:
        """What hangs where hpcpot compares it."""

        def __eq__(self, other: object) -> bool:
            return bool(does())

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(children, "IDLE", 5)
    assert campaign.run([target(lambda: plural(Count(), "rank"), 0.3)], "7", tmp_path, 1, None, 1) == 1
    assert re.search(r"  hang x1: wording.py:\d+: ", capfd.readouterr().out)


@pytest.mark.parametrize("does", [hang, lambda: spin(60.0)], ids=["waits", "works"])
def test_what_took_too_long_once_is_no_fault(does, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(children, "IDLE", 5)
    assert campaign.run([target(only_first(tmp_path / "once", does), 0.3)], "7", tmp_path, 3, None, 1) == 0
    printed = capfd.readouterr().out
    assert "  case 0 took too long beside others, not alone: no fault\n" in printed
    assert re.search(r"^all +3 +3 +0 +0 ", printed, re.MULTILINE)


def spin(seconds: float):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def compile_for(seconds: float):
    with event.trigger_event("numba:compiler_lock"):
        spin(seconds)


def test_compiled_loops_do_not_count(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert campaign.run([target(lambda: compile_for(1.0), 0.3)], "7", tmp_path, 1, None, 1) == 0
    assert re.search(r"^all +1 +1 .* 0\.\d\d s$", capfd.readouterr().out, re.MULTILINE)
    monkeypatch.setattr(children, "COMPILE", 0.3)
    assert campaign.run([target(lambda: compile_for(60.0), 0.3)], "7", tmp_path, 1, None, 1) == 1
    assert "  hang x1: " in capfd.readouterr().out


def test_a_refusal_is_no_fault(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reader = target(raises(DataError("a.txt = damaged: the whole file is required; copy it again.")))
    assert campaign.run([reader], "7", tmp_path, 20, None, 2) == 0
    printed = capfd.readouterr().out
    assert "replay" not in printed and re.search(r"^all +20 +0 +20 ", printed, re.MULTILINE)


def test_one_case_is_repeated_with_all_that_it_says(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert campaign.replay(target(FAULTY["traceback"]), "7", 1, tmp_path) == 1
    assert "KeyError: 'x'" in capsys.readouterr().out


def test_whole_files_must_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="a-target: the whole files are not read"):
        campaign.run([Target("a-target", lambda: written("a.txt", "1"), raises(OSError(5)))], "7", tmp_path, 2, None, 1)


def test_a_case_follows_from_its_seed(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "a.yaml").write_text("steps: 10\ncell: [1, 2, 3]\n" * 5)
    (tmp_path / "whole" / "b.bin").write_bytes(bytes(range(256)))
    contents = []
    for copy in ("first", "again", "other"):
        damaged_copy(tmp_path / "whole", tmp_path / copy, ["a.yaml", "b.bin"], "1/x/5" if copy != "other" else "1/x/6")
        contents.append([path.read_bytes() for path in sorted((tmp_path / copy).iterdir())])
    whole = [path.read_bytes() for path in sorted((tmp_path / "whole").iterdir())]
    assert contents[0] == contents[1] != contents[2] and whole not in contents


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (ase.Atoms("Si", positions=[(0, 0, 1e11)]), "atoms.positions beyond all bounds"),
        (ase.Atoms("Si", positions=[(0, 0, np.nan)]), "atoms.positions not finite"),
        (ase.Atoms("Si", masses=[0.0]), "atoms.masses not positive"),
        ([(1.0, {"energy": float("inf")})], "energy not finite"),
        (ase.Atoms("Si", positions=[(0, 0, 1.0)]), ""),
        ({"text": "nan", "counts": np.arange(3)}, ""),
    ],
)
def test_what_cannot_be_is_named(value, part):
    assert impossible_part(value) == part
    assert judged(lambda: value).kind == ("silent" if part else "right")


def test_names_of_targets_are_unique():
    names = [each.name for each in targets.all_targets()]
    assert len(set(names)) == len(names)


def test_a_new_format_without_a_sample_is_noticed(monkeypatch):
    monkeypatch.setitem(FORMATS, "new", Format("new", "nowhere", "new", patterns=("*.new",), writes=False))
    with pytest.raises(KeyError, match="new"):
        data.targets()


def test_a_new_family_without_a_sample_is_noticed(monkeypatch, tmp_path):
    monkeypatch.setitem(FAMILIES, "new", FamilyRow("new", "new", "nowhere:New"))
    (newest,) = [each for each in models.targets() if each.name == "model-new"]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyError, match="new"):
        newest.write()
