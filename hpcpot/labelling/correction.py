"""The correction of labels: a potential, fitted to the differences between DFT and a calculator, that is added to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hpcpot.dataset.dataset import DataSet, RawLabels
from hpcpot.dataset.predict import predict
from hpcpot.errors import ConfigError
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import fingerprint, load_with_range
from hpcpot.potential.range import TrainedRange, note_if_assumed, note_if_outside

KEY = "calculator.correction"
SHOWN = 12
"""Characters of a fingerprint in the source of a frame."""


@dataclass(frozen=True, eq=False)
class Correction:
    """A potential whose energy, forces and virial are added to labels.

    Attributes:
        file: that it was read from. family: its parameters. trained: the range that it was trained in.
        fingerprint: of the parameters, as `potential.files.fingerprint` says it.
    """

    file: Path
    family: Any
    trained: TrainedRange
    fingerprint: str

    @classmethod
    def read(cls, file: Path | None) -> Correction | None:
        """The correction of a config; None without one.

        Raises:
            ModelError: it is no potential.
        """
        if file is None:
            return None
        family, trained = load_with_range(file)
        note_if_assumed(file, trained, KEY)
        return cls(Path(file), family, trained, fingerprint(family))

    @property
    def identity(self) -> str:
        """File and content."""
        return f"{self.file.name}, fingerprint {self.fingerprint}"

    def refuse_unknown(self, elements: set[str], where: str) -> None:
        """Refuse, before any label, elements that the correction says nothing of.

        Args:
            where: they are.
        Raises:
            ConfigError: names them.
        """
        if unknown := sorted(elements - set(self.family.elements)):
            raise ConfigError(
                f"{KEY} = {self.file}: knows {', '.join(self.family.elements)}, and {where} has {', '.join(unknown)}: must "
                "know all elements; leave such structures out, or fit a correction with them."
            )

    def added(self, dataset: DataSet) -> DataSet:
        """The frames with corrected labels; those before stay as `raw`, and the sources name the correction.

        A label that is missing stays missing. Frames outside the trained range are told.

        Raises:
            DataError: an element that it does not know. SimulationError: atoms closer than potentials begin.
        """
        predicted = predict(dataset, BlockPotential(self.family))
        for k, source in enumerate(dataset.sources):
            note_if_outside(f"{KEY} of {source}", dataset.frame(k), self.trained)
        name = f" + {self.file.stem} {self.fingerprint[:SHOWN]}"
        return replace(
            dataset,
            energies=dataset.energies + predicted.energies,
            forces=dataset.forces + predicted.forces,
            virials=dataset.virials + predicted.virials,
            sources=np.array([f"{source}{name}" for source in dataset.sources]),
            raw=RawLabels(dataset.energies, dataset.forces, dataset.virials),
        )
