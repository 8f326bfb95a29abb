"""A disk that is full at any moment: a message and exit code 1, no crash, and what was stored before is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from repository import REPOSITORY
from storage import frames
from storage.full_disk import KINDS

from hpcpot.farm.results import Results
from hpcpot.parallel.ranks import SERIAL
from hpcpot.storage import checkpoint
from hpcpot.storage.reader import TrajectoryReader

SIZES = (500, 30_000, 200_000)
MESSAGE = {"disk": "the disk is full; free some space", "limit": r"it exceeds the file size limit of this process"}


def mounted(folder: Path, size: int) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    """A function that makes a folder with so many bytes."""
    folders = []

    def make(size: int) -> Path:
        folder = tmp_path / f"disk-{size}"
        folder.mkdir()
        if not mounted(folder, size):
            pytest.skip("this process cannot mount a disk")
        folders.append(folder)
        return folder

    yield make
    for folder in folders:
        subprocess.run(["umount", str(folder)], check=True)


def stored(kind: str, path: Path) -> int:
    """How much a whole file holds."""
    if not path.exists():
        return 0
    if kind == "trajectory":
        with TrajectoryReader(path) as reader:
            is_empty = not len(reader.observables()["step"])
        return 0 if is_empty else frames.verify(path, n_atoms=300) + 1
    if kind == "results":
        with Results(path) as results:
            return len(results.keys()) + len(results.failed())
    return int(checkpoint.read(path, SERIAL)[1]["step"])


def write(kind: str, path: Path, why: str, *size: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "storage.full_disk", kind, str(path), *size],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=REPOSITORY / "tests",
    )
    assert done.returncode in (0, 1), f"{kind}, {path}, {size}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert not done.stderr, done.stderr
    if done.returncode:
        assert re.search(MESSAGE[why], done.stdout.splitlines()[-1]), done.stdout
    committed = re.findall(r"stored (\d+)", done.stdout)
    if kind in ("trajectory", "results", "checkpoint"):
        assert stored(kind, path) >= int(committed[-1] if committed else 0)
    elif done.returncode:
        assert not path.exists()
    assert [other for other in path.parent.iterdir() if other != path] == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_full(kind, size, small_disk):
    write(kind, small_disk(size) / "file.h5", "disk")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["trajectory", "results"])
def test_too_large(kind, size, tmp_path):
    write(kind, tmp_path / "file.h5", "limit", str(size))
