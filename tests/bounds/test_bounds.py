"""Compiled functions keep to their arrays whatever the numbers: NaN, infinite, 1e300, zero, nothing, sizes of other atoms.

The cases run in processes of their own, so that one that crashes or hangs is a failure with a name. With
NUMBA_BOUNDSCHECK=1 all is compiled anew, in minutes, and an index that leaves its array is an error at once.
"""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
from functools import cache
from importlib import import_module

import pytest
from bounds.table import CASES, GROUPS, names_in_source
from repository import PYTHONPATH, REPOSITORY

LONGEST = 300
"""Seconds, of the cases of a group."""

for group in GROUPS:
    import_module(f"bounds.{group}_cases")


@cache
def outcomes(group: str) -> tuple[dict[str, str], set[str]]:
    """How each case of a group ended, and the compiled functions that they reached."""
    command = [sys.executable, "-m", "bounds.run", group]
    environment = os.environ | {"PYTHONPATH": PYTHONPATH}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            output, messages = process.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
            output, messages = process.communicate()
    lines = [json.loads(line) for line in output.splitlines()]
    ends = {line["case"]: line["state"] for line in lines if "case" in line}
    if process.returncode:
        how = signal.Signals(-process.returncode).name if process.returncode < 0 else f"exit {process.returncode}"
        ends = {name: f"{how}: {messages}" if state == "running" else state for name, state in ends.items()}
    return ends, {name for line in lines for name in line.get("covered", [])}


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    state = outcomes(name.partition("_")[0])[0].get(name, "did not run, after another ended the process")
    assert state == "passed", state


def test_every_compiled_function_has_a_case():
    covered = set().union(*(outcomes(group)[1] for group in GROUPS))
    lacking = sorted(names_in_source() - covered)
    assert not lacking, f"no case in tests/bounds runs {lacking}: write one with NaN, inf, 1e300, zero, empty"


def test_all_compiled_functions_are_decorated_where_the_table_finds_them():
    """No other module than `compiled` makes one with numba, and none calls njit but as a decorator."""
    for path in (REPOSITORY / "hpcpot").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        decorators = {id(line) for node in ast.walk(tree) for line in getattr(node, "decorator_list", [])}
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and id(node) not in decorators]
        made = [ast.unparse(node) for node in calls if ast.unparse(node.func).endswith("jit")]
        assert not made or path.name == "compiled.py", f"{path}: {made}"
