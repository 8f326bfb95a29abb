"""Velocity Verlet at constant energy."""

from __future__ import annotations

from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.motion import drift, kick
from hpcpot.structure.state import State


def init(state: State, engine: Engine, controls: None) -> None:
    """Begin: nothing to prepare."""


def step(state: State, engine: Engine, dt: float, controls: None) -> None:
    """Velocity Verlet: v += a dt/2; x += v dt; a = F(x)/m; v += a dt/2."""
    kick(state, 0.5 * dt)
    drift(state, dt)
    engine.evaluate(state)
    kick(state, 0.5 * dt)
    state.step += 1


def conserved(state: State, engine: Engine, controls: None) -> float:
    """Contribution to the conserved energy: none."""
    return 0.0
