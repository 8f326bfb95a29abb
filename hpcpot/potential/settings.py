"""The section by which every command is told its potential."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hpcpot.config import key
from hpcpot.config.kinds import choice, either, file_name, list_of
from hpcpot.potential.registry import KERNEL_SETS, PRECISIONS


@dataclass(frozen=True, kw_only=True)
class PotentialSection:
    """Which model, and how it is computed."""

    file: Path | list[Path] = key(
        either(file_name(), list_of(file_name(), "a list of files, one per element")),
        "model: hpcpot .h5, DeePMD-kit, aenet, or a shipped name such as lisi",
        is_input=True,
    )
    kernels: str = key(choice(*KERNEL_SETS), "cpu: compiled; reference: readable NumPy, slow", "cpu")
    precision: str = key(
        choice(*PRECISIONS),
        "mixed: float32 network and tables of a Deep Potential, twice as fast; forces within 1e-4 eV/Å",
        "float64",
    )
