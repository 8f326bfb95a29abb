"""A Markov chain of trials, with as many of them evaluated in one call as are likely to be refused."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hpcpot.montecarlo import acceptance
from hpcpot.montecarlo.particles import Particles
from hpcpot.montecarlo.proposals import (
    ACCEPT,
    CHANGE,
    DELETION,
    INSERTION,
    KINDS,
    TRY,
    Proposals,
    Rules,
    draw,
    random_number,
)
from hpcpot.units import BOLTZMANN

MOST_AHEAD = 64
"""Trials that are drawn ahead, at most."""
CALL_COST = 2.0
"""Time that a call of the potential takes besides its trials, over that of a trial: about what was measured."""


@dataclass(frozen=True)
class Ensemble:
    """What is held fixed.

    Attributes:
        temperature: K. log_z: of the activity of the exchanged element, 1/Å³. log_z_ratio: of the second element of
            changes over the first.
    """

    temperature: float
    log_z: float = 0.0
    log_z_ratio: float = 0.0

    @property
    def beta(self) -> float:
        """1/eV."""
        return 1.0 / (BOLTZMANN * self.temperature)


@dataclass
class TrialSums:
    """What is summed over trials, the state after each of them counting once, accepted or not.

    Attributes:
        tried, hopeless, accepted: (kinds,) int64, see KINDS; hopeless: refused without an energy, by distance or number.
        trials: int.
        number, number2, energy: of N, N² and U (eV) over the trials.
    """

    tried: np.ndarray = field(default_factory=lambda: np.zeros(len(KINDS), np.int64))
    hopeless: np.ndarray = field(default_factory=lambda: np.zeros(len(KINDS), np.int64))
    accepted: np.ndarray = field(default_factory=lambda: np.zeros(len(KINDS), np.int64))
    trials: int = 0
    number: float = 0.0
    number2: float = 0.0
    energy: float = 0.0

    def count(self, kind: int, hopeless: bool, accepted: bool, n: int, energy: float) -> None:
        self.tried[kind] += 1
        self.hopeless[kind] += hopeless
        self.accepted[kind] += accepted
        self.trials += 1
        self.number += n
        self.number2 += n * n
        self.energy += energy


class Chain:
    """A chain of trials on some atoms.

    Attributes:
        particles: the present state. rules: how trials are drawn. ensemble: by which they are accepted.
        trial: number of the next. n: atoms of the exchanged element that are not frozen. energy: eV.
        sums: since they were last taken. ahead: trials drawn for one state, `adapt` sets it.
    """

    def __init__(self, particles: Particles, rules: Rules, ensemble: Ensemble, trial: int = 0, ahead: int = 8):
        self.particles, self.rules, self.ensemble = particles, rules, ensemble
        self.trial, self.ahead = trial, ahead
        self.sums = TrialSums()
        self.recount()

    def recount(self) -> None:
        """Take over what changed outside: after dynamics, or another computation of the energies."""
        self.n, self.energy = self.particles.number(self.rules.element), self.particles.energy

    def run(self, trials: int, until: int | None = None) -> int:
        """Do so many trials, or fewer if the number of atoms becomes `until`; how many were done."""
        last, began = self.trial + trials, self.trial
        while self.trial < last and self.n != until:
            self._advance(min(self.ahead, last - self.trial))
        return self.trial - began

    def adapt(self) -> None:
        """Draw as many trials ahead as the acceptance since the sums were taken makes worth while."""
        if self.sums.trials:
            share = self.sums.accepted.sum() / self.sums.trials  # sqrt: the least of (cost + k) / (1 - (1 - share)^k)
            self.ahead = int(min(max(np.sqrt(2.0 * CALL_COST / max(share, 1e-9)), 1.0), MOST_AHEAD))

    def _advance(self, count: int) -> None:
        """Do trials up to the first that is accepted, `count` at most."""
        proposals = draw(self.particles, self.rules, self.n, self.trial, count)
        evaluated = np.flatnonzero(proposals.usable)
        changes = proposals.changes.select(evaluated)
        energies, near, centres = self.particles.evaluate(changes)
        beta_changes = np.full(proposals.usable.size, np.inf)
        beta_changes[evaluated] = self.ensemble.beta * energies
        beta_changes = beta_changes.reshape(proposals.usable.shape)
        for t in range(count):
            kind = int(proposals.kinds[t])
            hopeless = not proposals.usable[t].any()
            chosen = None if hopeless else self._decide(proposals, t, beta_changes[t].tolist())
            if chosen is not None:
                row = int(np.searchsorted(evaluated, t * self.rules.tries + chosen))
                self.particles.accept(changes, row, near, centres)
                self.energy += float(energies[row])
                self.n += (kind == INSERTION) - (kind == DELETION)
                if kind == CHANGE:
                    self.n = self.particles.number(self.rules.element)
            self.sums.count(kind, hopeless, chosen is not None, self.n, self.energy)
            self.trial += 1
            if chosen is not None:
                return

    def _decide(self, proposals: Proposals, t: int, beta_changes: list[float]) -> int | None:
        """Which of the points of a trial is accepted; None: none."""
        kind, n, volume, log_z = int(proposals.kinds[t]), self.n, self.particles.volume, self.ensemble.log_z
        several, share, chosen = self.rules.tries > 1, float(proposals.shares[t]), 0
        if kind == INSERTION and several:
            ratio = acceptance.insertion_of_several(log_z, volume, n, beta_changes)
            chosen = acceptance.choose(beta_changes, self._uniform(TRY))
        elif kind == INSERTION:
            ratio = acceptance.insertion(log_z, volume, n, beta_changes[0], share)
        elif kind == DELETION and several:
            own = -beta_changes[0]  # of its insertion into the state without it
            ratio = acceptance.deletion_of_several(
                log_z, volume, n, [own, *(change + own for change in beta_changes[1:])]
            )
        elif kind == DELETION:
            ratio = acceptance.deletion(log_z, volume, n, beta_changes[0], share)
        elif kind == CHANGE:
            row = t * self.rules.tries
            forwards = proposals.changes.species[row, 0] == self.rules.pair[1]
            ratio = acceptance.change_of_element(
                self.ensemble.log_z_ratio if forwards else -self.ensemble.log_z_ratio, beta_changes[0]
            )
        else:
            ratio = acceptance.move(beta_changes[0])
        return chosen if acceptance.is_accepted(ratio, self._uniform(ACCEPT)) else None

    def _uniform(self, number: np.uint64) -> float:
        return random_number(self.rules.seed, np.uint64(self.trial), number)
