"""Observables sampled during a run (`observe` in its config), as `hpcpot analyze` samples them afterwards."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hpcpot.analysis import registry
from hpcpot.analysis.observable import Arrays, Frame, Observable, joined, part, tables_of
from hpcpot.parallel.ranks import Ranks
from hpcpot.storage.blocks import gather
from hpcpot.storage.tables import Tables


class Sampler:
    """Observables of a run. They live on rank 0, which gathers the atoms and samples them while the others wait.

    The cost is 24 bytes per atom and vector to gather, and the time of the observable on one core.

    Args:
        entries: of `observe`. periodic: (3,) bool.
        numbers, masses: (n_atoms,) ordered by id, on rank 0: atomic numbers, and amu.
        saved: `state` of an earlier run, from its checkpoint.
    """

    def __init__(
        self,
        entries: list[dict[str, Any]] | None,
        ranks: Ranks,
        periodic: np.ndarray,
        numbers: np.ndarray | None,
        masses: np.ndarray | None,
        saved: Arrays,
    ):
        self._entries, self._ranks = {entry["name"]: entry for entry in entries or ()}, ranks
        self._periodic, self._numbers, self._masses = periodic, numbers, masses
        self._first: dict[str, Frame] = {}
        self._observables: dict[str, Observable] = {}
        earlier = {name: part(saved, name) for name in self._entries}
        earlier = {name: arrays for name, arrays in earlier.items() if arrays and self._goes_on(name, arrays)}
        self._last = {name: int(arrays["last"]) for name, arrays in earlier.items()}
        ranks.root_only(partial(self._restore, earlier), share=False)

    @property
    def intervals(self) -> list[int]:
        """Steps between samples of each observable."""
        return [entry["every"] for entry in self._entries.values()]

    def due(self, step: int, done: int) -> list[str]:
        """Names of the observables to sample at a step, `done` steps into a stage; none samples a step twice."""
        due = (name for name, entry in self._entries.items() if done % entry["every"] == 0)
        return [name for name in due if self._last.get(name, -1) < step]

    def needs(self, names: list[str]) -> list[str]:
        """Arrays that these observables read, by their names in a trajectory; positions first."""
        fields = ["positions", *(field for name in names for field in registry.OBSERVABLES[name].needs)]
        return list(dict.fromkeys(registry.FIELDS[field] for field in fields)) if names else []

    def sample(self, names: list[str], step: int, time: float, cell: np.ndarray, particles: Arrays) -> None:
        """Sample the atoms at a step.

        Args:
            time: fs. particles: this rank's block, ordered by id, of each array by its name in a trajectory.
        Raises (on all ranks together):
            HpcpotError: that of an observable.
        """
        fields = {array: field for field, array in registry.FIELDS.items()}
        arrays = {fields[array]: gather(self._ranks, rows) for array, rows in particles.items()}
        self._ranks.root_only(partial(self._sample, names, step, time, cell.copy(), arrays), share=False)
        self._last |= dict.fromkeys(names, step)

    def state(self) -> Arrays:
        """Accumulators of all observables for a checkpoint; on rank 0."""
        return joined(**{name: self._state_of(name) for name in self._observables})

    def write(self, path: Path, facts: dict[str, Any]) -> None:
        """Replace the file of tables. Args: facts: of its provenance."""
        self._ranks.root_only(partial(self._write, path, facts), share=False)

    def _sample(self, names: list[str], step: int, time: float, cell: np.ndarray, arrays: Arrays) -> None:
        frame = Frame(step, time, cell, self._periodic, self._numbers, self._masses, **arrays)
        for name in names:
            if name not in self._observables:
                unneeded = registry.FIELDS.keys() - {"positions", *registry.OBSERVABLES[name].needs}
                self._begin(name, replace(frame, **dict.fromkeys(unneeded)))
            self._observables[name].sample(frame)

    def _begin(self, name: str, first: Frame) -> None:
        self._first[name] = first
        self._observables[name] = registry.make(name, first, **self._entries[name]["options"])

    def _state_of(self, name: str) -> Arrays:
        first = self._first[name]
        frame = {field: getattr(first, field) for field in ("step", "time", "cell", *registry.FIELDS)}
        frame = {field: np.asarray(values) for field, values in frame.items() if values is not None}
        entry = {"options": json.dumps(self._entries[name]["options"]), "last": np.array(self._last[name])}
        return entry | joined(first=frame, state=self._observables[name].state())

    def _goes_on(self, name: str, saved: dict[str, Any]) -> bool:
        """Tell whether an observable of a checkpoint has the options of the config."""
        same = saved["options"] == json.dumps(self._entries[name]["options"])
        if not same and self._ranks.is_root:
            print(f"note: observe.{name} begins anew: its options are not those of the checkpoint", flush=True)
        return same

    def _restore(self, saved: dict[str, Arrays]) -> None:
        for name, arrays in saved.items():
            frame = part(arrays, "first")
            step, time = int(frame.pop("step")), float(frame.pop("time"))
            first = Frame(step, time, frame.pop("cell"), self._periodic, self._numbers, self._masses, **frame)
            self._begin(name, first)
            self._observables[name].restore(part(arrays, "state"))

    def _write(self, path: Path, facts: dict[str, Any]) -> None:
        with Tables(path, facts) as tables:
            for name, observable in self._observables.items():
                for table, columns in tables_of(name, observable).items():
                    tables.add(table, columns)
            tables.commit()
