"""Reading, checking and writing of structure files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms

from hpcpot import data, inputs, outputs
from hpcpot.errors import HpcpotError, OutputError, StructureError
from hpcpot.notices import notice
from hpcpot.outputs import Replacement
from hpcpot.structure import checks, formats
from hpcpot.structure.elements import is_mass_of, standard_mass
from hpcpot.structure.formats import StructureFormat, StructureOptions
from hpcpot.wording import meant

WRITERS = {".extxyz": "extxyz", ".xyz": "extxyz", ".vasp": "vasp", ".poscar": "vasp", ".cif": "cif"}
WRITERS |= dict.fromkeys((".data", ".lmp", ".lammps"), "lammps-data")


class StructureFrame(NamedTuple):
    """A structure of a file, or why it cannot be read; its number there, None where the file holds no more."""

    number: int | None
    structure: Atoms | HpcpotError


def read(
    path: str | Path,
    elements: tuple[str, ...] | None = None,
    index: int = -1,
    units: str | None = None,
    format: str | None = None,
    section: str = "structure",
) -> Atoms:
    """One structure of a file: positions, cell, periodicity, constraints, masses and velocities as they are there.

    The formats are those of `hpcpot.structure.formats`. Neither `read` nor `write` communicates: of several ranks one
    calls them.

    Args:
        path: a file, or the name of a structure that ships with hpcpot (`interface_si100`).
        elements, units, format, section: see `formats.StructureOptions`.
        index: which frame of a file of several; the last by default.
    Raises:
        StructureError: no such file, a format that is unknown, a file that is not whole, atoms that cannot be simulated.
        OutputError, DataError: a file of hpcpot that is not whole.
    """
    return frame(path, StructureOptions(elements, units, format, section), index)


def frame(path: str | Path, options: StructureOptions, index: int = -1) -> Atoms:
    """One structure of a file, see `read`."""
    path = find(Path(path))
    with inputs.reading(path, "structure file", StructureError):
        row = formats.of(path, options)
        atoms = row.code.read(path, options, index)
    _compare(path, row, atoms, options)
    checks.refuse_unsound(atoms, str(path))
    return atoms


def frames(path: str | Path, which: str = "all", options: StructureOptions | None = None) -> Iterator[StructureFrame]:
    """Structures of a file, each with its number there, or the error of it.

    Args:
        which: "all" or "last".
    """
    path, options = Path(path), options or StructureOptions()
    try:
        path = find(path)
        row = formats.of(path, options)
        for number, structure in _frames(path, row, which, options):
            yield StructureFrame(number, _sound(path, row, structure, options))
    except HpcpotError as error:
        yield StructureFrame(None, error)


def _frames(
    path: Path, row: StructureFormat, which: str, options: StructureOptions
) -> Iterator[tuple[int | None, Atoms | HpcpotError]]:
    """Number and structure, or error, of the frames of a file."""
    with inputs.reading(path, "structure file", StructureError):
        if which == "last" or not hasattr(row.code, "frames"):
            number = row.code.count(path) - 1 if hasattr(row.code, "count") else None
            yield number, row.code.read(path, options, -1)
            return
        numbered = enumerate(row.code.frames(path, options))
        first, second = next(numbered, None), next(numbered, None)
        if first is None:
            raise StructureError(f"{path} = no structure: must hold one or more; check which file it is.")
        yield (None, first[1]) if second is None and not row.numbered else first
        if second is not None:
            yield second
        yield from numbered


def _sound(
    path: Path, row: StructureFormat, structure: Atoms | HpcpotError, options: StructureOptions
) -> Atoms | HpcpotError:
    """The structure, if it can be simulated; else why not."""
    if isinstance(structure, HpcpotError):
        return structure
    try:
        _compare(path, row, structure, options)
        checks.refuse_unsound(structure, str(path))
    except StructureError as error:
        return error
    return structure


def _compare(path: Path, row: StructureFormat, atoms: Atoms, options: StructureOptions) -> None:
    """Compare what the config tells of a file with what the file holds; note what is not used.

    Raises:
        StructureError: an element that is not among those told.
    """
    if options.elements is not None and (others := sorted({*atoms.symbols} - {*options.elements})):
        raise StructureError(
            f"{path} = atoms of {', '.join(others)}: {options.key('elements')} names {', '.join(options.elements)} only; "
            "correct it or leave it out."
        )
    if "masses" in atoms.arrays:
        _note_masses(path, atoms)
    if options.units is not None and not row.has_units:
        notice(f"{path}: {options.key('units')}", f"not used: {row.words} has units of its own")


def _note_masses(path: Path, atoms: Atoms) -> None:
    """Say it of masses that are neither those of the elements nor of isotopes: dynamics go by them."""
    masses = atoms.arrays["masses"]
    for symbol in sorted({*atoms.symbols}):
        of_element = np.unique(masses[atoms.symbols == symbol])
        others = [mass for mass in of_element.tolist() if not is_mass_of(symbol, mass)]
        if others:
            notice(
                f"{path}: masses of {symbol}, {', '.join(f'{mass:g}' for mass in others[:3])} amu",
                f"not that of {symbol}, {standard_mass(symbol):g} amu, nor of an isotope: used as they are given.",
            )


def find(path: Path) -> Path:
    """Find the file at `path`, or the one that ships under that name."""
    file = inputs.find(path)
    if file is None and inputs.find(path, or_folder=True):
        raise StructureError(f"{path} = a folder: a structure file is required; name one that is in it.")
    if file is None:
        raise StructureError(
            f"{path} = no such file: must be a structure file, or the name of one that hpcpot ships "
            f"({', '.join(data.names()) or 'none'}); {meant(path.stem, data.names()) or 'check the path.'}"
        )
    return file


def kind_of(path: Path) -> str | None:
    """Format in which a structure is written: by the suffix, or that of POSCAR.1, CONTCAR_final; None if neither tells."""
    is_poscar = inputs.is_named(path, formats.FORMATS["vasp"].patterns) and inputs.unpacked(path) == path
    return WRITERS.get(path.suffix, "vasp" if is_poscar else None)


def check_output(path: Path, overwrite: bool) -> None:
    """Refuse a path that cannot be written, before the work that is to be written there.

    Raises:
        OutputError: the file exists and is not to be overwritten, its suffix is unknown, its folder is not there or
            not writable.
    """
    if kind_of(path) is None:
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
    import ase.io  # late: takes half a second, of SciPy and space groups

    kind = kind_of(path)
    options = {"masses": True, "velocities": atoms.has("momenta")} if kind == "lammps-data" else {}
    if kind in ("lammps-data", "cif"):
        note_lost(path, atoms)
    ordered = atoms[np.argsort(atoms.numbers, kind="stable")] if kind == "vasp" else atoms
    with Replacement(path) as part, _held_by_format(path):
        ase.io.write(part, ordered, format=kind, parallel=False, **options)
        if kind == "lammps-data":  # its first line is a title
            part.write_text(f"units = metal {part.read_text()}")


def check_frames_output(path: Path, overwrite: bool) -> None:
    """Refuse a path that cannot be written by `write_frames`.

    Raises:
        OutputError: as `check_output`, or a format of one structure.
    """
    if WRITERS.get(path.suffix) != "extxyz":
        raise OutputError(
            f"{path} = suffix {path.suffix!r}: must be .extxyz, to hold several structures; rename the output."
        )
    outputs.check_output(path, overwrite)


def write_frames(path: Path, frames: Iterable[Atoms], overwrite: bool = False) -> int:
    """Write structures to one extended XYZ file, one after the other; returns how many. A file there is always whole.

    Raises:
        OutputError: as `check_frames_output`, and when writing fails.
    """
    check_frames_output(path, overwrite)
    from ase.io import extxyz  # late: as in `write`

    count = 0
    with Replacement(path) as part, part.open("w", encoding="utf-8") as file:
        for atoms in frames:
            with _held_by_format(path):
                extxyz.write_extxyz(file, [atoms])
            count += 1
    return count


@contextmanager
def _held_by_format(path: Path) -> Iterator[None]:
    """A writer may refuse atoms that its format cannot hold; what the system refuses is told by `Replacement`."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OutputError(
            f"{path} = not written ({type(error).__name__}: {error}): its format must be able to hold the structure; choose "
            "another name."
        ) from error


def note_lost(path: Path, atoms: Atoms) -> None:
    """Say that a format does not keep frozen atoms, where there are any."""
    if atoms.constraints:
        notice(path, "frozen atoms are not kept by its format: write .extxyz or POSCAR for them.")
