"""Stages of a run: an integrator each, and a deformation where there is one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcpot.dynamics.cell import AXES, stretch
from hpcpot.dynamics.controls import Barostat, Controls, Thermostat, Tolerances
from hpcpot.dynamics.deform import GRIP, CellDeformation, Deformation, Grips
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.dynamics.motion import draw_velocities
from hpcpot.dynamics.settings import GripsSection, MDSettings, StageSection
from hpcpot.dynamics.steppers import choose
from hpcpot.dynamics.steppers.contract import Motion, Stepper
from hpcpot.errors import SimulationError, StructureError
from hpcpot.parallel.ranks import Ranks
from hpcpot.structure.state import State
from hpcpot.units import BOLTZMANN, EV_PER_A3_IN_GPA, FS_PER_PS

ONLY = "md"
"""Name of the stage of a config without stages, which is its section md."""
UNUSUAL = 10.0
"""GPa; of a run that fails above it the pressure is looked at first, which may be in bar by mistake."""


class Stage:
    """A stage of a run.

    What it needs later, also after a restart, is in state.stage: step, time and cell at its start (`first_step`,
    `first_time`, `cell`); `reference_cell`, at which the strain is 0: that at the start of the first stage that deforms,
    and of the present stage before that; `rate_cell`, to which the strain rate refers: the same; and `has_deformed`.

    Attributes:
        md: its keys. integrator: a row of INTEGRATORS. deformation: None for none.
        controls: targets of the integrator, once the stage has begun.
    """

    def __init__(self, name: str, number: int, md: StageSection, grips: GripsSection):
        self.name, self.number, self.md = name, number, md
        self.integrator = INTEGRATORS[md.integrator]
        self.deformation = _deformation(md, grips)
        self.controls: Controls = None

    def check(self, state: State, ranks: Ranks) -> None:
        """Check that the structure is periodic along the axes along which the cell is to change.

        Raises (on all ranks together):
            StructureError: an axis that is not periodic.
        """
        changing = {f"barostat_axes = {axis}": axis for axis in self.md.barostat_axes or ()}
        if self.md.deform == "cell":
            changing[f"deform_axis = {self.md.deform_axis}"] = self.md.deform_axis
        for key, axis in changing.items():
            if not state.periodic[np.abs(state.cell[:, AXES.index(axis)]) > 1e-9].all():
                ranks.agree(
                    StructureError(
                        f"{self.key(key)}: the structure must be periodic along that axis; give it a periodic cell, or use "
                        "deform: grips without a barostat."
                    )
                )

    def key(self, name: str) -> str:
        """Full name of a key of this stage in the config."""
        return f"md.{name}" if self.name == ONLY else f"stages.{self.name}.{name}"

    def begin(self, state: State, engine: Engine, time: float) -> None:
        """Begin at `time` (fs): choose grips, draw velocities, initialise the integrator."""
        has_deformed = bool(state.stage.get("has_deformed", False))
        reference = state.stage["reference_cell"] if has_deformed else state.cell
        grip, numbers = state.per_atom.get("grip"), {name: state.stage[name] for name in GRIP if name in state.stage}
        state.scalars, state.per_atom = {}, {}
        state.stage = {
            "first_step": np.array(state.step),
            "first_time": np.array(time),
            "cell": state.cell,
            "reference_cell": reference,
            "rate_cell": reference,
            "has_deformed": np.array(float(has_deformed or self.deformation is not None)),
        }
        if isinstance(self.deformation, Grips) and numbers and int(numbers["grip_axis"]) == self.deformation.axis:
            self.deformation.go_on(state, engine, grip, numbers)
        elif self.deformation is not None:
            self.deformation.begin(state, engine)
        engine.count_mobile(state)
        engine.keeps_momentum = self.integrator.keeps_momentum
        if self.md.initial_temperature_K is not None:
            kT = BOLTZMANN * self.md.initial_temperature_K
            draw_velocities(state, engine, kT, self.md.seed, self.md.remove_drift)
        self.controls = self._controls(state)
        self.integrator.init(state, engine, self.controls)

    def resume(self, state: State, engine: Engine, same_integrator: bool) -> None:
        """Continue from a checkpoint; an integrator other than the checkpoint's is initialised."""
        engine.keeps_momentum = self.integrator.keeps_momentum
        self.controls = self._controls(state)
        if not same_integrator:
            state.scalars = {}
            state.per_atom = {name: values for name, values in state.per_atom.items() if name == "grip"}
            self.integrator.init(state, engine, self.controls)

    @property
    def motion(self) -> Motion:
        """The equations of motion, once the stage has begun."""
        return Motion(self.integrator, self.controls, self.md.timestep_fs, self.deformation)

    def advance(self, state: State, engine: Engine, steppers: Sequence[Stepper], steps: int) -> None:
        """Advance by so many steps at most."""
        steps, motion = min(steps, self.md.steps - self.done(state)), self.motion
        try:
            choose(steppers, state, engine, motion).advance(state, engine, motion, steps)
        except SimulationError as error:
            if self.integrator.has_barostat:
                error.args = (self._with_pressure(str(error)),)
            if self.deformation is not None:
                axis = self.deformation.axis
                strain = engineering_strain(state)[axis]
                error.args = (f"{error}\nStrain along {AXES[axis]} = {strain:.4f}, in stage {self.name}.",)
            raise

    def _with_pressure(self, message: str) -> str:
        """A message with the pressure that the barostat holds; before it, where this is likely what is wrong."""
        key, held = self.key("pressure_GPa"), f"{self.md.pressure_GPa:g} GPa along {', '.join(self.md.barostat_axes)}"
        if abs(self.md.pressure_GPa) < UNUSUAL:
            return f"{message}\nThe barostat holds {held} ({key}); 1 bar = 1e-4 GPa."
        return f"{key} = {held}, which the barostat holds: must be in GPa; check it first, as 1 bar is 1e-4 GPa.\n{message}"

    def end(self, state: State, engine: Engine) -> None:
        """Release the atoms that the deformation holds."""
        if self.deformation is not None:
            self.deformation.end(state)
            engine.count_mobile(state)

    def done(self, state: State) -> int:
        """Number of steps done in this stage."""
        return state.step - int(state.stage["first_step"])

    def is_done(self, state: State) -> bool:
        return self.done(state) >= self.md.steps or bool(state.scalars.get("converged", False))

    def time(self, state: State) -> float:
        """Time since the run began, fs; a minimiser takes none."""
        spent = 0.0 if self.integrator.is_minimiser else self.done(state) * self.md.timestep_fs
        return float(state.stage["first_time"]) + spent

    def conserved(self, state: State, engine: Engine) -> float:
        """Contribution of the integrator to the conserved energy, eV."""
        return self.integrator.conserved(state, engine, self.controls)

    def _controls(self, state: State) -> Controls:
        md, integrator = self.md, self.integrator
        if integrator.is_minimiser:
            return Tolerances(md.energy_tolerance, md.force_tolerance_eV_A)
        if not integrator.has_thermostat:
            return None
        thermostat = Thermostat(
            BOLTZMANN * md.temperature_K,
            BOLTZMANN * md.temperature_end_K,
            md.thermostat_time_fs,
            md.steps,
            md.seed,
            int(state.stage["first_step"]),
            md.drag,
        )
        if not integrator.has_barostat:
            return thermostat
        axes = np.array([axis in md.barostat_axes for axis in AXES])
        is_isotropic = md.barostat_coupling == "isotropic"
        return Barostat(thermostat, axes, md.pressure_GPa / EV_PER_A3_IN_GPA, md.barostat_time_fs, is_isotropic)


