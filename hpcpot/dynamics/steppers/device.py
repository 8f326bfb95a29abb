"""A State whose arrays are on the GPU for some steps: the same equations of motion as on the host, on arrays that stay there.

So works whatever is not in motion.cu's graph of a step (md/resident.py): several ranks, barostats, deformations and
minimisers. The host starts kernel after kernel, and sees a few sums in each step; atoms, pairs, forces, ghosts and what
migrates stay on the GPU, or pass between GPUs (gpu/exchange.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hpcpot.dynamics.engine import Engine
from hpcpot.structure.state import PER_ATOM, State, to_host


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
