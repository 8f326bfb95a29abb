"""Reading, checking and writing of structure files."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.io.formats import UnknownFileTypeError, filetype, open_with_compression

from hpcpot import data, inputs, outputs
from hpcpot.errors import OutputError, StructureError
from hpcpot.outputs import Replacement
from hpcpot.structure import checks, counts, lammps_data, lammps_dump

LAMMPS_SUFFIXES = (".data", ".lmp", ".lammps")
PACKED = (".gz", ".bz2", ".xz")

COUNTED = {"extxyz": counts.check_xyz, "xyz": counts.check_xyz, "vasp": counts.check_poscar}

WRITERS = {".extxyz": "extxyz", ".xyz": "extxyz", ".vasp": "vasp", ".poscar": "vasp", ".cif": "cif"}
WRITERS |= dict.fromkeys(LAMMPS_SUFFIXES, "lammps-data")


def read(path: str | Path, elements: tuple[str, ...] | None = None, index: int = -1, units: str | None = None) -> Atoms:
    """One structure of a file: positions, cell, periodicity and velocities as they are there.

    extxyz and xyz, LAMMPS data and dumps, POSCAR and CONTCAR, CIF, and what else ase.io.read knows by its name.
    Velocities are those of ASE: extxyz keeps them in the column `momenta`; other columns have no fixed unit and are not
    taken for velocities. Neither `read` nor `write` communicates: of several ranks one calls them.

    Args:
        path: a file, or the name of a structure that ships with hpcpot (`interface_si100`).
        elements: names in the order of the types of a LAMMPS file that does not name them itself.
        index: which frame of a file of several; the last by default.
        units: unit style of a LAMMPS file that does not state it.
    Raises:
        StructureError: no such file, a format that is unknown, a file that is not whole, partial occupancies.
    """
    path = find(Path(path))
    try:
        if lammps_dump.is_dump(path):
            return sound(path, lammps_dump.read(path, elements, units, index))
        if is_lammps_data(path):
            return sound(path, lammps_data.read(path, elements, units))
        kind = filetype(str(path))
        if kind == "lammps-data":
            return sound(path, lammps_data.read(path, elements, units))
        if kind in COUNTED:
            with open_with_compression(str(path)) as file:
                COUNTED[kind](path, file)
        atoms = ase.io.read(path, index=index, format=kind, do_not_split_by_at_sign=True, parallel=False)
        refuse_partial_occupancy(path, atoms)
        return sound(path, atoms)
    except StructureError:
        raise
    except UnknownFileTypeError as error:
        raise StructureError(
            f"{path} = a format that is not known: must be one of extxyz, xyz, POSCAR, CIF, LAMMPS data or what "
            "ase.io.read knows by name; convert or rename it."
        ) from error
    except Exception as error:  # a reader meets a broken file with any exception
        raise StructureError(
            f"{path} = a file that cannot be read ({type(error).__name__}: {error}): must be whole and in the format "
            "that its name says; write it again or rename it."
        ) from error


def is_lammps_data(path: Path) -> bool:
    """Test whether a file is named as LAMMPS data are, perhaps packed."""
    stem = path.with_suffix("") if path.suffix in PACKED else path
    return stem.suffix in LAMMPS_SUFFIXES or path.name.startswith("data.")


def sound(path: Path, atoms: Atoms) -> Atoms:
    """Pass atoms of a file on that can be simulated; see `checks.refuse_unsound`."""
    checks.refuse_unsound(atoms, str(path))
    return atoms


def find(path: Path) -> Path:
    """Find the file at `path`, or the one that ships under that name."""
    file = inputs.find(path)
    if file is None:
        raise StructureError(
            f"{path} = no such file: must be a structure file, or the name of one that hpcpot ships "
            f"({', '.join(data.names()) or 'none'}); check the path."
        )
    return file


def refuse_partial_occupancy(path: Path, atoms: Atoms) -> None:
    for site, occupancy in atoms.info.get("occupancy", {}).items():
        if len(occupancy) != 1 or abs(sum(occupancy.values()) - 1) > 1e-6:
            raise StructureError(
                f"{path}: site {site} = occupancy {occupancy}: must be one atom; order the structure first."
            )


def check_output(path: Path, overwrite: bool) -> None:
    """Refuse a path that cannot be written, before the work that is to be written there.

    Raises:
        OutputError: the file exists and is not to be overwritten, its suffix is unknown, its folder is not there or
            not writable.
    """
    if path.suffix not in WRITERS and path.name not in ("POSCAR", "CONTCAR"):
        raise OutputError(f"{path} = suffix {path.suffix!r}: must be one of {', '.join(WRITERS)}; rename the output.")
    outputs.check_output(path, overwrite)


def write(path: str | Path, atoms: Atoms, overwrite: bool = False) -> None:
    """Write a structure in the format of the suffix, aside first, then renamed: a file there is always whole.

    A POSCAR has its atoms grouped by element; the other formats keep their order.

    Raises:
        OutputError: as check_output, and when writing fails.
    """
    path = Path(path)
    check_output(path, overwrite)
    kind = WRITERS.get(path.suffix, "vasp")
    options = {"masses": True, "velocities": atoms.has("momenta")} if kind == "lammps-data" else {}
    ordered = atoms[np.argsort(atoms.numbers, kind="stable")] if kind == "vasp" else atoms
    try:
        with Replacement(path) as part:
            ase.io.write(part, ordered, format=kind, parallel=False, **options)
            if kind == "lammps-data":  # its first line is a title
                part.write_text(f"units = metal {part.read_text()}")
    except OutputError:
        raise
    except Exception as error:  # a writer may refuse atoms that its format cannot hold
        raise OutputError(
            f"{path} = not written ({type(error).__name__}: {error}): the folder must be writable and the format able "
            "to hold the structure; choose another name."
        ) from error
