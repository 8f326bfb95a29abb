"""Observables of an analysis: those of its parts, and those listed under `observe` in its config."""

from __future__ import annotations

import numpy as np
from ase.data import chemical_symbols

from hpcpot.analysis import frames, registry, voids
from hpcpot.analysis.bonds import bond_lengths
from hpcpot.analysis.frames import Observables
from hpcpot.analysis.observable import Frame
from hpcpot.commands.analyze.pull import Pull
from hpcpot.commands.analyze.settings import AnalyzeSettings
from hpcpot.errors import OutputError
from hpcpot.storage.reader import TrajectoryReader

PARTS = ("strain", "bonds", "voids", "stress")
"""Parts that are observables, under the same name in the registry; their section of the config has the options."""
NAMED = "observe/"
"""Prefix of the labels of observables listed under `observe`."""


class SampledParts:
    """Observables to sample over the frames of a trajectory.

    Args:
        pull: the frames; the first is the reference.
    """

    def __init__(self, reader: TrajectoryReader, pull: Pull, settings: AnalyzeSettings):
        self._reader, self._pull, self._settings = reader, pull, settings
        self._named = {NAMED + entry["name"]: entry for entry in settings.observe or ()}
        rows = {name: name for name in PARTS if name in (settings.parts or ())}
        rows |= {name: entry["name"] for name, entry in self._named.items()}
        self._needs = {name: registry.OBSERVABLES[row].needs for name, row in rows.items()}

    def check(self) -> None:
        """Refuse observables for which the trajectory or the config lacks something, before the work starts.

        Raises:
            OutputError: no frame has the arrays that an observable needs. ConfigError: see `bond_lengths`.
        """
        reader, settings = self._reader, self._settings
        if "bonds" in self._needs:
            elements = [chemical_symbols[number] for number in np.unique(reader.numbers)]
            bond_lengths(elements, settings.bonds.lengths_A)
        for name, needs in self._needs.items():
            if np.isin(self._pull.steps, frames.steps_with(reader, needs)).any():
                continue
            if name == "stress":
                raise OutputError(
                    f"{reader.path} = no frame with virials and velocities: the stress of regions needs both beside "
                    "positions; run with output.virial_every and output.velocity_every, or leave stress out of parts."
                )
            raise OutputError(
                f"{reader.path} = no frame with {', '.join(needs)}: {name.removeprefix(NAMED)} needs them at one step; "
                "run with their intervals in the output section, or leave it out of observe."
            )

    def make(self) -> Observables:
        """Build the observables."""
        first, settings = self.read(self._pull.frames[0]), self._settings
        observables = {}
        for name in PARTS:
            if name in self._needs:
                options = dict(vars(getattr(settings, name)))
                if name == "voids":
                    options["shape"] = self._grid()
                observables[name] = registry.make(name, first, **options)
        for name, entry in self._named.items():
            observables[name] = registry.make(entry["name"], first, **entry["options"])
        return observables

    def read(self, frame: int) -> Frame:
        """Read a frame with the arrays that the observables need."""
        needs = dict.fromkeys(name for needs in self._needs.values() for name in needs)
        return frames.read(self._reader, frame, needs)

    def is_due(self, name: str, row: int, frame: Frame) -> bool:
        """Tell whether an observable samples this frame."""
        return row % self._named.get(name, {}).get("every", 1) == 0 and frame.has(self._needs[name])

    def _grid(self) -> tuple[int, int, int]:
        """Shape of the grid for voids, the same for all frames, with at most the given spacing in each."""
        longest = np.linalg.norm(self._pull.cells, axis=2).max(axis=0)
        return voids.grid_shape(np.diag(longest), self._settings.voids.spacing_A)
