"""What is measured on the way: observables of a step, the printed table, and where the time went."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from hpcpot.md.engine import Engine
from hpcpot.md.integrators import Integrator, Thermostat
from hpcpot.structure.state import State
from hpcpot.units import AMU, EV_PER_A3_IN_GPA, FS_PER_NS, FS_PER_PS, SECONDS_PER_DAY

OBSERVABLES = {
    "temperature": ("K", ()),
    "potential_energy": ("eV", ()),
    "kinetic_energy": ("eV", ()),
    "total_energy": ("eV", ()),
    "conserved_energy": ("eV", ()),
    "pressure": ("GPa", ()),
    "pressure_tensor": ("GPa", (3, 3)),
}
"""Names, units and shapes of what `measure` returns. Pressure: positive in compression."""

PHASES = ("potential", "neighbours", "exchange", "output")


def measure(state: State, engine: Engine, integrator: Integrator, thermostat: Thermostat | None) -> dict[str, np.ndarray]:
    """Observables of the state, equal on all ranks.

    pressure_tensor_ab = (sum m v_a v_b + virial_ab) / V, symmetrised; pressure is a third of its trace.
    """
    v, mass = state.velocities, state.masses[state.species[: state.n_owned]]
    local = np.concatenate([[state.energies.sum()], (AMU * (mass[:, None] * v).T @ v).ravel(), state.virial.ravel()])
    total = engine.ranks.sum(local)
    potential, momentum_flux, virial = total[0], total[1:10].reshape(3, 3), total[10:].reshape(3, 3)
    kinetic = 0.5 * np.trace(momentum_flux)
    stress = (momentum_flux + 0.5 * (virial + virial.T)) / abs(np.linalg.det(state.cell)) * EV_PER_A3_IN_GPA
    return {
        "temperature": engine.temperature(kinetic, state),
        "potential_energy": potential,
        "kinetic_energy": kinetic,
        "total_energy": potential + kinetic,
        "conserved_energy": potential + kinetic + integrator.conserved(state, engine, thermostat),
        "pressure": np.trace(stress) / 3.0,
        "pressure_tensor": stress,
    }


class Table:
    """The table that a run prints, with its speed and when it will be done."""

    HEAD = (
        f"{'step':>10} {'time/ps':>10} {'T/K':>9} {'E_pot/(eV/atom)':>16} {'E_cons/(eV/atom)':>17} "
        f"{'P/GPa':>8} {'ns/day':>8} {'ETA':>9}"
    )

    def __init__(self, n_atoms: int, timestep: float, first: int, last: int):
        self.n_atoms, self.timestep, self.first, self.last = n_atoms, timestep, first, last
        self.began = perf_counter()

    def line(self, step: int, seen: dict[str, np.ndarray]) -> str:
        seconds = perf_counter() - self.began
        done = step - self.first
        per_day = done * self.timestep / FS_PER_NS * SECONDS_PER_DAY / seconds if done else 0.0
        left = seconds / done * (self.last - step) if done else 0.0
        return (
            f"{step:>10} {step * self.timestep / FS_PER_PS:>10.4f} {seen['temperature']:>9.2f} "
            f"{seen['potential_energy'] / self.n_atoms:>16.8f} {seen['conserved_energy'] / self.n_atoms:>17.8f} "
            f"{seen['pressure']:>8.3f} {per_day:>8.3f} {duration(left) if done else '-':>9}"
        )


def plural(count: int, noun: str) -> str:
    """1 rank, 2 ranks."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def duration(seconds: float) -> str:
    """1 d 02 h, 3:05:09 or 05:09."""
    minutes, second = divmod(int(seconds + 0.5), 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 24:
        return f"{hours // 24} d {hours % 24:02d} h"
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute:02d}:{second:02d}"


def summary(engine: Engine, n_atoms: int, steps: int, timestep: float, seconds: float) -> str:
    """Speed of the run and the time of each phase: least, mean and most of the ranks, and share of the total."""
    ranks = engine.ranks
    spent = np.array([engine.seconds[phase] for phase in PHASES])
    spent = np.append(spent, max(seconds - spent.sum(), 0.0))
    least, mean, most = -ranks.max(-spent), ranks.sum(spent) / ranks.size, ranks.max(spent)
    rate = steps / seconds if seconds else 0.0
    per_atom = seconds * ranks.size / max(steps * n_atoms, 1) * 1e6
    lines = [
        f"{steps} steps of {n_atoms} atoms on {plural(ranks.size, 'rank')} in {seconds:.2f} s",
        f"speed: {rate * timestep / FS_PER_NS * SECONDS_PER_DAY:.4f} ns/day, {rate:.3f} steps/s, "
        f"{rate * n_atoms / 1000.0:.3f} katom-step/s, {per_atom:.2f} us core time per atom-step",
        f"{'phase':<12} {'least/s':>9} {'mean/s':>9} {'most/s':>9} {'share':>7}",
    ]
    for name, a, b, c in zip((*PHASES, "integration"), least, mean, most, strict=True):
        lines.append(f"{name:<12} {a:>9.3f} {b:>9.3f} {c:>9.3f} {100.0 * b / max(seconds, 1e-12):>6.1f} %")
    lines.append(f"pairs rebuilt {engine.rebuilds} times; {ranks.sum(np.array([engine.truncated]))[0]} atoms at most beyond the model's slots")
    return "\n".join(lines)
