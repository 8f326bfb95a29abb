"""A farm command of another package: the energy of each of many structures."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from hpcpot import config
from hpcpot.commands import register
from hpcpot.config import Schema, key
from hpcpot.config.kinds import file_name, list_of, output_path
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import FarmSection
from hpcpot.potential.settings import PotentialSection


@dataclass(frozen=True, kw_only=True)
class StructuresSection:
    files: list[str] = key(list_of(file_name(), "a list of files or patterns"), "files of structures")


@dataclass(frozen=True, kw_only=True)
class OutputSection:
    results: Path = key(output_path(), "HDF5 file of results; the same command completes it")


@dataclass(frozen=True, kw_only=True)
class EnergiesSettings:
    structures: StructuresSection
    potential: PotentialSection
    output: OutputSection
    farm: FarmSection = FarmSection()


SCHEMA = Schema(EnergiesSettings, lambda settings: farm_settings.check(settings.farm))


def add_arguments(parser):
    config.add_arguments(parser, SCHEMA, "YAML file", "potential.file=lisi_mtp")
    farm_settings.add_arguments(parser)


def run(arguments):
    from hpcpot.farm.campaign import run_command

    return run_command(arguments, SCHEMA, prepare)


def prepare(settings, arguments, stop):
    from hpcpot.farm import structures
    from hpcpot.farm.potential_ref import PotentialRef
    from hpcpot.farm.results import Column
    from hpcpot.farm.task import Task

    potential = PotentialRef.of(settings.potential)
    paths = structures.expand(settings.structures.files, Path(arguments.config).parent)
    return Task(
        kind="energies",
        results=settings.output.results,
        items=structures.items(paths, "all"),
        columns={"energy_per_atom": Column((), unit="eV")},
        compute=partial(compute, potential=potential),
        identity={"potential": potential.fingerprint},
        report=report,
    )


def compute(atoms, *, potential):
    from hpcpot.potential.calculator import evaluate

    return {"energy_per_atom": evaluate(atoms, potential.load()).energies.mean()}


def report(results, keys):
    print(f"lowest energy: {np.min(results.read('energy_per_atom')):.6f} eV/atom of {len(keys)} structures")


register("energies", __name__, "energies of many structures", settings=__name__)
