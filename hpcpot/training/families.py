"""The families that `hpcpot train` fits."""

from __future__ import annotations

from types import ModuleType

from hpcpot.training.chebyshev import settings as chebyshev
from hpcpot.training.deep_potential import settings as deep_potential
from hpcpot.training.moment_tensor import settings as moment_tensor

FAMILIES: dict[str, ModuleType] = {
    "deep_potential": deep_potential,
    "chebyshev": chebyshev,
    "moment_tensor": moment_tensor,
}
"""Each has KEYS, check(settings), needs_forces(settings) and fit(job) -> exit code."""
