"""Structures of aenet: XSF, one to a file, with the energy in a comment.

    # total energy = -5.425 eV
    CRYSTAL, PRIMVEC + 3 rows (Å), PRIMCOORD + "N 1" + N rows "El x y z [fx fy fz]" (Å, eV/Å); free: ATOMS + rows

Source: atomisticnet/aenet src/ext/xsflib.f90.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols

from hpcpot.dataset.dataset import DataSet, Labelled
from hpcpot.dataset.formats.reading import ReadOptions, as_data_error, group_of_folder, source_of
from hpcpot.dataset.formats.text import folder_of, numbers
from hpcpot.errors import DataError

KIND = "XSF file of one structure"
ENERGY = re.compile(r"(?:total|cohesive) energy\s*=\s*(\S+)")


def read(path: Path, root: Path, options: ReadOptions) -> Iterator[Labelled]:
    """One structure, of the group of its folder.

    Raises:
        DataError: absent, not whole, or of several structures.
    """
    yield _structure(path, source_of(path, root), group_of_folder(path, root))


def _structure(path: Path, source: str, group: str) -> Labelled:
    with as_data_error(path, KIND):
        text = path.read_text()
        if "ANIMSTEPS" in text:
            raise ValueError("several structures in one file")
        energy = ENERGY.search(text)
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        heads = {line.split()[0]: k for k, line in enumerate(lines) if line.split()[0].isupper()}
        cell, free = np.zeros((3, 3)), "PRIMVEC" not in heads
        if free:
            rows = lines[heads["ATOMS"] + 1 :]
        else:
            begin = heads["PRIMVEC"] + 1
            cell = np.array([line.split() for line in lines[begin : begin + 3]], float)
            begin = heads["PRIMCOORD"] + 1
            n_atoms = int(lines[begin].split()[0])
            rows = lines[begin + 1 : begin + 1 + n_atoms]
            if len(rows) != n_atoms:
                raise ValueError(f"{len(rows)} of {n_atoms} atoms")
        fields = [row.split() for row in rows]
        values = np.array([field[1:7] for field in fields], float)
        if values.shape[1] not in (3, 6):
            raise ValueError(f"{values.shape[1]} numbers to an atom; three or six are known")
        return Labelled(
            [_symbol(field[0]) for field in fields],
            values[:, :3],
            cell,
            np.full(3, not free),
            float(energy[1]) if energy else None,
            values[:, 3:] if values.shape[1] == 6 else None,
            None,
            group,
            source,
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
    lines = [f"# total energy = {numbers([energy])} eV", ""] if np.isfinite(energy) else []
    if dataset.periodic[k].all():
        lines += ["CRYSTAL", "PRIMVEC", *(numbers(row) for row in dataset.cells[k]), "PRIMCOORD", f"{len(symbols)} 1"]
    else:
        lines += ["ATOMS"]
    lines += [f"{symbol} {numbers(row)}" for symbol, row in zip(symbols, values, strict=True)]
    return "\n".join(lines) + "\n"


def _symbol(text: str) -> str:
    return chemical_symbols[int(text)] if text.isdigit() else text
