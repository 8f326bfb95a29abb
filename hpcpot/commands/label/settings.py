"""The config of `hpcpot label`: every key, its kind, default and meaning."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from hpcpot.config import Key, Schema, Settings
from hpcpot.config.kinds import Kind, boolean, either, file_name, integer, list_of, output_path
from hpcpot.farm import settings as farm_settings


def import_path() -> Kind:
    """Where Python finds a class or function, kept as text."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", value):
            raise ValueError("must be module.Name, e.g. ase.calculators.emt.EMT")
        return value

    return Kind("module.Name", parse)


def keywords() -> Kind:
    """Arguments by name, of values that YAML and JSON share."""

    def parse(value: Any) -> dict[str, Any]:
        words = "must be names with plain values, e.g. {model_path: model.nqx}"
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise ValueError(words)
        try:
            same = json.loads(json.dumps(value)) == value
        except TypeError as error:
            raise ValueError(f"{words}; {error}") from error
        if not same:  # JSON makes text of numbers that are names
            raise ValueError(f"{words}; names within them must be text, too")
        return value

    return Kind("names with plain values", parse)


def label_name() -> Kind:
    def parse(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("must be text")
        return value

    return Kind("text", parse)


KEYS = (
    Key(
        "structures.files",
        either(file_name(), list_of(file_name(), "a list of files or patterns")),
        "extxyz, H5MD, data sets, CIF, POSCAR, LAMMPS data; patterns such as frames/*.extxyz",
    ),
    Key("structures.every", integer(1), "take the first frame of each file, and every so many after it", 1),
    Key(
        "calculator.class",
        import_path(),
        "calculator of ASE, or a function that returns one, e.g. nequix.calculator.NequixCalculator; installed here "
        "and on the workers",
    ),
    Key("calculator.arguments", keywords(), "by name; files relative to the current folder", {}),
    Key("calculator.name", label_name(), "what the data set calls it as a source; null: its class", None),
    Key("calculator.stress", boolean(), "label the virial; false for a calculator without stress", True),
    Key("output.results", output_path(), "HDF5 file of results; the same command completes it"),
    Key("output.dataset", output_path(), "data set (.h5) of the structures that were labelled"),
)


def _check(settings: Settings) -> Iterator[tuple[str, str]]:
    """What does not fit together."""
    yield from farm_settings.check(settings)
    output = settings.output
    if output.dataset.suffix not in (".h5", ".hdf5"):
        yield "output.dataset", "must end in .h5; hpcpot convert makes other formats of it"
    if output.dataset.absolute() == output.results.absolute():
        yield "output.dataset", "must be another file than output.results"


SCHEMA = Schema(KEYS + farm_settings.KEYS, _check)
