"""XSF of XCrySDen and aenet: CRYSTAL, SLAB (periodic along a and b), POLYMER (along a), MOLECULE or ATOMS (along none)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ase import Atoms

from hpcpot import inputs
from hpcpot.errors import DataError, StructureError
from hpcpot.structure import xsf
from hpcpot.structure.formats import StructureOptions


def read(path: Path, options: StructureOptions, index: int = -1) -> Atoms:
    """Read a structure, or a step of an animation.

    Raises:
        StructureError: it is not whole.
    """
    text = _parsed(path)
    count = len(text.atoms)
    if not -count <= index < count:
        raise StructureError(f"{path} = {count} frames: frame {index} is asked for; name one that is there.")
    return _atoms(path, text, index % count)


def frames(path: Path, options: StructureOptions) -> Iterator[Atoms | StructureError]:
    """Read all steps of an animation, or the only structure."""
    text = _parsed(path)
    for k in range(len(text.atoms)):
        try:
            yield _atoms(path, text, k)
        except StructureError as error:
            yield error


def _parsed(path: Path) -> xsf.XsfText:
    with inputs.reading(path, "XSF file", StructureError), inputs.open_text(path) as file:
        try:
            return xsf.parse(file, str(path))
        except DataError as error:
            raise StructureError(str(error)) from error


def _atoms(path: Path, text: xsf.XsfText, k: int) -> Atoms:
    try:
        frame = text.frame(k, f"{path}: frame {k}" if len(text.atoms) > 1 else str(path))
    except DataError as error:
        raise StructureError(str(error)) from error
    return Atoms(frame.symbols, frame.positions, cell=frame.cell, pbc=frame.periodic)
