"""Table of data formats: how files of labelled structures are recognised, read and written.

A row says what a format is called and which module knows it; the module is imported when a file of that format is first
met, so that `--help` needs none. `register` adds a row from outside the package. A module has what its row promises:

    recognise(path) -> bool                  where the name does not tell: whether a file or folder is of the format
    read(path, root, options)                the frames: Labelled, one after the other, or a DataSet
    write(dataset, path, facts)              a file or folder at `path`, where nothing is yet
    group_of(path, root) -> str              not needed: the group that a path alone gives to frames that name none
    repeats(paths) -> {path: words}          not needed: files that repeat the calculation of another, and why

`root` is the folder that the user named, or the file's own; `options` are a `reading.ReadOptions`; `facts` are texts
about the run, for formats that have a place for them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType

from hpcpot import inputs
from hpcpot.errors import ExtensionError
from hpcpot.registry import Registry

INSIDE = "#"
"""Between a file and what is meant of it: systems.hdf5#Li16Si16."""


@dataclass(frozen=True)
class Format:
    """A row of FORMATS.

    Attributes:
        name: as --format has it. module: where its functions are.
        words: what it is called in messages: "extended XYZ (.extxyz, .xyz)".
        patterns: of the names of its files, suffixes without case.
        begins: how its files begin, for those whose name does not tell. is_folder: a folder is of it, and not the files within.
            A format with neither is only written.
        suffixes: of outputs that are written in it unasked; "" for a name without one.
        has_parts: FILE#PART is a part of a file.
        writes: whether it is written at all.
        options: fields of ReadOptions, or of its `names`, that its reader looks at; None where that is not known.
        loses: what a written file does not keep, in words; those of `files.LOSSES` are said only where they apply.
    """

    name: str
    module: str
    words: str = ""
    patterns: tuple[str, ...] = ()
    begins: str = ""
    is_folder: bool = False
    suffixes: tuple[str, ...] = ()
    has_parts: bool = False
    writes: bool = True
    options: tuple[str, ...] | None = None
    loses: tuple[str, ...] = ()

    @cached_property
    def code(self) -> ModuleType:
        return import_module(self.module)

    @property
    def reads(self) -> bool:
        return bool(self.patterns) or self.is_folder

    def recognise(self, path: Path) -> bool:
        """Test whether a file or folder is of this format."""
        if path.is_dir():
            fits = self.is_folder
        else:
            file = inputs.unpacked(split_part(path)[0] if self.has_parts else path)
            fits = inputs.is_named(file, self.patterns) and split_part(path)[0].is_file()
        return fits and (not hasattr(self.code, "recognise") or self.code.recognise(path))


def split_part(path: Path) -> tuple[Path, str]:
    """Divide FILE#PART; the part is "" where none is named."""
    file, _, part = str(path).partition(INSIDE)
    return (path, "") if path.exists() else (Path(file), part.strip("/"))


class Formats(Registry[Format]):
    """The table of data formats."""

    def register(self, row: Format) -> None:
        """Add a format: its files are then read by every command that reads data, and it is a value of --format.

        Raises:
            ExtensionError: another row has its name, or a suffix of its outputs.
        """
        if taken := {suffix for name in self.keys() - {row.name} for suffix in self[name].suffixes}.intersection(
            row.suffixes
        ):
            raise ExtensionError(
                f"format = {row.name}: outputs with {', '.join(sorted(taken))} are of another format; choose other suffixes."
            )
        super().register(row)


FORMATS = Formats("format")
register = FORMATS.register


def recognise(path: Path) -> Format | None:
    """Find the format of a file or folder; None if it has none."""
    return next((row for row in FORMATS.values() if row.recognise(path)), None)


def recognise_content(path: Path) -> Format | None:
    """Find the format of a file by its first lines; None if it has none, or cannot be opened."""
    if not path.is_file():
        return None
    try:
        with inputs.open_text(path) as file:
            head = file.read(4096)
    except inputs.UNREADABLE:  # none of these
        return None
    return next((row for row in FORMATS.values() if row.begins and re.match(row.begins, head)), None)


def output_format(path: Path) -> Format | None:
    """Find the format in which a path is written by default; None for an unknown suffix."""
    return next((row for row in FORMATS.values() if path.suffix in row.suffixes), None)


for _row in (
    Format(
        "hdf5",
        f"{__name__}.own",
        "a data set of hpcpot (.h5)",
        patterns=("*.h5", "*.hdf5"),
        suffixes=(".h5", ".hdf5"),
        options=(),
    ),
    Format(
        "extxyz",
        f"{__name__}.extxyz",
        "extended XYZ (.extxyz, .xyz)",
        patterns=("*.extxyz", "*.xyz"),
        begins=r"\s*\d+[ \t]*\n[^\n]*\b(?i:properties|lattice)\s*=",
        suffixes=(".extxyz", ".xyz"),
        options=("elements", "names", "energy_unit", "force_unit"),
        loses=("sources", "raw labels"),
    ),
    Format(
        "xsf",
        f"{__name__}.xsf",
        "XSF (.xsf, .axsf)",
        patterns=("*.xsf", "*.axsf"),
        options=("energy_unit", "force_unit"),
        loses=("virials", "sources", "raw labels"),
    ),
    Format(
        "cfg",
        f"{__name__}.cfg",
        "MLIP-2 (.cfg)",
        patterns=("*.cfg",),
        begins=r"\s*BEGIN_CFG\b",
        suffixes=(".cfg",),
        options=("elements",),
        loses=("sources", "raw labels", "an antisymmetric part of the virial"),
    ),
    Format(
        "vasp",
        f"{__name__}.vasp",
        "OUTCAR or vasprun.xml of VASP",
        patterns=("OUTCAR*", "*OUTCAR", "*.outcar", "*vasprun*.xml*"),
        begins=r"\s*(vasp\.\d|<\?xml[^\n]*\n\s*<modeling\b)",
        writes=False,
        options=("names.energy",),
    ),
    Format(
        "deepmd",
        f"{__name__}.deepmd",
        "a system of DeePMD-kit",
        is_folder=True,
        suffixes=("",),
        options=("elements",),
        loses=("sources", "raw labels", "the order of frames", "the order of atoms"),
    ),
    Format(
        "deepmd-hdf5",
        f"{__name__}.deepmd_hdf5",
        "HDF5 with systems of DeePMD-kit (.hdf5, .h5, FILE#SYSTEM)",
        patterns=("*.hdf5", "*.h5"),
        has_parts=True,
        writes=False,
        options=("elements",),
    ),
    Format(
        "deepmd-mixed",
        f"{__name__}.deepmd_mixed",
        loses=("sources", "raw labels", "the order of frames", "the order of atoms"),
    ),
):
    register(_row)
