"""Ionic steps of VASP, as both of its files tell them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


class Unreadable(Exception):
    """Contents of a file that cannot be understood; in words that follow "OUTCAR = "."""


@dataclass
class Step:
    """One ionic step.

    Attributes:
        symbols: of each atom. cell: (3, 3) Å. positions: (n, 3) Å. forces: (n, 3) eV/Å.
        stress: (3, 3) kB, positive in compression. energy: eV, of which the forces are the derivative.
        sigma_0: eV, extrapolated to no smearing.
        iterations: electronic steps. converged: whether they were fewer than VASP may take.
        by_machine: of a force field, not of DFT. whole: whether the step was written to its end. begun: whether any of it was.

    Numbers that are not there are None, those that VASP could not print are NaN.
    """

    symbols: list[str] | None = None
    cell: np.ndarray | None = None
    positions: np.ndarray | None = None
    forces: np.ndarray | None = None
    stress: np.ndarray | None = None
    energy: float | None = None
    sigma_0: float | None = None
    iterations: int = 0
    converged: bool = True
    by_machine: bool = False
    whole: bool = False
    begun: bool = True
