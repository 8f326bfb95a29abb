"""Hashes of an input's content, independent of its name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np


def content_key(*parts: Any) -> str:
    """32 hexadecimal characters of the content of arrays, texts, numbers, None, and lists and dicts of them."""
    digest = hashlib.sha256()
    _feed(digest, parts)
    return digest.hexdigest()[:32]


def file_sha256(path: Path) -> str:
    """64 hexadecimal characters of a file's bytes, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _feed(digest: Any, part: Any) -> None:
    """Type, length and content, so that no two values look alike; -0.0 is 0.0."""
    if isinstance(part, np.generic):
        part = part.item()
    if isinstance(part, np.ndarray):
        if part.dtype.kind == "O":
            raise ValueError(f"content_key = array of objects {part!r}: must be numbers or text.")
        array = np.ascontiguousarray(part + 0.0 if part.dtype.kind in "fc" else part)
        digest.update(f"array {array.dtype.str} {part.shape} ".encode() + array.tobytes())
    elif isinstance(part, dict):
        _feed(digest, [[name, part[name]] for name in sorted(part)])
    elif isinstance(part, (list, tuple)):
        digest.update(f"list {len(part)} ".encode())
        for entry in part:
            _feed(digest, entry)
    elif part is None or isinstance(part, (bool, int, float, str)):
        text = repr(part + 0.0 if isinstance(part, float) else part)
        digest.update(f"{type(part).__name__} {len(text)} {text}".encode())
    else:
        raise ValueError(f"content_key = {part!r}: must be arrays, text, numbers, None, or lists and dicts of them.")
