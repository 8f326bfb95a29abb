"""Thermodynamic observables of a step, the printed table, and the summary of where the time went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import perf_counter

import numpy as np

from hpcpot.dynamics.cell import AXES, stretch, volume
from hpcpot.dynamics.controls import Controls
from hpcpot.dynamics.deform import Deformation, Grips, grip_force
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import Integrator
from hpcpot.dynamics.stages import Stage, engineering_strain
from hpcpot.structure.state import State
from hpcpot.units import AMU, EV_PER_A3_IN_GPA, FS_PER_NS, FS_PER_PS, SECONDS_PER_DAY
from hpcpot.wording import duration, plural

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

UNITS = {"K": "_K", "eV": "_eV", "GPa": "_GPa", "Angstrom": "_A", "eV Angstrom-1": "_eV_A", "": ""}
"""Ends of the names of observables outside of a trajectory, by the units that it names."""

OF_STAGES = {"stage": ("", ())}
OF_CELL = {
    "cell_lengths": ("Angstrom", (3,)),
    "engineering_strain": ("", (3,)),
    "stress": ("GPa", (3,)),
    "nominal_stress": ("GPa", (3,)),
}
OF_GRIPS = {"grip_force": ("eV Angstrom-1", (3,)), "grip_displacement": ("Angstrom", ())}
"""Added by `measure_stage`: number of the stage, from 0; lengths, strain and stress where a cell changes or grips move."""

PHASES = ("potential", "neighbours", "exchange", "output")


def measure(state: State, engine: Engine, integrator: Integrator, controls: Controls) -> dict[str, np.ndarray]:
    """Measure the observables of the state, equal on all ranks.

    pressure_tensor_ab = (sum m v_a v_b + virial_ab) / V, symmetrised; pressure is a third of its trace.
    """
    v, mass = state.velocities, state.masses[state.species[: state.n_owned]]
    local = np.concatenate([[state.energies.sum()], (AMU * (mass[:, None] * v).T @ v).ravel(), state.virial.ravel()])
    total = engine.ranks.sum(local)
    potential, momentum_flux, virial = total[0], total[1:10].reshape(3, 3), total[10:].reshape(3, 3)
    kinetic = 0.5 * np.trace(momentum_flux)
    stress = (momentum_flux + 0.5 * (virial + virial.T)) / volume(state) * EV_PER_A3_IN_GPA
    return {
        "temperature": engine.temperature(kinetic, state),
        "potential_energy": potential,
        "kinetic_energy": kinetic,
        "total_energy": potential + kinetic,
        "conserved_energy": potential + kinetic + integrator.conserved(state, engine, controls),
        "pressure": np.trace(stress) / 3.0,
        "pressure_tensor": stress,
    }


def observables(stages: list[Stage]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Names, units and shapes of what `measure_stage` returns for these stages."""
    names = dict(OBSERVABLES)
    if len(stages) > 1:
        names |= OF_STAGES
    if any(stage.deformation is not None or stage.md.barostat_axes for stage in stages):
        names |= OF_CELL
    if any(isinstance(stage.deformation, Grips) for stage in stages):
        names |= OF_GRIPS
    return names


