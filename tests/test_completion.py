"""Completion of command lines, as a shell asks for it."""

import os
import subprocess
import sys

import pytest


def completions(line: str, cwd) -> list[str]:
    """What bash is offered for the last word of a line, which argcomplete writes to file descriptor 8."""
    environment = os.environ | {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
        "_ARGCOMPLETE_COMP_WORDBREAKS": " \t\n\"'><=;|&(:",
    }
    script = 'exec 8>&1 9>/dev/null; exec "$0" -c "from hpcpot.cli import main; main()"'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable], env=environment, cwd=cwd, capture_output=True, text=True, timeout=60
    )
    return done.stdout.split("\n")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("hpcpot me", []),
        ("hpcpot se", ["search", "select", "serve"]),
        ("hpcpot md --dry", ["--dry-run"]),
        ("hpcpot md --jso", ["--json"]),
        ("hpcpot md si.cif --potential lisi_m", ["lisi_mtp", "lisi_mtp_20"]),
        ("hpcpot md a.yaml --set md.integ", ["md.integrator="]),
        ("hpcpot md a.yaml --set md.integrator=npt", ["npt_nose_hoover"]),
        ("hpcpot example gcmc_l", ["gcmc_lisi"]),
        ("hpcpot md mine", ["mine.yaml"]),
    ],
)
def test_offers(line, offered, tmp_path):
    (tmp_path / "mine.yaml").touch()
    given = [word.strip() for word in completions(line, tmp_path) if word.strip()]
    assert given == offered
