"""Which potential a campaign uses: small enough to send with every task, loaded once by each worker process."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from hpcpot.errors import FarmError, HpcpotError
from hpcpot.potential import cells, cited, files, registry
from hpcpot.potential.cells import AnyPotential
from hpcpot.potential.range import TrainedRange, note_if_assumed
from hpcpot.potential.settings import PotentialSection

CACHED = 4
"""Potentials that a worker process keeps at a time."""


@dataclass(frozen=True)
class PotentialRef:
    """A potential by its file, with the fingerprint that the file must have wherever it is loaded.

    Attributes:
        source: as files.load takes it; a tuple for several files.
        fingerprint: of the parameters, as `files.fingerprint` says it.
        kernels, precision: as in the config. device: of a model of whole cells, see cells.prepare.
        elements: that the potential knows. trained: the range that it was trained in, and cites: keys of
            hpcpot.citations, which are no part of it.
    """

    source: str | Path | tuple[str | Path, ...]
    fingerprint: str
    kernels: str = "cpu"
    precision: str = "float64"
    device: str = "cpu"
    elements: tuple[str, ...] = ()
    trained: TrainedRange | None = field(default=None, compare=False)
    cites: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, settings: PotentialSection, whole_cells: bool = False, device: str = "cpu") -> PotentialRef:
        """Refer to the potential of a config's section `potential`; reads its file, and builds no kernels.

        `trained` stays None where the config says to ignore it.

        Args:
            whole_cells: structures are computed as a whole, so that a model of whole cells will do. device: for that.
        Raises:
            ModelError: the file cannot be read, or is of a model that does not do. ConfigError: the kernels lack this
                precision, or the device is for another family.
        """
        source = tuple(settings.file) if isinstance(settings.file, list) else settings.file
        family, trained = files.load_with_range(source)
        if not whole_cells:
            registry.require_local(family)
        cells.refuse_device(family, device)
        registry.check_kernels(family, settings.kernels, settings.precision)
        fingerprint = files.fingerprint(family)
        if settings.outside == "ignore":
            trained = None
        else:
            note_if_assumed(source, trained)
        elements, cites = tuple(family.elements), cited.works(source, family)
        return cls(source, fingerprint, settings.kernels, settings.precision, device, elements, trained, cites)

    def load(self) -> AnyPotential:
        """Load the potential, or take it from this process's cache.

        Raises:
            FarmError: cannot be loaded, or is another potential here: no item is at fault, so the run ends.
        """
        return _load(self)


@lru_cache(maxsize=CACHED)
def _load(ref: PotentialRef) -> AnyPotential:
    try:
        family = files.load(ref.source)
    except (HpcpotError, OSError) as error:
        raise FarmError(
            f"potential = {ref.source}: cannot be loaded on {socket.gethostname()} ({error}); all nodes must see the "
            "file that the command began with; give a path that they share."
        ) from error
    fingerprint = files.fingerprint(family)
    if fingerprint != ref.fingerprint:
        raise FarmError(
            f"potential = {ref.source}: has fingerprint {fingerprint[:12]} on {socket.gethostname()}, "
            f"{ref.fingerprint[:12]} where the command began; give a path that all nodes share, and do not change the "
            "file during the run."
        )
    return cells.prepare(family, ref.kernels, ref.precision, ref.device)
