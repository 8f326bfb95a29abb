"""All checks of a model, with their table, files and figure."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from ase import Atoms

from hpcpot import account
from hpcpot.commands.verify import contact, crystal, derivatives, dynamics, figure, outcome, probes, smoothness
from hpcpot.commands.verify.crystal import CrystalProperties
from hpcpot.commands.verify.outcome import Outcome
from hpcpot.errors import SimulationError, StructureError
from hpcpot.outputs import check_output
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.contract import Potential
from hpcpot.potential.files import load_with_range
from hpcpot.properties.crystal import VOIGT, repeats
from hpcpot.storage.tables import Columns, write_csv
from hpcpot.units import EV_PER_A3_IN_GPA
from hpcpot.wording import plural

ENDINGS = {"checks": ".csv", "crystals": "_crystals.csv", "eos": "_eos.csv", "figure": ".png"}
PROBE_ATOMS, NVE_ATOMS = 8, 64
"""Least number of atoms of the structures for derivatives, and for the NVE run."""


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot verify MODEL`; returns 1 if a check failed.

    Raises:
        ModelError, StructureError, OutputError: before anything is done.
    """
    base = Path(arguments.output or f"verify_{Path(arguments.model.split(',')[0]).stem}")
    outputs = {name: base.with_name(base.name + ending) for name, ending in ENDINGS.items()}
    if arguments.no_figure:
        del outputs["figure"]
    for path in outputs.values():
        check_output(path, arguments.overwrite)
    family, trained = load_with_range(arguments.model)
    potential = BlockPotential(family, arguments.kernels)
    print("\n".join(f"{name}: {text}" for name, text in trained.lines().items()))
    structures = choose(arguments.crystals, arguments.structure, potential.elements)
    outcomes = attempt("derivatives and smoothness", lambda: _sound(structures, potential))
    runs: list[dynamics.NveRun] = []
    outcomes += attempt("NVE run", lambda: _conserves(structures, potential, arguments, runs))
    done = crystal.examine(structures, potential)
    relaxed = {name: result for name, result in done.items() if isinstance(result, CrystalProperties)}
    print(f"relaxed {len(relaxed)} of {plural(len(done), 'structure')}")
    outcomes += crystal.check(done) + attempt("vacancies", lambda: crystal.vacancies(done, potential))
    pushed = contact.pushes({name: result.atoms for name, result in relaxed.items()}, potential)
    outcomes += contact.check(pushed)
    print("\n" + outcome.table(outcomes))
    write_csv(outputs["checks"], outcome.columns(outcomes))
    write_csv(outputs["crystals"], crystals_table(relaxed))
    write_csv(outputs["eos"], eos_table(relaxed))
    if "figure" in outputs:
        figure.write(relaxed, pushed, runs, outputs["figure"])
    failed = sum(row.verdict == "FAIL" for row in outcomes)
    account.tell(checks=[{**asdict(row), "verdict": row.verdict} for row in outcomes], failed=failed)
    print("\nwritten: " + ", ".join(str(path) for path in outputs.values()))
    print(f"{plural(len(outcomes), 'check')}, {failed} failed")
    return int(failed > 0)


def attempt(name: str, check: Callable[[], list[Outcome]]) -> list[Outcome]:
    """Run a check; a model that cannot be run fails it with the reason, and the other checks go on."""
    try:
        return check()
    except SimulationError as error:
        return [Outcome(name, np.nan, "", where=" ".join(str(error).split()))]


def choose(names: str | None, paths: list[str], elements: tuple[str, ...]) -> dict[str, Atoms]:
    """Collect the crystals and files to check a model with.

    Raises:
        StructureError: there are none.
    """
    chosen = None if names is None else [part.strip() for part in names.split(",") if part.strip() != "none"]
    structures = probes.known(elements, chosen) | probes.given(paths, elements)
    if not structures:
        raise StructureError(
            f"structures = none: no crystal by name consists of {', '.join(elements)}; give one with --structure."
        )
    return structures


def crystals_table(done: dict[str, CrystalProperties]) -> Columns:
    """Tabulate the crystals: lattice, energy, equation of state, elastic constants."""
    lattices = np.array([item.atoms.cell.cellpar() for item in done.values()]).reshape(-1, 6)
    fits = np.array([item.fit for item in done.values()]).reshape(-1, 4)
    formed = [crystal.formation_energy(done, name) for name in done]
    elastic = np.array([item.elastic for item in done.values()]).reshape(-1, 6, 6)
    return {
        "crystal": np.array(list(done)),
        "atoms": np.array([len(item.atoms) for item in done.values()]),
        **{f"{name}_A": lattices[:, k] for k, name in enumerate("abc")},
        **{f"{name}_deg": lattices[:, 3 + k] for k, name in enumerate(("alpha", "beta", "gamma"))},
        "energy_eV_per_atom": np.array([item.energy for item in done.values()]),
        "formation_energy_eV_per_atom": np.array([np.nan if value is None else value for value in formed]),
        "eos_volume_A3_per_atom": fits[:, 1],
        "eos_bulk_modulus_GPa": fits[:, 2] * EV_PER_A3_IN_GPA,
        "eos_bulk_modulus_derivative": fits[:, 3],
        **{f"C{a + 1}{b + 1}_GPa": elastic[:, a, b] for a in range(len(VOIGT)) for b in range(a, len(VOIGT))},
    }


def eos_table(done: dict[str, CrystalProperties]) -> Columns:
    """Tabulate the equations of state: a row per volume of each crystal."""
    return {
        "crystal": np.array([item.name for item in done.values() for _ in item.volumes]),
        "volume_A3_per_atom": np.concatenate([np.zeros(0), *(item.volumes for item in done.values())]),
        "energy_eV_per_atom": np.concatenate([np.zeros(0), *(item.energies for item in done.values())]),
    }


def _sound(structures: dict[str, Atoms], potential: Potential) -> list[Outcome]:
    """Check derivatives, invariances and smoothness."""
    shaken = {name: probes.shaken(atoms, PROBE_ATOMS) for name, atoms in structures.items()}
    outcomes = derivatives.check(shaken, potential)
    print(f"derivatives and invariances of {plural(len(shaken), 'structure')}: done")
    smooth = smoothness.check(shaken, potential)
    print("smoothness: done")
    return outcomes + smooth


def _conserves(
    structures: dict[str, Atoms], potential: Potential, arguments: argparse.Namespace, runs: list[dynamics.NveRun]
) -> list[Outcome]:
    """Run the first structure with the most elements at constant energy; the run is added to `runs`."""
    name = max(structures, key=lambda name: len(set(structures[name].symbols)))
    big = structures[name].repeat(repeats(structures[name], NVE_ATOMS))
    runs.append(dynamics.run(big, potential, arguments.temperature_K, arguments.timestep_fs, arguments.nve_steps))
    print(f"NVE run of {plural(len(big), 'atom')} of {name}: done")
    return dynamics.check(runs[0], name)
