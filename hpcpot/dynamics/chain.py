"""Nose-Hoover chains, as LAMMPS moves them: for the thermostat, and for the barostat's own kinetic energy."""

from __future__ import annotations

import numpy as np

from hpcpot.compiled import njit

LENGTH = 3


def masses(freedom: int, kT: float, time: float) -> np.ndarray:
    """Q_1 = g kT time^2, Q_k = kT time^2: (LENGTH,) eV fs^2."""
    q = np.full(LENGTH, kT * time**2)
    q[0] *= max(freedom, 1)
    return q


def at_rest(q: np.ndarray, kT: float, name: str = "chain") -> dict[str, np.ndarray]:
    """The numbers of a chain at its start: rates 0, accelerations of the outer thermostats -kT/Q."""
    accelerations = -kT / q
    accelerations[0] = 0.0
    return {name: np.zeros(LENGTH), f"{name}_rates": np.zeros(LENGTH), f"{name}_accelerations": accelerations}


def half_step(
    scalars: dict[str, np.ndarray],
    q: np.ndarray,
    twice_kinetic: float,
    freedom: int,
    kT: float,
    dt: float,
    drag: float = 1.0,
    name: str = "chain",
) -> float:
    """Move a chain by dt/2 and return the factor for the velocities that it drives.

    Args:
        scalars: where the chain's numbers are, see `at_rest`; they are replaced.
        q: (LENGTH,) eV fs^2. twice_kinetic: eV, of those velocities, which is to be freedom * kT.
        drag: factor on the rates in the first of two sweeps; 1 for none.
    Source: Martyna, Tuckerman, Tobias, Klein, Mol. Phys. 87, 1117 (1996); drag of LAMMPS fix nvt and fix npt.
    """
    names = name, f"{name}_rates", f"{name}_accelerations"
    moved = [scalars[key].copy() for key in names]
    factor = _move(*moved, q, float(twice_kinetic), float(freedom * kT), kT, dt, drag)
    scalars.update(zip(names, moved, strict=True))
    return factor


@njit(error_model="numpy")
def _move(positions, rates, accelerations, q, twice_kinetic, driven, kT, dt, drag):
    """See half_step; `driven`: eV, what twice_kinetic is to be."""
    accelerations[0] = (twice_kinetic - driven) / q[0]
    for k in range(LENGTH - 1, -1, -1):
        damping = np.exp(-0.125 * dt * (rates[k + 1] if k + 1 < LENGTH else 0.0))
        rates[k] = (rates[k] * damping + 0.25 * dt * accelerations[k]) * drag * damping
    factor = np.exp(-0.5 * dt * rates[0])
    accelerations[0] = (twice_kinetic * factor**2 - driven) / q[0]
    positions += 0.5 * dt * rates
    for k in range(LENGTH):
        damping = np.exp(-0.125 * dt * (rates[k + 1] if k + 1 < LENGTH else 0.0))
        if k > 0:
            accelerations[k] = (q[k - 1] * rates[k - 1] ** 2 - kT) / q[k]
        rates[k] = (rates[k] * damping + 0.25 * dt * accelerations[k]) * damping
    return factor


def energy(scalars: dict[str, np.ndarray], q: np.ndarray, freedom: int, kT: float, name: str = "chain") -> float:
    """g kT eta_1 + kT sum_{k>1} eta_k + 1/2 sum Q eta_rate^2, eV: what the driven velocities gave to the chain."""
    positions, rates = scalars[name], scalars[f"{name}_rates"]
    return float(kT * (freedom * positions[0] + positions[1:].sum()) + 0.5 * (q * rates**2).sum())