def measure_stage(state: State, engine: Engine, stage: Stage, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Measure the state, with those of OF_STAGES, OF_CELL and OF_GRIPS that are among the names.

    stress_a = -pressure_aa, positive in tension, by the present area of the cell; nominal_stress_a by its area at the
    strain of 0: stress_a (V / V0) / (L_a / L0_a). grip_force is what the moving grip exerts; NaN without grips.
    """
    measured = measure(state, engine, stage.integrator, stage.controls)
    if "stage" in names:
        measured["stage"] = stage.number
    if "stress" in names:
        stretched = stretch(state.cell, state.stage["reference_cell"])
        stress = -np.diag(measured["pressure_tensor"])
        measured |= {
            "cell_lengths": np.linalg.norm(state.cell, axis=1),
            "engineering_strain": engineering_strain(state),
            "stress": stress,
            "nominal_stress": stress * np.prod(stretched) / stretched,
        }
    if "grip_force" in names:
        has_grips = "grip" in state.per_atom
        measured["grip_force"] = grip_force(state, engine) if has_grips else np.full(3, np.nan)
        measured["grip_displacement"] = state.stage["grip_displacement"] if has_grips else np.nan
    return measured


class ThermoTable:
    """The table that a run prints, with its speed and the time until it ends.

    Args:
        step, time: at which the run begins, time in fs. more: key of an observable, title and format of further columns.
    """

    def __init__(self, n_atoms: int, step: int, time: float, more: Sequence[tuple[str, str, str]] = ()):
        self.n_atoms, self.first, self.time, self.more = n_atoms, step, time, more
        self.began = perf_counter()

    def head(self, deformation: Deformation | None) -> str:
        """Titles of the columns, with those of a deformation."""
        names = (
            f"{'step':>10} {'time/ps':>10} {'T/K':>9} {'E_pot/(eV/atom)':>16} {'E_cons/(eV/atom)':>17} "
            f"{'P/GPa':>8} {'ns/day':>8} {'ETA':>9}" + "".join(f" {head:>12}" for _, head, _ in self.more)
        )
        if deformation is None:
            return names
        answer = "F_grip/(eV/A)" if isinstance(deformation, Grips) else "stress/GPa"
        return f"{names} {'strain_' + AXES[deformation.axis]:>9} {answer:>13}"

    def line(
        self, step: int, time: float, measured: dict[str, np.ndarray], steps_left: int, deformation: Deformation | None
    ) -> str:
        """A row. Args: time: fs. steps_left: steps to do at most."""
        seconds = perf_counter() - self.began
        done = step - self.first
        per_day = (time - self.time) / FS_PER_NS * SECONDS_PER_DAY / seconds if done else 0.0
        text = (
            f"{step:>10} {time / FS_PER_PS:>10.4f} {measured['temperature']:>9.2f} "
            f"{measured['potential_energy'] / self.n_atoms:>16.8f} {measured['conserved_energy'] / self.n_atoms:>17.8f} "
            f"{measured['pressure']:>8.3f} {per_day:>8.3f} {duration(seconds / done * steps_left) if done else '-':>9}"
            + "".join(f" {format(measured[key], form):>12}" for key, _, form in self.more)
        )
        if deformation is None:
            return text
        answer = measured["grip_force" if isinstance(deformation, Grips) else "stress"]
        return f"{text} {measured['engineering_strain'][deformation.axis]:>9.5f} {answer[deformation.axis]:>13.4f}"


def summary(engine: Engine, n_atoms: int, steps: int, time: float, seconds: float) -> str:
    """Speed of the run, and time of each phase: minimum, mean and maximum over ranks, and share of the total.

    Args:
        time: fs that the run advanced. seconds: that it took.
    """
    ranks = engine.ranks
    spent = np.array([engine.seconds[phase] for phase in PHASES])
    spent = np.append(spent, max(seconds - spent.sum(), 0.0))
    least, mean, largest = -ranks.max(-spent), ranks.sum(spent) / ranks.size, ranks.max(spent)
    rate = steps / seconds if seconds else 0.0
    per_atom = seconds * ranks.size / max(steps * n_atoms, 1) * 1e6
    lines = [
        f"{steps} steps of {n_atoms} atoms on {plural(ranks.size, 'rank')} in {seconds:.2f} s",
        f"speed: {time / max(seconds, 1e-12) / FS_PER_NS * SECONDS_PER_DAY:.4f} ns/day, {rate:.3f} steps/s, "
        f"{rate * n_atoms / 1000.0:.3f} katom-step/s, {per_atom:.2f} us core time per atom-step",
        f"{'phase':<12} {'least/s':>9} {'mean/s':>9} {'most/s':>9} {'share':>7}",
    ]
    for name, a, b, c in zip((*PHASES, "integration"), least, mean, largest, strict=True):
        lines.append(f"{name:<12} {a:>9.3f} {b:>9.3f} {c:>9.3f} {100.0 * b / max(seconds, 1e-12):>6.1f} %")
    truncated = ranks.sum(np.array([engine.truncated]))[0]
    lines.append(f"pairs rebuilt {engine.rebuilds} times; {truncated} atoms at most beyond the model's slots")
    return "\n".join(lines)
