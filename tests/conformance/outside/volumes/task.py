"""The farm's task of `hpcpot volumes`: an item is a structure."""

from functools import partial
from pathlib import Path

import numpy as np

from hpcpot.farm import structures
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Column
from hpcpot.farm.task import Task
from hpcpot.potential.calculator import evaluate
from hpcpot.structure import checks


def prepare(settings, arguments, stop):
    potential, given = PotentialRef.of(settings.potential), settings.volumes
    return Task(
        kind="volumes",
        results=settings.output.results,
        items=structures.items(structures.expand(given.files, Path(arguments.config).parent), "all"),
        columns={"volumes": Column((None,), unit="Angstrom3"), "energies": Column((None,), unit="eV")},
        compute=partial(compute, potential=potential, strain=given.strain, steps=given.steps),
        identity={"potential": potential.fingerprint, "volumes": f"{given.steps} within {given.strain}"},
        report=report,
    )


def compute(structure, *, potential, strain, steps):
    """On a worker: the row of a structure."""
    row = {"volumes": np.empty(steps), "energies": np.empty(steps)}
    for k, scale in enumerate(np.linspace(1.0 - strain, 1.0 + strain, steps)):
        atoms = checks.check(structure, potential.elements)
        atoms.set_cell(atoms.cell * scale, scale_atoms=True)
        row["volumes"][k] = atoms.get_volume()
        row["energies"][k] = evaluate(atoms, potential.load()).energies.sum()
    return row


def report(results, keys):
    for label, volumes, energies in zip(results.labels(), *map(results.read, ("volumes", "energies")), strict=True):
        print(f"{label}: lowest at {volumes[energies.argmin()]:.1f} Å3, {energies.min():.4f} eV")
