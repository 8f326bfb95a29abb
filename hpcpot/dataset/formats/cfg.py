"""Configurations of MLIP-2: text blocks BEGIN_CFG ... END_CFG, read as MLIP's own reader does.

    Size N | Supercell or SuperCell + up to three rows (Å) | Energy (eV) | PlusStress: xx yy zz yz xz xy (eV, -V * stress)
    AtomData: or Atomic_data: id type cartes_x cartes_y cartes_z fx fy fz + N rows; direct_x for fractional coordinates,
    without id in order, without type all of type 0
    Feature KEY VALUE | Features: KEY KEY ... + a line of values

Types are numbers; which elements they are `Feature elements Li,Si` says (hpcpot writes it), or the caller.
Source: MLIP-2 src/configuration.cpp as mirrored in mas37/iljwme; imw-md/motep motep/io/mlip/cfg.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np

from hpcpot.dataset.dataset import DataSet, Labelled
from hpcpot.dataset.formats.reading import ReadOptions, group_of_file, opened, source_of
from hpcpot.dataset.formats.text import is_number, number, numbers, table, whole_number
from hpcpot.errors import DataError
from hpcpot.notices import notice

TENSOR = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "yz": (1, 2), "xz": (0, 2), "xy": (0, 1)}
COLUMNS = {"id", "type", "fx", "fy", "fz", *(f"{kind}_{axis}" for kind in ("cartes", "direct") for axis in "xyz")}
"""Columns of AtomData that are read."""
FEATURES = ("elements", "group", "EFS_by")
"""Features that are read: who the types are, the group, and whether the calculation converged."""
BINARY = struct.Struct("c4xc72xc")
"""Letters of the blocks at the beginning of a binary file; SaveBin in the same source."""
OLD_STRESSES = {
    "Stress:": "the negative of PlusStress in old files of MLIP, which MLIP itself does not take any more",
    "Virial:": "a tensor that MLIP divides by the volume, whose unit the file does not tell",
}


@dataclass
class _Block:
    """Contents of one configuration.

    Attributes:
        words: yet to be read, line by line. where: file and number of the configuration.
    """

    where: str
    words: list[list[str]]
    size: int | None = None
    cell: np.ndarray = field(default_factory=lambda: np.zeros((3, 3)))
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    energy: float | None = None
    virial: np.ndarray | None = None
    features: dict[str, str] = field(default_factory=dict)

    def take(self, count: int) -> list[str]:
        """Take the next words, of as many lines as it needs.

        Raises:
            DataError: there are fewer.
        """
        taken: list[str] = []
        while len(taken) < count and self.words:
            taken += self.words.pop(0)
        if len(taken) != count:
            raise DataError(
                f"{self.where} = {len(taken)} of {count} values: all are required; check what wrote the file."
            )
        return taken


def recognise(path: Path) -> bool:
    """Test whether a .cfg file holds configurations; other programs use that suffix too."""
    if _is_binary(path):
        return True
    with opened(path, "a .cfg file") as file:
        return "BEGIN_CFG" in file.read(4096)


group_of = group_of_file


def read(path: Path, root: Path, options: ReadOptions) -> Iterator[Labelled]:
    """Read all configurations of a file; their group is `Feature group`, else the file name.

    Args:
        options: with the elements of types 0, 1, ..., where the file does not say it.
    Raises:
        DataError: absent, not whole, of unknown keywords, or without elements.
    """
    if _is_binary(path):
        raise DataError(
            f"{path} = a binary .cfg of MLIP: must be text; convert it by `mlp convert-cfg {path.name} text.cfg "
            "--input-format=bin --output-format=txt`."
        )
    source, group, unused, features, untyped = source_of(path, root), group_of(path, root), {}, {}, {}
    with opened(path, "a .cfg file of MLIP") as file:
        for k, words in enumerate(_blocks(file, path)):
            block = _parse(_Block(f"{path}:{k}", words))
            unused |= dict.fromkeys(name for name in block.columns if name not in COLUMNS)
            features |= dict.fromkeys(name for name in block.features if name not in FEATURES)
            labelled = _labelled(block, options, group, f"{source}:{k}")
            if "type" not in block.columns:
                untyped[labelled.symbols[0]] = None
            yield labelled
    if unused:
        notice(f"{path}: {', '.join(unused)}", "not used: columns of AtomData other than positions, types and forces")
    for element in untyped:
        notice(f"{path}: no column type", f"all atoms are of type 0, {element}, as in MLIP; --elements names another")
    if features:
        notice(f"{path}: Feature {', '.join(features)}", f"not used: of features only {', '.join(FEATURES)} are")


def _is_binary(path: Path) -> bool:
    """Test for MLIP's other form of the file: n and a 32-bit count, l and nine numbers of 64 bits, p and positions."""
    try:
        with path.open("rb") as file:
            start = file.read(BINARY.size)
    except OSError:  # said by who reads it as a text
        return False
    return len(start) == BINARY.size and BINARY.unpack(start) == (b"n", b"l", b"p")


