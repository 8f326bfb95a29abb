"""Learning rates that fall exponentially, by DeePMD-kit's rules."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log


@dataclass(frozen=True)
class Exponential:
    """rate(t) = start r^floor(t / decay_steps), r = (stop / start)^(decay_steps / steps), not below stop.

    Source: deepmd-kit 3.2, deepmd/dpmodel/utils/learning_rate.py.

    Attributes:
        steps: of the whole training.
        decay_steps: between two falls; where it is not below `steps`, DeePMD-kit's own choice is taken in its place.
        decay_rate: r, or None for the above.
    """

    start: float
    stop: float
    steps: int
    decay_steps: int = 5000
    decay_rate: float | None = None

    def __call__(self, step: int) -> float:
        """The rate of step 0, 1, ..."""
        interval = self.decay_steps
        if self.decay_rate is None and interval >= self.steps:
            interval = 100 if self.steps // 10 > 100 else self.steps // 100 + 1
        rate = self.decay_rate
        if rate is None:
            rate = exp(log(max(self.stop, 1e-10) / self.start) / (max(self.steps, 1) / interval))
        return max(self.start * rate ** (step // interval), self.stop)


@dataclass(frozen=True)
class Constant:
    """One rate throughout, as aenet-PyTorch's."""

    rate: float

    def __call__(self, step: int) -> float:
        return self.rate
