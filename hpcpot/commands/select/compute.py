"""Vectors of structures, on a worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from ase import Atoms

from hpcpot.dataset.dataset import from_frames
from hpcpot.descriptors.descriptor import Descriptor, of_frames
from hpcpot.descriptors.moment_tensor import MomentTensorBasis
from hpcpot.descriptors.soap.power_spectrum import Soap
from hpcpot.farm.potential_ref import PotentialRef


def compute(structures: Sequence[Atoms], *, descriptor: Soap | PotentialRef) -> Iterator[tuple[int, dict[str, Any]]]:
    """Mean vector of the atoms of each structure.

    Args:
        descriptor: a reference stands for the basis of the model.
    Raises:
        DataError: a structure that cannot be compared; the farm then takes them by halves.
        FarmError: this worker cannot load the model.
    """
    ready = prepared(descriptor)
    vectors = of_frames(from_frames(structures, ready.elements), ready, normalize=False)
    yield from ((k, {"vector": vector}) for k, vector in enumerate(vectors))


@lru_cache(maxsize=1)
def prepared(descriptor: Soap | PotentialRef) -> Descriptor:
    """The descriptor of this process, whose tables are made once."""
    return MomentTensorBasis(descriptor.load().family) if isinstance(descriptor, PotentialRef) else descriptor
