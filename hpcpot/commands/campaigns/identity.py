"""Settings that all rows of a results file share, in words: the file keeps them as Python writes its values."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def in_words(text: str) -> list[str]:
    """Lines of a text of settings; those that are values of Python become key = value pairs.

    `Options(cell='full', moves=Options(potim=0.4))` is cell = full, moves.potim = 0.4, and so is a dictionary.
    """
    return [_line(line) for line in text.splitlines() if line.strip()]


def _line(line: str) -> str:
    name, colon, rest = line.partition(": ")
    for begin, value in (("", line), (name + colon, rest)):
        if value.startswith(("Options(", "{")) and (node := _parsed(value)) is not None:
            return begin + ", ".join(f"{key} = {words}" for key, words in _pairs(node, ""))
    return line


def _parsed(text: str) -> ast.expr | None:
    """Syntax of a value; None where it is another text that begins so."""
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def _pairs(node: ast.expr, name: str) -> Iterator[tuple[str, str]]:
    """Yield key and value, those of a group inside with the name of the group before."""
    if isinstance(node, ast.Call) and node.keywords and not node.args:
        members = [(str(keyword.arg), keyword.value) for keyword in node.keywords]
    elif isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys):
        members = [(str(key.value), value) for key, value in zip(node.keys, node.values, strict=True)]
    else:
        yield name, _words(node)
        return
    for key, value in members:
        yield from _pairs(value, f"{name}.{key}" if name else key)


def _words(node: ast.expr) -> str:
    """A value as a config has it."""
    if isinstance(node, (ast.List, ast.Tuple)):
        return f"[{', '.join(map(_words, node.elts))}]"
    if isinstance(node, ast.Constant):
        known = {None: "none", True: "true", False: "false"}
        return known[node.value] if node.value is None or isinstance(node.value, bool) else str(node.value)
    return ast.unparse(node)
