import re
import subprocess
import sys
import types
from datetime import datetime, timedelta, timezone

import hpcpot
from hpcpot import provenance


def test_facts(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["hpcpot", "md", "a b.yaml"])
    facts = provenance.collect(ranks=3)
    assert facts["hpcpot"] == hpcpot.__version__
    assert facts["ranks"] == 3
    assert facts["command"] == "hpcpot md 'a b.yaml'"
    assert re.fullmatch(r"\d+\.\d+.*", facts["numpy"])
    age = datetime.now(timezone.utc) - datetime.fromisoformat(facts["date"])
    assert timedelta(0) <= age < timedelta(minutes=1)
    assert all(isinstance(value, (str, int)) and value != "" for value in facts.values())


def test_command_names_no_folder_of_hpcpot(monkeypatch):
    for program in ("/somewhere/bin/hpcpot", hpcpot.__file__.replace("__init__", "__main__")):
        monkeypatch.setattr(sys, "argv", [program, "md", "a.yaml"])
        assert provenance.command_line() == "hpcpot md a.yaml"
    monkeypatch.setattr(sys, "argv", ["jobs/lisi_join.py", "a"])
    assert provenance.command_line() == "jobs/lisi_join.py a"


def test_imports_no_library():
    code = "import sys; from hpcpot import provenance as p; p.collect(); print(sys.modules.keys() & set(p.PACKAGES))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"


def test_absent_package():
    assert provenance.package_version("no-such-package-hpcpot") == "none"


def test_mpi_library_is_the_loaded_one(monkeypatch):
    library = types.SimpleNamespace(Get_library_version=lambda: "Open MPI v4.1.4, package: Debian\0")
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", library)
    assert provenance.mpi_library() == "Open MPI v4.1.4"
    monkeypatch.delitem(sys.modules, "mpi4py.MPI")
    assert provenance.mpi_library() == "none"


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    return subprocess.run(
        ["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_commit_of_a_checkout(tmp_path):
    git(tmp_path, "init", "-q")
    assert provenance.git_commit(tmp_path) == "none"
    provenance.git_commit.cache_clear()
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "--no-verify", "-m", "first")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert provenance.git_commit(tmp_path) == head
    (tmp_path / "file").write_text("2")
    assert provenance.git_commit(tmp_path) == head, "asked once a process"
    provenance.git_commit.cache_clear()
    assert provenance.git_commit(tmp_path) == head + "+changes"
    (tmp_path / "site-packages").mkdir()
    assert provenance.git_commit(tmp_path / "site-packages") == "none"


def test_without_git(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", "/nowhere")
    assert provenance.git_commit(tmp_path) == "none"
