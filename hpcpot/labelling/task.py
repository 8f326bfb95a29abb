"""The farm's task of labelling structures by a calculator, and the data set of its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from ase.data import chemical_symbols

from hpcpot.dataset.dataset import DataSet, Labelled, build
from hpcpot.errors import ConfigError
from hpcpot.farm.item import Item
from hpcpot.farm.results import Results
from hpcpot.farm.task import Task
from hpcpot.labelling import calculators, compute
from hpcpot.labelling.correction import Correction
from hpcpot.labelling.settings import CalculatorSection
from hpcpot.storage.content import file_sha256


def label_task(calculator: CalculatorSection, results: Path, items: Sequence[Item], made_by: Mapping[str, str]) -> Task:
    """A row of labels for each structure.

    Args:
        items: structures as `compute.compute` takes them. made_by: that a results file must be of, and says.
    """
    return Task(
        kind="label",
        results=results,
        items=items,
        columns=compute.COLUMNS,
        compute=partial(
            compute.compute,
            name=calculator.class_,
            arguments=json.dumps(calculator.arguments),
            stress=calculator.stress,
        ),
        identity=made_by,
        provenance=made_by,
        cites=calculators.works(calculator.class_),
    )


def check_calculator(calculator: CalculatorSection) -> None:
    """Build it here once, so that its errors come before any work.

    Raises:
        ConfigError: cannot be built, or has no stress where one is asked for.
    """
    name = calculator.class_
    built = calculators.build(name, calculator.arguments)
    if calculator.stress and "stress" not in getattr(built, "implemented_properties", ("stress",)):
        raise ConfigError(f"calculator.stress = true: {name} has no stress; set false to label without virials.")


def identity(calculator: CalculatorSection) -> str:
    """Describe the source of the labels: class, arguments, package, hashes of files it is given, whether with virials."""
    name = calculator.class_
    files = [Path(value) for value in calculator.arguments.values() if isinstance(value, str) and Path(value).is_file()]
    lines = [
        f"{name}({json.dumps(calculator.arguments, sort_keys=True)})",
        calculators.version(name),
        *(f"{path.name}: sha256 {file_sha256(path)}" for path in files),
        f"stress: {calculator.stress}",
    ]
    return "\n".join(lines)


def made_by(calculator: CalculatorSection, correction: Correction | None) -> dict[str, str]:
    """Where labels are from: the calculator, as `identity` describes it, and the correction if there is one."""
    return {"calculator": identity(calculator)} | ({"correction": correction.identity} if correction else {})


def gather(
    results: Results, keys: Sequence[str], calculator: CalculatorSection, correction: Correction | None
) -> DataSet | None:
    """The done rows of some items in their order, with the correction added; None if there are none.

    Raises:
        SimulationError: atoms too close for the correction.
    """
    name = calculator.name or calculator.class_
    rows = {key: row for row, key in enumerate(results.keys())}
    columns, labels = {name: results.read(name) for name in results.columns}, results.labels()
    frames = []
    for row in (rows[key] for key in keys if key in rows):
        values = {field: column[row] for field, column in columns.items()}
        frames.append(
            Labelled(
                [chemical_symbols[z] for z in values["species"]],
                values["positions"],
                values["cell"],
                values["periodic"],
                values["energy"],
                values["forces"],
                values["virial"],
                values["group"],
                f"{labels[row]} by {name}",
            )
        )
    if not frames:
        return None
    dataset = build(frames)
    return dataset if correction is None else correction.added(dataset)
