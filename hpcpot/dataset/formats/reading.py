"""Shared by readers of data formats: options of the user, errors, sources and groups of frames."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from hpcpot import inputs
from hpcpot.errors import DataError
from hpcpot.notices import notice
from hpcpot.units import EV_PER_A3_IN_GPA

TENSORS = {
    "virial_eV": None,
    "stress_eV_A3": 1.0,
    "stress_GPa": 1.0 / EV_PER_A3_IN_GPA,
    "pressure_kB": -0.1 / EV_PER_A3_IN_GPA,
}
"""Kind of a tensor -> its factor to a stress in eV/Å³, positive in tension; None for a virial in eV."""


UNCONVERGED = ("drop", "keep")
"""What can be done with frames of calculations that did not converge."""
UNCONVERGED_MARK = "/unconverged"
"""Behind the group of such a frame."""


@dataclass(frozen=True)
class LabelNames:
    """Names of labels in files that do not use ASE's.

    Attributes:
        energy: key of the energy; for VASP "free_energy" (default) or "energy" (sigma -> 0). "none": no energy; so too
            of the others.
        forces: name of the column of forces.
        tensor: key of the virial or stress. tensor_is: one of TENSORS.
    """

    energy: str | None = None
    forces: str | None = None
    tensor: str | None = None
    tensor_is: str = "virial_eV"


@dataclass(frozen=True)
class ReadOptions:
    """Information that the files themselves do not hold.

    Attributes:
        elements: of types that have numbers only. names: where extended XYZ has its labels.
        group: for all frames; None: what the files say.
        unconverged: whether to "drop" or "keep" frames of calculations that did not converge.
        energy_unit, force_unit: of extended XYZ and XSF, "Ha", "Ha/bohr", where the file does not state it.
        unlabelled: whether structures without any label are read.
        skip_bad: leave out files that cannot be read, and say which.
        elements_if_needed: `elements` serve where files name none, and nothing is said where they do.
    """

    elements: tuple[str, ...] | None = None
    names: LabelNames = field(default_factory=LabelNames)
    group: str | None = None
    unconverged: str = "drop"
    energy_unit: str | None = None
    force_unit: str | None = None
    unlabelled: bool = False
    skip_bad: bool = False
    elements_if_needed: bool = False


def as_data_error(path: Path, kind: str) -> AbstractContextManager[None]:
    """Turn every error of reading `path`, a file of that kind, into a DataError; see `hpcpot.inputs.reading`."""
    return inputs.reading(path, kind, DataError)


@contextmanager
def opened(path: Path, kind: str) -> Iterator[TextIO]:
    """Open a text file, packed or not; every error of opening and unpacking it is a DataError.

    Args:
        kind: what the file must be, in words: "an XSF file".
    """
    try:
        with inputs.open_text(path) as file:
            yield file
    except inputs.UNREADABLE as error:
        reason = getattr(error, "strerror", None) or "packed, and not whole"
        raise DataError(f"{path} = cannot be read ({reason}): {kind} is required; check it.") from error


def note_unused_units(path: Path, options: ReadOptions, used: Collection[str]) -> None:
    """Say of --energy-unit and --force-unit that a file needed none of them.

    Args:
        used: "energy", "force": those that were.
    """
    for name, unit in (("energy", options.energy_unit), ("force", options.force_unit)):
        if unit is not None and name not in used:
            notice(
                f"{path}: --{name}-unit {unit}",
                f"not used: no {name} is read from the file, or it states the unit itself",
            )


def source_of(path: Path, root: Path) -> str:
    """Name of a file relative to the folder that the user named: "sub/y.cfg"."""
    return str(path.relative_to(root))


def group_of_file(path: Path, root: Path) -> str:
    """Configuration group of a file that names none: its name, without suffixes of the format and of packing."""
    return inputs.unpacked(path).stem


def group_of_folder(path: Path, root: Path) -> str:
    """Configuration group of a file that names none: its folder relative to the root."""
    below = path.parent.relative_to(root)
    return str(below) if below.parts else path.parent.resolve().name
