"""Models of one program become files of another."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from hpcpot import account
from hpcpot.commands.convert.options import ONLY_DATA, refuse_note, refuse_others
from hpcpot.commands.convert.summary import summarize
from hpcpot.dataset import files as dataset_files
from hpcpot.dataset.arguments import read_options
from hpcpot.dataset.trained import trained_range
from hpcpot.errors import ConfigError
from hpcpot.potential import files, registry
from hpcpot.potential.contract import Family
from hpcpot.potential.deep_potential.shortest import ASSUMED
from hpcpot.potential.range import TrainedRange
from hpcpot.storage.content import file_sha256


def convert(arguments: argparse.Namespace) -> int:
    """Converts a model, prints what it is, returns 0.

    Raises:
        ModelError: the input. OutputError: the output.
    """
    paths = [Path(name) for name in arguments.input]
    _check_options(arguments)
    elements = [part.strip() for part in arguments.elements.split(",")] if arguments.elements else None
    source = arguments.input[0] if len(paths) == 1 else paths
    model, trained = files.load_with_range(source, angular_domain=arguments.angular_domain, elements=elements)
    files.check_suffix(arguments.output)
    if arguments.training_data:
        trained = _of_data(model, arguments)
    shortest = arguments.shortest_distance_A
    if shortest is None:
        shortest = ASSUMED if trained.is_assumed else float(trained.shortest.min())
    facts = _facts(paths, arguments)
    files.write(model, arguments.output, facts, arguments.overwrite, trained, shortest=shortest)
    account.tell(family=registry.row_of(model).name, fingerprint=files.fingerprint(model))
    print(summarize(model, trained))
    print(f"written      {arguments.output}")
    return 0


def _facts(paths: list[Path], arguments: argparse.Namespace) -> dict[str, str]:
    """Where the parameters come from: what an own file says of that, else the files that were read."""
    stored = files.provenance(paths[0]) if len(paths) == 1 else {}
    if not stored:
        return source_facts(paths, arguments.note)
    return stored | ({"note": arguments.note} if arguments.note else {})


def _check_options(arguments: argparse.Namespace) -> None:
    """Refuse options that would have no effect.

    Raises:
        ConfigError: as said.
    """
    output = arguments.output
    refuse_others(arguments, ONLY_DATA, "a model")
    read_options(arguments)
    _, writer = registry.writers().get(output.suffix, (None, None))
    refuse_note(arguments, writer is None)
    if writer is None or "shortest" not in writer.options:
        refuse_others(arguments, ["shortest_distance_A"], f"{output}: a .dp file keeps it")
    if writer is not None and "shortest" not in writer.options:
        refuse_others(arguments, ["training_data"], f"{output}: an .h5 file keeps it")
    if not arguments.training_data:
        refuse_others(arguments, ["trained_temperatures"], "a model without --training-data: give both")


def _of_data(model: Family, arguments: argparse.Namespace) -> TrainedRange:
    """The range of the files of --training-data.

    Raises:
        DataError: they cannot be read, or have elements that the model does not know.
    """
    names = [Path(name) for name in arguments.training_data]
    data, origin = dataset_files.load(names), ", ".join(path.name for path in names)
    return trained_range(data, model.elements, model.cutoff, origin, _temperatures(arguments.trained_temperatures))


def _temperatures(text: str | None) -> tuple[float, float] | None:
    """The numbers of --trained-temperatures.

    Raises:
        ConfigError: not one or more temperatures.
    """
    if text is None:
        return None
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = [np.nan]
    if not all(0.0 <= value < np.inf for value in values):
        raise ConfigError(f"--trained-temperatures = {text}: must be temperatures in K, e.g. 300,2500.")
    return min(values), max(values)


def source_facts(paths: list[Path], note: str) -> dict[str, str]:
    """Names (without folders) and sha256 of the files that were read, and the note."""
    existing = [path for path in paths if path.is_file()]
    facts = {"source": " ".join(path.name for path in paths)}
    if existing:
        facts["source_sha256"] = " ".join(file_sha256(path) for path in existing)
    return facts | ({"note": note} if note else {})
