"""Steps whose arrays are NumPy's."""

from __future__ import annotations

from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.steppers.contract import Motion
from hpcpot.structure.state import State


class HostSteps:
    """Does step after step with the integrator's own code; see contract.Stepper."""

    name = "host"

    def can(self, state: State, engine: Engine, motion: Motion) -> bool:
        """Always true."""
        return True

    def advance(self, state: State, engine: Engine, motion: Motion, steps: int) -> None:
        """See contract.Stepper."""
        end = state.step + steps
        while state.step < end and not state.scalars.get("converged", False) and not engine.stop_requested:
            motion.step(state, engine)
