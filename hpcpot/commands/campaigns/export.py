"""The done rows of a results file for other programs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms

from hpcpot import provenance
from hpcpot.dataset import files
from hpcpot.dataset.dataset import build
from hpcpot.dataset.split import path_of
from hpcpot.errors import DataError, OutputError
from hpcpot.farm.results import Results
from hpcpot.progress import Progress
from hpcpot.relaxation import paths
from hpcpot.storage.tables import write_rows, written_aside
from hpcpot.wording import plural

STRUCTURE = ("positions", "cell", "species")
"""Columns that make a structure: Å, Å with vectors in rows, atomic numbers."""
PERIODIC = "periodic"
"""A column (3,) of bool beside them; a structure is periodic without it."""


def write_csv(results: Results, path: Path) -> str:
    """Key, label and every column that has one shape or is text, an element a field; says what was left out."""
    fields, left_out, values = ["key", "label"], [], [results.keys(), results.labels()]
    for name, column in results.columns.items():
        if column.dtype == "str":
            fields.append(name)
            values.append(results.read(name))
        elif column.ragged:
            left_out.append(name)
        else:
            fields += [name + "".join(f"_{k}" for k in index) for index in np.ndindex(*column.shape)]
            values += results.read(name).reshape(len(values[0]), math.prod(column.shape)).T.tolist()
    write_rows(path, fields, zip(*values, strict=True))
    rest = f"; left out, as their shape differs from row to row: {', '.join(left_out)}" if left_out else ""
    return f"{path}: {plural(len(values[0]), 'row')}{rest}"


def write_extxyz(results: Results, path: Path) -> str:
    """A frame for each row: structure, forces and the like of each atom, scalars and texts in the comment line.

    Raises:
        OutputError: rows hold no structures.
    """
    lacking = [name for name in STRUCTURE if name not in results.columns]
    if lacking:
        raise OutputError(
            f"{results.path} = no column {lacking[0]}: extxyz needs {', '.join(STRUCTURE)}; export it as csv."
        )
    from ase.io import extxyz  # late: takes half a second, of SciPy and space groups

    others = {name: column for name, column in results.columns.items() if name not in STRUCTURE}
    of_atoms = [
        name
        for name, column in others.items()
        if column.shape[:1] == (None,) and column.ragged == 1 and len(column.shape) <= 2
    ]
    of_frames = [name for name, column in others.items() if not column.shape]
    with written_aside(path) as file:
        for atoms in _structures(results, of_atoms, of_frames):
            extxyz.write_extxyz(file, [atoms])
    rest = [name for name in results.columns if name not in (*STRUCTURE, PERIODIC, *of_atoms, *of_frames)]
    rest = f"; left out, as they are of neither atom nor frame: {', '.join(rest)}" if rest else ""
    return f"{path}: {plural(len(results.keys()), 'frame')}{rest}"


def write_dataset(results: Results, path: Path, every: int, site_tolerance: float, overwrite: bool) -> str:
    """Frames of relaxation paths as labelled data, see `relaxation.paths.frames`; says how many.

    Raises:
        DataError: there are no paths, or none that converged. OutputError: the file exists or cannot be written.
    """
    files.check_output(path, None, overwrite)
    progress, done = Progress(len(results.keys()), "paths"), 0

    def show(paths_done: int) -> None:
        nonlocal done
        progress.count(items=paths_done - done)
        done = paths_done
        progress.show()

    sampled = list(paths.frames(results, every, site_tolerance, show))
    progress.end()
    if not sampled:
        raise DataError(f"{results.path} = no path that converged: one is required for frames; relax with more steps.")
    rule = f"one of {every} steps, site tolerance {site_tolerance:g}"
    facts = {**provenance.collect(), "relaxations": str(results.path), "sampling": rule, **results.identity()}
    files.save(build(sampled), path, facts, overwrite=overwrite)
    n_paths = len({path_of(frame.source) for frame in sampled})
    return f"{path}: {plural(len(sampled), 'frame')} of {plural(n_paths, 'path')}, {rule}"


def _structures(results: Results, of_atoms: list[str], of_frames: list[str]) -> Iterator[Atoms]:
    names = [*STRUCTURE, *of_atoms, *of_frames, *([PERIODIC] if PERIODIC in results.columns else [])]
    columns = {name: results.read(name) for name in names}
    for k, (key, label) in enumerate(zip(results.keys(), results.labels(), strict=True)):
        row = {name: values[k] for name, values in columns.items()}
        positions, cell, species = (row[name] for name in STRUCTURE)
        atoms = Atoms(species, positions=positions, cell=cell, pbc=row.get(PERIODIC, True))
        # An array whose rows are no atoms, of another structure say, is not theirs.
        atoms.arrays.update({name: row[name] for name in of_atoms if len(row[name]) == len(atoms)})
        atoms.info.update({"key": key, "label": label, **{name: row[name] for name in of_frames}})
        yield atoms


FORMATS = {"csv": write_csv, "extxyz": write_extxyz}
