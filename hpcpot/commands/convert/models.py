"""Models of one program become files of another."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from hpcpot.commands.convert.summary import summarize
from hpcpot.potential import files


def convert(arguments: argparse.Namespace) -> int:
    """Converts a model, prints what it is, returns 0.

    Raises:
        ModelError: the input. OutputError: the output.
    """
    paths = [Path(name) for name in arguments.input]
    elements = [part.strip() for part in arguments.elements.split(",")] if arguments.elements else None
    source = arguments.input[0] if len(paths) == 1 else paths
    model = files.load(source, angular_domain=arguments.angular_domain, elements=elements)
    facts = source_facts(paths, arguments.note)
    files.write(model, arguments.output, facts, arguments.overwrite, shortest=arguments.shortest_distance_A)
    print(summarize(model))
    print(f"written      {arguments.output}")
    return 0


def source_facts(paths: list[Path], note: str) -> dict[str, str]:
    """Names (without folders) and sha256 of the files that were read, and the note."""
    existing = [path for path in paths if path.is_file()]
    facts = {"source": " ".join(path.name for path in paths)}
    if existing:
        facts["source_sha256"] = " ".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in existing)
    return facts | ({"note": note} if note else {})
