"""Deformation at a constant engineering strain rate: of the cell, or of the atoms between two rigid grips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcpot.dynamics.cell import AXES, scale_cell, stretch
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.start import inside
from hpcpot.errors import StructureError
from hpcpot.structure.state import State, to_host
from hpcpot.units import AMU

FREE, FIXED, MOVING = 0, 1, 2
"""Values of state.per_atom["grip"]: neither grip, the fixed one, the moving one."""

GRIP = ("grip_axis", "grip_length", "grip_displacement", "grip_velocity", "grip_mass")
"""Names of a grip's numbers in state.stage."""


@dataclass(frozen=True)
class CellDeformation:
    """The cell's length along an axis is L + L0 rate t, t and L from the stage's start; the atoms follow it.

    L0 is the length at which the reported strain is 0, so that strain grows at that rate in every
    stage. Applied after each step, as LAMMPS's `fix deform erate remap x` does. Attributes: axis 0 to 2; rate 1/fs.
    """

    axis: int
    rate: float

    def begin(self, state: State, engine: Engine) -> None:
        """Needs nothing but the cell at the start of the stage."""

    def before_step(self, state: State, engine: Engine, dt: float) -> None:
        """The cell changes after the step."""

    def after_step(self, state: State, engine: Engine, dt: float, time: float) -> None:
        """`time`: fs since the stage began."""
        # A checkpoint of hpcpot 0.1.0 is of a stage whose rate refers to its own start.
        reference, factors = state.stage.get("rate_cell", state.stage["cell"]), np.ones(3)
        begun, present = (stretch(cell, reference)[self.axis] for cell in (state.stage["cell"], state.cell))
        factors[self.axis] = (begun + self.rate * time) / present
        scale_cell(state, engine, factors)

    def end(self, state: State) -> None:
        """The cell stays as it is."""


@dataclass(frozen=True)
class Grips:
    """Two rigid groups of atoms: one fixed, one moved along an axis at a constant rate or pulled by a force.

    Attributes:
        axis: 0 to 2.
        rate: 1/fs, of the distance between the ends of all atoms as they were chosen; or None.
        force: eV/Å along the axis on the moving group, which its atoms' own forces oppose; or None.
        fraction: of that distance, how much at each end is grip.
        regions: (fixed, moving) boxes, [low, high] in Å for each axis or None for an open end, in place of `fraction`.
    """

    axis: int
    rate: float | None
    force: float | None
    fraction: float
    regions: tuple[list, list] | None

    def begin(self, state: State, engine: Engine) -> None:
        """Choose the atoms of both groups and hold them.

        Raises (on all ranks together):
            StructureError: a group without atoms, or an atom in both.
        """
        x = state.positions[: state.n_owned, self.axis]
        high, minus_low = engine.ranks.max(np.array([x.max(initial=-np.inf), (-x).max(initial=-np.inf)]))
        length = high + minus_low
        if self.regions is None:
            chosen = [x <= -minus_low + self.fraction * length, x >= high - self.fraction * length]
        else:
            chosen = [inside(state, box) for box in self.regions]
        self._check(engine, *chosen)
        grip = np.where(chosen[0], FIXED, np.where(chosen[1], MOVING, FREE)).astype(np.int8)
        grip[state.frozen] = FREE
        state.per_atom["grip"] = grip
        hold(state, engine, grip != FREE)
        mass = AMU * state.masses[state.species[: state.n_owned]][grip == MOVING].sum()
        state.stage.update(
            grip_axis=np.array(self.axis),
            grip_length=np.array(length),
            grip_displacement=np.zeros(()),
            grip_velocity=np.zeros(()),
            grip_mass=engine.ranks.sum(np.array([mass]))[0],
        )

    def go_on(self, state: State, engine: Engine, grip: np.ndarray, numbers: dict[str, np.ndarray]) -> None:
        """Hold the atoms that the stage before held, whose strain and velocity go on.

        Args:
            grip: of each owned atom. numbers: of state.stage, by the names that `begin` gives them.
        """
        state.per_atom["grip"] = grip
        hold(state, engine, grip != FREE)
        state.stage.update(numbers)

    def before_step(self, state: State, engine: Engine, dt: float) -> None:
        """Move the moving group, so that the step's forces are those at its new place."""
        velocity = float(state.stage["grip_velocity"])
        if self.rate is not None:
            velocity = self.rate * float(state.stage["grip_length"])
        else:
            velocity += dt * (self.force - grip_force(state, engine)[self.axis]) / float(state.stage["grip_mass"])
        state.positions[: state.n_owned, self.axis] += dt * velocity * (state.per_atom["grip"] == MOVING)
        state.stage.update(
            grip_velocity=np.array(velocity), grip_displacement=state.stage["grip_displacement"] + dt * velocity
        )

    def after_step(self, state: State, engine: Engine, dt: float, time: float) -> None:
        """The grips moved before the step."""

    def end(self, state: State) -> None:
        """Release the atoms of the grips."""
        state.frozen = kept_frozen(state)

    def _check(self, engine: Engine, fixed: np.ndarray, moving: np.ndarray) -> None:
        counts = engine.ranks.sum(np.array([fixed.sum(), moving.sum(), (fixed & moving).sum()]))
        where = f"{self.fraction:g} of the atoms' length" if self.regions is None else "its region"
        error = None
        for name, count in zip(("fixed", "moving"), counts, strict=False):
            if count == 0:
                error = StructureError(
                    f"grips.{name} = no atom in {where} along {AXES[self.axis]}: a grip must hold atoms; correct "
                    f"grips.{name}_region_A or grips.fraction."
                )
        if counts[2]:
            error = error or StructureError(
                f"grips = {counts[2]} atoms in both: the grips must not overlap; correct their regions or "
                "grips.fraction."
            )
        engine.ranks.agree(error)


Deformation = CellDeformation | Grips


def hold(state: State, engine: Engine, chosen: np.ndarray) -> None:
    """Freeze further atoms."""
    state.frozen = state.frozen | chosen
    state.velocities[chosen] = 0.0
    engine.count_mobile(state)


def kept_frozen(state: State) -> np.ndarray:
    """Find the owned atoms that are frozen in all stages, (n,) bool: without those that grips hold."""
    return state.frozen & (state.per_atom["grip"] == FREE) if "grip" in state.per_atom else state.frozen


def grip_force(state: State, engine: Engine) -> np.ndarray:
    """Force that the moving grip exerts on the rest: minus what its atoms feel; (3,) eV/Å, positive along the pull."""
    moving = state.per_atom["grip"] == MOVING
    return -engine.ranks.sum(to_host(state.forces[moving].sum(axis=0)))
