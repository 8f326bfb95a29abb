"""The farm's task of `hpcpot label`: its structures, and the data set of those that are labelled."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from ase import Atoms

from hpcpot import config, provenance
from hpcpot.commands.label.settings import LabelSettings
from hpcpot.dataset import figure, groups, hdf5, statistics
from hpcpot.errors import HpcpotError, StructureError
from hpcpot.farm import structures as inputs
from hpcpot.farm.campaign import Stop
from hpcpot.farm.item import Item
from hpcpot.farm.results import Results
from hpcpot.farm.task import Task
from hpcpot.labelling import calculators
from hpcpot.labelling.correction import Correction
from hpcpot.labelling.task import check_calculator, gather, label_task, made_by
from hpcpot.report import figures
from hpcpot.storage.content import content_key
from hpcpot.structure import constraints
from hpcpot.structure.formats import StructureOptions
from hpcpot.structure.settings import options_of

STARTS = ("initial_magmoms", "initial_charges")
"""Arrays of a structure, by ASE's names, from which a calculator starts: other labels may come of others."""


def prepare(settings: LabelSettings, arguments: argparse.Namespace, stop: Stop) -> Task:
    """Read the structures, and try the calculator; a dry run leaves its code alone.

    Raises:
        ConfigError, OutputError: before anything is done.
    """
    calculator, output = settings.calculator, settings.output
    hdf5.check_derived(output.dataset, output.results, "label", "calculator", arguments.overwrite)
    section = settings.structures
    paths = inputs.expand(section.files, Path(arguments.config).parent)
    items = structures(paths, section.every, options_of(section, "structures"))
    correction = Correction.read(calculator.correction)
    for item in items if correction else ():
        if isinstance(item.input, Atoms):
            correction.refuse_unknown(set(item.input.symbols), item.label)
    if arguments.dry_run:
        calculators.check_name(calculator.class_)
    else:
        check_calculator(calculator)
    if arguments.dry_run:
        return label_task(calculator, output.results, items, {})
    facts = {**provenance.collect(), "config": config.dump(settings), **made_by(calculator, correction)}
    return replace(
        label_task(calculator, output.results, items, made_by(calculator, None)),  # rows are labels without correction
        report=partial(report, settings, correction, facts),
    )


def structures(paths: Sequence[Path], every: int, options: StructureOptions) -> list[Item]:
    """Make an item of each structure, with its group in info: what the file says, else the file's name."""
    items, group = [], dict(zip(paths, groups.of_files(paths), strict=True))
    for path, frames in groupby(inputs.structures(paths, "all", options), key=itemgetter(0)):
        for _, label, read in islice(frames, 0, None, every):
            error = read if isinstance(read, HpcpotError) else _partly_held(read)
            if error is not None:
                items.append(Item(content_key(str(path), label, str(error)), error, label))
                continue
            atoms = Atoms(read.numbers, read.positions, cell=read.cell, pbc=read.pbc)
            given = [name for name in STARTS if read.has(name)]
            for name in given:
                atoms.set_array(name, read.get_array(name))
            starts = [part for name in given for part in (name, read.get_array(name))]
            key = content_key(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc, *starts)
            atoms.info["group"] = str(read.info.get("group", read.info.get("config_type", group[path])))
            items.append(Item(key, atoms, label))
    return items


def _partly_held(atoms: Atoms) -> StructureError | None:
    """The refusal of a structure with constraints that no other command takes; atoms that are held whole are labelled."""
    try:
        constraints.frozen(atoms)
    except StructureError as error:
        return error
    return None


def report(
    settings: LabelSettings,
    correction: Correction | None,
    facts: Mapping[str, Any],
    results: Results,
    keys: Sequence[str],
) -> None:
    """Write the structures that are done as a data set, with its table and figure."""
    output = settings.output
    dataset = gather(results, keys, settings.calculator, correction)
    if dataset is None:
        print("no structure was labelled, so there is no data set")
        return
    hdf5.write(dataset, output.dataset, facts, overwrite=True)
    print(statistics.text(dataset))
    if correction is not None:
        print(
            f"labels are corrected by {correction.identity}; those of the calculator are in {output.results}, and as raw"
        )
    print(f"data set: {output.dataset}; `hpcpot dataset {output.dataset}` says which frames to doubt")
    print(figures.drawn(len(dataset), output.dataset.with_suffix(".png"), partial(figure.write, dataset)))
