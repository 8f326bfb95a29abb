"""Names say what they hold, docstrings what a thing does or is, and no name is taken twice."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from repository import REPOSITORY

FILES = sorted((REPOSITORY / "hpcpot").rglob("*.py"))
VAGUE = {"one", "found", "at", "wanted", "alike", "there", "aside"}
"""Names that say nothing of what is bound to them."""
PREPOSITIONS = {
    "after",
    "at",
    "before",
    "beside",
    "between",
    "by",
    "for",
    "from",
    "in",
    "of",
    "on",
    "to",
    "under",
    "with",
}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def bindings(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_bindings_and_docstrings(path):
    vague = [f"{path}:{line}: {name}" for line, name in bindings(path) if name in VAGUE]
    assert not vague, "\n".join(vague)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [ast.get_docstring(node) for node in ast.walk(tree(path)) if isinstance(node, documented)]
    leaning = [text for text in texts if text and text.split()[0].lower() in PREPOSITIONS]
    assert not leaning, f"{path}: docstrings that open with a preposition: {leaning}"


def test_no_two_public_classes_share_a_name():
    places = defaultdict(list)
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(REPOSITORY)))
    shared = {name: paths for name, paths in places.items() if len(paths) > 1}
    assert not shared, shared
