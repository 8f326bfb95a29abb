"""State: one rank's atoms, owned first, ghosts after; the table of what a State holds."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, fields
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

OWNED, ALL = "n", "m"
"""First dimension of an array with a row for each owned atom, and of one with rows for ghosts, too."""


class Row(NamedTuple):
    """A row of TABLE: one array, number or group of numbers of a State.

    Attributes:
        shape: "(n, 3)": n owned atoms, m with ghosts; "" for a number. dtype, unit: "" where it has none.
        saved: whether checkpoints hold it; all else is computed anew.
        evaluated: whether the last evaluation of the forces made it. What it did not make goes with an atom to a new owner.
    """

    name: str
    shape: str
    dtype: str
    unit: str
    meaning: str
    saved: bool
    evaluated: bool

    @property
    def per_atom(self) -> bool:
        """Tell whether there is a row for each atom."""
        return self.shape.startswith((f"({OWNED},", f"({ALL},"))


def _row(
    shape: str, dtype: str, unit: str, meaning: str, saved: bool = True, evaluated: bool = False
) -> dict[str, Any]:
    """A row of TABLE, as the metadata of its field."""
    return {"shape": shape, "dtype": dtype, "unit": unit, "meaning": meaning, "saved": saved, "evaluated": evaluated}


@dataclass
class State:
    """One rank's atoms in flat arrays; n owned atoms come first, then ghosts up to m in all.

    Arrays of atoms are NumPy's; while a GPU moves the atoms (dynamics/steppers/device.py) they are CuPy's. The fields
    are TABLE's rows: migration, checkpoints and the transfer to a GPU follow from them.
    """

    cell: np.ndarray = field(metadata=_row("(3, 3)", "float64", "Å", "lattice vectors in rows"))
    periodic: np.ndarray = field(metadata=_row("(3,)", "bool", "", "along which lattice vectors"))
    elements: tuple[str, ...] = field(metadata=_row("(species,)", "str", "", "names that `species` indexes"))
    masses: np.ndarray = field(metadata=_row("(species,)", "float64", "amu", "of each element"))
    positions: np.ndarray = field(
        metadata=_row("(m, 3)", "float64", "Å", "owned atoms unwrapped between rebuilds, ghosts where their image is")
    )
    species: np.ndarray = field(metadata=_row("(m,)", "int32", "", "index into `elements`"))
    ids: np.ndarray = field(metadata=_row("(n,)", "int64", "", "0 .. n_atoms - 1, never reused"))
    velocities: np.ndarray = field(metadata=_row("(n, 3)", "float64", "Å/fs", "of the owned atoms"))
    images: np.ndarray = field(
        metadata=_row("(n, 3)", "int32", "", "how often an atom has crossed each periodic boundary")
    )
    frozen: np.ndarray = field(metadata=_row("(n,)", "bool", "", "atoms that do not move"))
    n_owned: int = field(metadata=_row("", "int", "", "n, owned atoms of this rank", saved=False))
    n_atoms: int = field(metadata=_row("", "int", "", "owned atoms of all ranks"))
    step: int = field(metadata=_row("", "int", "", "steps done"), default=0)
    forces: np.ndarray | None = field(
        metadata=_row("(n, 3)", "float64", "eV/Å", "of the last evaluation", evaluated=True), default=None
    )
    energies: np.ndarray | None = field(
        metadata=_row("(n,)", "float64", "eV", "of the last evaluation", evaluated=True), default=None
    )
    virial: np.ndarray | None = field(
        metadata=_row("(3, 3)", "float64", "eV", "of the last evaluation, this rank's share", evaluated=True),
        default=None,
    )
    scalars: dict[str, np.ndarray] = field(
        metadata=_row("", "dict", "", "an integrator's own numbers, float arrays equal on all ranks"),
        default_factory=dict,
    )
    per_atom: dict[str, np.ndarray] = field(
        metadata=_row("", "dict", "", "an integrator's own arrays, (n, ...) each, which go with the atoms"),
        default_factory=dict,
    )
    stage: dict[str, np.ndarray] = field(
        metadata=_row("", "dict", "", "numbers of the present stage (dynamics/stages.py), equal on all ranks"),
        default_factory=dict,
    )


TABLE = tuple(Row(entry.name, **entry.metadata) for entry in fields(State))
"""Contents of a State, in order."""

PER_ATOM = tuple(row.name for row in TABLE if row.per_atom)
MIGRATED = tuple(row.name for row in TABLE if row.per_atom and row.saved and not row.evaluated)
"""Names of the arrays with a row for each atom, and of those that go with an atom to its new owner."""

EVALUATED = tuple(row.name for row in TABLE if row.evaluated)
"""Names of what the last evaluation of the forces made; checkpoints hold it, and it is valid in the layout of then alone."""

GLOBAL = tuple(
    row.name for row in TABLE if row.saved and not row.per_atom and not row.evaluated and row.dtype != "dict"
)
"""Names of what checkpoints hold once for all atoms, besides an integrator's and a stage's own numbers."""


def describe() -> str:
    """TABLE in Markdown, for the documentation."""
    lines = ["| name | shape | type | unit | saved | meaning |", "|---|---|---|---|---|---|"]
    for row in TABLE:
        cells = (f"`{row.name}`", row.shape, row.dtype, row.unit, "yes" if row.saved else "", row.meaning)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def library(array: Any) -> ModuleType:
    """The library of an array: NumPy, CuPy or torch."""
    return sys.modules[type(array).__module__.partition(".")[0]]


def to_host(array: Any) -> np.ndarray:
    """An array of NumPy as it is, of CuPy a copy on the host."""
    return array if isinstance(array, (np.ndarray, np.generic)) else array.get()
