"""Table of structure formats: how files of atoms are recognised and read.

A row says what a format is called and which module reads it; the module is imported when a file of that format is first
met. It may lie in a higher layer: trajectories and data sets of hpcpot are rows, too. `register` adds a row from outside
the package. A module has what its row promises:

    recognise(path) -> bool               where the name does not tell: whether a file is of the format
    read(path, options, index) -> Atoms   one structure, the last by default; `options` is a StructureOptions
    frames(path, options)                 where a file may hold several: each structure, or the error of it
    count(path) -> int                    how many there are, where that is known without reading them

What they return passes `structure.checks.refuse_unsound` in `structure.files`: a reader cannot leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType

from hpcpot import inputs
from hpcpot.errors import StructureError
from hpcpot.registry import Registry


@dataclass(frozen=True)
class StructureOptions:
    """Information that the files themselves do not hold.

    Attributes:
        elements: of types 1, 2, ... where a file has numbers only. units: unit style of a LAMMPS file, or of the velocities
            of another, that is not stated. format: name of a row, or of a format of ase.io; None: by name and content.
        section: of the config that has them, for messages; "" where the command has no such keys.
    """

    elements: tuple[str, ...] | None = None
    units: str | None = None
    format: str | None = None
    section: str = "structure"

    def key(self, name: str) -> str:
        """Say where one of them can be given: in the config, else in Python."""
        return f"{self.section}.{name}" if self.section else f"`{name}` of hpcpot.structure.files.read in Python"


@dataclass(frozen=True)
class StructureFormat:
    """A row of FORMATS.

    Attributes:
        name: as `structure.format` has it. module: where its functions are.
        words: what it is called in messages.
        patterns: of the names of its files, without the suffix of a packing program; *.xyz stands for *.XYZ, too.
        numbered: frames have numbers in labels, even if a file holds a single one.
        has_units: its files may be in units that `structure.units` tells.
        own_suffixes: those that no other format has. start: what a file of such a name must begin with.
    """

    name: str
    module: str
    words: str
    patterns: tuple[str, ...]
    numbered: bool = False
    has_units: bool = False
    own_suffixes: tuple[str, ...] = ()
    start: str = ""

    @cached_property
    def code(self) -> ModuleType:
        return import_module(self.module)

    def recognise(self, path: Path) -> bool:
        """Test whether a file is of this format."""
        fits = inputs.is_named(inputs.unpacked(path), self.patterns)
        return fits and (not hasattr(self.code, "recognise") or self.code.recognise(path))


FORMATS: Registry[StructureFormat] = Registry("structure format")
register = FORMATS.register
ALIASES = {"xyz": "extxyz", "lammps-dump-text": "lammps-dump"}
"""ase.io's names of formats that hpcpot reads itself -> rows."""


def is_known(name: str) -> bool:
    """Test whether there is a row, or a format of ase.io, of a name."""
    return name in FORMATS or name in ALIASES or FORMATS["ase"].code.knows(name)


def of(path: Path, options: StructureOptions) -> StructureFormat:
    """Find the format of a file.

    Raises:
        StructureError: it is not known, or there is no format of the name that is given.
    """
    if (name := options.format) is not None:
        if not is_known(name):
            raise StructureError(
                f"{options.key('format')} = {name}: must be one of {', '.join(FORMATS)}, or a format of ase.io; correct it."
            )
        return FORMATS.get(ALIASES.get(name, name), FORMATS["ase"])
    row = next((row for row in FORMATS.values() if row.recognise(path)), None)
    if row is None:
        suffix = inputs.unpacked(path).suffix.lower()
        if named := next((row for row in FORMATS.values() if suffix in row.own_suffixes), None):
            raise StructureError(
                f"{path} = no {named.words} by its first bytes: must begin with {named.start}; check which file it is, or "
                f"say its format by {options.key('format')}."
            )
        known = "; ".join(f"{row.name}: {row.words}" for row in FORMATS.values())
        raise StructureError(
            f"{path} = no format by its name and its first bytes: must be one of {known}; say which by "
            f"{options.key('format')}, or rename it."
        )
    return row


CONFIGS = (".yaml", ".yml", ".json")
"""Suffixes of configs, whatever is in such a file."""


def is_structure(name: str) -> bool:
    """Test whether an argument of the command line names a structure, or a folder, and not a config.

    The name decides; where it tells nothing and the file is there, ase.io does.
    """
    path = inputs.unpacked(Path(name))
    if path.suffix.lower() in CONFIGS:
        return False
    if path.is_dir() or is_named_structure(path):
        return True
    file = inputs.find(name)
    return file is not None and FORMATS["ase"].recognise(file)


def is_named_structure(path: Path) -> bool:
    """Test whether the name of a file alone tells that it holds structures."""
    return any(_is_named_as(path, row) for row in FORMATS.values())


def is_structure_file(path: Path) -> bool:
    """Test whether a file of a folder holds structures: by its name, and where that is of several formats, its content."""
    return any(_is_named_as(path, row) and row.recognise(path) for row in FORMATS.values())


def _is_named_as(path: Path, row: StructureFormat) -> bool:
    path = inputs.unpacked(path)
    is_told = row.patterns != ("*",) and inputs.is_named(path, row.patterns)
    return is_told or path.suffix.lower() in row.own_suffixes


for _row in (
    StructureFormat(
        "hdf5", "hpcpot.dataset.formats.structures", "a data set of hpcpot (.h5)", ("*.h5", "*.hdf5"), numbered=True
    ),
    StructureFormat(
        "h5md",
        "hpcpot.storage.structures",
        "a trajectory of hpcpot (.h5md)",
        ("*.h5md", "*.h5", "*.hdf5"),
        numbered=True,
    ),
    StructureFormat(
        "lammps-dump",
        f"{__name__}.lammps_dump",
        "LAMMPS dump (.lammpstrj, .dump)",
        ("*",),
        numbered=True,
        has_units=True,
        own_suffixes=(".lammpstrj",),
        start="ITEM: TIMESTEP, or ITEM: UNITS",
    ),
    StructureFormat(
        "lammps-data",
        f"{__name__}.lammps_data",
        "LAMMPS data (.data, .lmp, .lammps, data.*)",
        ("*.data", "*.lmp", "*.lammps", "data.*"),
        has_units=True,
    ),
    StructureFormat(
        "extxyz", f"{__name__}.xyz", "XYZ (.extxyz, .xyz)", ("*.extxyz", "*.xyz"), numbered=True, has_units=True
    ),
    StructureFormat(
        "vasp",
        f"{__name__}.poscar",
        "POSCAR (also .vasp, .poscar)",
        ("*POSCAR*", "*CONTCAR*", "*CENTCAR*", "*.vasp", "*.poscar"),
    ),
    StructureFormat("cif", f"{__name__}.cif", "CIF (.cif)", ("*.cif",)),
    StructureFormat("xsf", f"{__name__}.xsf", "XSF (.xsf, .axsf)", ("*.xsf", "*.axsf")),
    StructureFormat("ase", f"{__name__}.by_ase", "what ase.io reads", ("*",)),
):
    register(_row)
