import subprocess
import sys
import types

import pytest

import hpcpot
from hpcpot import cli
from hpcpot.commands import COMMANDS, Command, register
from hpcpot.errors import ExtensionError, OutputError


def hpcpot_command(*arguments: str, cwd=None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "hpcpot", *arguments], cwd=cwd, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def fake_md(monkeypatch):
    """hpcpot md that does what a test puts in its place."""
    module = types.ModuleType("hpcpot.md")
    module.add_arguments = lambda parser: parser.add_argument("--ranks", type=int)
    module.run = lambda arguments: 75
    monkeypatch.setattr(cli, "import_module", lambda name: {"hpcpot.commands.md": module}[name])
    return module


def test_a_name_is_taken_once():
    with pytest.raises(ExtensionError, match="command = md: is in the table already; choose another name"):
        register(Command("md", "elsewhere", "something else"))


def test_help_names_commands_and_exit_codes():
    done = hpcpot_command("--help")
    assert done.returncode == 0
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("    ")]
    assert {words[0] for words in lines} >= {*COMMANDS}
    assert "75  stopped by a signal" in done.stdout


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_is_there_at_once(arguments):
    """Without any engine, in less than 0.3 s of a core: 0.05 to 0.11 s when measured."""
    heavy = ["numpy", "scipy", "numba", "h5py", "mpi4py", "ase", "matplotlib", "dask", "torch", "cupy"]
    code = (
        f"import sys, time; from hpcpot import cli\ntry: cli.main({arguments})\nexcept SystemExit as end: assert not end.code\n"
        f"print([name for name in {heavy} if name in sys.modules], time.process_time())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith(" ".join(["usage: hpcpot", *arguments[:-1]]))
    *imported, seconds = done.stdout.splitlines()[-1].split()
    assert imported == ["[]"] and float(seconds) < 0.3


@pytest.mark.parametrize(("typed", "told"), [("selct", "did you mean select?"), ("zzzz", "hpcpot --help lists them.")])
def test_an_unknown_command_is_told_the_nearest(typed, told, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([typed, "config.yaml"])
    assert end.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"hpcpot: error: {typed} = unknown command: must be one of md, ") and error.endswith(told)


def test_version():
    assert hpcpot_command("--version").stdout == f"hpcpot {hpcpot.__version__}\n"


def test_md_help_is_the_reference_of_the_config():
    done = hpcpot_command("md", "--help")
    assert done.returncode == 0, done.stderr
    assert "--dry-run" in done.stdout and "md.timestep_fs (a number > 0; required)" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("mdd",),
        ("md",),
        ("md", "x.yaml", "--restart", "--overwrite"),
        ("--vers",),
        ("md", "x.yaml", "--ranks", "two"),
    ],
)
def test_wrong_usage_is_2(arguments):
    done = hpcpot_command(*arguments)
    assert done.returncode == 2
    assert "usage: hpcpot" in done.stderr


def test_an_error_is_one_line_and_1(tmp_path):
    done = hpcpot_command("md", "absent.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "ConfigError: config = absent.yaml: cannot be read (No such file or directory); give the path of a YAML file; `hpcpot "
        "example` lists some.\n"
    )


def test_exit_code_of_the_command_is_passed_on(fake_md):
    assert cli.main(["md"]) == 75


def test_error_of_a_command(fake_md, capsys):
    def run(arguments):
        raise OutputError("output.trajectory = a.h5: exists; use --restart or --overwrite.")

    fake_md.run = run
    assert cli.main(["md"]) == 1
    assert capsys.readouterr().err == "OutputError: output.trajectory = a.h5: exists; use --restart or --overwrite.\n"


def test_a_bug_keeps_its_traceback(fake_md):
    def run(arguments):
        raise ZeroDivisionError("a bug")

    fake_md.run = run
    with pytest.raises(ZeroDivisionError):
        cli.main(["md"])


def test_interrupt_is_130(fake_md, capsys):
    def run(arguments):
        raise KeyboardInterrupt

    fake_md.run = run
    assert cli.main(["md"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_ranks_starts_mpirun_with_the_rest(fake_md, monkeypatch):
    from hpcpot.parallel import launch

    started = []
    monkeypatch.setattr(launch, "run", lambda size, arguments: started.append((size, arguments)) or 7)
    assert cli.main(["md", "--ranks", "3"]) == 7
    assert started == [(3, ["md"])]
    assert cli.main(["md", "--ranks", "1"]) == 75


def test_wrong_number_of_ranks(fake_md, capsys):
    assert cli.main(["md", "--ranks", "0"]) == 1
    assert "ConfigError: --ranks = 0: must be >= 1" in capsys.readouterr().err


def test_a_closed_pipe_is_no_traceback():
    done = subprocess.run(
        f"{sys.executable} -m hpcpot schema md | head -1", shell=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "{\n" and done.stderr == ""