def _blocks(file: TextIO, path: Path) -> Iterator[list[list[str]]]:
    """Lines of each configuration, split at blanks."""
    block: list[list[str]] | None = None
    count = 0
    for line in file:
        words = line.split()
        if not words:
            continue
        if words == ["BEGIN_CFG"] and block is None:
            block = []
        elif words == ["END_CFG"] and block is not None:
            count += 1
            yield block
            block = None
        elif block is None or words[0] in ("BEGIN_CFG", "END_CFG"):
            raise DataError(
                f"{path} = {line.strip()[:40]} behind {count} configurations: must be BEGIN_CFG; check the file."
            )
        else:
            block.append(words)
    if block is not None or not count:
        raise DataError(
            f"{path} = {count + (block is not None)} BEGIN_CFG, {count} END_CFG: each must have its end; copy the file "
            "again, or cut it off behind the last END_CFG."
        )


def _parse(block: _Block) -> _Block:
    while block.words:
        key, *rest = block.words.pop(0)
        if key == "Size":
            block.size = whole_number((rest or block.take(1))[0], f"{block.where}: Size")
        elif key in ("Supercell", "SuperCell"):
            block.cell = _cell(block, rest)
        elif key in ("AtomData:", "Atomic_data:"):
            block.columns = _atom_data(block, rest)
        elif key == "Energy":
            block.energy = number((rest or block.take(1))[0], f"{block.where}: Energy")
        elif key == "PlusStress:":
            block.virial = _tensor(rest, block)
        elif key == "Feature" and rest:
            block.features[rest[0]] = " ".join(rest[1:])
        elif key == "Features:":
            block.features |= zip(rest, block.take(len(rest)), strict=True)
        elif key in OLD_STRESSES:
            raise DataError(
                f"{block.where} = {key} {OLD_STRESSES[key]}: must be PlusStress:, -V * stress in eV; take the tensor away or "
                "give it as PlusStress."
            )
        else:
            raise DataError(f"{block.where}: keyword {key[:40]} = not known: must be one of MLIP-2's; take it away.")
    return block


def _cell(block: _Block, words: list[str]) -> np.ndarray:
    """(3, 3) Å: up to nine numbers; rows that are not there are zero."""
    while len(words) < 9 and block.words and all(map(is_number, block.words[0])):
        words = words + block.words.pop(0)
    if len(words) % 3 or len(words) > 9:
        raise DataError(f"{block.where}: Supercell = {len(words)} numbers: must be three, six or nine; correct it.")
    cell = np.zeros((3, 3))
    rows = table([words[k : k + 3] for k in range(0, len(words), 3)], 3, f"{block.where}: Supercell")
    cell[: len(rows)] = rows
    if not rows.any(axis=1).all():
        notice(f"{block.where}: Supercell", "a vector of zero: not periodic along it, as if it were not there")
    return cell


def _atom_data(block: _Block, names: list[str]) -> dict[str, np.ndarray]:
    if block.size is None or block.size < 1 or not names or len(set(names)) != len(names):
        raise DataError(
            f"{block.where}: AtomData = {block.size} atoms, columns {' '.join(names)[:80]}: Size before it, one or more, and "
            "names of columns are required; correct the block."
        )
    words, width = block.take(block.size * len(names)), len(names)
    rows = [words[k : k + width] for k in range(0, len(words), width)]
    values = table(rows, width, f"{block.where}: AtomData")
    return {name: values[:, k] for k, name in enumerate(names)}


def _labelled(block: _Block, options: ReadOptions, group: str, source: str) -> Labelled:
    positions, fractional = _vectors(block, "cartes_"), _vectors(block, "direct_")
    if (positions is None) == (fractional is None):
        raise DataError(
            f"{block.where} = no positions: cartes_x, y and z, or direct_x, y and z are required; correct it."
        )
    if fractional is not None:
        if not np.linalg.det(block.cell):
            raise DataError(
                f"{block.where} = direct_x without three rows of Supercell: a cell is required; correct it."
            )
        positions = fractional @ block.cell
    count = len(positions)
    if "id" in block.columns and not np.array_equal(block.columns["id"], np.arange(1, count + 1)):
        raise DataError(f"{block.where}: ids = not in order: ids must be 1 to {count} in order; sort the rows.")
    return Labelled(
        symbols=_symbols(block, count, options),
        positions=positions,
        cell=block.cell,
        periodic=block.cell.any(axis=1),
        energy=block.energy,
        forces=_vectors(block, "f"),
        virial=block.virial,
        group=block.features.get("group", group),
        source=source,
        converged="not_converged" not in block.features.get("EFS_by", ""),
    )