def make_stages(settings: MDSettings) -> list[Stage]:
    """Make the stages of a config: one, ONLY, where it has none but the section md."""
    sections = settings.stages or {ONLY: settings.md}
    return [Stage(name, number, md, settings.grips) for number, (name, md) in enumerate(sections.items())]


def engineering_strain(state: State) -> np.ndarray:
    """Engineering strain (L - L0) / L0, (3,), of the cell along x, y and z, and between grips along their axis."""
    return stretch(state.cell, state.stage["reference_cell"]) - 1.0 + grip_strain(state)


def grip_strain(state: State) -> np.ndarray:
    """Displacement of the moving grip over the length that the atoms had at first: (3,), 0 without grips."""
    strain = np.zeros(3)
    if "grip_axis" in state.stage:
        strain[int(state.stage["grip_axis"])] = state.stage["grip_displacement"] / state.stage["grip_length"]
    return strain


def _deformation(md: StageSection, grips: GripsSection) -> Deformation | None:
    if md.deform is None:
        return None
    axis = AXES.index(md.deform_axis)
    rate = None if md.strain_rate_per_ps is None else md.strain_rate_per_ps / FS_PER_PS
    if md.deform == "cell":
        return CellDeformation(axis, rate)
    regions = None if grips.fixed_region_A is None else (grips.fixed_region_A, grips.moving_region_A)
    return Grips(axis, rate, md.grip_force_eV_A, grips.fraction, regions)
