"""The farm's task of `hpcpot select`: vectors of all structures; and the selection, its tables and data set."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from hpcpot import account, config, provenance
from hpcpot.commands.select import blocks, compute, groups, summary
from hpcpot.commands.select.settings import DescriptorSection, SelectionSection, SelectOutputSection, SelectSettings
from hpcpot.dataset import files, hdf5, places
from hpcpot.dataset.dataset import DataSet, Labelled, build, labelled
from hpcpot.dataset.formats.reading import ReadOptions
from hpcpot.descriptors.soap.power_spectrum import Soap
from hpcpot.errors import ConfigError, DataError, HpcpotError, OutputError
from hpcpot.farm import structures
from hpcpot.farm.campaign import Stop, each_once
from hpcpot.farm.item import Item
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Column, Results
from hpcpot.farm.task import Task
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.settings import PotentialSection
from hpcpot.selection.farthest import Subset, at_random, central, farthest, measured
from hpcpot.selection.points import Comparable, Vectors
from hpcpot.selection.spanning import cur, d_optimal
from hpcpot.storage.content import content_key
from hpcpot.structure.formats import StructureOptions
from hpcpot.structure.settings import options_of


@dataclass(frozen=True)
class Compared:
    """What structures are compared by.

    Attributes:
        descriptor: what workers are sent, see compute.prepared. size: numbers in a vector. text: its settings.
    """

    descriptor: Soap | PotentialRef
    size: int
    text: str


def prepare(settings: SelectSettings, arguments: argparse.Namespace, stop: Stop) -> Task:
    """Read structures and model.

    Raises:
        ConfigError, DataError, ModelError, OutputError: before anything is done.
    """
    section, output = settings.structures, settings.output
    paths = find(section.files, Path(arguments.config).parent)
    items, frames = read(paths, section.every, options_of(section, "structures"))
    compared = descriptor_of(settings.descriptor, section.elements or _elements(frames.values()))
    check_outputs(output, compared.text, arguments.overwrite)
    _check_numbers(settings.selection, len(each_once(items)))
    groups.check(settings, list(frames.values()))
    facts = {**provenance.collect(), "config": config.dump(settings), "descriptor": compared.text}
    by_vectors = Task(
        kind="select",
        results=output.vectors,
        items=items,
        columns={"vector": Column((compared.size,))},
        compute=partial(compute.compute, descriptor=compared.descriptor),
        batched=True,
        identity={"descriptor": compared.text},
        cites=("bartok2013" if settings.descriptor.kind == "soap" else "shapeev2016",),
        report=partial(report, settings, frames, facts, vectors),
    )
    if settings.descriptor.zeta == 1:
        return by_vectors
    return replace(
        by_vectors,
        items=blocks.items_of(items),
        columns=blocks.COLUMNS,
        compute=partial(blocks.compute, descriptor=compared.descriptor, zeta=settings.descriptor.zeta),
        batched=False,
        report=partial(report, settings, frames, facts, partial(blocks.points, items)),
    )


def find(patterns: str | Sequence[str], folder: Path) -> list[Path]:
    """Files and folders by name or pattern, beside the config, then in the current folder, then among those that ship.

    Raises:
        ConfigError: there is none.
    """
    paths = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        matches = places.find_all(pattern, folder)
        if not matches:
            raise ConfigError(
                f"structures.files = {pattern}: must be a file or folder beside the config or in the current folder; check "
                "the path."
            )
        paths += matches
    return paths


def read(paths: Sequence[Path], every: int, options: StructureOptions) -> tuple[list[Item], dict[str, Labelled]]:
    """An item of each structure, and by its key the structure with its labels; the first of those that are the same.

    Raises:
        DataError: labelled data that are damaged. Structures of other files that cannot be read are items that fail.
    """
    items, frames = [], {}
    for path in paths:
        for label, frame in islice(_frames(path, options), 0, None, every):
            if isinstance(frame, HpcpotError):
                items.append(Item(content_key(str(path), label, str(frame)), frame, label))
                continue
            bare = Atoms(frame.symbols, frame.positions, cell=frame.cell, pbc=frame.periodic)
            key = content_key(bare.numbers, bare.positions, bare.cell.array, np.asarray(bare.pbc))
            items.append(Item(key, bare, label))
            frames.setdefault(key, frame)
    return items, frames


def _frames(path: Path, options: StructureOptions) -> Iterator[tuple[str, Labelled | HpcpotError]]:
    """Name and structure of a file of labelled data, or else of structures, whose labels are left."""
    if options.format is None and places.is_data(path):
        given = ReadOptions(options.elements, elements_if_needed=True, unlabelled=True)
        dataset = files.load([path], given)
        for k in range(len(dataset)):
            frame = dataset.labelled(k)
            yield frame.source, frame
        return
    for _, label, structure in structures.structures([path], "all", options):
        is_error = isinstance(structure, HpcpotError)
        yield label, structure if is_error else labelled(structure, label, path.stem)


def descriptor_of(section: DescriptorSection, elements: Sequence[str]) -> Compared:
    """The descriptor of a config.

    Raises:
        ConfigError: a setting out of range, or a model of another family. ModelError: the model cannot be read.
    """
    if section.kind == "soap":
        soap = Soap(
            tuple(elements),
            section.cutoff_A,
            section.width_A,
            section.taper,
            section.n_max,
            section.l_max,
            section.sigma_A,
            section.central_weight,
        )
        power = "" if section.zeta == 1 else f", kernels of atoms to the power zeta={section.zeta}"
        return Compared(soap, soap.size, f"{soap}{power}")
    model = PotentialRef.of(PotentialSection(file=section.model, outside="ignore"))
    family = model.load().family
    if not isinstance(family, MomentTensor):
        raise ConfigError(
            f"descriptor.model = {section.model}: must be a moment tensor potential; take one, as lisi_mtp."
        )
    return Compared(model, len(family.coefficients), f"basis of the moment tensor potential {model.fingerprint}")


def check_outputs(output: SelectOutputSection, text: str, overwrite: bool) -> None:
    """Refuse, before the work, vectors of another descriptor, and a data set that no selection made or of vectors unknown.

    Raises:
        OutputError: see above; or there is no folder to write to.
    """
    hdf5.check_derived(output.dataset, output.vectors, "select", "descriptor", overwrite)
    if output.vectors.exists() and not overwrite:
        with Results(output.vectors) as results:
            stored = results.identity().get("descriptor", text)
        if stored != text:
            raise OutputError(
                f"{output.vectors} = vectors of {stored}: must be of {text}, as in the config; write to another path, or "
                "begin anew with --overwrite."
            )


def _check_numbers(section: SelectionSection, different: int) -> None:
    for name, value, most in (("count", section.count, different), ("start", section.start, different - 1)):
        if value is not None and value > most:
            raise ConfigError(
                f"selection.{name} = {value}: must be at most {most}, as there are {different} different structures; lower "
                "it, or add files."
            )


def _elements(frames: Collection[Labelled]) -> list[str]:
    """Elements that occur, by atomic number."""
    symbols = {symbol for frame in frames for symbol in frame.symbols}
    return sorted(symbols, key=atomic_numbers.__getitem__)


def report(
    settings: SelectSettings,
    frames: Mapping[str, Labelled],
    facts: Mapping[str, Any],
    compared: Callable[..., tuple[list[str], Comparable]],
    results: Results,
    keys: Sequence[str],
) -> None:
    """Select from the structures that are compared, and write what came of it.

    Args:
        compared: `vectors` or `blocks.points`.
    Raises:
        DataError: none is, or more are asked for than there are.
    """
    done, points = compared(results, keys)
    dataset = build([frames[key] for key in done])
    chosen = select(points, dataset, settings.selection)
    by_chance = {
        seed: measured(points, at_random(points.count, len(chosen.order), seed), chosen.within)
        for seed in settings.selection.random_seeds
    }
    seen = summary.Seen(dataset, chosen, by_chance, *groups.compare(points, dataset, settings))
    write(settings.output, seen, points, facts)


def vectors(results: Results, keys: Sequence[str]) -> tuple[list[str], Vectors]:
    """Keys of the structures that have a vector, and the vectors, of length 1.

    Raises:
        DataError: there is none.
    """
    rows = {key: row for row, key in enumerate(results.keys())}
    done = [key for key in keys if key in rows]
    if not done:
        raise DataError(
            "structures = none with a vector: at least one is required; `hpcpot results` says why they failed."
        )
    values = np.asarray(results.read("vector"))[[rows[key] for key in done]]
    return done, Vectors(values / np.linalg.norm(values, axis=1)[:, None])


def select(points: Comparable, dataset: DataSet, section: SelectionSection) -> Subset:
    """The selection that a config asks for."""
    quotas = groups.quotas(dataset, section.quotas or {})
    if section.method == "farthest":
        start = central(points) if section.start is None else section.start
        covered = None if section.covered_percent is None else section.covered_percent / 100.0
        return farthest(points, start, section.count, section.distance, covered, section.within, quotas)
    if section.method == "random":
        order = at_random(points.count, section.count, section.seed, quotas)
    else:
        order = {"cur": cur, "d_optimal": d_optimal}[section.method](points.values, section.count, quotas)
    return measured(points, order, section.within)


def write(output: SelectOutputSection, seen: summary.Seen, points: Comparable, facts: Mapping[str, Any]) -> None:
    """The selected structures, tables and figures; prints what came of it."""
    hdf5.write(seen.dataset.select(seen.chosen.order), output.dataset, facts, overwrite=True)
    account.tell(of=len(seen.dataset), chosen=len(seen.chosen.order))
    print(summary.text(seen))
    for path in summary.write(output.dataset, seen, facts):
        print(f"written: {path}")
    if output.similarities is not None:
        print(f"written: {summary.write_matrix(output.similarities, seen, points, facts)}")
