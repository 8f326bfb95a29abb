"""The config of a relaxation of structures that the command line names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpcpot import inputs
from hpcpot.farm.given import stem_of
from hpcpot.structure import files


def tree_of(names: Sequence[str]) -> dict:
    """The files, and where the relaxed structures go by default."""
    return {"structures": {"files": list(names)}, "output": {"structures": str(default_output(names))}}


def default_output(names: Sequence[str]) -> Path:
    """Si.cif goes to Si_relaxed.cif in the current folder, several files or a folder to an .extxyz."""
    first = inputs.unpacked(Path(names[0]))
    is_file = len(names) == 1 and not first.is_dir()
    return Path(f"{stem_of(names)}_relaxed{first.suffix if is_file and first.suffix in files.WRITERS else '.extxyz'}")
