"""Known crystals: by name or from files, and what the potential relaxes them to."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ase import Atoms

from hpcpot import config
from hpcpot.commands.search.duplicates import Minimum
from hpcpot.commands.search.minima import minimum, reduced_formula
from hpcpot.errors import ConfigError, SimulationError
from hpcpot.farm.item import Item
from hpcpot.farm.results import Results
from hpcpot.farm.structures import plain
from hpcpot.relaxation.engine import CONVERGED
from hpcpot.storage.content import content_key
from hpcpot.structure import crystals, files


def items(names: Sequence[str], folder: Path) -> list[Item]:
    """An item of each crystal, a name of `structure.crystals` or a file beside the config or in the current folder.

    Raises:
        ConfigError: no such crystal or file, or two of one name. StructureError: the file cannot be read.
    """
    made: dict[str, Item] = {}
    for name in names:
        label, atoms = _read(name, folder)
        if label in made:
            raise ConfigError(f"known.crystals = {label}: must be there once; take one away, or rename a file.")
        made[label] = Item(content_key(label, atoms.numbers, atoms.positions, atoms.cell.array), plain(atoms), label)
    return list(made.values())


def _read(name: str, folder: Path) -> tuple[str, Atoms]:
    if name in crystals.CRYSTALS:
        return name, crystals.build(name, primitive=True)
    try:
        path = config.find_input(name, folder)
    except ValueError as error:
        near = difflib.get_close_matches(name, crystals.CRYSTALS, 1)
        hint = f"did you mean {near[0]}?" if near else f"known by name are {', '.join(crystals.CRYSTALS)}."
        raise ConfigError(f"known.crystals = {name}: must be the name of a crystal, or a file; {hint}") from error
    atoms = files.read(path, section="")
    if not atoms.pbc.all():
        raise ConfigError(f"known.crystals = {name}: must be periodic along all axes; give a crystal.")
    return path.stem, atoms


def relaxed(results: Results, asked: Sequence[Item]) -> list[Minimum]:
    """The minimum of each crystal, its key the name.

    Raises:
        SimulationError: a crystal has none.
    """
    rows = {key: row for row, key in enumerate(results.keys())}
    failed = {key: failure for key, _, failure in results.failed()}
    columns = {name: results.read(name) for name in ("species", "positions", "cell", "energy", "status")}
    phases = []
    for item in asked:
        row = rows.get(item.key)
        if row is None or columns["status"][row] != CONVERGED:
            why = failed[item.key].message if row is None else columns["status"][row]
            raise SimulationError(
                f"known.crystals = {item.label}: {why}; must relax to a minimum of the potential; leave it out, or change "
                "relax.steps or the potential."
            )
        atoms = Atoms(columns["species"][row], columns["positions"][row], cell=columns["cell"][row], pbc=True)
        formula = reduced_formula(Counter(atoms.get_chemical_symbols()))
        phases.append(minimum(item.label, formula, atoms, float(columns["energy"][row])))
    return phases
