"""How far a committee's forces are apart on the way: the first model moves the atoms, the others only look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hpcpot.analysis.deviation import force_deviations
from hpcpot.errors import ModelError, SimulationError
from hpcpot.md.engine import Engine
from hpcpot.structure.state import State

OBSERVABLES = {
    "max_force_deviation": ("eV Angstrom-1", ()), "min_force_deviation": ("eV Angstrom-1", ()),
    "mean_force_deviation": ("eV Angstrom-1", ()),
}  # fmt: skip
"""Names, units and shapes of what `Committee.measure` returns, over all atoms."""


class Committee:
    """The other members of the committee that a run's potential is of.

    Args:
        first: the potential that moves the atoms. others: with the same elements, and no longer cutoff.
        stop_above: eV/Å, of the largest deviation, or None.
    Raises:
        ModelError: a member that does not fit.
    """

    def __init__(self, first: Any, others: Sequence[Any], stop_above: float | None):
        self._others, self._stop_above = others, stop_above
        for k, one in enumerate(others):
            if tuple(one.elements) != tuple(first.elements) or one.cutoff > first.cutoff:
                raise ModelError(
                    f"deviation.files = model {k} of {', '.join(one.elements)} with cutoff {one.cutoff:g} Å: the elements "
                    f"of potential.file, {', '.join(first.elements)}, and a cutoff of at most {first.cutoff:g} Å are "
                    "required."
                )

    def measure(self, state: State, engine: Engine) -> dict[str, float]:
        """Largest, least and mean deviation of the forces at the state's positions; the same on all ranks."""
        forces, ranks = [], engine.ranks
        engine.pairs.positions = state.positions
        for potential in (engine.potential, *self._others):
            found = potential.compute(engine.pairs, state.species).forces
            engine.domain.fold(found)
            forces.append(found[: state.n_owned])
        local = force_deviations(np.stack(forces))
        largest, least = ranks.max(np.array([local.max(initial=0.0), -local.min(initial=np.inf)]))
        total = ranks.sum(np.array([local.sum()]))[0]
        return dict(zip(OBSERVABLES, (largest, -least, total / state.n_atoms), strict=True))

    def error(self, seen: dict[str, float], step: int) -> SimulationError | None:
        """What ends the run, where the largest deviation is above the threshold."""
        largest = seen["max_force_deviation"]
        if self._stop_above is None or largest <= self._stop_above:
            return None
        return SimulationError(
            f"max_force_deviation at step {step} = {largest:.4g} eV/Å: must stay below deviation.stop_above_eV_A, "
            f"{self._stop_above:g}; the models do not know this structure, which the checkpoint holds: label it and train "
            "on it."
        )
