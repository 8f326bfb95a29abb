"""Notes on inputs: warnings in Python, a line each on the command line."""

import os
import warnings

import pytest

from hpcpot.notices import InputNotice, collected, notice, printed, waits

UNUSED = "not used: a column vel has no unit; name it velocities"


def test_python_gets_a_warning():
    with pytest.warns(InputNotice, match=r"^a\.extxyz: column vel = not used") as given:
        notice("a.extxyz: column vel", UNUSED)
    assert (given[0].message.where, given[0].message.what) == ("a.extxyz: column vel", UNUSED)
    assert given[0].filename == __file__


def test_the_command_line_prints_each_kind_once_and_counts_the_rest(capsys):
    with printed():
        for k in range(3):
            notice(f"{k}.extxyz: column vel", UNUSED)
        notice("b.cfg: column charge", "not used")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"note: 0.extxyz: column vel = {UNUSED}",
        "note: b.cfg: column charge = not used",
        f"note: 2 more places with: {UNUSED}",
    ]


def test_counts_are_printed_also_after_an_error(capsys):
    with pytest.raises(ValueError, match="stop"), printed():
        notice("a", UNUSED)
        notice("b", UNUSED)
        raise ValueError("stop")
    assert "1 more place with" in capsys.readouterr().err


def test_notes_are_kept_for_another_process():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with collected() as kept:
            for _ in range(2):
                notice("a", UNUSED)
            notice("b", UNUSED)
    assert kept == [("a", UNUSED), ("b", UNUSED)]
    with pytest.warns(RuntimeWarning, match="other"), collected() as kept:
        warnings.warn("other", RuntimeWarning, stacklevel=1)
    assert kept == []


def test_the_first_line_about_waiting_is_printed_by_one_process(capfd):
    waits("in Python nothing is said")
    with printed():
        child = os.fork()
        waits("compiling")
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        waits("more")
    with printed(of_waits=False):
        waits("another rank says it")
    assert capfd.readouterr().err == "compiling\n"


def test_other_warnings_stay_warnings(capsys):
    with pytest.warns(RuntimeWarning, match="other"), printed():
        warnings.warn("other", RuntimeWarning, stacklevel=1)
    assert "note" not in capsys.readouterr().err


def test_libraries_may_give_a_note_again(capsys):
    with printed(), warnings.catch_warnings(record=True) as given:
        notice("a.extxyz: column vel", UNUSED)
    with printed():
        warnings.warn_explicit(str(given[0].message), given[0].category, __file__, 1)
    assert capsys.readouterr().err == f"note: a.extxyz: column vel = {UNUSED}\n"
