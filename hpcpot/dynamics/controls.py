"""Targets of integrators: a temperature, a pressure, or the tolerances of a minimisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Thermostat:
    """A target temperature.

    Attributes:
        kT, kT_end: eV, at the first and the last step; linear between.
        time: fs, Nose-Hoover damping time, or 1 / friction.
        steps: number of steps of the ramp. first: step at which it begins.
        seed: of the Langevin forces.
        drag: of LAMMPS's fix nvt and fix npt, on the rates of chains and barostat; 0 for none.
    """

    kT: float
    kT_end: float
    time: float
    steps: int
    seed: int
    first: int = 0
    drag: float = 0.0

    def kT_at(self, step: int) -> float:
        """Target at a step, eV."""
        done = min((step - self.first) / self.steps, 1.0) if self.steps else 0.0
        return self.kT + (self.kT_end - self.kT) * done


@dataclass(frozen=True)
class Barostat:
    """A target pressure, and the thermostat beside it.

    Attributes:
        axes: (3,) bool, Cartesian axes along which the cell may change.
        pressure: eV/Å³, the target along each of them. time: fs, damping time.
        is_isotropic: whether these axes change by one factor, which their mean pressure drives.
    """

    thermostat: Thermostat
    axes: np.ndarray
    pressure: float
    time: float
    is_isotropic: bool = False

    @property
    def freedom(self) -> int:
        """Number of lengths that change independently."""
        return 1 if self.is_isotropic else int(self.axes.sum())


@dataclass(frozen=True)
class Tolerances:
    """Criteria by which a minimisation has converged.

    Attributes:
        energy: of |E - E_before| / (mean of |E| and |E_before|), in one iteration.
        force: eV/Å, of the length of the vector of all forces.
    """

    energy: float
    force: float


Controls = Thermostat | Barostat | Tolerances | None
