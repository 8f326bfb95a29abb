"""`hpcpot schema`: JSON Schema of a command's config, by which editors complete and check it."""

from __future__ import annotations

import argparse
import json

from hpcpot import account
from hpcpot.commands import COMMANDS, schema_of
from hpcpot.config import json_schema

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hpcpot schema`."""
    parser.description = (
        "Print the JSON Schema of a command's config: `hpcpot schema md > md.schema.json`. Editors with the YAML language "
        "server read it where the first line of a config says `# yaml-language-server: $schema=md.schema.json`."
    )
    parser.add_argument(
        "of", metavar="COMMAND", choices=[name for name, row in COMMANDS.items() if row.settings], help="%(choices)s"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    schema = json_schema(schema_of(arguments.of), f"config of hpcpot {arguments.of}")
    account.tell(schema=schema)
    print(json.dumps(schema, indent=2, ensure_ascii=False))
    return 0
