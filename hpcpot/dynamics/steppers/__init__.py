"""Steppers: where the steps of a stage are done, on the host, on a GPU kernel by kernel, or as a CUDA graph."""

from __future__ import annotations

from collections.abc import Sequence

from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.steppers.contract import Motion, Stepper
from hpcpot.dynamics.steppers.host import HostSteps
from hpcpot.potential.contract import Potential
from hpcpot.structure.state import State


def available(potential: Potential) -> tuple[Stepper, ...]:
    """The steppers for a potential, the fastest first; the last can do anything."""
    if potential.kernel_set != "gpu":
        return (HostSteps(),)
    from hpcpot.dynamics.steppers.device import DeviceSteps
    from hpcpot.dynamics.steppers.graph import GraphSteps

    return GraphSteps(potential), DeviceSteps()


def choose(steppers: Sequence[Stepper], state: State, engine: Engine, motion: Motion) -> Stepper:
    """The first stepper that can do these steps."""
    return next(stepper for stepper in steppers if stepper.can(state, engine, motion))