def _vectors(block: _Block, prefix: str) -> np.ndarray | None:
    """(n, 3) of three columns; None where there is none of them."""
    names = [f"{prefix}{axis}" for axis in "xyz"]
    present = [name in block.columns for name in names]
    if not any(present):
        return None
    if not all(present):
        raise DataError(f"{block.where}: AtomData = some of {', '.join(names)}: all are required; correct the block.")
    return np.stack([block.columns[name] for name in names], axis=1)


def _symbols(block: _Block, count: int, options: ReadOptions) -> list[str]:
    elements: Sequence[str] | None = options.elements
    types = block.columns.get("type", np.zeros(count))
    highest = int(types.max()) if np.isfinite(types).all() else -1
    if "elements" in block.features:
        own = block.features["elements"].split(",")
        if elements is not None and list(elements) != own and not options.elements_if_needed:
            notice(
                f"{block.where}: --elements {','.join(elements)}", "not used: its Feature elements names the elements"
            )
        elements = own
    if elements is None:
        raise DataError(
            f"{block.where} = types without names: the elements of types 0 to {highest} are required; name them in "
            "their order, --elements Li,Si."
        )
    if not np.isin(types, np.arange(len(elements))).all():
        raise DataError(
            f"{block.where} = types {types.min():g} to {types.max():g}, but elements are {','.join(elements)}: each type must "
            "have one; name them all in their order, --elements Li,Si."
        )
    return [elements[int(t)] for t in types]


def write(dataset: DataSet, path: Path, facts: Mapping[str, str | int]) -> None:
    """Write all frames into one file; types count in `dataset.elements`; of the virial the symmetric part.

    Raises:
        DataError: a frame whose periodic axes are not its first ones.
    """
    path.write_text("".join(_text(dataset, k) for k in range(len(dataset))))


def _text(dataset: DataSet, k: int) -> str:
    atoms = slice(dataset.first[k], dataset.first[k + 1])
    n, axes = int(dataset.sizes[k]), int(dataset.periodic[k].sum())
    if not dataset.periodic[k][:axes].all():
        raise DataError(
            f"periodic of frame {k} ({dataset.sources[k]}) = {dataset.periodic[k].tolist()}: MLIP's cell has its "
            "periodic axes first; write another format, or turn the axes."
        )
    lines = ["BEGIN_CFG", " Size", f"    {n}"]
    if axes:
        lines += [" Supercell", *(f"    {numbers(row)}" for row in dataset.cells[k][:axes])]
    values, names = dataset.positions[atoms], "cartes_x cartes_y cartes_z"
    if np.isfinite(dataset.forces[atoms]).all():
        values, names = np.hstack([values, dataset.forces[atoms]]), f"{names} fx fy fz"
    lines += [f" AtomData:  id type {names}"]
    lines += [
        f"    {i + 1} {t} {numbers(row)}" for i, (t, row) in enumerate(zip(dataset.species[atoms], values, strict=True))
    ]
    if np.isfinite(dataset.energies[k]):
        lines += [" Energy", f"    {numbers([dataset.energies[k]])}"]
    virial = 0.5 * (dataset.virials[k] + dataset.virials[k].T)
    if np.isfinite(virial).all():
        lines += [
            f" PlusStress:  {' '.join(TENSOR)}",
            f"    {numbers([virial[indices] for indices in TENSOR.values()])}",
        ]
    lines += [
        f" Feature   elements {','.join(dataset.elements)}",
        f" Feature   group {dataset.groups[k]}",
        "END_CFG",
        "",
        "",
    ]
    return "\n".join(lines)


def _tensor(names: list[str], block: _Block) -> np.ndarray:
    """(3, 3) of six components, in the order of their names."""
    if sorted(names) != sorted(TENSOR):
        given = " ".join(names)[:60] or "no components"
        raise DataError(f"{block.where}: PlusStress = {given}: must be {' '.join(TENSOR)}, each once; correct it.")
    tensor = np.empty((3, 3))
    for name, word in zip(names, block.take(6), strict=True):
        a, b = TENSOR[name]
        tensor[a, b] = tensor[b, a] = number(word, f"{block.where}: PlusStress")
    return tensor
