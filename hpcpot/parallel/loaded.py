"""What a worker loads once and keeps between chunks."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from hpcpot.errors import ModelError
from hpcpot.potential import files
from hpcpot.potential.base import Potential

KEPT = 4
"""Potentials that a worker holds at a time."""


@lru_cache(maxsize=KEPT)
def potential(
    source: str | Path | tuple[str | Path, ...], fingerprint: str, kernels: str = "cpu", precision: str = "float64"
) -> Potential:
    """The potential of a file, loaded by the first call in this process.

    Args:
        source: as files.load takes it; a tuple for several files.
        fingerprint: what files.fingerprint said of it where the campaign began.
    Raises:
        ModelError: cannot be loaded, or is another potential here. ConfigError: the family has no such precision.
    """
    family = files.load(source)
    found = files.fingerprint(family)
    if found != fingerprint:
        raise ModelError(
            f"potential = {source}: has fingerprint {found[:12]} on this worker, {fingerprint[:12]} where the command "
            "began; give a path that all nodes share, and do not change the file during the run."
        )
    return Potential(family, kernels, precision)
