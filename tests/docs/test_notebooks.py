"""docs/notebooks: every cell runs, prints what is stored beside it, and draws where a figure is stored."""

import contextlib
import io
import json
import os
import re

import pages
import pytest
from printed import assert_same
from repository import REPOSITORY

NOTEBOOKS = sorted((REPOSITORY / "docs/notebooks").glob("*.ipynb"))
COMMAND = re.compile(r"^(?:(?P<name>\w+) = )?!(?P<line>.+)$")


def cells(path) -> list[dict]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def run(source: str, names: dict) -> str:
    """Run a cell: Python, and lines with a command behind "!", whose lines go to a name or are printed. Returns the output."""

    def command(line: str) -> list[str]:
        code, output = pages.execute(line, names["folder"])
        assert code == 0, f"{line}\n{output}"
        return output.splitlines()

    lines = []
    for line in source.replace("\\\n", " ").split("\n"):
        found = COMMAND.match(line)
        call = found and f"_command({found['line']!r})"
        lines.append(
            line if not found else f"{found['name']} = {call}" if found["name"] else f"print(*{call}, sep='\\n')"
        )
    names["_command"] = command
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec("\n".join(lines), names)
    return output.getvalue()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_whole(path):
    assert [cell["execution_count"] for cell in cells(path)] == list(range(1, len(cells(path)) + 1)), (
        "run it top to bottom"
    )
    outputs = [output for cell in cells(path) for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert [output for output in outputs if "image/png" in output.get("data", {})]
    assert path.stat().st_size < 200_000
    text = path.read_text(encoding="utf-8")
    assert f"](notebooks/{path.name})" in (REPOSITORY / "docs/index.md").read_text(encoding="utf-8")
    assert not re.search(r"/home/|/root|/tmp|/work", text)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(pyplot, "show", lambda: None)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__", "folder": tmp_path}
    for number, cell in enumerate(cells(path), 1):
        pyplot.close("all")
        seen = run("".join(cell["source"]), names)
        stored = "".join("".join(output["text"]) for output in cell["outputs"] if output.get("name") == "stdout")
        where = f"{path.name}, cell {number}"
        if "to cite" not in stored:  # has times and paths of the machine
            assert_same(seen, stored, where, relative=0.1, absolute=0.05)
        draws = any("image/png" in output.get("data", {}) for output in cell["outputs"])
        assert draws == bool(pyplot.get_fignums()), where
    assert os.listdir(tmp_path)
