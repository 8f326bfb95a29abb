"""--quiet, --log and --json of all commands; what a run says to cite; progress on terminals and in logs."""

import io
import json
import types

import pytest

from hpcpot import account, citations, cli, terminal
from hpcpot.commands import COMMANDS
from hpcpot.errors import OutputError
from hpcpot.notices import notice
from hpcpot.progress import RENEW, Progress

KEYS = ["hpcpot", "command", "command_line", "exit_code", "error", "seconds", "results", "written", "notes", "cite"]


@pytest.fixture
def told(monkeypatch):
    """hpcpot md that prints, gives a note, and tells of results."""

    def run(arguments):
        print("a line")
        notice("a.cif", "not used: b")
        account.tell(energy_eV=float("nan"), steps=2)
        account.cite("shapeev2016")
        return 0

    module = types.SimpleNamespace(add_arguments=lambda parser: None, run=run)
    monkeypatch.setattr(cli, "import_module", lambda name: {"hpcpot.commands.md": module}[name])
    return module


def test_without_options_all_is_printed(told, capsys):
    assert cli.main(["md"]) == 0
    printed = capsys.readouterr()
    first, *cited = printed.out.splitlines()
    assert first == "a line" and printed.err == "note: a.cif = not used: b\n"
    assert cited[0].startswith("to cite") and "  program: The hpcpot developers, version" in cited[1]
    assert cited[2].endswith(
        "Alexander V. Shapeev, Multiscale Modeling & Simulation 14, 1153 (2016), doi:10.1137/15M1054183"
    )


def test_quiet_prints_notes_and_errors_only(told, capsys):
    assert cli.main(["md", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "note: a.cif = not used: b\n")


def test_log_has_all_and_is_added_to(told, tmp_path, capsys):
    log = tmp_path / "run.log"
    for options in ([], ["--quiet"]):
        assert cli.main(["md", "--log", str(log), *options]) == 0
    lines = log.read_text().splitlines()
    assert lines.count("a line") == 2 and lines.count("note: a.cif = not used: b") == 2
    assert capsys.readouterr().out.startswith("a line\nto cite")


def test_a_log_that_cannot_be_written(told, tmp_path, capsys):
    assert cli.main(["md", "--log", str(tmp_path / "absent" / "run.log")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("OutputError: --log = ") and error.endswith("make its folder, or give another path.\n")


def test_json_is_one_object_and_the_rest_goes_to_stderr(told, capsys):
    assert cli.main(["md", "--json"]) == 0
    printed = capsys.readouterr()
    given = json.loads(printed.out)
    assert list(given) == KEYS and printed.err.startswith("a line\nnote: a.cif = not used: b\nto cite")
    assert given["results"] == {"energy_eV": None, "steps": 2} and given["notes"] == ["a.cif = not used: b"]
    assert given["exit_code"] == 0 and given["error"] is None
    assert [work["key"] for work in given["cite"]] == ["hpcpot", "shapeev2016"]
    assert "doi = {10.1137/15M1054183}" in given["cite"][1]["bibtex"]


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [(OutputError("x = y: z; w."), 1, "OutputError"), (KeyboardInterrupt(), 130, "KeyboardInterrupt")],
)
def test_json_tells_an_error(told, capsys, error, code, kind):
    def run(arguments):
        raise error

    told.run = run
    assert cli.main(["md", "--json", "--quiet"]) == code
    given = json.loads(capsys.readouterr().out)
    assert given["exit_code"] == code and given["error"] == {"kind": kind, "message": str(error)}


def test_json_of_a_bug_comes_before_its_traceback(told, capsys):
    def run(arguments):
        raise ZeroDivisionError("a bug")

    told.run = run
    with pytest.raises(ZeroDivisionError):
        cli.main(["md", "--json"])
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "ZeroDivisionError"


def test_a_rank_that_prints_for_nobody_has_no_object(told, capsys, monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")
    assert cli.main(["md", "--json"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_the_options(command):
    parser = cli._parser([command])
    subparsers = next(action for action in parser._actions if action.dest == "command")
    assert {"--quiet", "--log", "--json"} <= set(subparsers.choices[command]._option_string_actions)


def test_written_files_are_told_once_by_their_whole_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with account.collected() as facts:
        for path in (tmp_path / "a", tmp_path.relative_to(tmp_path) / "a"):
            account.wrote(path)
    assert list(facts.written) == [str(tmp_path / "a")]
    account.wrote(tmp_path / "b")  # nobody collects: no error
    assert len(facts.written) == 1


def test_a_log_has_a_renewed_line_once_a_minute_and_at_its_end(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(terminal, "monotonic", lambda: now[0])
    log = terminal.Log(tmp_path / "log")
    stream = terminal.PrintedStream(io.StringIO(), log)
    for k in range(130):
        now[0] = float(k)
        stream.write(f"{RENEW}{k}/130")
    stream.write("\n")
    log.file.close()
    assert (tmp_path / "log").read_text().split() == ["60/130", "121/130", "129/130"]


def test_a_terminal_has_a_bar_that_fits_it(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    progress = Progress(4)
    progress.count(items=1)
    progress.show(2)
    line = capsys.readouterr().out
    assert line.startswith(f"{RENEW}[#####...............] 1/4 items (25.0") and len(line) == len(RENEW) + 39


def test_works_are_well_formed():
    for key, work in citations.WORKS.items():
        entry = citations.bibtex([key])
        assert entry.count("{") == entry.count("}") and work.title and str(work.year)[:2] in ("19", "20")
        assert (work.kind != "article") or (work.doi.startswith("10.") and len(work.where) == 3)


def test_labels_lead_to_works():
    assert citations.of_labels("lisi_training (nequix-omat-1, OMat24, PBE)") == ("koker2025", "barroso2024")
    assert citations.of_labels("VASP") == ()


def test_the_methods_of_the_citation_file_are_known():
    from repository import REPOSITORY

    text = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    dois = [line.split()[-1] for line in text.splitlines() if line.strip().startswith("doi:")]
    assert dois and {work.doi for work in citations.WORKS.values()} >= set(dois)
