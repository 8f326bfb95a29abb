"""An analysis of another package: how tall the atoms stand along an axis, in each frame."""

from dataclasses import dataclass

import numpy as np

from hpcpot.analysis.observable import Rows
from hpcpot.analysis.registry import ObservableRow, register
from hpcpot.config import key
from hpcpot.config.kinds import choice


class Height:
    def __init__(self, first, axis):
        self.axis, self.rows = "xyz".index(axis), Rows()

    def sample(self, frame):
        self.rows.add(frame, {"height_A": np.ptp(frame.positions[:, self.axis])})

    def merge(self, other):
        self.rows.merge(other.rows)

    def result(self):
        return {"height": self.rows.columns()}

    def state(self):
        return self.rows.state()

    def restore(self, arrays):
        self.rows.restore(arrays)


@dataclass(frozen=True, kw_only=True)
class HeightOptions:
    axis: str = key(choice("x", "y", "z"), "along which it is measured", "z")


register(ObservableRow("height", f"{__name__}:Height", "how tall the atoms stand", HeightOptions))
