"""The section `potential`, common to all commands that compute energies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hpcpot.config import Short, key
from hpcpot.config.kinds import choice, either, file_name, list_of
from hpcpot.potential.registry import KERNEL_SETS, PRECISIONS

OUTSIDE = ("warn", "stop", "ignore")
SHORT = Short(("--potential",), "potential.file", "FILE", "model, e.g. lisi_mtp")
"""The option that names the model."""


@dataclass(frozen=True, kw_only=True)
class PotentialSection:
    """The potential and its kernels."""

    file: Path | list[Path] = key(
        either(file_name(), list_of(file_name(), "a list of files, one per element")),
        "model file of hpcpot (.h5), DeePMD-kit, aenet or MLIP, or the name of a shipped model, e.g. lisi",
        is_input=True,
        also=("model", "pair_style", "calculator"),
    )
    kernels: str = key(
        choice(*KERNEL_SETS), "kernels on the host: cpu is compiled, reference is readable NumPy and slow", "cpu"
    )
    precision: str = key(
        choice(*PRECISIONS),
        "mixed: float32 networks, tables and moments; up to twice as fast, with forces within 1e-4 eV/Å",
        "float64",
    )
    outside: str = key(
        choice(*OUTSIDE),
        "where a structure leaves the range that the model was trained in (docs/models.md): warn tells it, and relaxations "
        "that end there have the status `outside`; stop ends the run, or fails the structure; ignore",
        "warn",
    )
