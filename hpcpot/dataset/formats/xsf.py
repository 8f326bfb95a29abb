"""Structures of aenet and XCrySDen: XSF, with the energy in a comment, `# total energy = -5.425 eV`; see structure.xsf.

The forces of aenet are in eV/Å and come with an energy in eV. Those of XCrySDen, and of ASE, are in Hartree/Å: without
an energy, or with one in another unit, the file does not tell, and the user must. Source: atomisticnet/aenet
src/ext/xsflib.f90.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from hpcpot.dataset.dataset import DataSet, Labelled
from hpcpot.dataset.formats import label_units
from hpcpot.dataset.formats.reading import ReadOptions, group_of_folder, note_unused_units, opened, source_of
from hpcpot.dataset.formats.text import folder_of, number, numbers
from hpcpot.errors import DataError
from hpcpot.notices import notice
from hpcpot.structure import xsf

VALUE = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?)\s*(\S*)")
FORCES = re.compile(r"#.*\bforces?\s+in\s+(\S+)", re.IGNORECASE)

group_of = group_of_folder


def read(path: Path, root: Path, options: ReadOptions) -> Iterator[Labelled]:
    """Read the structures, of the group of their folder.

    Raises:
        DataError: absent, not whole, or in units that only the user can tell.
    """
    source, group, units = source_of(path, root), group_of(path, root), set()
    with opened(path, "an XSF file") as file:
        text = xsf.parse(file, str(path))
    energies = _energies(text.comments, path, options, len(text.atoms), units)
    for k, (energy, unit) in enumerate(energies):
        suffix = "" if len(energies) == 1 else f":{k}"
        where = f"{path}{suffix}"
        frame = text.frame(k, where)
        forces = None if frame.more is None else frame.more * _force_unit(options, text.comments, unit, where, units)
        yield Labelled(
            frame.symbols, frame.positions, frame.cell, frame.periodic, energy, forces, None, group, f"{source}{suffix}"
        )
    note_unused_units(path, options, units)
    if text.unused:
        notice(f"{path}: {', '.join(text.unused)}", "not used: data on grids; atoms, forces and the energy are read")


def _energies(
    comments: list[str], path: Path, options: ReadOptions, count: int, units: set[str]
) -> list[tuple[float | None, str]]:
    """Energy of each structure in eV, and its unit, "" where there is none; `units`: see `note_unused_units`."""
    matches = [match for line in comments if (match := xsf.ENERGY.search(line))]
    total = [match for match in matches if match[1].lower() == "total"] or matches
    other = [line.strip("# \t") for line in comments if "energy" in line.lower() and not xsf.ENERGY.search(line)]
    other += [match[0] for match in matches if match not in total]
    if other:
        notice(f"{path}: {other[0][:60]}", "not used: the energy is that of a comment `total energy = VALUE UNIT`")
    if not total:
        return [(None, "")] * count
    if len(total) != count:
        raise DataError(
            f"{path} = {len(total)} energies of {count} structures: must be one of each; correct the comments."
        )
    return [_energy(match, path, options, units) for match in total]


def _energy(match: re.Match[str], path: Path, options: ReadOptions, units: set[str]) -> tuple[float, str]:
    where = f"{path}: {match[1].lower()} energy"
    value = VALUE.match(match[3])
    if value is None:
        raise DataError(f"{where} = {match[3].strip()[:40]}: must be a number and its unit; correct the comment.")
    unit = (match[2] or value[2]).strip("()[],; ")
    unit = unit if unit.lower() == "a.u." else unit.rstrip(".")
    units |= set() if unit else {"energy"}
    if not unit and options.energy_unit is None:
        notice(where, "without a unit, read as eV, as aenet does; --energy-unit names another")
    unit = label_units.agreed(unit, options.energy_unit, label_units.energy, f"{where}, unit", "--energy-unit") or "eV"
    return number(value[1], where) * label_units.energy(unit, f"{where}, unit"), unit


def _force_unit(options: ReadOptions, comments: list[str], energy_unit: str, where: str, units: set[str]) -> float:
    """Factor of the forces to eV/Å: eV/Å beside an energy in eV, as aenet has it; else the user must say it."""
    match, place = FORCES.search("\n".join(comments)), f"{where}: unit of the forces"
    units |= set() if match else {"force"}
    if unit := label_units.agreed(
        match[1] if match else "", options.force_unit, label_units.force, place, "--force-unit"
    ):
        return label_units.force(unit, place if match else "--force-unit")
    if energy_unit and label_units.energy(energy_unit, where) == 1.0:
        return 1.0
    beside = f"beside an energy in {energy_unit}" if energy_unit else "without an energy"
    raise DataError(
        f"{where} = forces {beside}, whose unit XSF does not tell: must be told; say --force-unit Ha/A for files of ASE and "
        "XCrySDen, eV/A, Ry/bohr or what it is."
    )


def write(dataset: DataSet, folder: Path, facts: Mapping[str, str | int]) -> None:
    """Write files GROUP/structure000012.xsf; virials and sources are not kept.

    Raises:
        DataError: a frame that is periodic along some axes only.
    """
    for k in range(len(dataset)):
        if dataset.periodic[k].any() and not dataset.periodic[k].all():
            raise DataError(
                f"periodic of frame {k} ({dataset.sources[k]}) = {dataset.periodic[k].tolist()}: XSF is periodic along "
                "all axes or none; write another format, or leave such frames out."
            )
        path = folder / folder_of(dataset.groups[k]) / f"structure{k:06d}.xsf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(dataset, k))


def _text(dataset: DataSet, k: int) -> str:
    atoms = slice(dataset.first[k], dataset.first[k + 1])
    symbols = [dataset.elements[t] for t in dataset.species[atoms]]
    values = dataset.positions[atoms]
    if np.isfinite(dataset.forces[atoms]).all():
        values = np.hstack([values, dataset.forces[atoms]])
    energy = dataset.energies[k]
    lines = [f"# total energy = {numbers([energy])} eV", ""] if np.isfinite(energy) else ["# forces in eV/A", ""]
    if dataset.periodic[k].all():
        lines += ["CRYSTAL", "PRIMVEC", *(numbers(row) for row in dataset.cells[k]), "PRIMCOORD", f"{len(symbols)} 1"]
    else:
        lines += ["ATOMS"]
    lines += [f"{symbol} {numbers(row)}" for symbol, row in zip(symbols, values, strict=True)]
    return "\n".join(lines) + "\n"
