"""One verification: all checks of a model, their table, files and figure."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms

from hpcpot.commands.verify import contact, crystal, derivatives, dynamics, figure, outcome, probes, smoothness
from hpcpot.commands.verify.crystal import VOIGT, Crystal
from hpcpot.commands.verify.outcome import Outcome
from hpcpot.errors import SimulationError, StructureError
from hpcpot.outputs import check_output
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.contract import Potential
from hpcpot.potential.files import load
from hpcpot.storage.tables import Columns, write_csv
from hpcpot.units import EV_PER_A3_IN_GPA
from hpcpot.wording import plural

ENDINGS = {"checks": ".csv", "crystals": "_crystals.csv", "eos": "_eos.csv", "figure": ".png"}
PROBE_ATOMS, NVE_ATOMS = 8, 64
"""Atoms at least of the structures for derivatives, and for the run at constant energy."""


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
    potential = BlockPotential(load(arguments.model), arguments.kernels)
    structures = choose(arguments.crystals, arguments.structure, potential.elements)
    outcomes = attempt("derivatives and smoothness", lambda: _sound(structures, potential))
    runs: list[dynamics.Run] = []
    outcomes += attempt("NVE run", lambda: _conserves(structures, potential, arguments, runs))
    done = crystal.examine(structures, potential)
    whole = {name: one for name, one in done.items() if isinstance(one, Crystal)}
    print(f"relaxed {len(whole)} of {plural(len(done), 'structure')}")
    outcomes += crystal.check(done) + attempt("vacancies", lambda: crystal.vacancies(done, potential))
    pushed = contact.pushes({name: one.atoms for name, one in whole.items()}, potential)
    outcomes += contact.check(pushed)
    print("\n" + outcome.table(outcomes))
    write_csv(outputs["checks"], outcome.columns(outcomes))
    write_csv(outputs["crystals"], crystals_table(whole))
    write_csv(outputs["eos"], eos_table(whole))
    if "figure" in outputs:
        figure.write(whole, pushed, runs, outputs["figure"])
    failed = sum(one.verdict == "FAIL" for one in outcomes)
    print("\nwritten: " + ", ".join(str(path) for path in outputs.values()))
    print(f"{plural(len(outcomes), 'check')}, {failed} failed")
    return int(failed > 0)


def attempt(name: str, check: Callable[[], list[Outcome]]) -> list[Outcome]:
    """What a check finds; a model that cannot even be run fails it with the reason, and the other checks go on."""
    try:
        return check()
    except SimulationError as error:
        return [Outcome(name, np.nan, "", where=" ".join(str(error).split()))]


def choose(names: str | None, paths: list[str], elements: tuple[str, ...]) -> dict[str, Atoms]:
    """The crystals and files to check a model with.

    Raises:
        StructureError: there is none.
    """
    wanted = None if names is None else [part.strip() for part in names.split(",") if part.strip() != "none"]
    found = probes.known(elements, wanted) | probes.given(paths, elements)
    if not found:
        raise StructureError(
            f"structures = none: no crystal by name consists of {', '.join(elements)}; give one with --structure."
        )
    return found


def crystals_table(done: dict[str, Crystal]) -> Columns:
    """A row for each crystal: lattice, energy, equation of state, elastic constants."""
    lattices = np.array([one.atoms.cell.cellpar() for one in done.values()]).reshape(-1, 6)
    fits = np.array([one.fit for one in done.values()]).reshape(-1, 4)
    formed = [crystal.formation_energy(done, name) for name in done]
    elastic = np.array([one.elastic for one in done.values()]).reshape(-1, 6, 6)
    return {
        "crystal": np.array(list(done)),
        "atoms": np.array([len(one.atoms) for one in done.values()]),
        **{f"{name}_A": lattices[:, k] for k, name in enumerate("abc")},
        **{f"{name}_deg": lattices[:, 3 + k] for k, name in enumerate(("alpha", "beta", "gamma"))},
        "energy_eV_per_atom": np.array([one.energy for one in done.values()]),
        "formation_energy_eV_per_atom": np.array([np.nan if value is None else value for value in formed]),
        "eos_volume_A3_per_atom": fits[:, 1],
        "eos_bulk_modulus_GPa": fits[:, 2] * EV_PER_A3_IN_GPA,
        "eos_bulk_modulus_derivative": fits[:, 3],
        **{f"C{a + 1}{b + 1}_GPa": elastic[:, a, b] for a in range(len(VOIGT)) for b in range(a, len(VOIGT))},
    }


def eos_table(done: dict[str, Crystal]) -> Columns:
    """A row for each volume of each crystal."""
    return {
        "crystal": np.array([one.name for one in done.values() for _ in one.volumes]),
        "volume_A3_per_atom": np.concatenate([np.zeros(0), *(one.volumes for one in done.values())]),
        "energy_eV_per_atom": np.concatenate([np.zeros(0), *(one.energies for one in done.values())]),
    }


def _sound(structures: dict[str, Atoms], potential: Potential) -> list[Outcome]:
    """Derivatives, invariances, smoothness."""
    shaken = {name: probes.shaken(atoms, PROBE_ATOMS) for name, atoms in structures.items()}
    found = derivatives.check(shaken, potential)
    print(f"derivatives and invariances of {plural(len(shaken), 'structure')}: done")
    smooth = smoothness.check(shaken, potential)
    print("smoothness: done")
    return found + smooth


def _conserves(
    structures: dict[str, Atoms], potential: Potential, arguments: argparse.Namespace, runs: list[dynamics.Run]
) -> list[Outcome]:
    """A run at constant energy of the first structure with the most elements; it is added to `runs`."""
    name = max(structures, key=lambda one: len(set(structures[one].symbols)))
    big = structures[name].repeat(probes.repeats(structures[name], NVE_ATOMS))
    runs.append(dynamics.run(big, potential, arguments.temperature_K, arguments.timestep_fs, arguments.nve_steps))
    print(f"NVE run of {plural(len(big), 'atom')} of {name}: done")
    return dynamics.check(runs[0], name)
