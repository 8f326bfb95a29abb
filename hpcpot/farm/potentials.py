"""What a worker loads once and keeps between chunks."""

from __future__ import annotations

import socket
from functools import lru_cache
from pathlib import Path

from hpcpot.errors import FarmError, HpcpotError
from hpcpot.potential import files
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.contract import Potential

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
        FarmError: cannot be loaded, or is another potential here: no item is at fault, so the run ends.
    """
    try:
        family = files.load(source)
    except (HpcpotError, OSError) as error:
        raise FarmError(
            f"potential = {source}: cannot be loaded on {socket.gethostname()} ({error}); all nodes must see the file "
            "that the command began with; give a path that they share."
        ) from error
    found = files.fingerprint(family)
    if found != fingerprint:
        raise FarmError(
            f"potential = {source}: has fingerprint {found[:12]} on {socket.gethostname()}, {fingerprint[:12]} where "
            "the command began; give a path that all nodes share, and do not change the file during the run."
        )
    return BlockPotential(family, kernels, precision)
