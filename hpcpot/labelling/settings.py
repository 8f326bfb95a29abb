"""The section `calculator`: the ASE calculator that labels."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot.config import key
from hpcpot.config.kinds import TEXT, Kind, boolean, file_name

DOTTED = r"[^\W\d]\w*(\.[^\W\d]\w*)+"


def import_path() -> Kind:
    """Kind of the import path of a class or function, kept as text."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(DOTTED, value):
            raise ValueError("must be module.Name, e.g. ase.calculators.emt.EMT")
        return value

    return Kind("module.Name", parse, {"type": "string", "pattern": f"^{DOTTED}$"})


def keywords() -> Kind:
    """Kind of keyword arguments whose values exist both in YAML and in JSON."""

    def parse(value: Any) -> dict[str, Any]:
        words = "must be names with plain values, e.g. {model_path: model.nqx}"
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise ValueError(words)
        try:
            same = json.loads(json.dumps(value, allow_nan=False)) == value
        except TypeError as error:
            raise ValueError(f"{words}; {error}") from error
        except ValueError as error:  # JSON has no word for them
            raise ValueError(f"{words}; numbers must be finite") from error
        if not same:  # JSON makes text of numbers that are names
            raise ValueError(f"{words}; names within them must be text, too")
        return value

    return Kind("names with plain values", parse, {"type": "object"})


def label_name() -> Kind:
    def parse(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("must be text")
        return value

    return Kind("text", parse, TEXT)


@dataclass(frozen=True, kw_only=True)
class CalculatorSection:
    """The ASE calculator that computes the labels."""

    class_: str = key(
        import_path(),
        "ASE calculator, or a function that returns one, e.g. nequix.calculator.NequixCalculator; must be installed here "
        "and on the workers; its code runs as you, but not with --dry-run",
    )
    arguments: dict[str, Any] = key(
        keywords(), "keyword arguments of the calculator; file names are relative to the current folder", {}
    )
    name: str | None = key(label_name(), "name of the calculator in the data set; null: its class", None)
    correction: Path | None = key(
        file_name(),
        "potential that is added to every label, energy, forces and virial, trained on what DFT gives more than the "
        "calculator (hpcpot dataset --minus); null: none",
        None,
        is_input=True,
    )
    stress: bool = key(boolean(), "label virials, too; set false for a calculator without stress", True)
