"""The contract of steppers: where and how the steps of a stage are done, with the same result up to rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hpcpot.dynamics.controls import Controls
from hpcpot.dynamics.deform import Deformation
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import Integrator
from hpcpot.structure.state import State


@dataclass(frozen=True)
class Motion:
    """The equations of motion of a stage.

    Attributes:
        controls: what the integrator is asked for. timestep: fs. deformation: None for none.
    """

    integrator: Integrator
    controls: Controls
    timestep: float
    deformation: Deformation | None = None

    def step(self, state: State, engine: Engine) -> None:
        """One step of the integrator, and of the deformation with it."""
        dt, deformation = self.timestep, self.deformation
        if deformation is not None:
            deformation.before_step(state, engine, dt)
        self.integrator.step(state, engine, dt, self.controls)
        if deformation is not None:
            deformation.after_step(state, engine, dt, dt * (state.step - int(state.stage["first_step"])))


class Stepper(Protocol):
    """Does the steps of a stage.

    Attributes:
        name: host, device or graph.
    """

    name: str

    def can(self, state: State, engine: Engine, motion: Motion) -> bool:
        """Tell whether it can do these steps; the same on all ranks."""

    def advance(self, state: State, engine: Engine, motion: Motion, steps: int) -> None:
        """Do so many steps, fewer where a stop is asked for or a minimiser converges.

        Raises:
            SimulationError: as Engine.evaluate.
        """
