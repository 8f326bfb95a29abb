"""The range of a training set, for the file of the model that is trained on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.measures import element_energies, spanned
from hpcpot.dataset.predict import chunks, neighborhoods
from hpcpot.potential.contacts import closest
from hpcpot.potential.range import TrainedRange

ROOM = 4096
"""Atoms whose distances are looked for at once."""


def trained_range(
    dataset: DataSet,
    elements: Sequence[str],
    cutoff: float,
    origin: str,
    temperatures: tuple[float, float] | None = None,
) -> TrainedRange:
    """What the frames say of distances, compositions, densities, energies and forces.

    Args:
        elements: of the model. cutoff: Å, of the model; no farther pair is looked for.
        origin: what the data are called. temperatures: K, lowest and highest, which frames do not tell.
    Raises:
        DataError: an element that the model does not know.
    """
    data = dataset.with_elements(elements)
    shares = data.counts / data.sizes[:, None]
    whole = data.periodic.all(axis=1)
    densities = data.sizes[whole] / data.volumes[whole]
    forces = np.linalg.norm(data.forces, axis=1)
    forces = forces[np.isfinite(forces)]
    known = np.isfinite(data.energies)
    references, residuals, span = None, None, None
    if known.any():
        references, off = element_energies(data)
        residuals, span = _ends(off[known]), spanned(shares[known])
    return TrainedRange(
        elements=tuple(elements),
        origin=origin,
        frames=len(data),
        cutoff=float(cutoff),
        shortest=_shortest(data, cutoff),
        shares=np.stack([shares.min(axis=0), shares.max(axis=0)], axis=1),
        densities=_ends(densities) if whole.any() else None,
        references=references,
        spanned=span,
        residuals=residuals,
        forces=np.array([forces.max()]) if len(forces) else None,
        temperatures=None if temperatures is None else np.array(temperatures, float),
    )


def _shortest(data: DataSet, cutoff: float) -> np.ndarray:
    """(species, species) float64, Å; inf where no pair is within the cutoff."""
    n = len(data.elements)
    least = np.full((n, n), np.inf)
    for rows in chunks(data.sizes, ROOM):
        part = data.select(rows)
        joined = neighborhoods(part, cutoff)
        points = joined.points(part.positions, part.cells)
        species = part.species[joined.owners]
        limits = np.where(np.isfinite(least), least, cutoff)
        for contact in closest(points, joined.pairs.first, joined.pairs.neighbors, species, limits):
            a, b = contact.kinds
            least[a, b] = least[b, a] = contact.distance
    return least


def _ends(values: np.ndarray) -> np.ndarray:
    return np.array([values.min(), values.max()])
