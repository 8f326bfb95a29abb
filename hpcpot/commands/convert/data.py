"""Labelled structures from one format to another."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from hpcpot import account, provenance
from hpcpot.commands.convert.models import source_facts
from hpcpot.commands.convert.options import ONLY_MODELS, refuse_note, refuse_others
from hpcpot.dataset import files, places, statistics
from hpcpot.dataset.arguments import read_options
from hpcpot.potential import registry
from hpcpot.wording import plural


def recognises(names: Sequence[str]) -> bool:
    """Test whether the input is labelled structures, by the first of its files; a folder may be a model."""
    path = Path(names[0])
    return places.is_data(path) and not (path.is_dir() and registry.foreign(path))


def convert(arguments: argparse.Namespace) -> int:
    """Converts data, prints what they hold and what the format does not keep, returns 0.

    Raises:
        DataError: the input, or frames that the format cannot hold. OutputError: the output.
    """
    refuse_others(arguments, ONLY_MODELS, "data")
    row = files.check_output(arguments.output, arguments.format, arguments.overwrite)
    refuse_note(arguments, row.name == "hdf5")
    dataset = files.load(arguments.input, read_options(arguments), show=True)
    facts = provenance.collect() | source_facts([Path(name) for name in arguments.input], arguments.note)
    kind = files.save(dataset, arguments.output, facts, arguments.format, arguments.overwrite)
    account.tell(frames=len(dataset), format=kind)
    print(statistics.text(dataset))
    if lost := files.losses(dataset, kind):
        print(f"{kind} does not keep {', '.join(lost)}")
    print(f"written      {arguments.output}, {plural(len(dataset), 'frame')} as {kind}")
    return 0
