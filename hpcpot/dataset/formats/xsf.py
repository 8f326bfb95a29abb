"""Structures of aenet and XCrySDen: XSF, with the energy in a comment.

    # total energy = -5.425 eV
    CRYSTAL | SLAB | POLYMER | MOLECULE, periodic along 3, 2, 1 or 0 axes; DIM-GROUP says it by a number
    PRIMVEC + 3 rows (Å), PRIMCOORD + "N 1" + N rows "El x y z [fx fy fz]" (Å, unit of force); free: ATOMS + rows
    ANIMSTEPS n: several structures, PRIMCOORD 1, PRIMCOORD 2, ...

The forces of aenet are in eV/Å and come with an energy in eV. Those of XCrySDen, and of ASE, are in Hartree/Å: without
an energy, or with one in another unit, the file does not tell, and the user must. Source: atomisticnet/aenet
src/ext/xsflib.f90, the specification of XCrySDen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from hpcpot.dataset.dataset import DataSet, Labelled
from hpcpot.dataset.formats import label_units
from hpcpot.dataset.formats.reading import ReadOptions, group_of_folder, opened, source_of
from hpcpot.dataset.formats.text import folder_of, number, numbers, table, whole_number
from hpcpot.errors import DataError
from hpcpot.notices import notice

ENERGY = re.compile(r"(total|cohesive)\s+energy\s*(?:[(\[]([^)\]]*)[)\]])?\s*[=:](.*)", re.IGNORECASE)
VALUE = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?)\s*(\S*)")
FORCES = re.compile(r"#.*\bforces?\s+in\s+(\S+)", re.IGNORECASE)
PERIODIC = {"CRYSTAL": 3, "SLAB": 2, "POLYMER": 1, "MOLECULE": 0}
"""Keyword -> number of axes, the first ones, along which the structure is periodic."""
HEADS = {*PERIODIC, "PRIMVEC", "PRIMCOORD", "CONVVEC", "CONVCOORD", "ATOMS", "ANIMSTEPS", "DIM-GROUP"}
"""Words that begin a section; those that begin with BEGIN_ are data on grids or bands, and END_ their ends."""


@dataclass
class _Section:
    """Lines below a keyword, split at blanks."""

    keyword: str
    step: str
    rows: list[list[str]]


def read(path: Path, root: Path, options: ReadOptions) -> Iterator[Labelled]:
    """Read the structures, of the group of their folder.

    Raises:
        DataError: absent, not whole, or in units that only the user can tell.
    """
    source, group = source_of(path, root), group_of_folder(path, root)
    with opened(path, "an XSF file") as file:
        lines = file.read().splitlines()
    comments = [line for line in lines if line.lstrip().startswith("#") or ENERGY.search(line)]
    sections = _sections([line for line in lines if line not in comments], path)
    atoms = [section for section in sections if section.keyword in ("PRIMCOORD", "ATOMS")]
    if not atoms:
        raise DataError(f"{path} = no PRIMCOORD or ATOMS: atoms are required; check which file it is.")
    _check_count(sections, atoms, path)
    energies = _energies(comments, path, options, len(atoms))
    cells = [section for section in sections if section.keyword == "PRIMVEC"]
    for k, (section, (energy, unit)) in enumerate(zip(atoms, energies, strict=True)):
        suffix = "" if len(atoms) == 1 else f":{k}"
        where = f"{path}{suffix}"
        symbols, values = _atoms(section, where)
        cell, periodic = np.zeros((3, 3)), np.zeros(3, bool)
        if section.keyword == "PRIMCOORD":
            cell, periodic = _cell(cells, section.step, where), np.arange(3) < _axes(sections, where)
        forces = values[:, 3:] * _force_unit(options, comments, unit, where) if values.shape[1] == 6 else None
        yield Labelled(symbols, values[:, :3], cell, periodic, energy, forces, None, group, f"{source}{suffix}")
    unused = dict.fromkeys(section.keyword for section in sections if section.keyword.startswith("BEGIN_"))
    if unused:
        notice(f"{path}: {', '.join(unused)}", "not used: data on grids; atoms, forces and the energy are read")


def _sections(lines: list[str], path: Path) -> list[_Section]:
    sections: list[_Section] = []
    for line in lines:
        words = line.split()
        if not words:
            continue
        word = words[0].upper()
        if word in HEADS or word.startswith(("BEGIN_", "END_")):
            sections.append(_Section(word, words[1] if len(words) > 1 else "", []))
        elif not sections:
            raise DataError(
                f"{path} = {line.strip()[:60]}: must begin with CRYSTAL, ATOMS or the like; check the file."
            )
        else:
            sections[-1].rows.append(words)
    return sections


def _check_count(sections: list[_Section], atoms: list[_Section], path: Path) -> None:
    """Refuse a file that announces another number of structures than it has."""
    steps = next((section.step for section in sections if section.keyword == "ANIMSTEPS"), "1")
    if whole_number(steps, f"{path}: ANIMSTEPS") != len(atoms):
        raise DataError(
            f"{path} = {len(atoms)} structures: must be {steps}, as ANIMSTEPS says or 1 without it; copy the file again."
        )


def _energies(comments: list[str], path: Path, options: ReadOptions, count: int) -> list[tuple[float | None, str]]:
    """Energy of each structure in eV, and its unit, "" where there is none."""
    matches = [match for line in comments if (match := ENERGY.search(line))]
    total = [match for match in matches if match[1].lower() == "total"] or matches
    other = [line.strip("# \t") for line in comments if "energy" in line.lower() and not ENERGY.search(line)]
    other += [match[0] for match in matches if match not in total]
    if other:
        notice(f"{path}: {other[0][:60]}", "not used: the energy is that of a comment `total energy = VALUE UNIT`")
    if not total:
        return [(None, "")] * count
    if len(total) != count:
        raise DataError(
            f"{path} = {len(total)} energies of {count} structures: must be one of each; correct the comments."
        )
    return [_energy(match, path, options) for match in total]


def _energy(match: re.Match[str], path: Path, options: ReadOptions) -> tuple[float, str]:
    where = f"{path}: {match[1].lower()} energy"
    value = VALUE.match(match[3])
    if value is None:
        raise DataError(f"{where} = {match[3].strip()[:40]}: must be a number and its unit; correct the comment.")
    unit = (match[2] or value[2]).strip("()[],;. ")
    if not unit and options.energy_unit is None:
        notice(where, "without a unit, read as eV, as aenet does; --energy-unit names another")
    unit = label_units.agreed(unit, options.energy_unit, label_units.energy, f"{where}, unit", "--energy-unit") or "eV"
    return number(value[1], where) * label_units.energy(unit, f"{where}, unit"), unit


def _force_unit(options: ReadOptions, comments: list[str], energy_unit: str, where: str) -> float:
    """Factor of the forces to eV/Å: eV/Å beside an energy in eV, as aenet has it; else the user must say it."""
    match, place = FORCES.search("\n".join(comments)), f"{where}: unit of the forces"
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


def _atoms(section: _Section, where: str) -> tuple[list[str], np.ndarray]:
    """Symbols, and (n, 3 or 6) float64: Å, unit of force."""
    rows = section.rows
    if section.keyword == "PRIMCOORD":
        count = whole_number(rows[0][0], f"{where}: number of atoms") if rows else 0
        rows = rows[1:]
        if count < 1 or len(rows) != count:
            raise DataError(f"{where} = {len(rows)} of {count} atoms: all of them are required; copy the file again.")
    if not rows:
        raise DataError(f"{where} = no atoms: at least one is required; check which file it is.")
    columns = len(rows[0]) - 1
    if columns not in (3, 6):
        raise DataError(f"{where} = {columns} numbers to an atom: must be three or six; check what wrote the file.")
    values = table([row[1:] for row in rows], columns, f"{where}: atoms")
    return [_symbol(row[0], where) for row in rows], values


def _cell(cells: list[_Section], step: str, where: str) -> np.ndarray:
    """(3, 3) Å: the vectors of this structure, or those of all."""
    section = next((cell for cell in cells if cell.step == step), cells[0] if cells else None)
    if section is None or len(section.rows) != 3 or (section.step and section.step != step):
        raise DataError(
            f"{where} = PRIMCOORD without three rows of PRIMVEC: the cell is required; copy the file again."
        )
    return table(section.rows, 3, f"{where}: PRIMVEC")


def _axes(sections: list[_Section], where: str) -> int:
    """Number of axes along which the structure is periodic."""
    for section in sections:
        if section.keyword in PERIODIC:
            return PERIODIC[section.keyword]
        if section.keyword == "DIM-GROUP" and section.rows:
            axes = whole_number(section.rows[0][0], f"{where}: DIM-GROUP")
            if not 0 <= axes <= 3:
                raise DataError(f"{where}: DIM-GROUP = {axes}: must be 0 to 3; correct it.")
            return axes
    return 3


def _symbol(word: str, where: str) -> str:
    if word.isdecimal() and 0 < int(word) < len(chemical_symbols):
        return chemical_symbols[int(word)]
    symbol = word.capitalize()
    if symbol not in atomic_numbers or symbol == "X":
        raise DataError(f"{where}: atom = {word[:20]}: must be the symbol or number of an element; correct it.")
    return symbol


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
