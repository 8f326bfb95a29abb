"""README.md and docs/: every command and block of Python runs, or is checked where it would take long."""

import pages
import pytest
from repository import REPOSITORY


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


@pytest.mark.parametrize("page", [*pages.PAGES, REPOSITORY / "benchmarks/README.md"], ids=pages.name_of)
def test_commands_within_a_text_are_well_formed(page, tmp_path):
    pages.make_folder(tmp_path)
    for line in pages.inline(page):
        pages.check_inline(line, tmp_path)


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name_of)
def test_every_command_of_a_page_is_in_a_block_that_is_tested(page):
    text = pages.FENCE.sub("", page.read_text(encoding="utf-8"))
    assert not pages.INDENTED.search(text), "a command in an indented block is not run: fence it with ```sh"
    assert {block.language for block in pages.blocks(page)} <= {"sh", "console", "python", "yaml", "text", "diff"}
