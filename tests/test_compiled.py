"""Compiled code on the disk: each process here is a fresh Python that says what it loaded and what it compiled."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import mpirun
import pytest

from hpcpot import compiled

INNER = """
from hpcpot.compiled import njit

OFFSET = 0.5

@njit()
def inner(x):
    return x + OFFSET
"""
KERNELS = """
import inner as rules
from inner import inner
from hpcpot.compiled import njit

def scaled(factor):
    @njit(error_model="numpy")
    def kernel(values):
        total = 0.0
        for value in values:
            total += factor * inner(value) + 0.0 * rules.inner(value)
        return total
    return kernel
"""
USE = """
import json, sys, warnings
import numpy as np
warnings.simplefilter("error", RuntimeWarning)
import kernels
made = [kernels.scaled(factor) for factor in (1.0, 2.0)]
results = [kernel(np.arange(3.0)) for kernel in made] + [made[0](np.arange(3, dtype=np.int32))]
count = lambda name: sum(sum(getattr(k.stats, name).values()) for k in (*made, kernels.inner))
answer = {"results": results, "loaded": count("cache_hits"), "compiled": count("cache_misses")}
sys.stdout.write(json.dumps(answer) + "\\n")  # one write: print makes two, between which another rank's may fall
"""
RESULTS = [4.5, 9.0, 4.5]
VARIANTS = 5
"""Two factors, of which one for two types; two types of `inner`."""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with the kernels; compiled code is kept in its subfolder cache/hpcpot."""
    for name, text in {"inner.py": INNER, "kernels.py": KERNELS, "use.py": USE}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return tmp_path


def start(folder: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "use.py"], cwd=folder, stdout=subprocess.PIPE, text=True)


def use(folder: Path) -> dict:
    process = start(folder)
    answer = process.communicate(timeout=120)[0]
    assert process.returncode == 0
    return json.loads(answer)


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "cache" / "hpcpot").iterdir())


def test_processes_that_compile_at_once_and_one_that_comes_later(folder):
    processes = [start(folder) for _ in range(3)]
    answers = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    assert [answer["results"] for answer in answers] == [RESULTS] * 3
    assert max(answer["compiled"] for answer in answers) > 0
    assert len(kept(folder)) == VARIANTS and all(path.suffix == compiled.SUFFIX for path in kept(folder))
    later = use(folder)
    assert later["results"] == RESULTS
    assert later["compiled"] == 0 and later["loaded"] >= 3


@pytest.mark.mpi
def test_ranks_that_compile_at_once(folder):
    (folder / "two.py").write_text("from hpcpot.parallel.ranks import start\nranks = start()\n" + USE)
    for compiles in (True, False):
        lines = mpirun.run_ranks(2, "two.py", cwd=folder).stdout.splitlines()
        answers = [json.loads(line) for line in lines]
        assert [answer["results"] for answer in answers] == [RESULTS] * 2
        assert any(answer["compiled"] for answer in answers) == compiles


def test_damaged_files_are_compiled_anew(folder):
    use(folder)
    whole = [path.read_bytes() for path in kept(folder)]
    for number, path in enumerate(kept(folder)):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes([b"", content[:100], content][number % 3])
    again = use(folder)
    assert again["results"] == RESULTS and again["loaded"] == 0
    assert [len(path.read_bytes()) for path in kept(folder)] == [len(content) for content in whole]


@pytest.mark.parametrize(
    ("file", "old", "new", "results"),
    [
        ("inner.py", "x + OFFSET", "x - OFFSET", [1.5, 3.0, 1.5]),
        ("inner.py", "OFFSET = 0.5", "OFFSET = 1.0", [6.0, 12.0, 6.0]),
        ("kernels.py", "total = 0.0", "total = 1.0", [5.5, 10.0, 5.5]),
    ],
)
def test_a_change_also_in_a_called_function_compiles_anew(folder, file, old, new, results):
    use(folder)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    assert use(folder)["results"] == results
    (folder / file).write_text(text)
    assert use(folder) | {"loaded": 0} == {"results": RESULTS, "loaded": 0, "compiled": 0}


