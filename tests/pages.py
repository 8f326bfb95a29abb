"""The blocks of code of README.md and docs/: what they hold, and how they are run, page by page, top to bottom.

A block of `sh`, `console` or `python` is run as it is, in a folder of its page that looks like a checkout. One with
`<!-- long -->` above it would take long or needs what a test has not: its commands are only checked. A block of `diff` is
applied to a copy of the package, which the rest of its page then uses.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from repository import REPOSITORY

from hpcpot import cli
from hpcpot.parallel import launch

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"^(?P<long><!-- long -->\n)?```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
INDENTED = re.compile(r"^(?: {4,}|\t)(?:\$ )?(?:hpcpot|mpirun|make|python|torchrun) ", re.MULTILINE)
INLINE = re.compile(r"`((?:hpcpot|python|mpirun|make|bash|torchrun|sbatch) [^`]+)`")
"""Commands within a sentence or a table."""
LINKED = ("configs", "benchmarks", "jobs", "docs", "tests", "Makefile")
"""What a page's folder has of a checkout."""
ABSENT = (
    "must be a file",
    "must match files",
    "CuPy is not installed",
    "no such file",
    "cannot be read",
    "none of",
    "no structure",
)
"""What a command may say of inputs that an earlier, long command would have made, or the reader brings."""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        line: of the page, where it begins. is_long: whether its commands are checked only.
    """

    page: str
    line: int
    language: str
    text: str
    is_long: bool

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            name_of(page),
            text.count("\n", 0, match.start("text")),
            match["language"],
            match["text"],
            match["long"] is not None,
        )
        for match in FENCE.finditer(text)
    ]


def commands(block: Block) -> Iterator[str]:
    """Command lines of a block, continued lines joined; of a console block those after the prompt."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if block.language == "console" and not line.startswith("$ "):
            continue
        stripped = line.removeprefix("$ ").strip()
        if stripped:
            yield stripped


def make_folder(folder: Path) -> None:
    for name in LINKED:
        (folder / name).symlink_to(REPOSITORY / name)


def run(block: Block, folder: Path, names: dict) -> None:
    """Run a block in the folder of its page; a failing command or exception fails the test.

    Args:
        names: variables of the page's Python blocks, which share them.
    """
    if block.language == "diff":
        apply(block, folder)
    elif block.language == "python" and is_patched(folder):
        (folder / "block.py").write_text(block.text)
        code, output = execute("python block.py", folder)
        assert code == 0, f"{block.where}\n{output}"
    elif block.language == "python":
        with working_in(folder), contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block.text, block.where, "exec"), names)
    elif block.language == "yaml":
        assert isinstance(yaml.safe_load(block.text), dict), block.where
    elif block.language == "console":
        told = [line for line in block.text.splitlines() if not line.startswith("$ ")]
        (line,) = commands(block)
        _, output = execute(line, folder)
        assert output.splitlines() == told, f"{block.where}: {line}\n{output}"
    elif block.language == "sh":
        for line in commands(block):
            if line.startswith("pip install "):  # needs a registry; its extras have a test of their own
                continue
            code, output = execute(line, folder)
            assert code == 0, f"{block.where}: {line}\nexit code {code}\n{output}"


