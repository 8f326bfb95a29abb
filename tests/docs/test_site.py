"""README.md and docs/: links hold, every command has a page, the site builds and needs no network."""

import os
import re
import subprocess
import sys

import pages
import pytest
from repository import REPOSITORY

from hpcpot.commands import COMMANDS

LINK = re.compile(r"\[[^\]]*\]\((?!https?://|#)([^)#\s]+)(?:#[^)]*)?\)")
EXTRAS = re.compile(r"'?\.\[([\w,]+)\]'?")


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