def test_a_file_that_changes_while_a_process_runs(folder):
    """What that process compiles afterwards is kept as what it imported."""
    change = (
        "import pathlib\npath = pathlib.Path('inner.py')\npath.write_text(path.read_text().replace('0.5', '1.0'))\n"
    )
    (folder / "use.py").write_text(USE.replace("import kernels\n", f"import kernels\n{change}"))
    assert use(folder)["results"] == RESULTS
    assert use(folder)["results"] == [6.0, 12.0, 6.0]


UNPRIVILEGED = """
import os, sys
import numba, numpy
numba.njit(lambda values: values.sum())(numpy.arange(3.0))  # all that lies where the user below cannot read
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""


@pytest.fixture
def install():
    """A folder that everybody can read, with a package of its own; tmp_path is only for its owner."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        package, place = folder / "hpcpot", folder / "temporary"
        package.mkdir()
        place.mkdir()
        for module in ("__init__.py", "compiled.py", "errors.py", "outputs.py"):
            shutil.copy(Path(compiled.__file__).parent / module, package / module)
        texts = {"inner.py": INNER, "kernels.py": KERNELS, "use.py": USE, "unprivileged.py": UNPRIVILEGED + USE}
        for file, text in texts.items():
            (folder / file).write_text(text.replace('"error"', '"always"'))
        yield folder
        for path in (folder, package, place, *package.glob("__pycache__")):
            path.chmod(0o755)


def run_installed(folder: Path, script: str, **variables: Path) -> tuple[dict, str]:
    """What a script answers and says, without a home."""
    own = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    own |= {"HOME": "/nonexistent", "PYTHONPATH": str(folder)} | {name: str(path) for name, path in variables.items()}
    done = subprocess.run(
        [sys.executable, "-B", script], cwd=folder, env=own, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout), done.stderr


def lock(folder: Path, place: int) -> None:
    """Nobody but root can write the package from now on; the mode of the folder `temporary`."""
    for path in (folder, folder / "hpcpot", *folder.glob("hpcpot/__pycache__")):
        path.chmod(0o555)
    (folder / "temporary").chmod(place)


def test_install_that_cannot_be_written_and_no_home(install):
    """As somebody who is not root: compiled code goes to a folder of theirs among the temporary ones."""
    lock(install, 0o777 | stat.S_ISVTX)
    for compiles in (True, False):
        answer, _ = run_installed(install, "unprivileged.py", TMPDIR=install / "temporary")
        assert answer["results"] == RESULTS and (answer["compiled"] > 0) == compiles
    assert len(list(install.glob(f"temporary/hpcpot-*/*{compiled.SUFFIX}"))) == VARIANTS


def test_nowhere_to_write_is_told_once(install):
    lock(install, 0o555)
    answer, said = run_installed(install, "unprivileged.py", NUMBA_CACHE_DIR=install / "temporary")
    assert answer["results"] == RESULTS and answer["compiled"] > 0
    assert said.count("set NUMBA_CACHE_DIR to a folder of yours") == 1
    assert not list(install.rglob("*.part")) and not list(install.rglob(f"*{compiled.SUFFIX}"))


def test_code_that_came_with_the_install(install):
    assert run_installed(install, "use.py")[0]["compiled"] > 0
    assert len(list(install.glob(f"hpcpot/__pycache__/*{compiled.SUFFIX}"))) == VARIANTS
    lock(install, 0o555)
    answer, _ = run_installed(install, "unprivileged.py")
    assert answer["results"] == RESULTS and answer["compiled"] == 0


def test_where_code_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "own"))
    compiled.folder.cache_clear()
    assert compiled.folder() == tmp_path / "own" / "hpcpot" and compiled.refusal(compiled.folder()) is None
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(compiled, "SHIPPED", tmp_path / "a file" / "__pycache__")
    (tmp_path / "a file").write_text("")
    compiled.folder.cache_clear()
    assert compiled.folder() == tmp_path / "home" / "hpcpot"
    compiled.folder.cache_clear()


def test_a_folder_of_somebody_else_is_not_used(tmp_path, monkeypatch):
    """Among the temporary files anybody can make a folder of any name."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = tmp_path / "hpcpot-1"
    assert compiled.refusal(path) is None
    path.mkdir(mode=0o700)
    assert compiled.refusal(path) is None
    path.chmod(0o777)
    assert compiled.refusal(path) == "belongs to, or can be written by, somebody else"
    path.rmdir()
    path.symlink_to(tmp_path)
    assert compiled.is_foreign(path)
