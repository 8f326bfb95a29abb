"""Systems of DeePMD-kit: a folder with type.raw and set.*/ (deepmd/npy, also of mixed types) or *.raw (deepmd/raw).

    type.raw        type of each atom; zeros where set.*/real_atom_types.npy says it frame by frame (-1: no atom)
    type_map.raw    element of each type      nopbc    a file whose presence says: not periodic
    set.*/          box (nf, 9) Å rows, coord (nf, 3N) Å, energy (nf) eV, force (nf, 3N) eV/Å, virial (nf, 9) eV

Source: deepmodeling/deepmd-kit deepmd/utils/data.py, deepmodeling/dpdata formats/deepmd/{comp,mixed}.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from ase.geometry import complete_cell

from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.formats.reading import ReadOptions, as_data_error
from hpcpot.dataset.formats.text import folder_of
from hpcpot.errors import DataError

KIND = "system of DeePMD-kit (type.raw, and set.*/ or coord.raw)"
COMMON = re.compile(r"iter\.\d+|0[012]\.\w+|data\.\d+|\.")
"""Parts of a path that say when DP-GEN made a system, and not what it is."""
FORMULA = re.compile(
    r"(?:\d+|(?:(?:{})\d+)+)(?:\.no\w+)*".format("|".join(sorted(chemical_symbols[1:], key=len, reverse=True)))
)
BOX = 1000.0
"""Å; the cell of a system without periodicity and without box, which nothing depends on."""
LABELS = {"energy": "energies", "force": "forces", "virial": "virials"}


def recognise(folder: Path) -> bool:
    """Test whether a folder is a system."""
    return (folder / "type.raw").is_file() and (any(folder.glob("set.*")) or (folder / "coord.raw").is_file())


def read(folder: Path, root: Path, options: ReadOptions) -> DataSet:
    """One system.

    Args:
        root: the tree that it is part of; its group is what the path below says, see `group_of`.
        options: with the elements of the types, where there is no type_map.raw.
    Raises:
        DataError: incomplete or inconsistent.
    """
    with as_data_error(folder, KIND):
        types = np.loadtxt(folder / "type.raw", dtype=np.int64, ndmin=1)
        names = _type_map(folder, options.elements)
        if unknown := set(names) - atomic_numbers.keys() or {"X"}.intersection(names):
            raise ValueError(f"types of the elements {' '.join(sorted(unknown))}, which are none")
        source = str(Path(root.name) / folder.relative_to(root)) if folder != root else root.name
        arrays = _arrays(folder)
        n_frames, n_atoms = len(arrays["coord"]), len(types)
        if n_frames == 0:
            raise ValueError("no frames")
        real = arrays.get("real_atom_types", np.tile(types, (n_frames, 1))).astype(np.int64)
        if real.max() >= len(names) or real.min() < -1:
            raise ValueError(f"types {real.min()} to {real.max()}, but type_map has {' '.join(names)}")
        is_atom = real >= 0
        free = (folder / "nopbc").exists()

        def of_atoms(name: str) -> np.ndarray:
            return _shaped(arrays, name, (n_frames, n_atoms, 3))[is_atom]

        return DataSet(
            elements=names,
            first=np.concatenate([[0], np.cumsum(is_atom.sum(axis=1))]),
            species=real[is_atom].astype(np.int32),
            positions=of_atoms("coord"),
            cells=_cells(arrays, n_frames, free),
            periodic=np.full((n_frames, 3), not free),
            energies=_shaped(arrays, "energy", (n_frames,)),
            forces=of_atoms("force"),
            virials=_shaped(arrays, "virial", (n_frames, 3, 3)),
            groups=np.full(n_frames, group_of(folder, root)),
            sources=np.array([f"{source}:{k}" for k in range(n_frames)]),
        )


def group_of(folder: Path, root: Path) -> str:
    """Configuration group by the path below the root, without DP-GEN's iterations and without formulas.

    data/aLiSi_configs/iter.000003/02.fp/data.017 is of aLiSi_configs; a formula or number of atoms
    counts where there is nothing else.
    """
    parts = [part for part in folder.relative_to(root).parts if not COMMON.fullmatch(part)]
    telling = [part for part in parts if not FORMULA.fullmatch(part)]
    return "/".join(telling or parts) or root.resolve().name


def write(dataset: DataSet, folder: Path, facts: Mapping[str, str | int], mixed: bool = False) -> None:
    """Write a tree GROUP/FORMULA of systems; the atoms of a frame are sorted by element, as type.raw is one for all frames.

    Frames of a system have the same labels: those that lack some get a folder FORMULA.no_virial and the like.

    Args:
        mixed: systems GROUP/N of N atoms with the types in set.000/real_atom_types.npy instead.
    Raises:
        DataError: a frame that is periodic along some axes only.
    """
    partly = dataset.periodic.any(axis=1) & ~dataset.periodic.all(axis=1)
    if partly.any():
        k = int(np.flatnonzero(partly)[0])
        raise DataError(
            f"periodic of frame {k} ({dataset.sources[k]}) = {dataset.periodic[k].tolist()}: deepmd systems are "
            "periodic along all axes or none; write another format, or leave such frames out."
        )
    systems: dict[str, list[int]] = {}
    for k, counts in enumerate(dataset.counts):
        formula = "".join(f"{e}{c}" for e, c in zip(dataset.elements, counts, strict=True) if c)
        name = f"{folder_of(dataset.groups[k])}/{dataset.sizes[k] if mixed else formula}"
        systems.setdefault(name + _lacking(dataset, k) + ".nopbc" * (not dataset.periodic[k].any()), []).append(k)
    for name, rows in systems.items():
        _write_system(dataset.select(rows), folder / name, mixed)


def _write_system(dataset: DataSet, folder: Path, mixed: bool) -> None:
    n, n_atoms = len(dataset), int(dataset.sizes[0])
    order = np.lexsort((dataset.species, dataset.frame_of))
    types = dataset.species[order].reshape(n, n_atoms)
    values = {
        "box": dataset.cells.reshape(n, 9),
        "coord": dataset.positions[order].reshape(n, -1),
        "energy": dataset.energies,
        "force": dataset.forces[order].reshape(n, -1),
        "virial": dataset.virials.reshape(n, 9),
    }
    (folder / "set.000").mkdir(parents=True)
    for name, array in values.items():
        if np.isfinite(array).all():
            np.save(folder / "set.000" / f"{name}.npy", array)
    if mixed:
        np.save(folder / "set.000" / "real_atom_types.npy", types.astype(np.int32))
    np.savetxt(folder / "type.raw", np.zeros(n_atoms, int) if mixed else types[0], fmt="%d")
    (folder / "type_map.raw").write_text("\n".join(dataset.elements) + "\n")
    if not dataset.periodic[0].any():
        (folder / "nopbc").touch()


def _lacking(dataset: DataSet, k: int) -> str:
    """.no_virial and the like for the labels that a frame has not."""
    frame = dataset.select([k])
    return "".join(f".no_{label}" for label, name in LABELS.items() if not np.isfinite(getattr(frame, name)).all())


def _type_map(folder: Path, elements: Sequence[str] | None) -> tuple[str, ...]:
    if (folder / "type_map.raw").is_file():
        return tuple((folder / "type_map.raw").read_text().split())
    if elements is None:
        raise DataError(
            f"{folder} = no type_map.raw: the elements of its types are required; name them in their order, "
            "--elements Li,Si."
        )
    return tuple(elements)


def _arrays(folder: Path) -> dict[str, np.ndarray]:
    """Read the arrays of all sets, concatenated; those of deepmd/raw if there are no sets."""
    names = ("box", "coord", *LABELS, "real_atom_types")
    folders = sorted(folder.glob("set.*"))
    if not folders:
        files = {name: folder / f"{name}.raw" for name in names}
        return {name: np.loadtxt(path, ndmin=2) for name, path in files.items() if path.is_file()}
    parts = [
        {name: np.load(subfolder / f"{name}.npy") for name in names if (subfolder / f"{name}.npy").is_file()}
        for subfolder in folders
    ]
    for subfolder, part in zip(folders, parts, strict=True):
        if part.keys() != parts[0].keys():
            raise ValueError(f"{subfolder.name} has {' '.join(part)}, but {folders[0].name} has {' '.join(parts[0])}")
        if len({len(array) for array in part.values()}) != 1:
            raise ValueError(
                f"{subfolder.name} has different numbers of frames: { ({k: len(v) for k, v in part.items()}) }"
            )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _shaped(arrays: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array in float64, NaN where there is none."""
    if name not in arrays:
        return np.full(shape, np.nan)
    if arrays[name].size != np.prod(shape):
        raise ValueError(f"{name} of shape {arrays[name].shape}: must have {int(np.prod(shape))} values {shape}")
    return arrays[name].astype(np.float64).reshape(shape)


def _cells(arrays: dict[str, np.ndarray], n_frames: int, free: bool) -> np.ndarray:
    if "box" not in arrays and free:
        return np.tile(BOX * np.eye(3), (n_frames, 1, 1))
    cells = _shaped(arrays, "box", (n_frames, 3, 3))
    if free:
        return np.array([complete_cell(cell) for cell in cells])
    if not (np.abs(np.linalg.det(cells)) > 1e-6).all():
        raise ValueError("box: a cell has no volume; an empty file nopbc says that a system is not periodic")
    return cells
