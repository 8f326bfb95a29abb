"""Another program's model becomes an hpcpot model file, or an hpcpot model one of DeePMD-kit or MLIP-2."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from hpcpot.commands.convert.summary import summarize
from hpcpot.potential import files
from hpcpot.potential.deep_potential import to_deepmd as deepmd
from hpcpot.potential.moment_tensor import to_mlip as mlip


def convert(arguments: argparse.Namespace) -> int:
    """Converts a model, prints what it is, returns 0.

    Raises:
        ModelError: the input. OutputError: the output.
    """
    paths = [Path(name) for name in arguments.input]
    elements = [part.strip() for part in arguments.elements.split(",")] if arguments.elements else None
    model = files.load(arguments.input[0] if len(paths) == 1 else paths, arguments.angular_domain, elements)
    if arguments.output.suffix == ".dp":
        deepmd.write_native(model, arguments.output, arguments.shortest_distance_A, arguments.overwrite)
    elif arguments.output.suffix == ".mtp":
        mlip.write(model, arguments.output, arguments.overwrite)
    else:
        files.save(model, arguments.output, source_facts(paths, arguments.note), arguments.overwrite)
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
