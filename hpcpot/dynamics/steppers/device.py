"""Steps whose arrays are on the GPU: the same equations of motion as on the host, of arrays that stay there.

So work several ranks, barostats, deformations and minimisers, which gpu/motion.cu does not have. The host starts kernel
after kernel, and sees a few sums in each step; atoms, pairs, forces, ghosts and what migrates stay on the GPU, or pass
between GPUs (gpu/exchange.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.steppers.contract import Motion
from hpcpot.dynamics.steppers.host import HostSteps
from hpcpot.structure.state import PER_ATOM, State, to_host


class DeviceSteps(HostSteps):
    """Does step after step with the integrator's own code, on arrays of the GPU; see contract.Stepper."""

    name = "device"

    def advance(self, state: State, engine: Engine, motion: Motion, steps: int) -> None:
        """See contract.Stepper."""
        with on_device(state, engine):
            super().advance(state, engine, motion, steps)


@contextmanager
def on_device(state: State, engine: Engine) -> Iterator[None]:
    """The State, and what the engine knows of its atoms, on the GPU; back on the host at the end, also after an error."""
    _move(state, engine, engine.potential.device.xp.asarray)
    try:
        yield
    finally:
        _move(state, engine, to_host)


def _move(state: State, engine: Engine, move: Callable[[Any], Any]) -> None:
    for name in PER_ATOM:
        setattr(state, name, move(getattr(state, name)))
    state.per_atom = {name: move(values) for name, values in state.per_atom.items()}
    engine.built_at = move(engine.built_at)
    engine.domain.swaps = [replace(swap, send=move(swap.send)) for swap in engine.domain.swaps]
