"""Molecular dynamics from Python: what `hpcpot md` does, with ASE atoms in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase
import ase.units
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator

from hpcpot import config
from hpcpot.config import STAGES, Schema, key, show
from hpcpot.config.kinds import file_name
from hpcpot.dynamics import checks
from hpcpot.dynamics.run import Run
from hpcpot.dynamics.settings import SCHEMA, MDSettings, StructureSection
from hpcpot.dynamics.thermo import UNITS
from hpcpot.errors import ConfigError, StructureError
from hpcpot.parallel.ranks import start
from hpcpot.storage.blocks import gather
from hpcpot.structure import constraints

ORIGIN = Path("hpcpot.md")
"""Name in messages, in place of a config file."""


@dataclass(frozen=True)
class MDResult:
    """Result of a run. Under mpirun the atoms are on rank 0, and None elsewhere.

    Attributes:
        atoms: the last step's, in the order given, wrapped into the cell, with velocities, energies, forces and stress
            (`get_potential_energy()` and so on); frozen atoms have ASE's FixAtoms.
        thermo: columns with a row every output.observables_every steps and at the end: step, time_fs, temperature_K,
            potential_energy_eV, kinetic_energy_eV, total_energy_eV, conserved_energy_eV, pressure_GPa,
            pressure_tensor_GPa (rows, 3, 3), and what stages, deformations and deviations add.
        trajectory, checkpoint: the files, or None.
        steps: done in all.
    """

    atoms: ase.Atoms | None
    thermo: dict[str, np.ndarray]
    trajectory: Path | None
    checkpoint: Path | None
    steps: int


@dataclass(frozen=True, kw_only=True)
class _OfAtoms(StructureSection):
    """A structure that is in memory needs no file."""

    file: Path | None = key(file_name(), "as in a config, where atoms are not given", None, is_input=True)


@dataclass(frozen=True, kw_only=True)
class _SettingsOfAtoms(MDSettings):
    structure: _OfAtoms


OF_ATOMS = Schema(_SettingsOfAtoms, checks.check, checks.complete)
"""The config of `hpcpot md` where the structure is in memory."""


def md(
    atoms: ase.Atoms | str | Path,
    *,
    restart: bool = False,
    overwrite: bool = False,
    report: Callable[[str], None] | None = print,
    **keys: Any,
) -> MDResult:
    """Run molecular dynamics, or a minimisation, as `hpcpot md` does.

        result = hpcpot.md(atoms, potential="lisi_mtp", integrator="nvt_langevin", temperature_K=300,
                           initial_temperature_K=300, timestep_fs=1, steps=1000, trajectory="run.h5md")
        result.atoms.get_potential_energy(), result.thermo["temperature_K"][-1]

    The keys are those of `hpcpot md`'s config, checked alike: by their own names where no other section has the same
    (`steps=1000`), or in their section (`frozen={"elements": ["Si"]}`, `output={"position_every": 10}`,
    `stages={...}`); `potential=` a name is potential.file. A trajectory is written where one is named. A script
    under mpirun runs on all its ranks; set OMP_NUM_THREADS=1 for it, as the command does.

    Args:
        atoms: the structure, whose velocities are taken over; or a file of one, or a shipped name.
        restart: go on from the checkpoint. overwrite: replace the files of an earlier run.
        report: takes the lines that the command would print; None for silence.
    Raises:
        HpcpotError: as the command tells it, e.g. ConfigError with all that is wrong.
    """
    ranks, tree, schema, given = start(), _tree(keys), SCHEMA, None
    if isinstance(atoms, ase.Atoms):
        schema, given = OF_ATOMS, atoms
    if "file" in tree.get("structure", {}):
        raise ConfigError(
            f"structure.file = {show(tree['structure']['file'])} ({ORIGIN}): the structure is the first argument; "
            "leave this out."
        )
    if given is None:
        tree.setdefault("structure", {})["file"] = str(atoms)
    settings = ranks.root_only(lambda: config.load_tree(tree, ORIGIN, schema))
    rows: list[tuple[int, float, dict]] = []
    run = Run(settings, ranks, restart, lambda: False, given, report, lambda *row: rows.append(row))
    if restart and given is not None:
        _require_same_atoms(run, given)
    run.go(overwrite)
    output = settings.output
    saved = output.checkpoint if output.checkpoint_every else None
    return MDResult(_last_atoms(run, given), _thermo(rows, run), output.trajectory, saved, run.state.step)


def _tree(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Arrange keywords as the tree of a config; unknown ones stay at the top, where the check names them."""
    tree: dict[str, Any] = {}
    for name, value in keys.items():
        if name in SCHEMA.sections and isinstance(value, Mapping):
            _merge(tree, name, _plain(value))
        elif name == STAGES or name in SCHEMA.keys:
            tree[name] = _plain(value)
        else:
            section, last = _place(name, value)
            if section:
                _merge(tree, section, {last: _plain(value)})
            else:
                tree[last] = _plain(value)
    if isinstance(output := tree.setdefault("output", {}), dict):
        output.setdefault("trajectory", None)
        if output["trajectory"] is None and output.get("checkpoint") is None:
            output.setdefault("checkpoint_every", 0)
    return tree


