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
from ase.data import chemical_symbols

from hpcpot import inputs
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.formats.deepmd_system import ARRAYS, LABELS, REMEDY, StoredSystem
from hpcpot.dataset.formats.reading import ReadOptions, as_data_error
from hpcpot.dataset.formats.text import folder_of, table, whole_number
from hpcpot.errors import DataError
from hpcpot.notices import notice

KIND = "system of DeePMD-kit (type.raw, and set.*/ or coord.raw)"
COMMON = re.compile(r"iter\.\d+|0[012]\.\w+|data\.\d+|\.")
"""Parts of a path that say when DP-GEN made a system, and not what it is."""
FORMULA = re.compile(
    r"(?:\d+|(?:(?:{})\d+)+)(?:\.no\w+)*".format("|".join(sorted(chemical_symbols[1:], key=len, reverse=True)))
)
TEXTS = ("type", "type_map")
"""Names of *.raw files that hold no frames."""


def recognise(folder: Path) -> bool:
    """Test whether a folder is a system."""
    return (folder / "type.raw").is_file() and (any(folder.glob("set.*")) or (folder / "coord.raw").is_file())


def read(folder: Path, root: Path, options: ReadOptions) -> DataSet:
    """One system.

    Args:
        root: the tree that it is part of; its group is what the path below says, see `group_of`.
        options: with the elements of the types, where type_map.raw does not name them.
    Raises:
        DataError: incomplete or inconsistent.
    """
    with as_data_error(folder, KIND):
        source = str(Path(root.name) / folder.relative_to(root)) if folder != root else root.name
        names = folder / "type_map.raw"
        system = StoredSystem(
            str(folder),
            types=_types(folder / "type.raw"),
            names=tuple(word for row in _words(names) for word in row) if names.is_file() else None,
            is_free=(folder / "nopbc").exists(),
            sets=_sets(folder),
        )
        return system.dataset(source or root.resolve().name, group_of(folder, root), options)


def group_of(folder: Path, root: Path) -> str:
    """Configuration group by the path below the root, without DP-GEN's iterations and without formulas.

    data/aLiSi_configs/iter.000003/02.fp/data.017 is of aLiSi_configs; a formula or number of atoms
    counts where there is nothing else.
    """
    return group_of_parts(folder.relative_to(root).parts) or root.resolve().name


def group_of_parts(parts: Sequence[str]) -> str:
    """Configuration group by the parts of a path; "" if none of them tells."""
    kept = [part for part in parts if not COMMON.fullmatch(part)]
    return "/".join([part for part in kept if not FORMULA.fullmatch(part)] or kept)


def write(
    dataset: DataSet, folder: Path, facts: Mapping[str, str | int], mixed: bool = False, absent: bool = False
) -> None:
    """Write a tree GROUP/FORMULA of systems; the atoms of a frame are sorted by element, as type.raw is one for all frames.

    Frames of a system have the same labels: those that lack some get a folder FORMULA.no_virial and the like.

    Args:
        mixed: systems GROUP/N of N atoms with the types in set.000/real_atom_types.npy instead.
        absent: name elements without atoms in formulas, too, as dpdata does: Li2Si0.
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
        formula = "".join(f"{e}{c}" for e, c in zip(dataset.elements, counts, strict=True) if c or absent)
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


def _sets(folder: Path) -> dict[str, Mapping[str, np.ndarray]]:
    """Arrays of each set by name; those of deepmd/raw as one set if there are no others.

    Raises:
        DataError: an array that is none.
    """
    folders = sorted(path for path in folder.glob("set.*") if path.is_dir())
    texts = {path.stem: path for path in sorted(folder.glob("*.raw")) if path.stem not in TEXTS}
    if not folders:
        return {"": {name: _table(path) for name, path in texts.items() if name in ARRAYS}}
    if texts:
        notice(
            f"{folder}: {', '.join(path.name for path in texts.values())}", "not used: the frames are those of set.*"
        )
    return {path.name: {file.stem: _array(file) for file in sorted(path.glob("*.npy"))} for path in folders}


def _words(path: Path) -> list[list[str]]:
    """Words of each line that has some."""
    with inputs.open_text(path) as file:
        return [words for line in file if (words := line.partition("#")[0].split())]


def _types(path: Path) -> np.ndarray:
    """(atoms,) int64."""
    words = [word for row in _words(path) for word in row]
    if not words:
        raise DataError(f"{path} = empty: the type of each atom is required; {REMEDY}.")
    return np.array([whole_number(word, str(path)) for word in words], np.int64)


def _table(path: Path) -> np.ndarray:
    """(frames, columns) float64 of a text file."""
    rows = _words(path)
    return table(rows, len(rows[0]) if rows else 0, str(path))


def _array(path: Path) -> np.ndarray:
    """Open an array of a file, which is read where it is used; its header may claim no more than is there.

    Raises:
        DataError: it is none.
    """
    with as_data_error(path, "array of NumPy (.npy)"):
        array = np.load(path, mmap_mode="r")
        if not isinstance(array, np.ndarray):
            raise ValueError("it is an archive of several")
    return array
