"""Compiled loops over a rank's atoms, for arrays of NumPy; those of CuPy take the formulas of `engine` and `motion`."""

from __future__ import annotations

import numpy as np

from hpcpot.compiled import njit


@njit()
def kick(velocities, forces, species, frozen, by_species):
    """v += by_species F for the mobile atoms.

    Args:
        by_species: (species,) float64, time over mass.
    """
    for k in range(len(velocities)):
        factor = 0.0 if frozen[k] else by_species[species[k]]
        for c in range(3):
            velocities[k, c] += factor * forces[k, c]


@njit()
def drift(positions, velocities, dt):
    """x += v dt for as many atoms as have velocities."""
    for k in range(len(velocities)):
        for c in range(3):
            positions[k, c] += dt * velocities[k, c]


@njit(error_model="numpy")
def kinetic(velocities, species, masses):
    """sum m v^2; four sums at once, since one would wait for itself."""
    sums = np.zeros(4)
    for k in range(len(velocities)):
        x, y, z = velocities[k, 0], velocities[k, 1], velocities[k, 2]
        sums[k & 3] += masses[species[k]] * (x * x + y * y + z * z)
    return (sums[0] + sums[1]) + (sums[2] + sums[3])


@njit()
def farthest(positions, built_at, motion):
    """The largest squared length of x - x_built motion; 0 without atoms, NaN if there is one.

    Args:
        positions: (n or more, 3) float64, Å. built_at: (n, 3) float64, Å. motion: (3, 3) float64.
    """
    largest = 0.0
    for k in range(len(built_at)):
        square, x, y, z = 0.0, built_at[k, 0], built_at[k, 1], built_at[k, 2]
        for c in range(3):
            move = positions[k, c] - (x * motion[0, c] + y * motion[1, c] + z * motion[2, c])
            square += move * move
        if not square <= largest:  # also for NaN, which then stays
            if square != square:
                return square
            largest = square
    return largest
