"""Done rows of a results file as structures, and these in files of other programs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ase import Atoms

from hpcpot.errors import ConfigError, OutputError
from hpcpot.farm.results import Results
from hpcpot.outputs import check_output, make_folder
from hpcpot.storage.tables import written_aside
from hpcpot.structure import files
from hpcpot.wording import plural

STRUCTURE = ("positions", "cell", "species")
"""Columns that make a structure: Å, Å with vectors in rows, atomic numbers."""
PERIODIC = "periodic"
"""A column (3,) of bool beside them; a structure is periodic without it."""
SEVERAL = (".extxyz", ".xyz")
"""Suffixes of files that hold any number of structures."""


def require_structures(results: Results, form: str) -> None:
    """Refuse rows that hold no structures.

    Args:
        form: to be written, for the message.
    Raises:
        OutputError: see above.
    """
    lacking = [name for name in STRUCTURE if name not in results.columns]
    if lacking:
        raise OutputError(
            f"{results.path} = no column {lacking[0]}: {form} needs {', '.join(STRUCTURE)}; export it as csv."
        )


def columns_of_atoms(results: Results) -> list[str]:
    """Columns with a value or a vector for each atom, besides those of the structure."""
    return [
        name
        for name, column in results.columns.items()
        if name not in STRUCTURE and column.shape[:1] == (None,) and column.ragged == 1 and len(column.shape) <= 2
    ]


def columns_of_frames(results: Results) -> list[str]:
    """Columns with a number, a text, or a tensor (3, 3) for each structure, besides its cell."""
    return [name for name, column in results.columns.items() if name not in STRUCTURE and column.shape in ((), (3, 3))]


def structures(results: Results, keys: Sequence[str] | None = None) -> Iterator[Atoms]:
    """The structures of done rows, with `columns_of_atoms` as arrays, and key, label and `columns_of_frames` in info.

    `energy` (eV), `forces` (eV/Å) and `stress` (eV/Å³, positive in tension) are named as extended XYZ has them.

    Args:
        keys: of the rows, in this order; None: all, as they were done. Those that are not done are left out.
    """
    of_atoms, of_frames = columns_of_atoms(results), columns_of_frames(results)
    names = [*STRUCTURE, *of_atoms, *of_frames, *([PERIODIC] if PERIODIC in results.columns else [])]
    columns = {name: results.read(name) for name in names}
    labels, places = results.labels(), {key: place for place, key in enumerate(results.keys())}
    for key in places if keys is None else [key for key in keys if key in places]:
        row = {name: values[places[key]] for name, values in columns.items()}
        positions, cell, species = (row[name] for name in STRUCTURE)
        atoms = Atoms(species, positions=positions, cell=cell, pbc=row.get(PERIODIC, True))
        # An array whose rows are no atoms, of another structure say, is not theirs.
        atoms.arrays.update({name: row[name] for name in of_atoms if len(row[name]) == len(atoms)})
        atoms.info.update({"key": key, "label": labels[places[key]], **{name: row[name] for name in of_frames}})
        yield atoms


def is_folder(path: Path) -> bool:
    """Test whether a path without a suffix, which is no POSCAR, stands for a folder of files."""
    return not path.suffix and files.kind_of(path) is None


def check_target(path: Path, count: int, overwrite: bool, key: str) -> None:
    """Refuse a path that cannot take so many structures, before the work whose result is to be written there.

    Args:
        key: of the config or the option, which names the path.
    Raises:
        ConfigError: a format of one structure for several. OutputError: a suffix that is not known, or see `check_output`.
    """
    if is_folder(path):
        make_folder(path, key)
        if any(path.iterdir()) and not overwrite:
            raise OutputError(
                f"{path} = a folder with files: hpcpot does not overwrite by itself; use --overwrite, or choose another path."
            )
        return
    if path.suffix in SEVERAL:
        check_output(path, overwrite)
        return
    files.check_output(path, overwrite)
    if count > 1:
        raise ConfigError(
            f"{key} = {path}: holds one structure, and there are {count}; name an .extxyz, or a folder, which has no suffix."
        )


def write(results: Results, path: Path, keys: Sequence[str] | None = None, suffix: str = "") -> str:
    """Write structures to a file, or each to a file in a folder, by its label; what is there is replaced.

    Args:
        keys: see `structures`. suffix: of the files of a folder; "": each as its label says, else .extxyz.
    Returns:
        A line that says where they are.
    Raises:
        OutputError: it cannot be written.
    """
    frames = structures(results, keys)
    if path.suffix in SEVERAL:
        count = write_extxyz(path, frames)
    elif is_folder(path):
        count = _write_folder(path, frames, suffix)
    else:
        atoms = next(frames)  # there is one, see `check_target`
        files.write(path, _bare(atoms), overwrite=True)
        count = 1
    return f"{path}: {plural(count, 'structure')}"


def write_extxyz(path: Path, frames: Iterator[Atoms]) -> int:
    """Write structures with all that they hold to one extended XYZ file; returns how many."""
    from ase.io import extxyz  # late: takes half a second, of SciPy and space groups

    count = 0
    with written_aside(path) as file:
        for atoms in frames:
            extxyz.write_extxyz(file, [atoms])
            count += 1
    return count


def _write_folder(folder: Path, frames: Iterator[Atoms], suffix: str) -> int:
    taken: set[str] = set()
    for atoms in frames:
        name = _file_name(atoms.info["label"] or atoms.info["key"], suffix)
        if name in taken:
            path = Path(name)
            name = f"{path.stem}_{atoms.info['key'][:8]}{path.suffix}"
        taken.add(name)
        if Path(name).suffix in SEVERAL:
            write_extxyz(folder / name, iter([atoms]))
        else:
            files.write(folder / name, _bare(atoms), overwrite=True)
    return len(taken)


def _file_name(label: str, suffix: str) -> str:
    """Name of the file of a structure: cells/a.cif is cells_a.cif, cells.extxyz:17 is cells_17.extxyz, POSCAR_a stays."""
    name, colon, number = label.rpartition(":")
    path = Path(re.sub(r"[^\w.+-]+", "_", name if colon else label))
    stem = f"{path.stem}_{number}" if colon else path.stem
    if suffix:
        return f"{stem}{suffix}"
    if files.kind_of(path) is None:
        return f"{path.name if not colon else stem}.extxyz"
    return f"{stem}{path.suffix}"


def _bare(atoms: Atoms) -> Atoms:
    """Only what formats of structures hold: atoms, cell, boundaries."""
    return Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc, constraint=atoms.constraints)
