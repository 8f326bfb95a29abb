"""Configurations of MLIP-2: text blocks BEGIN_CFG ... END_CFG.

    Size N | Supercell + up to three rows (Å) | AtomData: id type cartes_x cartes_y cartes_z fx fy fz + N rows
    Energy (eV) | PlusStress: xx yy zz yz xz xy (eV, -V * stress) | Feature KEY VALUE

Types are numbers; which elements they are `Feature elements Li,Si` says (hpcpot writes it), or the caller.
Source: MLIP-2 src/configuration.cpp as mirrored in mas37/iljwme; imw-md/motep motep/io/mlip/cfg.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from hpcpot.dataset.dataset import DataSet, Labelled
from hpcpot.dataset.formats.reading import ReadOptions, as_data_error, source_of
from hpcpot.dataset.formats.text import numbers
from hpcpot.errors import DataError

KIND = "file of configurations of MLIP-2 (BEGIN_CFG ... END_CFG)"
TENSOR = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "yz": (1, 2), "xz": (0, 2), "xy": (0, 1)}


def recognise(path: Path) -> bool:
    """Test whether a .cfg file holds configurations; other programs use that suffix too."""
    with path.open("rb") as file:
        return b"BEGIN_CFG" in file.read(4096)


def read(path: Path, root: Path, options: ReadOptions) -> Iterator[Labelled]:
    """Read all configurations of a file; their group is `Feature group`, else the file name.

    Args:
        options: with the elements of types 0, 1, ..., where the file does not say it.
    Raises:
        DataError: absent, not whole, of unknown keywords, or without elements.
    """
    with as_data_error(path, KIND):
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        begins = [k for k, line in enumerate(lines) if line.strip() == "BEGIN_CFG"]
        ends = [k for k, line in enumerate(lines) if line.strip() == "END_CFG"]
        if not begins or len(begins) != len(ends) or any(b > e for b, e in zip(begins, ends, strict=True)):
            raise ValueError(f"{len(begins)} BEGIN_CFG, {len(ends)} END_CFG")
    source = source_of(path, root)
    for k, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        with as_data_error(path, KIND):
            yield _frame(lines[begin + 1 : end], f"{source}:{k}", path.stem, options.elements)


def _frame(lines: list[str], source: str, group: str, elements: Sequence[str] | None) -> Labelled:
    """One block."""
    features, tensor, energy = {}, None, None
    rows, names, cell = [], [], np.zeros((0, 3))
    number, n_atoms = 0, 0
    while number < len(lines):
        key, *words = lines[number].split()
        number += 1
        if key == "Size":
            n_atoms, number = int(lines[number]), number + 1
        elif key == "Supercell":
            stop = next(k for k in range(number, number + 4) if not _is_number(lines[k].split()[0]))
            cell, number = np.array([line.split() for line in lines[number:stop]], float), stop
        elif key == "AtomData:":
            names, rows, number = words, [line.split() for line in lines[number : number + n_atoms]], number + n_atoms
        elif key == "Energy":
            energy, number = float(lines[number]), number + 1
        elif key == "PlusStress:":
            tensor, number = _tensor(words, lines[number].split()), number + 1
        elif key == "Feature":
            features[words[0]] = " ".join(words[1:])
        else:
            raise ValueError(f"{source}: keyword {key} is not known")
    if "elements" in features:
        elements = features["elements"].split(",")
    return _labelled(rows, names, cell, energy, tensor, elements, features.get("group", group), source)


def _labelled(
    rows: list[list[str]],
    names: list[str],
    cell: np.ndarray,
    energy: float | None,
    virial: np.ndarray | None,
    elements: Sequence[str] | None,
    group: str,
    source: str,
) -> Labelled:
    table = np.array(rows, float).reshape(len(rows), len(names))
    column = {name: table[:, k] for k, name in enumerate(names)}
    if not np.array_equal(column["id"], np.arange(1, len(rows) + 1)):
        raise ValueError(f"{source}: ids must be 1 to {len(rows)} in order")
    types = column["type"].astype(int)
    if elements is None:
        raise DataError(
            f"{source} = types without names: the elements of types 0 to {types.max()} are required; name them in "
            "their order, --elements Li,Si."
        )
    if types.max() >= len(elements) or types.min() < 0:
        raise ValueError(f"{source}: types {types.min()} to {types.max()}, but elements are {','.join(elements)}")
    periodic = np.arange(3) < len(cell)
    full = np.zeros((3, 3))
    full[: len(cell)] = cell
    if "direct_x" in column:
        positions = np.stack([column[f"direct_{c}"] for c in "xyz"], axis=1) @ full
    else:
        positions = np.stack([column[f"cartes_{c}"] for c in "xyz"], axis=1)
    forces = np.stack([column[f"f{c}"] for c in "xyz"], axis=1) if "fx" in column else None
    return Labelled([elements[t] for t in types], positions, full, periodic, energy, forces, virial, group, source)


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


def _tensor(names: list[str], values: list[str]) -> np.ndarray:
    tensor = np.empty((3, 3))
    for name, value in zip(names, values, strict=True):
        a, b = TENSOR[name]
        tensor[a, b] = tensor[b, a] = float(value)
    return tensor


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