def _merge(tree: dict[str, Any], section: str, entries: Mapping[str, Any]) -> None:
    """Add entries to a section.

    Raises:
        ConfigError: one of them is there already, by its own keyword or in the section.
    """
    present = tree.setdefault(section, {})
    if not isinstance(present, dict):  # the check of the config says so
        return
    for name in entries.keys() & present.keys():
        raise ConfigError(
            f"{section}.{name} = {show(present[name])} and {show(entries[name])} ({ORIGIN}): is given twice; keep one."
        )
    present.update(entries)


def _place(name: str, value: Any) -> tuple[str | None, str]:
    """Find the section and the key of a keyword.

    Raises:
        ConfigError: several sections have such a key.
    """
    if f"{name}.file" in SCHEMA.keys:
        return name, "file"
    sections = [full.split(".")[0] for full in SCHEMA.keys if full.endswith(f".{name}")]
    if len(sections) > 1:
        raise ConfigError(
            f"{name} = {show(value)} ({ORIGIN}): is a key of the sections {' and '.join(sections)}; give it in one of "
            f"them, e.g. {sections[-1]}={{{name!r}: ...}}."
        )
    return (sections[0] if sections else None), name


def _plain(value: Any) -> Any:
    """Convert a value to what YAML would give."""
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return str(value) if isinstance(value, Path) else value


def _require_same_atoms(run: Run, given: ase.Atoms) -> None:
    """Compare the atoms of a restart with those of its checkpoint, on all ranks.

    Raises:
        StructureError: another number, or other elements.
    """
    state, ranks = run.state, run.ranks
    ids, species = gather(ranks, state.ids), gather(ranks, state.species[: state.n_owned])
    ranks.root_only(lambda: _compare(run, given, np.array(state.elements)[species[np.argsort(ids)]]), share=False)


def _compare(run: Run, given: ase.Atoms, symbols: np.ndarray) -> None:
    if symbols.tolist() != given.get_chemical_symbols():
        stored = ase.Atoms(symbols).get_chemical_formula()
        raise StructureError(
            f"atoms = {given.get_chemical_formula()}: must be those of {run.settings.output.checkpoint} ({stored}), in the "
            "same order, to go on from it; give these, or start anew with overwrite=True."
        )


def _thermo(rows: list[tuple[int, float, dict]], run: Run) -> dict[str, np.ndarray]:
    """Columns of the measured observables."""
    steps, times, measured = zip(*rows, strict=True) if rows else ((), (), ())
    columns = {"step": np.array(steps, int), "time_fs": np.array(times, float)}
    for name, (unit, shape) in run.output.observables.items():
        values = np.array([seen[name] for seen in measured], float)
        columns[name + UNITS[unit]] = values.reshape(len(rows), *shape)
    return columns


def _last_atoms(run: Run, given: ase.Atoms | None) -> ase.Atoms | None:
    """Gather the atoms of all ranks on rank 0, with their energies, forces and stress."""
    state, ranks = run.state, run.ranks
    names = ("position", "velocity", "force", "potential_energy")
    arrays = {name: gather(ranks, block) for name, block in run.output.particles(list(names)).items()}
    species, frozen = (
        gather(ranks, run.output.by_id(values)) for values in (state.species[: state.n_owned], state.frozen)
    )
    virial = ranks.sum(state.virial)
    if not ranks.is_root:
        return None
    symbols = np.array(state.elements)[species]
    atoms = (
        ase.Atoms(symbols, arrays["position"], cell=state.cell, pbc=state.periodic) if given is None else given.copy()
    )
    atoms.set_cell(state.cell)
    atoms.positions = arrays["position"]
    atoms.set_masses(state.masses[species])
    constraints.freeze(atoms, np.flatnonzero(frozen))
    atoms.set_velocities(arrays["velocity"] / ase.units.fs)
    stress = -(virial + virial.T) / (2.0 * atoms.get_volume())
    atoms.calc = SinglePointCalculator(
        atoms,
        energy=float(arrays["potential_energy"].sum()),
        energies=arrays["potential_energy"],
        forces=arrays["force"],
        stress=stress.flat[[0, 4, 8, 5, 2, 1]],
    )
    return atoms
