"""What SECURITY.md promises about data: it is never code."""

from __future__ import annotations

import ast
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import runs
from repository import REPOSITORY

LOADERS = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
OWN = {
    "hpcpot/compiled.py": "checks who could have written the file",
    "hpcpot/farm/chunks.py": "comes from the client, by the farm's certificate",
    "hpcpot/farm/isolation.py": "comes through a pipe of its own process",
    "hpcpot/farm/pool.py": "sends to its workers, and reads nothing",
}
"""Modules that pickle -> why nobody else's bytes reach them."""
FILES = sorted((REPOSITORY / "hpcpot").rglob("*.py"))


def dangerous(path: Path) -> list[str]:
    """Lines of a module that unpickle, evaluate, or load files with a loader that may."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [entry.name for entry in node.names] + [getattr(node, "module", None) or ""]
            if LOADERS & {name.split(".")[0] for name in names}:
                lines.append(f"{node.lineno}: {ast.unparse(node)}")
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            arguments = [ast.unparse(argument) for argument in node.args]
            if (
                called in ("eval", "exec", "__import__", "os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load")
                or (called == "torch.load" and keywords.get("weights_only") != "True")
                or keywords.get("allow_pickle", "False") != "False"
                or keywords.get("shell", "False") != "False"
                or (called == "yaml.load" and not any("Safe" in text or "loader" in text for text in arguments))
            ):
                lines.append(f"{node.lineno}: {ast.unparse(node)}")
    return lines


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_module_makes_code_of_data(path):
    name = str(path.relative_to(REPOSITORY))
    assert bool(dangerous(path)) == (name in OWN), "\n".join(dangerous(path))


def test_the_search_finds_what_it_is_for(tmp_path):
    lines = [
        "import pickle",
        "from cloudpickle import loads",
        "eval(text)",
        "np.load(path, allow_pickle=True)",
        "torch.load(path)",
        "yaml.load(file)",
        "subprocess.run(line, shell=True)",
    ]
    path = tmp_path / "module.py"
    path.write_text("\n".join([*lines, "torch.load(path, weights_only=True)", "yaml.load(file, yaml.SafeLoader)"]))
    assert [int(line.split(":")[0]) for line in dangerous(path)] == list(range(1, len(lines) + 1))


class Trap:
    """Its pickle makes the folder `trace`."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def trapped(tmp_path) -> Path:
    """A folder of files of many names, each with a pickle that leaves a trace when it is loaded."""
    content = pickle.dumps(Trap(tmp_path / "trace"))
    folder = tmp_path / "trapped"
    folder.mkdir()
    for name in ("a.traj", "a.pkl", "a.npy", "a.pth", "a.pt", "a.dp", "a.h5", "a.db", "a.json", "a.yaml", "a.extxyz"):
        (folder / name).write_bytes(content)
    np.save(folder / "objects.npy", np.array([Trap(tmp_path / "trace")], object), allow_pickle=True)
    (folder / "old.traj").write_bytes(b"PickleTrajectory" + content)
    (folder / "tag.yaml").write_text(f"!!python/object/apply:os.mkdir ['{tmp_path}/trace']\n")
    system = folder / "system"
    (system / "set.000").mkdir(parents=True)
    (system / "type.raw").write_text("0\n")
    (system / "type_map.raw").write_text("Si\n")
    for name in ("coord", "box", "energy", "force"):
        np.save(system / "set.000" / f"{name}.npy", np.array([Trap(tmp_path / "trace")], object), allow_pickle=True)
    return folder


READ = """
import sys
from pathlib import Path
from hpcpot import config
from hpcpot.commands import schema_of
from hpcpot.dataset import files as data
from hpcpot.errors import HpcpotError
from hpcpot.potential import files as models
from hpcpot.structure import files as structures

for path in sorted(Path(sys.argv[1]).iterdir()):
    for read in (structures.read, models.load, lambda p: data.load([p]), lambda p: config.load(p, schema_of("md"))):
        try:
            read(path)
        except HpcpotError as error:
            print("refused", path.name, type(error).__name__)
        else:
            print("READ", path.name)
"""


def test_no_reader_unpickles(trapped):
    done = subprocess.run([sys.executable, "-c", READ, trapped], capture_output=True, text=True, env=runs.environment())
    assert done.returncode == 0, done.stderr
    assert "READ" not in done.stdout and done.stdout.count("refused") == 4 * len(list(trapped.iterdir()))
    assert not (trapped.parent / "trace").exists()
    pickle.loads((trapped / "a.pkl").read_bytes())
    assert (trapped.parent / "trace").exists(), "else the test shows nothing"
