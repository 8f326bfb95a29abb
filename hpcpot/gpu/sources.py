"""CUDA C++ sources of the package and how each is compiled: once for the sizes of one model, given as macros."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

import numpy as np

import hpcpot
from hpcpot.gpu.places import FIXED_ONE, NO_ATOM, Status

PACKAGE = Path(hpcpot.__file__).parent
COMMON = PACKAGE / "gpu" / "common.cuh"
STANDARD = "c++17"
SHARED_BYTES = 48 * 1024
"""Memory that the warps of a block share at most."""

REALS = {np.dtype(np.float64): "double", np.dtype(np.float32): "float"}


@dataclass(frozen=True)
class Source:
    """A file and the macros that it is compiled with.

    Attributes:
        path: under the package, e.g. gpu/motion.cu.
        macros: names and values. dtype: what `real` is. warps: of a block, each of which works on a row.
        enums: names of places that it uses, besides Status; the kernels know them by the same names.
    """

    path: str
    macros: Mapping[str, object] = field(default_factory=dict)
    dtype: type = np.float64
    warps: int = 4
    enums: tuple[type[IntEnum], ...] = ()

    @property
    def file(self) -> Path:
        return PACKAGE / self.path

    @property
    def name(self) -> str:
        """Name of the file, or of the family in whose folder it is."""
        return self.file.parent.name if self.file.stem == "gpu" else self.file.stem

    def text(self) -> str:
        """The source with what it includes in its place, since CuPy's cache of compiled kernels looks at one text only.

        Names of places come first, as Python defines them.
        """
        shared = f"constexpr double FIXED_ONE = {FIXED_ONE};\nconstexpr int NO_ATOM = {NO_ATOM};\n"
        names = "".join(enumeration(names) for names in (Status, *self.enums))
        return shared + names + self.file.read_text().replace(f'#include "{COMMON.name}"', COMMON.read_text())

    def options(self) -> list[str]:
        """Compiler options that NVRTC and g++ share."""
        macros = {"REAL": REALS[np.dtype(self.dtype)], "WARPS": self.warps, **self.macros}
        return [f"-std={STANDARD}", *(f"-D{name}={value}" for name, value in macros.items())]


def warps_for(shared_bytes: int) -> int:
    """Warps of a block when each takes so much of the memory that they share."""
    return next((warps for warps in (4, 2) if warps * shared_bytes <= SHARED_BYTES), 1)


def enumeration(names: type[IntEnum]) -> str:
    """An enumeration of C++ with the members of one of Python."""
    return f"enum {{ {', '.join(f'{name} = {place.value}' for name, place in names.__members__.items())} }};\n"


def listed(values: object) -> str:
    """Numbers as a macro's list."""
    return ",".join(str(int(v)) for v in values)
