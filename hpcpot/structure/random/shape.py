"""Random lattices that are neither flat nor long."""

from __future__ import annotations

import numpy as np

DRAWS = 10_000
"""Angles that are drawn until they make a cell; one in four does at an angle_compactness of 0.5."""


def lattice(rng: np.random.Generator, system: str, compactness: float, angle_compactness: float) -> np.ndarray:
    """A random conventional cell of a crystal system, its volume not yet that asked for.

    Lengths are c/2, c/2 + (1 - c) u1 and c/2 + (second - c/2) u2 in random order, for a compactness c and uniform u.
    Angles are uniform from 0 to 180 degrees, where sqrt(1 - sum cos² + 2 prod cos), the volume of the cell with edges of
    one, is at least angle_compactness. What the system requires to be equal, or fixed, is.

    Args:
        compactness: 0 to 1; at 1 all lengths are equal. angle_compactness: 0 to below 1; at 0 all angles go.
    Returns:
        (3, 3) float64, rows, the first along x, the second in the xy plane.
    Source: description of AIRSS' buildcell, tags CONS and ACONS.
    """
    low, high = 0.5 * compactness, 1.0 - 0.5 * compactness
    second = low + (high - low) * rng.random()
    lengths = rng.permutation([low, second, low + (second - low) * rng.random()])
    if system in ("tetragonal", "trigonal", "hexagonal"):
        lengths[1] = lengths[0]
    if system == "cubic":
        lengths[:] = 1.0
    return cell_of(lengths, _cosines(rng, system, angle_compactness))


def cell_of(lengths: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    """Cell of three lengths and the cosines of alpha, beta and gamma: (3, 3) float64, rows."""
    a, b, c = lengths
    alpha, beta, gamma = cosines
    sine = np.sqrt(1.0 - gamma * gamma)
    y = (alpha - beta * gamma) / sine
    return np.array(
        [[a, 0.0, 0.0], [b * gamma, b * sine, 0.0], [c * beta, c * y, c * np.sqrt(1.0 - beta * beta - y * y)]]
    )


def plane(rng: np.random.Generator, area: float, compactness: float, angle_compactness: float) -> np.ndarray:
    """The shortest two vectors of a random lattice in the xy plane with a cell of this area.

    The shorter edge is c/2 to 1 - c/2 of the longer one for a compactness c, uniform; the angle between them is uniform
    where its sine is at least angle_compactness.

    Returns:
        (2, 3) float64, Å, rows, right-handed, the shorter one first along x.
    """
    low = np.arcsin(angle_compactness)
    angle = rng.uniform(low, np.pi - low)
    ratio = rng.uniform(0.5 * compactness, 1.0 - 0.5 * compactness) / (1.0 - 0.5 * compactness)
    first, second = np.array([ratio, 0.0]), np.array([np.cos(angle), np.sin(angle)])
    while True:  # Gauss
        if second @ second < first @ first:
            first, second = second, first
        steps = np.rint(first @ second / (first @ first))
        if not steps:
            break
        second = second - steps * first
    lengths, cosine = (
        np.linalg.norm([first, second], axis=1),
        first @ second / np.sqrt((first @ first) * (second @ second)),
    )
    sine = np.sqrt(1.0 - cosine * cosine)
    scale = np.sqrt(area / (lengths[0] * lengths[1] * sine))
    return scale * np.array([[lengths[0], 0.0, 0.0], [lengths[1] * cosine, lengths[1] * sine, 0.0]])


def _cosines(rng: np.random.Generator, system: str, least: float) -> np.ndarray:
    """Cosines of alpha, beta and gamma."""
    if system in ("trigonal", "hexagonal"):
        return np.array([0.0, 0.0, -0.5])
    if system not in ("triclinic", "monoclinic"):
        return np.zeros(3)
    for _ in range(DRAWS):
        cosines = (
            np.cos(np.pi * rng.random(3))
            if system == "triclinic"
            else np.cos(np.pi * np.array([0.5, rng.random(), 0.5]))
        )
        square = 1.0 - cosines @ cosines + 2.0 * cosines.prod()
        if square > least * least:
            return cosines
    return np.zeros(3)
