"""Constant pressure along chosen axes: the equations of Martyna, Tobias and Klein, in the order of LAMMPS fix npt.

Each axis has a rate w of its own, driven by its own pressure; or, isotropic, all have one, driven by their mean pressure, and
the cell keeps its shape. The cell's other axes are fixed, or deformed.
"""

from __future__ import annotations

import numpy as np

from hpcpot.dynamics import chain
from hpcpot.dynamics.cell import scale_cell, volume
from hpcpot.dynamics.controls import Barostat, Thermostat
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators.nvt_nose_hoover import chain_half_step
from hpcpot.dynamics.motion import drift, kick
from hpcpot.structure.state import State, library


def init(state: State, engine: Engine, barostat: Barostat) -> None:
    """Begin with chains and cell at rest."""
    thermostat = barostat.thermostat
    kT = thermostat.kT_at(state.step)
    q = chain.masses(engine.degrees_of_freedom(state), kT, thermostat.time)
    of_barostat = chain.masses(1, kT, barostat.time)
    state.scalars.update(
        **chain.at_rest(q, kT),
        **chain.at_rest(of_barostat, kT, "barostat_chain"),
        barostat_rates=np.zeros(3),
        first_volume=np.array(volume(state)),
    )
    _store_fluxes(state, engine)


def step(state: State, engine: Engine, dt: float, barostat: Barostat) -> None:
    """Half steps of the barostat's chain, the chain, the cell's rates and velocities around a Verlet step; and in reverse.

    Source: Martyna, Tobias, Klein, J. Chem. Phys. 101, 4177 (1994); Tuckerman et al., J. Phys. A 39, 5629 (2006).
    """
    thermostat = barostat.thermostat
    kT = thermostat.kT_at(state.step + 1)
    _barostat_chain_half_step(state, thermostat.kT_at(state.step), dt, barostat)
    _thermostat_half_step(state, engine, kT, dt, thermostat)
    _push(state, kT, dt, barostat)
    _drag_along(state, dt, barostat)
    kick(state, 0.5 * dt)
    factors = np.exp(0.5 * dt * state.scalars["barostat_rates"])
    scale_cell(state, engine, factors)
    drift(state, dt)
    scale_cell(state, engine, factors)
    engine.evaluate(state)
    kick(state, 0.5 * dt)
    _drag_along(state, dt, barostat)
    _store_fluxes(state, engine)
    _push(state, kT, dt, barostat)
    _thermostat_half_step(state, engine, kT, dt, thermostat)
    _barostat_chain_half_step(state, kT, dt, barostat)
    state.step += 1


def conserved(state: State, engine: Engine, barostat: Barostat) -> float:
    """Energy of both chains, 1/2 sum W w^2 and P (V - V_first), eV; constant without drag, ramp and deformation."""
    thermostat, scalars = barostat.thermostat, state.scalars
    kT, freedom = thermostat.kT_at(state.step), engine.degrees_of_freedom(state)
    of_chain = chain.energy(scalars, chain.masses(freedom, kT, thermostat.time), freedom, kT)
    q_barostat = chain.masses(1, kT, barostat.time)
    of_barostat_chain = chain.energy(scalars, q_barostat, barostat.freedom, kT, "barostat_chain")
    work = barostat.pressure * (volume(state) - float(scalars["first_volume"]))
    return of_chain + of_barostat_chain + 0.5 * _twice_kinetic(state, kT, barostat) + work


def _mass(state: State, kT: float, barostat: Barostat) -> float:
    """W = (N + 1) kT time^2, eV fs^2."""
    return (state.n_atoms + 1) * kT * barostat.time**2


def _twice_kinetic(state: State, kT: float, barostat: Barostat) -> float:
    """sum W w^2, eV."""
    return float(_mass(state, kT, barostat) * (state.scalars["barostat_rates"] ** 2).sum())


def _store_fluxes(state: State, engine: Engine) -> None:
    """Store momentum flux and virial along each axis, of which the pressure is made."""
    momentum, virial = engine.fluxes(state)
    state.scalars.update(
        momentum_flux=np.diag(momentum).copy(),
        virial=np.diag(virial).copy(),
        kinetic_energy=np.array(0.5 * np.trace(momentum)),
    )


def _thermostat_half_step(state: State, engine: Engine, kT: float, dt: float, thermostat: Thermostat) -> None:
    factor = chain_half_step(state, engine, kT, dt, thermostat)
    state.scalars["momentum_flux"] = state.scalars["momentum_flux"] * factor**2


def _barostat_chain_half_step(state: State, kT: float, dt: float, barostat: Barostat) -> None:
    q, freedom = chain.masses(1, kT, barostat.time), barostat.freedom
    twice_kinetic = _twice_kinetic(state, kT, barostat)
    factor = chain.half_step(state.scalars, q, twice_kinetic, freedom, kT, dt, _drag(barostat, dt), "barostat_chain")
    state.scalars["barostat_rates"] = state.scalars["barostat_rates"] * factor


def _push(state: State, kT: float, dt: float, barostat: Barostat) -> None:
    """w += dt/2 [(P - P_target) V + mean of m v^2 along the axes] / W, then drag.

    Isotropic, w and P are means along the axes: their sum of W w^2 is then that of one rate with its W times the axes.
    """
    scalars, axes = state.scalars, barostat.axes
    rates = scalars["barostat_rates"]
    pressure_volume = scalars["momentum_flux"] + scalars["virial"] - barostat.pressure * volume(state)
    kinetic = scalars["momentum_flux"][axes].sum() / (axes.sum() * state.n_atoms)
    if barostat.is_isotropic:
        rates, pressure_volume = rates[axes].mean(), pressure_volume[axes].mean()
    change = 0.5 * dt * (pressure_volume + kinetic) / _mass(state, kT, barostat)
    scalars["barostat_rates"] = np.where(axes, (rates + change) * _drag(barostat, dt), 0.0)


def _drag_along(state: State, dt: float, barostat: Barostat) -> None:
    """v *= exp(-dt/2 (w + mean w / N))."""
    rates = state.scalars["barostat_rates"]
    mean = rates.sum() / (barostat.axes.sum() * state.n_atoms)
    state.velocities *= library(state.velocities).asarray(np.exp(-0.5 * dt * (rates + mean)))


def _drag(barostat: Barostat, dt: float) -> float:
    return 1.0 - dt * barostat.thermostat.drag / barostat.time
