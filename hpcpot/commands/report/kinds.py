"""The table of what a report is made of: kinds of outputs, and the code that reads each into a section of the page.

`register` adds a kind from outside; its files must be results of a farm's task (`farm.task.Task`) with the kind's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import h5py

from hpcpot.dataset import hdf5
from hpcpot.errors import OutputError
from hpcpot.registry import Registry
from hpcpot.report.section import ReportSection
from hpcpot.storage import own
from hpcpot.storage.hdf5_errors import explained

Read = Callable[[Path, int], ReportSection]
"""Function (file, number of views on the page) -> section."""


@dataclass(frozen=True)
class ReportKind:
    """A row of KINDS.

    Attributes:
        name: heading of its sections. code: "module:function", a `Read`.
        more: "module:function" of (file, section), which adds to sections of this kind.
    """

    name: str
    code: str
    more: tuple[str, ...] = ()


KINDS: Registry[ReportKind] = Registry("kind of report")
register = KINDS.register

_COMMANDS = "hpcpot.commands"
for _row in (
    ReportKind("md", f"{_COMMANDS}.report.trajectory:read", (f"{_COMMANDS}.analyze.page:add_tensile_test",)),
    ReportKind("analyze", f"{_COMMANDS}.analyze.page:read"),
    ReportKind("gcmc", f"{_COMMANDS}.gcmc.page:read"),
    ReportKind("onsite", f"{_COMMANDS}.onsite.page:read"),
    ReportKind("relax", f"{_COMMANDS}.relax.page:read"),
    ReportKind("properties", f"{_COMMANDS}.properties.page:read"),
    ReportKind("select", f"{_COMMANDS}.select.page:read"),
    ReportKind("train", f"{_COMMANDS}.train.page:read"),
    ReportKind("learn", f"{_COMMANDS}.learn.page:read"),
    ReportKind("verify", f"{_COMMANDS}.verify.page:read"),
    ReportKind("label", f"{_COMMANDS}.label.page:read"),
):
    register(_row)

IN_FOLDERS = ("learn.h5", "analysis.h5")
"""Files of a folder that stand for it."""
OF_CSV = {"step,loss_": "train", "name,value,unit,low,high,verdict,where": "verify"}
"""Beginning of the first line -> kind."""


def section(path: Path, views: int = 1) -> ReportSection:
    """Read an output into a section.

    Args:
        path: file, or a folder with one. views: runs of the page, which share its room for atoms.
    Raises:
        OutputError: of no kind that is known, or it cannot be read.
    """
    name, path = identify(path)
    row = KINDS[name]
    with explained(path, "make a page of"):  # a file that hpcpot wrote, with parts that it does not write
        made = _code(row.code)(path, views)
        for code in row.more:
            _code(code)(path, made)
    return made


def identify(path: Path) -> tuple[str, Path]:
    """The kind of an output, and its file.

    Raises:
        OutputError: no such file, or of no kind that is known.
    """
    if path.is_dir():
        inside = next((path / name for name in IN_FOLDERS if (path / name).exists()), None)
        if inside is None:
            raise OutputError(
                f"{path} = a folder without {' or '.join(IN_FOLDERS)}: must be that of an analysis or a learning loop; give "
                "the file of another run."
            )
        path = inside
    if path.suffix == ".csv":
        return _kind_of_csv(path), path
    if hdf5.is_dataset(path):
        facts = hdf5.provenance(path)
        if "descriptor" not in facts:
            raise _unknown(path, "a data set that no selection made")
        return "select", path
    return _kind_of_hdf5(path), path


def _kind_of_hdf5(path: Path) -> str:
    with explained(path, "read"), h5py.File(path, "r", locking=False) as file:
        if own.is_trajectory(file):
            return "md"
        if own.is_tables(file):
            return "analyze"
        form, kind = file.attrs.get("format"), str(file.attrs.get("kind"))
        if form == "hpcpot results" and kind in KINDS:
            return kind
        if form == "hpcpot-model":
            return "train"
        words = own.kind_of(file)
    raise _unknown(path, words or "an HDF5 file of another program")


def _kind_of_csv(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            line = file.readline(1000).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _unknown(path, f"not readable ({getattr(error, 'strerror', None) or 'it is no text'})") from error
    kind = next((kind for start, kind in OF_CSV.items() if line.startswith(start)), None)
    if kind is None:
        raise _unknown(path, "a table of another kind")
    return kind


def _unknown(path: Path, what: str) -> OutputError:
    return OutputError(
        f"{path} = {what}: must be a trajectory, tables of an analysis, results of {', '.join(name for name in KINDS)}, a "
        "learning curve or the checks of a model (.csv); give one of them."
    )


def _code(name: str) -> Callable:
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)
