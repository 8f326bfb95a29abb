"""The table of integrators: equations of motion, and minimisers whose steps are iterations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hpcpot.dynamics.barostat import Barostat, npt_conserved, npt_init, npt_step
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.minimise import Tolerances, cg_init, cg_step, fire_init, fire_step, no_conserved
from hpcpot.dynamics.thermostat import (
    Thermostat,
    langevin_conserved,
    langevin_init,
    langevin_step,
    nose_hoover_conserved,
    nose_hoover_init,
    nose_hoover_step,
    nve_conserved,
    nve_init,
    nve_step,
)
from hpcpot.structure.state import State

Controls = Thermostat | Barostat | Tolerances | None
"""What an integrator is asked for."""


class Integrator(NamedTuple):
    """A row of INTEGRATORS.

    Attributes:
        init: puts its numbers into state.scalars and state.per_atom.
        step: moves the state by dt.
        conserved: what it adds to the total energy to make the conserved quantity, eV.
        keeps_momentum: whether the centre of mass counts as no degree of freedom.
        controls: the class of what it is asked for, None for nothing.
    """

    init: Callable[[State, Engine, Any], None]
    step: Callable[[State, Engine, float, Any], None]
    conserved: Callable[[State, Engine, Any], float]
    keeps_momentum: bool
    controls: type[Thermostat] | type[Barostat] | type[Tolerances] | None

    @property
    def is_minimiser(self) -> bool:
        return self.controls is Tolerances


INTEGRATORS = {
    "nve": Integrator(nve_init, nve_step, nve_conserved, True, None),
    "nvt_nose_hoover": Integrator(nose_hoover_init, nose_hoover_step, nose_hoover_conserved, True, Thermostat),
    "nvt_langevin": Integrator(langevin_init, langevin_step, langevin_conserved, False, Thermostat),
    "npt_nose_hoover": Integrator(npt_init, npt_step, npt_conserved, True, Barostat),
    "cg": Integrator(cg_init, cg_step, no_conserved, True, Tolerances),
    "fire": Integrator(fire_init, fire_step, no_conserved, True, Tolerances),
}
