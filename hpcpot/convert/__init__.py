"""`hpcpot convert`: another program's model becomes an hpcpot model file, or a Deep Potential one of DeePMD-kit's."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from hpcpot.convert.summary import summarize
from hpcpot.potential import files
from hpcpot.potential.exporters import deepmd
from hpcpot.potential.importers.aenet import ANGULAR_DOMAINS

EXAMPLES = """\
examples:
  hpcpot convert frozen_model.pb -o model.h5            DeePMD-kit: .dp, .yaml, or frozen and uncompressed .pb
  hpcpot convert lisi -o lisi.dp                        to DeePMD-kit: dp convert-backend lisi.dp lisi.pb
  hpcpot convert Li.nn Si.nn -o model.h5                aenet: one network per element, binary or .nn.ascii
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot convert`."""
    parser.epilog = EXAMPLES
    parser.add_argument("input", nargs="+", help="model file; for aenet one network file per element")
    parser.add_argument("-o", "--output", type=Path, required=True, help="hpcpot model file to write (.h5), or DeePMD-kit's (.dp)")
    parser.add_argument(
        "--shortest-distance-A", type=float, default=1.0, metavar="R",
        help="shortest distance of the training set, kept in a .dp for `dp compress` (default 1)",
    )  # fmt: skip
    parser.add_argument(
        "--angular-domain", choices=ANGULAR_DOMAINS, default="auto",
        help="of aenet networks: cos (aenet >= 2.0.4), legacy (older), or auto: by their statistics",
    )  # fmt: skip
    parser.add_argument("--note", default="", help="a text about the model that is kept in the file")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output")


def run(arguments: argparse.Namespace) -> int:
    """Converts, prints what the model is, returns 0.

    Raises:
        ModelError: the input. OutputError: the output.
    """
    paths = [Path(name) for name in arguments.input]
    model = files.load(arguments.input[0] if len(paths) == 1 else paths, arguments.angular_domain)
    if arguments.output.suffix == ".dp":
        deepmd.write_native(model, arguments.output, arguments.shortest_distance_A, arguments.overwrite)
    else:
        files.save(model, arguments.output, _provenance(paths, arguments.note), arguments.overwrite)
    print(summarize(model))
    print(f"written      {arguments.output}")
    return 0


def _provenance(paths: list[Path], note: str) -> dict[str, str]:
    """Names (without folders) and sha256 of the files that were read, and the note."""
    existing = [path for path in paths if path.is_file()]
    facts = {"source": " ".join(path.name for path in paths)}
    if existing:
        facts["source_sha256"] = " ".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in existing)
    return facts | ({"note": note} if note else {})
