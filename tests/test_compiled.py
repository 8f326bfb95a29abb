"""Compiled code on the disk: each process here is a fresh Python that says what it loaded and what it compiled."""

import hashlib
import json
import os
import pickle
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import mpirun
import pytest
from numba.core.registry import cpu_target

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
warnings.simplefilter("error", UserWarning)
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


def test_parts_of_another_process_are_no_leftovers(folder):
    use(folder)
    for path in kept(folder):
        path.with_name(f".{path.name}.{'0' * 12}.part").write_bytes(b"")
        path.unlink()
    assert use(folder)["results"] == RESULTS


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


def test_a_symbol_that_numba_has_not_defined_makes_it_define_all(monkeypatch):
    """LLVM would else end the process."""
    context, refreshed = cpu_target.target_context, []
    monkeypatch.setattr(context, "refresh", lambda: refreshed.append(True))
    compiled._define(["NRT_MemInfo_alloc_aligned", "cos"], context)
    assert not refreshed
    compiled._define(["cos", "a_symbol_of_nobody"], context)
    assert refreshed


def test_the_command_line_says_once_that_it_compiles(folder):
    (folder / "use.py").write_text("from hpcpot import notices\nnotes = notices.printed()\nnotes.__enter__()\n" + USE)
    for said in (f"{compiled.COMPILING}\n", ""):
        assert subprocess.run([sys.executable, "use.py"], cwd=folder, capture_output=True, text=True).stderr == said


def test_code_from_a_file_is_compiled_into_new_callers(folder):
    use(folder)
    for path in kept(folder):
        if path.name.startswith("kernels"):
            path.unlink()
    again = use(folder)
    assert again["results"] == RESULTS and again["loaded"] == VARIANTS - 3 and again["compiled"] == 3


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
import grp, mmap, numba, numpy
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
        for module in ("__init__.py", "compiled.py", "errors.py", "notices.py", "outputs.py", "wording.py"):
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
    done = subprocess.run([sys.executable, "-B", script], cwd=folder, env=own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
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


def test_what_others_could_have_written_is_foreign(tmp_path):
    path = tmp_path / "above" / "hpcpot"
    assert compiled.refusal(path) is None, "it need not exist"
    path.mkdir(parents=True, mode=0o755)
    file = path / "code.nbc"
    file.touch(mode=0o644)
    assert not any(map(compiled.is_foreign, (path, file)))
    for place, mode, foreign in (
        (file, 0o666, {file}),
        (path, 0o777, {file, path}),
        (path, 0o1777, {path}),  # as /tmp: what the user has in it nobody replaces, but a cache is not made there
        (path.parent, 0o777, {file, path}),
        (path.parent, 0o1777, set()),
    ):
        before = place.stat().st_mode
        place.chmod(mode)
        assert {each for each in (path, file) if compiled.is_foreign(each)} == foreign, (place, oct(mode))
        place.chmod(before)
    path.parent.chmod(0o757)
    assert compiled.refusal(path) == "belongs to, or can be written by, somebody else"


def test_the_group_of_the_user_alone_may_write(tmp_path, monkeypatch):
    tmp_path.chmod(0o775)
    assert compiled.is_foreign(tmp_path) == (not compiled._is_own(tmp_path.stat().st_gid))
    monkeypatch.setattr(compiled, "_is_own", lambda group: False)
    assert compiled.is_foreign(tmp_path)
    monkeypatch.setattr(compiled, "_is_own", lambda group: True)
    assert not compiled.is_foreign(tmp_path)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="files of another user need root")


@needs_root
def test_a_link_and_a_file_of_another_user_are_foreign(tmp_path):
    (tmp_path / "own").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "own")
    assert not compiled.is_foreign(link)
    os.lchown(link, 65534, 65534)
    assert compiled.is_foreign(link) and compiled.is_foreign(link / "hpcpot")
    os.chown(tmp_path / "own", 65534, 65534)
    assert compiled.is_foreign(tmp_path / "own")


def told(folder: Path) -> tuple[dict, str]:
    (folder / "use.py").write_text(USE.replace('"error"', '"always"'))
    done = subprocess.run([sys.executable, "use.py"], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout), done.stderr


@pytest.mark.parametrize("place", ["cache", "cache/hpcpot"])
def test_code_from_a_folder_that_others_can_write_is_not_loaded(folder, place):
    use(folder)
    (folder / place).chmod(0o777)
    answer, said = told(folder)
    assert answer["results"] == RESULTS and answer["loaded"] == 0 and answer["compiled"] > 0
    assert said.count("can be written by, somebody else: compiled code is not kept there") == 1


class Planted:
    """Its pickle makes a file."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@needs_root
@pytest.mark.parametrize("owner", [65534, 0])
def test_code_that_another_user_planted_does_not_run(folder, owner):
    """The same file as root's runs, or this test would show nothing."""
    use(folder)
    content = pickle.dumps(Planted(folder / "trace"))
    for path in kept(folder):
        path.write_bytes(hashlib.sha256(content).digest() + content)
        os.chown(path, owner, owner)
    process = start(folder)
    answer = process.communicate(timeout=120)[0]
    assert (folder / "trace").exists() == (owner == 0)
    if owner:
        assert json.loads(answer)["results"] == RESULTS
        assert {path.stat().st_uid for path in kept(folder)} == {0}, "compiled anew"


def test_all_may_read_the_code_of_an_install_and_the_user_alone_any_other(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "SHIPPED", tmp_path / "package" / "__pycache__")
    before = os.umask(0o002)
    try:
        compiled._make(compiled.SHIPPED)
        compiled._make(tmp_path / "a" / "hpcpot")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("package/__pycache__", "a", "a/hpcpot")]
    assert modes == [0o755, 0o755, 0o700]
