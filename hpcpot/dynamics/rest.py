"""A watch on whether a structure is at rest: whether its potential gives off energy, and a slab or particle swings.

A structure that another potential made, or that was cut or joined, gives off energy where this one moves it, and what has
free surfaces breathes: its length swings for tens of picoseconds, and what is measured meanwhile is of the swing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hpcpot.dynamics.engine import Engine, atom_masses
from hpcpot.dynamics.stages import Stage
from hpcpot.parallel.ranks import Ranks
from hpcpot.structure.state import State, to_host
from hpcpot.units import AMU, BOLTZMANN, FS_PER_PS

WINDOW = 5.0 * FS_PER_PS
"""fs from the beginning of a stage: a quarter of a period, for all that swings in up to 20 ps."""
DEVIATIONS = 5.0
"""Standard deviations of thermal motion beyond which something is told."""
LEAST = 0.02
"""Of kT per atom: less energy is not told, however many the atoms and however small the fluctuation of their mean."""
BINS = 1024
"""Resolution of the gaps along an axis: 1 / BINS of the cell."""


class RestWatch:
    """A watch on the first picoseconds of a run's last stage, which tells once of energy given off, and once of a swing.

    A stage that changes the cell or the temperature is not judged, nor are those before the last, which prepare.

    Args:
        stages: of the run. say: prints a line.
    """

    def __init__(self, stages: Sequence[Stage], say: Callable[[str], None]):
        self._stage = stages[-1] if is_judged(stages[-1]) else None
        self._say = say
        self._first_energy: float | None = None
        self._told: set[str] = set()

    def look(self, state: State, engine: Engine, stage: Stage, energy: float) -> None:
        """Look at the first step of a stage and at later ones; called by all ranks together.

        Args:
            energy: eV, potential energy of all atoms.
        """
        passed = stage.time(state) - float(state.stage["first_time"])
        if stage is not self._stage or passed > WINDOW:
            return
        if passed == 0.0:
            self._first_energy = energy
            return
        kT = BOLTZMANN * self._temperature(state, engine)
        if kT == 0.0:  # friction alone minimises the energy, as it is asked to
            return
        for name, text in {"energy": self._released(engine, energy, kT), "swing": _swing(state, engine, kT)}.items():
            if text and name not in self._told:
                self._told.add(name)
                self._say(
                    f"note: the structure was not at rest with this potential: {text}, {passed / FS_PER_PS:.3g} ps after "
                    "the stage began; bring it to rest by a stage of nvt_langevin before, see docs/commands/md.md"
                )

    def _temperature(self, state: State, engine: Engine) -> float:
        """K: the thermostat's, since what is given off heats the atoms; without it, theirs."""
        if self._stage.integrator.has_thermostat:
            return self._stage.md.temperature_K
        return engine.temperature(engine.kinetic_energy(state), state)

    def _released(self, engine: Engine, energy: float, kT: float) -> str:
        """Tell how much energy was given off, where thermal motion does not explain it."""
        if self._first_energy is None:  # of a restart within the stage
            return ""
        fell, n = self._first_energy - energy, engine.mobile
        thermal = DEVIATIONS * np.sqrt(2.0) * potential_energy_deviation(n, kT)
        if fell <= max(thermal, LEAST * kT * n):
            return ""
        return (
            f"its potential energy fell by {1000.0 * fell / n:.3g} meV/atom, of which thermal motion explains "
            f"{1000.0 * thermal / n:.2g}"
        )


def is_judged(stage: Stage) -> bool:
    """Tell whether a stage keeps its temperature, or energy, and its cell: what it gives off tells of its structure."""
    md, integrator = stage.md, stage.integrator
    if integrator.is_minimiser or integrator.has_barostat or stage.deformation is not None:
        return False
    return not integrator.has_thermostat or md.temperature_end_K == md.temperature_K


def _swing(state: State, engine: Engine, kT: float) -> str:
    """Tell the fastest expansion or contraction along an axis with vacuum, where thermal motion does not explain it."""
    rates, deviations, lengths = expansion(state, engine, kT)
    ratios = np.abs(rates) / deviations  # NaN along an axis without vacuum
    if not (ratios > DEVIATIONS).any():
        return ""
    k = int(np.nanargmax(ratios))
    how = "expands" if rates[k] > 0.0 else "contracts"
    speed, thermal = (FS_PER_PS * lengths[k] * value for value in (abs(rates[k]), DEVIATIONS * deviations[k]))
    return (
        f"it is {lengths[k]:.0f} Å long along {'abc'[k]} and {how} by {speed:.2g} Å/ps, of which thermal motion explains "
        f"{thermal:.2g}"
    )


def potential_energy_deviation(n: int, kT: float) -> float:
    """Standard deviation of the potential energy of n atoms in a canonical ensemble, eV: kT sqrt(3 n / 2), harmonic."""
    return kT * np.sqrt(1.5 * n)


def expansion(state: State, engine: Engine, kT: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates at which the mobile atoms expand along the three axes, normal to the faces of the cell.

    rate = sum m z v / sum m z^2, with z from the centre of mass; in equilibrium Gaussian, of variance kT / sum m z^2.

    Returns:
        rates and their standard deviations at kT, 1/fs, and lengths of the atoms, Å: (3,) float64 each; NaN along an axis
        without a vacuum wider than the potential reaches.
    """
    domain, ranks = engine.domain, engine.ranks
    mobile = ~to_host(state.frozen)
    mass = AMU * to_host(atom_masses(state)) * mobile
    s = to_host(domain.fractions(state.positions[: state.n_owned]))
    first, gaps = _widest_gaps(s, domain.periodic, ranks)
    wrapped = (s - first) - np.floor(s - first)
    z = np.where(domain.periodic, wrapped, s) * domain.heights
    v = to_host(domain.fractions(state.velocities)) * domain.heights
    total = ranks.sum(np.concatenate([mass @ z, [mass.sum()]]))
    ends = ranks.max(np.concatenate([z.max(axis=0, initial=-np.inf), (-z).max(axis=0, initial=-np.inf)]))
    z = z - total[:3] / max(total[3], 1e-300)
    moment, flux = ranks.sum(np.stack([mass @ (z * z), mass @ (z * v)]))
    is_open = (~domain.periodic | (gaps * domain.heights > engine.potential.reach)) & (moment > 0.0)
    inverse = np.divide(1.0, moment, out=np.full(3, np.nan), where=is_open)
    return flux * inverse, np.sqrt(kT * inverse), ends[:3] + ends[3:]


def _widest_gaps(s: np.ndarray, periodic: np.ndarray, ranks: Ranks) -> tuple[np.ndarray, np.ndarray]:
    """Find the widest gap between atoms along each axis, in fractions of the cell.

    Args:
        s: (n, 3) fractional coordinates of this rank's atoms.
    Returns:
        where each ends, and its width: (3,) float64 each.
    """
    bins = np.minimum(((s - np.floor(s)) * BINS).astype(np.int64), BINS - 1)
    counts = ranks.sum(np.stack([np.bincount(bins[:, k], minlength=BINS) for k in range(3)]))
    ends, widths = np.zeros(3), np.zeros(3)
    for k in np.flatnonzero(periodic):
        filled = np.flatnonzero(counts[k])
        empty = np.diff(filled, prepend=filled[-1] - BINS) - 1
        ends[k], widths[k] = filled[np.argmax(empty)] / BINS, empty.max() / BINS
    return ends, widths
