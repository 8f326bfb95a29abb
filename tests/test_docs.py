"""README.md and docs/: their commands and Python run, their links hold, the site builds; figures are filled in."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pages
import pulls
import pytest
from repository import REPOSITORY

from hpcpot.commands import COMMANDS

LINK = re.compile(r"\[[^\]]*\]\((?!https?://|#)([^)#\s]+)(?:#[^)]*)?\)")
EXTRAS = re.compile(r"'?\.\[([\w,]+)\]'?")


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name_of)
def test_commands_and_python_of_a_page_run(page, tmp_path):
    pages.make_folder(tmp_path)
    names = {"__name__": "page"}
    for block in pages.blocks(page):
        if not block.is_long:
            pages.run(block, tmp_path, names)


@pytest.mark.parametrize(
    "block",
    [block for page in pages.PAGES for block in pages.blocks(page) if block.is_long],
    ids=lambda block: block.where,
)
def test_commands_that_take_long_are_well_formed(block, tmp_path):
    pages.make_folder(tmp_path)
    for line in pages.commands(block):
        pages.check(line, tmp_path)


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name_of)
def test_every_command_of_a_page_is_in_a_block_that_is_tested(page):
    text = pages.FENCE.sub("", page.read_text(encoding="utf-8"))
    assert not pages.INDENTED.search(text), "a command in an indented block is not run: fence it with ```sh"
    assert {block.language for block in pages.blocks(page)} <= {"sh", "console", "python", "yaml", "text", "diff"}


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name_of)
def test_links_of_a_page_lead_somewhere(page):
    for target in LINK.findall(pages.FENCE.sub("", page.read_text(encoding="utf-8"))):
        assert (page.parent / target).exists(), target


def test_diffs_change_as_many_files_as_is_said():
    text = (REPOSITORY / "docs/extending.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## [^\n]* \((\d) files\)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(sections) > 1
    for files, section in sections:
        assert section.count("\ndiff --git ") == int(files)


def test_every_command_has_a_page():
    have = {path.stem for path in (REPOSITORY / "docs/commands").glob("*.md")} - {"index", "farm", "observables"}
    assert have == set(COMMANDS)


def test_extras_that_pages_name_are_those_of_setup():
    setup = (REPOSITORY / "setup.py").read_text()
    for page in pages.PAGES:
        for extra in {name for names in EXTRAS.findall(page.read_text(encoding="utf-8")) for name in names.split(",")}:
            assert f'"{extra}": [' in setup, f"{page}: {extra}"


def test_the_site_builds_and_needs_no_network(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    built = sorted((tmp_path / "site").rglob("*.html"))
    assert len(built) > len(COMMANDS)
    for path in built:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"""(?:src=|<link [^>]*href=)["']?https?://""", text), path.name
        assert not re.search(r"<!-- (?:commands|options|keys|observables|docstring|include|code)", text), path.name
    keys = (tmp_path / "site/commands/md.html").read_text(encoding="utf-8")
    assert "md.timestep_fs" in keys and "--dry-run" in keys


def test_a_section_is_filled_in_and_again(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("docs_fracture", REPOSITORY / "docs/fracture.py")
    docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(docs)
    monkeypatch.setattr(docs, "PAGE", tmp_path / "page.md")
    shutil.copy(REPOSITORY / "docs/fracture.md", docs.PAGE)
    path = pulls.write(tmp_path / "run.h5md", strains=np.linspace(0.0, 0.5, 11))
    docs.main(["bulk_104448", str(path)])
    once = docs.PAGE.read_text()
    section = once.split("<!-- bulk_104448 -->")[1].split("<!-- end -->")[0]
    assert "| Young's modulus, strain 0.02 to 0.08 (GPa) | 45.00 ± 0.00 | 45.04 |" in section
    assert "| stress at strain 0.135 (GPa) | " in section and "544 atoms, 1 rank, one run" in section
    for name in ("stress_strain", "maps", "snapshots", "voids", "atoms"):
        assert f"(page/bulk_104448_{name}.png)" in section and (tmp_path / f"page/bulk_104448_{name}.png").exists()
    for case in docs.CONFIGS:
        assert once.count(f"<!-- {case} -->") == 1
    docs.main(["bulk_104448", str(path)])
    assert docs.PAGE.read_text() == once
