"""Rules by which trials are accepted, as the logarithm of the ratio that a uniform number is compared with.

U are energies in eV, beta = 1/kT in 1/eV, z = exp(beta mu) / Lambda^3 the activity in 1/Å³ and Lambda the thermal wave
length; N counts the atoms that may be exchanged, before the trial, and V is the volume in Å³. mu is the whole chemical
potential, with the ideal part, on the potential's own zero of energy.
Source: Frenkel and Smit, Understanding Molecular Simulation, 2nd ed. (2002), ch. 5.6 and 13.1; Mezei, Mol. Phys. 40, 901
(1980) for the cavity bias.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpcpot.units import BOLTZMANN

WAVE_LENGTH = 17.4582177176
"""h / sqrt(2 pi m k T) in Å for 1 amu and 1 K."""


def log_activity(mu: float, temperature: float, mass: float) -> float:
    """log(z Å³) of a chemical potential in eV. Args: temperature: K. mass: amu."""
    return mu / (BOLTZMANN * temperature) - 3.0 * math.log(WAVE_LENGTH / math.sqrt(mass * temperature))


def chemical_potential(log_z: float, temperature: float, mass: float) -> float:
    """eV; the inverse of `log_activity`."""
    return BOLTZMANN * temperature * (log_z + 3.0 * math.log(WAVE_LENGTH / math.sqrt(mass * temperature)))


def insertion(log_z: float, volume: float, n: int, beta_change: float, share: float = 1.0) -> float:
    """z V P_N / (N + 1) exp(-beta dU). Args: share: P_N, of the volume in which atoms are inserted."""
    return _sum(log_z, _log(volume * share / (n + 1)), -beta_change)


def deletion(log_z: float, volume: float, n: int, beta_change: float, share: float = 1.0) -> float:
    """N / (z V P_{N-1}) exp(-beta dU). Args: share: P_{N-1}, of the state without the atom."""
    return _sum(-log_z, -_log(volume * share / n) if n else -math.inf, -beta_change)


def insertion_of_several(log_z: float, volume: float, n: int, beta_changes: Sequence[float]) -> float:
    """z V / (N + 1) W / k with W = sum_j exp(-beta u_j). Args: beta_changes: beta u_j of each point; inf: none there."""
    return _sum(log_z, _log(volume / (n + 1)), log_weight(beta_changes))


def deletion_of_several(log_z: float, volume: float, n: int, beta_changes: Sequence[float]) -> float:
    """N / (z V) k / W. Args: beta_changes: of insertions into the state without the atom, at its own place and k - 1 more."""
    return _sum(-log_z, -_log(volume / n) if n else -math.inf, -log_weight(beta_changes))


def log_weight(beta_changes: Sequence[float]) -> float:
    """log(W / k)."""
    lowest = min(beta_changes)
    if not lowest < math.inf:
        return -math.inf
    return math.log(sum(math.exp(lowest - value) for value in beta_changes) / len(beta_changes)) - lowest


def choose(beta_changes: Sequence[float], u: float) -> int:
    """The point that a uniform number chooses with probability w_j / W; 0 where no atom can be at any."""
    lowest = min(beta_changes)
    if not lowest < math.inf:
        return 0
    weights = [math.exp(lowest - value) for value in beta_changes]
    rest = u * sum(weights)
    for k, weight in enumerate(weights):
        rest -= weight
        if rest < 0.0 and weight:
            return k
    return max(k for k, weight in enumerate(weights) if weight)


def move(beta_change: float) -> float:
    """exp(-beta dU): a displacement, or two atoms that change places."""
    return _sum(-beta_change)


def change_of_element(log_z_ratio: float, beta_change: float) -> float:
    """z_new / z_old exp(-beta dU) for an atom drawn from those of both elements."""
    return _sum(log_z_ratio, -beta_change)


def is_accepted(log_ratio: float, u: float) -> bool:
    """Compare with a uniform number in (0, 1); false for nan."""
    return math.log(u) < log_ratio


def _log(value: float) -> float:
    return math.log(value) if value > 0.0 else -math.inf


def _sum(*terms: float) -> float:
    """Sum in which an infinite energy wins over all else."""
    return -math.inf if -math.inf in terms else sum(terms)
