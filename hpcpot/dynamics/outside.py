"""A watch on the range that the potential was trained in: distances and energy on the way, the whole at start and end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hpcpot.dynamics.cell import volume
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.stages import Stage
from hpcpot.errors import SimulationError
from hpcpot.potential.contacts import ClosestPair, closest
from hpcpot.potential.range import MARGIN, TrainedRange
from hpcpot.structure.state import State, to_host


@dataclass(frozen=True)
class Approach:
    """The closest that two elements came: the pair, the ids of its atoms, the step."""

    pair: ClosestPair
    first: int
    second: int
    step: int


class RangeWatch:
    """A watch that tells once of each way in which a run leaves the range, and the worst at the end.

    Args:
        trained: the range. stops: whether leaving it ends the run. say: prints a line.
    """

    def __init__(self, trained: TrainedRange, stops: bool, say: Callable[[str], None]):
        self.trained, self.stops, self._say = trained, stops, say
        self._closest: dict[tuple[int, int], Approach] = {}
        self._is_deep, self._first_volume = False, 0.0

    def begin(self, state: State, engine: Engine, stages: Sequence[Stage]) -> SimulationError | None:
        """Judge composition, density and thermostats; called by all ranks together, as the other methods.

        Returns:
            the error that ends the run, if it is to stop.
        """
        self._first_volume = volume(state)
        texts = [self.trained.composition(self._counts(state, engine)), self._density(state)]
        return self._told(state.step, [text for text in (*texts, *self._temperatures(stages)) if text])

    def look(self, state: State, engine: Engine, energy: float | None) -> SimulationError | None:
        """Judge distances and energy.

        Args:
            energy: eV, potential energy of all atoms, or None.
        Returns:
            the error that ends the run, if it is to stop.
        """
        texts = []
        for approach in self._approaches(state, engine):
            kinds = approach.pair.kinds
            if kinds not in self._closest:
                texts.append(self.trained.describe(approach.pair, approach.first, approach.second))
            self._closest[kinds] = approach
        if energy is not None and not self._is_deep:
            deep = self.trained.too_deep(self._counts(state, engine), energy)
            self._is_deep = bool(deep)
            texts += [deep] if deep else []
        return self._told(state.step, texts)

    def conclude(self, state: State) -> None:
        """Tell the closest approaches, and of a cell that grew beyond all that was trained."""
        for approach in self._closest.values():
            text = self.trained.describe(approach.pair, approach.first, approach.second)
            self._say(f"outside what the potential was trained on, closest at step {approach.step}: {text}")
        now, densities = volume(state), self.trained.densities
        if densities is None or not state.periodic.all() or abs(now / self._first_volume - 1.0) <= MARGIN:
            return
        per_atom = now / state.n_atoms
        text = self._density(state)
        if per_atom * densities[0] > 1.0 + MARGIN and now > self._first_volume:
            text = f"{per_atom:.2f} Å³/atom, trained up to {1.0 / densities[0]:.2f}"
        if text:
            self._say(f"outside what the potential was trained on, at the end: {text}")

    def _told(self, step: int, texts: list[str]) -> SimulationError | None:
        if not texts:
            return None
        if self.stops:
            return SimulationError(
                f"structure at step {step} = outside what the potential was trained on: {'; '.join(texts)}; must be inside "
                "by potential.outside: stop; check the structure and the potential, train on such structures, or set warn."
            )
        for text in texts:
            self._say(f"note: step {step} is outside what the potential was trained on: {text}")
        return None

    def _approaches(self, state: State, engine: Engine) -> Iterator[Approach]:
        """Closer pairs than ever before of each kind that is outside, with the ids of their atoms; equal on all ranks."""
        ranks, n = engine.ranks, len(self.trained.elements)
        pairs = {
            pair.kinds: pair
            for pair in closest(
                to_host(state.positions),
                engine.pairs.first,
                engine.pairs.neighbors,
                to_host(state.species),
                self.trained.limits,
            )
        }
        mine = np.full((n, n), np.inf)
        for kinds, pair in pairs.items():
            mine[kinds] = pair.distance
        least = -ranks.max(-mine)
        known = {kinds: approach.pair.distance for kinds, approach in self._closest.items()}
        kinds = [
            (int(a), int(b)) for a, b in np.argwhere(np.isfinite(least)) if least[a, b] < known.get((a, b), np.inf)
        ]
        if not kinds:
            return
        owner = -ranks.max(np.array([-float(ranks.rank) if mine[k] == least[k] else -np.inf for k in kinds]))
        ids, marks = np.zeros((len(kinds), 2)), np.zeros((len(state.positions), len(kinds)))
        for row, kind in enumerate(kinds):
            if owner[row] == ranks.rank:
                ids[row, 0] = to_host(state.ids)[pairs[kind].centre]
                marks[pairs[kind].neighbor, row] = 1.0
        engine.domain.fold(marks)  # a ghost is its owner's
        ids[:, 1] = to_host(state.ids) @ marks[: state.n_owned]
        for kind, (first, second) in zip(kinds, ranks.sum(ids), strict=True):
            yield Approach(ClosestPair(kind, float(least[kind]), -1, -1), int(first), int(second), state.step)

    def _counts(self, state: State, engine: Engine) -> np.ndarray:
        own = np.bincount(to_host(state.species)[: state.n_owned], minlength=len(state.elements))
        return engine.ranks.sum(own.astype(np.int64))

    def _density(self, state: State) -> str:
        """Say that a periodic cell is denser than any frame; thinner ones may have a vacuum."""
        densities, per_atom = self.trained.densities, volume(state) / state.n_atoms
        if densities is None or not state.periodic.all() or per_atom * densities[1] * (1.0 + MARGIN) >= 1.0:
            return ""
        return f"{per_atom:.2f} Å³/atom, trained down to {1.0 / densities[1]:.2f}"

    def _temperatures(self, stages: Sequence[Stage]) -> list[str]:
        """Say that a thermostat is hotter than any trained temperature."""
        if self.trained.temperatures is None:
            return []
        given = [
            kelvin
            for stage in stages
            for kelvin in (stage.md.temperature_K, stage.md.temperature_end_K, stage.md.initial_temperature_K)
            if kelvin is not None
        ]
        hottest, most = max(given, default=0.0), float(self.trained.temperatures[1])
        return [f"{hottest:g} K, trained up to {most:g} K"] if hottest > (1.0 + MARGIN) * most else []
