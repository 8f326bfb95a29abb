"""The done rows of a results file for other programs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from hpcpot import provenance
from hpcpot.dataset import files
from hpcpot.dataset.dataset import build
from hpcpot.dataset.split import path_of
from hpcpot.errors import DataError
from hpcpot.farm import row_structures
from hpcpot.farm.results import Results
from hpcpot.progress import Progress
from hpcpot.relaxation import paths
from hpcpot.storage.tables import write_rows
from hpcpot.wording import plural


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
    """A frame for each row: structure, forces and the like of each atom, scalars, texts and stress in the comment line.

    Raises:
        OutputError: rows hold no structures.
    """
    row_structures.require_structures(results, "extxyz")
    count = row_structures.write_extxyz(path, row_structures.structures(results))
    written = (
        *row_structures.STRUCTURE,
        row_structures.PERIODIC,
        *row_structures.columns_of_atoms(results),
        *row_structures.columns_of_frames(results),
    )
    rest = [name for name in results.columns if name not in written]
    rest = f"; left out, as they are of neither atom nor frame: {', '.join(rest)}" if rest else ""
    return f"{path}: {plural(count, 'frame')}{rest}"


def write_structures(results: Results, path: Path, suffix: str) -> str:
    """A file of one row, or a folder with a file for each, in a format that holds atoms and cell only.

    Raises:
        OutputError: rows hold no structures, or cannot be written.
    """
    row_structures.require_structures(results, suffix)
    return row_structures.write(results, path, suffix=suffix)


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


FORMATS = {"csv": write_csv, "extxyz": write_extxyz}
SUFFIXES = {"cif": ".cif", "poscar": ".vasp"}
"""Formats of one structure, each row in a file of its own, and their suffixes."""