def apply(block: Block, folder: Path) -> None:
    """Change the folder's copy of the package, which is made at the first diff."""
    if not is_patched(folder):
        shutil.copytree(REPOSITORY / "hpcpot", folder / "hpcpot", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(["git", "apply", "-"], cwd=folder, input=block.text, capture_output=True, text=True)
    assert done.returncode == 0, f"{block.where}: does not apply any more: make the diff anew\n{done.stderr}"


def is_patched(folder: Path) -> bool:
    return (folder / "hpcpot").is_dir()


def execute(line: str, folder: Path) -> tuple[int, str]:
    """Run a command line: hpcpot in this process, which is quicker, all else by a shell."""
    words = shlex.split(line, comments=True)
    is_alone = words[0] == "hpcpot" and not {"--ranks", "--workers", "&&", "|", ";", ">"} & set(words)
    if is_alone and not is_patched(folder):
        output = io.StringIO()
        with working_in(folder), contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            code = cli.main(words[1:])
        return code, output.getvalue()
    bin_folder, package = folder / ".bin", folder if is_patched(folder) else REPOSITORY
    bin_folder.mkdir(exist_ok=True)
    for name, arguments in (("hpcpot", " -m hpcpot"), ("python", "")):
        script = bin_folder / name
        script.write_text(f'#!/bin/sh\nPYTHONPATH={package}:$PYTHONPATH exec {sys.executable}{arguments} "$@"\n')
        script.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=launch.environment(os.environ) | {"PATH": f"{bin_folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=200,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout + done.stderr


def check(line: str, folder: Path) -> None:
    """Check a command that is not run: options, configs, keys, scripts; what has --dry-run runs with it."""
    words = [word.replace("$k", "0") for word in shlex.split(line, comments=True)]
    if ">" in words:
        words = words[: words.index(">")]
    if words[0] in ("mpirun", "torchrun"):
        start = next(k for k, word in enumerate(words) if word in ("hpcpot", "python"))
        words = words[start:]
    for word in words:
        if word.startswith(("configs/", "jobs/", "benchmarks/", "docs/")) and "*" not in word:
            assert (REPOSITORY / word).exists(), f"{line}: {word} is not in the repository"
    if words[0] == "make":
        done = subprocess.run(["make", "-n", words[1]], cwd=REPOSITORY, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    elif words[0] == "python" and words[1].endswith(".py"):
        help_text = subprocess.run(
            [sys.executable, words[1], "--help"], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
        ).stdout
        unknown = [word for word in words[2:] if word.startswith("--") and word not in help_text]
        assert help_text and not unknown, f"{line}: {unknown}"
    elif words[0] == "hpcpot":
        check_hpcpot(line, words[1:], folder)


def inline(page: Path) -> list[str]:
    """Commands of a page that stand in its text, without those that leave something open: COMMAND, NAME, ..."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    lines = [" ".join(found.split()) for found in INLINE.findall(text)]
    return [line for line in lines if not re.search(r"\b[A-Z]{2,}\b|\.\.\.|\[", line)]


def check_inline(line: str, folder: Path) -> None:
    """Check a command within a text: its options, and files of the repository that it names."""
    words = shlex.split(line)
    scripts = [word for word in words if word.startswith("benchmarks/") and word.endswith(".py")]
    if scripts:
        shared = REPOSITORY / "benchmarks/dynamics.py"  # options of several
        source = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / scripts[0], shared))
        unknown = [word for word in words if word.startswith("--") and f'"{word}"' not in source]
        assert not unknown, f"{line}: {scripts[0]} has no {unknown}"
    elif words[0] != "hpcpot" or len(words) > 2:  # `hpcpot md` alone is a name
        check(line, folder)


def check_hpcpot(line: str, words: list[str], folder: Path) -> None:
    with contextlib.redirect_stderr(io.StringIO()) as refused:
        try:
            arguments = cli._parser(words).parse_args(words)
        except SystemExit as error:
            raise AssertionError(f"{line}\n{refused.getvalue()}") from error
    if not hasattr(arguments, "dry_run"):
        return
    code, output = execute(shlex.join(["hpcpot", *without_ranks(words), "--dry-run"]), folder)
    complaints = [text for text in output.splitlines() if not any(reason in text for reason in ABSENT)]
    assert code == 0 or not complaints, f"{line}\n{output}"


def without_ranks(words: list[str]) -> list[str]:
    """Arguments without --ranks N, and without --workers N, which a dry run does not need."""
    kept, skip = [], False
    for word in words:
        if not skip and word not in ("--ranks", "--workers", "--restart", "--overwrite"):
            kept.append(word)
        skip = not skip and word in ("--ranks", "--workers")
    return kept


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
