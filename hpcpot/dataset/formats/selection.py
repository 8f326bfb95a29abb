"""Frames of a file that become part of a data set: those that converged, with labels that are numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from hpcpot.dataset.dataset import Labelled
from hpcpot.dataset.formats.reading import UNCONVERGED_MARK, ReadOptions
from hpcpot.errors import DataError
from hpcpot.notices import notice
from hpcpot.wording import plural

WORDS = {
    "drop": "left out: the self-consistency of their calculations did not converge (VASP: all NELM steps were used); "
    "--unconverged keep reads them",
    "keep": "read, in groups .../unconverged, though the self-consistency of their calculations did not converge",
}
"""What is done with frames that did not converge -> words of the notice."""


def select(frames: Iterable[Labelled], path: Path, options: ReadOptions) -> Iterator[Labelled]:
    """Leave out the frames of a file that did not converge, or mark them in group and source; either is said.

    Raises:
        DataError: a label that is not finite.
    """
    total, unconverged = 0, 0
    for frame in frames:
        refuse_infinite(frame)
        total += 1
        unconverged += not frame.converged
        if frame.converged:
            yield frame
        elif options.unconverged == "keep":
            yield replace(frame, group=frame.group + UNCONVERGED_MARK, source=f"{frame.source} (unconverged)")
    if unconverged:
        notice(f"{path}: {unconverged} of {plural(total, 'frame')}", WORDS[options.unconverged])


def refuse_infinite(frame: Labelled) -> None:
    """Raise a DataError for a label that is there, but no finite number."""
    for name, values in (("energy", frame.energy), ("forces", frame.forces), ("virial", frame.virial)):
        finite = np.isfinite(np.asarray(0.0 if values is None else values, np.float64))
        if not finite.all():
            atom = (
                f"force on atom {int(np.argmin(finite.all(axis=-1)))}"
                if name == "forces" and finite.ndim == 2
                else name
            )
            raise DataError(
                f"{atom} of {frame.source} = not finite: a label must be a finite number or absent; leave the frame "
                "out, or take the label away."
            )
