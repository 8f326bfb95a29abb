"""The correction of labels: a potential, fitted to the differences between DFT and a calculator, that is added to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hpcpot.dataset.dataset import DataSet, RawLabels
from hpcpot.dataset.predict import frame_grades, predict
from hpcpot.errors import ConfigError, DataError
from hpcpot.notices import notice
from hpcpot.potential import registry
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import fingerprint, load_with_range
from hpcpot.potential.range import Points, TrainedRange, note_if_assumed

KEY = "calculator.correction"
LEFT = "not corrected: the correction was trained on nothing like it, and may be anything there"
TRUSTED = 10.0
"""Largest extrapolation grade: rule of thumb of MLIP-2, above which a moment tensor potential is not to be trusted."""
SHOWN = 12
"""Characters of a fingerprint in the source of a frame."""


@dataclass(frozen=True, eq=False)
class Correction:
    """A potential whose energy, forces and virial are added to labels.

    Attributes:
        file: that it was read from. family: its parameters. trained: the range that it was trained in.
        fingerprint: of the parameters, as `potential.files.fingerprint` says it. key: of the config, or option, that named it.
    """

    file: Path
    family: Any
    trained: TrainedRange
    fingerprint: str
    key: str = KEY

    @classmethod
    def read(cls, file: Path | None, key: str = KEY) -> Correction | None:
        """The correction of a config; None without one.

        Args:
            key: of the config, or option, that names it.
        Raises:
            ModelError: it is no potential.
        """
        if file is None:
            return None
        family, trained = load_with_range(file)
        note_if_assumed(file, trained, key)
        return cls(Path(file), family, trained, fingerprint(family), key)

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
                f"{self.key} = {self.file}: knows {', '.join(self.family.elements)}, and {where} has {', '.join(unknown)}: "
                "must know all elements; leave such structures out, or fit a correction with them."
            )

    def added(self, dataset: DataSet) -> DataSet:
        """The frames with corrected labels; those before stay as `raw`, and the sources name the correction.

        A label that is missing stays missing. A frame keeps its labels and its source, and is told, where the correction
        means nothing: where its extrapolation grade is above TRUSTED, or, for a potential without grades, where atoms are
        closer than any that it was trained on.

        Raises:
            DataError: an element that it does not know, or labels that were corrected before.
        """
        if dataset.raw is not None:
            raise DataError(
                f"{self.key} = {self.file}: the labels were corrected before: must be those of a calculator; correct the data "
                "set that they were made from."
            )
        inside = self._inside(dataset.with_elements(self.family.elements))
        rows = np.flatnonzero(inside)
        predicted = predict(dataset.select(rows), BlockPotential(self.family)) if len(rows) else None
        energies, forces, virials = dataset.energies.copy(), dataset.forces.copy(), dataset.virials.copy()
        if predicted is not None:
            energies[rows] += predicted.energies
            forces[inside[dataset.frame_of]] += predicted.forces
            virials[rows] += predicted.virials
        name = f" + {self.file.stem} {self.fingerprint[:SHOWN]}"
        return replace(
            dataset,
            energies=energies,
            forces=forces,
            virials=virials,
            sources=np.array(
                [f"{source}{name * is_in}" for source, is_in in zip(dataset.sources, inside.tolist(), strict=True)]
            ),
            raw=RawLabels(dataset.energies, dataset.forces, dataset.virials),
        )

    def _inside(self, dataset: DataSet) -> np.ndarray:
        """(n,) bool, of a data set with the elements of the correction: the frames that it may be added to."""
        grader = registry.grader(self.family)
        if grader is None:
            texts = [self.trained.outside(Points.near(dataset.frame(k), self.trained)) for k in range(len(dataset))]
        else:
            grades = frame_grades(dataset, grader)
            texts = [
                f"extrapolation grade {grade:.3g}, above {TRUSTED:g}" if not grade <= TRUSTED else ""
                for grade in grades
            ]
        for source, text in zip(dataset.sources, texts, strict=True):
            if text:
                notice(f"frame {source}: {text}", LEFT)
        return np.array([not text for text in texts], bool)
