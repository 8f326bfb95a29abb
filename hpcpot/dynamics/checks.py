"""Checks between the keys of `hpcpot md`, and defaults that depend on other keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from hpcpot.config import STAGES, Problem, change
from hpcpot.dynamics.integrators import INTEGRATORS

if TYPE_CHECKING:
    from hpcpot.dynamics.settings import MDSettings, StageSection

Problems = Iterator[Problem]


def complete(settings: MDSettings) -> MDSettings:
    """Fill in temperature_end_K of each stage, and file names derived from that of the trajectory."""
    output, trajectory = settings.output, settings.output.trajectory
    checkpoint, observed, folder = output.checkpoint, output.observed, settings.deviation.folder
    if trajectory is not None:
        checkpoint = checkpoint or trajectory.with_suffix(".checkpoint.h5")
        folder = folder or trajectory.with_name(f"{trajectory.stem}_doubtful")
        if settings.observe:
            observed = observed or trajectory.with_suffix(".observed.h5")
    return change(
        settings,
        md=settings.md and _without_ramp(settings.md),
        stages={name: _without_ramp(stage) for name, stage in settings.stages.items()},
        output={"checkpoint": checkpoint, "observed": observed},
        deviation={"folder": folder},
    )


def _without_ramp(md: StageSection) -> StageSection:
    """Set the final temperature of a stage to its initial one if none is given."""
    if INTEGRATORS[md.integrator].has_thermostat and md.temperature_end_K is None:
        return replace(md, temperature_end_K=md.temperature_K)
    return md


def check(settings: MDSettings) -> Problems:
    """Yield inconsistencies between keys."""
    if settings.device == "gpu" and settings.potential.kernels == "reference":
        yield "device", "potential.kernels: reference runs on the CPU only; set device: cpu or potential.kernels: cpu"
    blocks = {f"{STAGES}.{name}": stage for name, stage in settings.stages.items()} or {"md": settings.md}
    for prefix, md in blocks.items():
        yield from _check_thermostat(prefix, md)
        yield from _check_barostat(prefix, md)
        yield from _check_deformation(prefix, md)
    yield from _check_strains(blocks)
    yield from _check_grips(settings)
    yield from _check_files(settings)
    yield from _check_deviation(settings)


def _check_thermostat(prefix: str, md: StageSection) -> Problems:
    integrator = INTEGRATORS[md.integrator]
    has_thermostat = integrator.has_thermostat
    if has_thermostat and md.temperature_K is None:
        yield (
            f"{prefix}.temperature_K",
            f"is required for {md.integrator}; give a temperature or set {prefix}.integrator: nve",
        )
    if not has_thermostat and md.temperature_end_K is not None:
        why = f"{md.integrator} has no thermostat to ramp; set null or another {prefix}.integrator"
        yield f"{prefix}.temperature_end_K", why
    if has_thermostat and md.thermostat_time_fs < md.timestep_fs:
        yield (
            f"{prefix}.thermostat_time_fs",
            f"must be >= {prefix}.timestep_fs ({md.timestep_fs:g}); typical 100 time steps",
        )
    ramps = md.temperature_end_K != md.temperature_K
    for name in ("temperature_K", *(["temperature_end_K"] if ramps else []), "initial_temperature_K"):
        value = getattr(md, name)
        if value is not None and value >= md.maximum_temperature_K:
            yield (
                f"{prefix}.{name}",
                f"must be below {prefix}.maximum_temperature_K ({md.maximum_temperature_K:g}), where a run stops",
            )
        if value == 0 and name != "initial_temperature_K" and has_thermostat and not integrator.cools_to_zero:
            yield f"{prefix}.{name}", f"must be > 0 for {md.integrator}; use nvt_langevin to cool to 0 K"


def _check_barostat(prefix: str, md: StageSection) -> Problems:
    has_barostat = INTEGRATORS[md.integrator].has_barostat
    if has_barostat and md.barostat_axes is None:
        yield f"{prefix}.barostat_axes", f"is required for {md.integrator}; give axes, e.g. [x, y, z]"
    if not has_barostat and md.barostat_axes is not None:
        yield (
            f"{prefix}.barostat_axes",
            f"{md.integrator} has no barostat; set null or {prefix}.integrator: npt_nose_hoover",
        )
    if not has_barostat and md.barostat_coupling != "axes":
        yield (
            f"{prefix}.barostat_coupling",
            f"{md.integrator} has no barostat; leave it out or set {prefix}.integrator: npt_nose_hoover",
        )
    if has_barostat and md.barostat_time_fs < 10.0 * md.timestep_fs:
        yield (
            f"{prefix}.barostat_time_fs",
            f"must be >= 10 {prefix}.timestep_fs ({md.timestep_fs:g}); typical 1000 time steps",
        )
    if has_barostat and md.drag * md.timestep_fs >= min(md.thermostat_time_fs, md.barostat_time_fs):
        yield (
            f"{prefix}.drag",
            "must be below the damping times in time steps, or it turns rates around; typical 0 to 2",
        )


def _check_deformation(prefix: str, md: StageSection) -> Problems:
    keys = ("deform_axis", "strain_rate_per_ps", "grip_force_eV_A")
    if md.deform is None:
        for name in keys:
            if getattr(md, name) is not None:
                yield f"{prefix}.{name}", f"is for deform; set {prefix}.deform: cell or grips, or leave it out"
        return
    if INTEGRATORS[md.integrator].is_minimiser:
        yield f"{prefix}.deform", f"{md.integrator} takes no time in which to deform; use another {prefix}.integrator"
    if md.deform_axis is None:
        yield f"{prefix}.deform_axis", f"is required for deform: {md.deform}; give x, y or z"
    if md.deform == "cell" and md.deform_axis in (md.barostat_axes or ()):
        why = f"is in {prefix}.barostat_axes, too; a length is either imposed or follows a pressure: keep one"
        yield f"{prefix}.deform_axis", why
    if md.deform == "grips" and md.barostat_axes is not None:
        yield f"{prefix}.barostat_axes", "would move the grips; set null, or deform: cell"
    if md.deform == "cell" and md.grip_force_eV_A is not None:
        yield f"{prefix}.grip_force_eV_A", "is for deform: grips; give strain_rate_per_ps"
    elif (md.strain_rate_per_ps is None) == (md.grip_force_eV_A is None):
        either = "or grip_force_eV_A must be given, one of them"
        yield f"{prefix}.strain_rate_per_ps", "is required for deform: cell" if md.deform == "cell" else either


def _check_strains(blocks: dict[str, StageSection]) -> Problems:
    """Compress to a length above 0, in all stages together; the strain of grips begins anew where they are released."""
    strains: dict[tuple[str | None, str | None], float] = defaultdict(float)
    for prefix, md in blocks.items():
        deformation = (md.deform, md.deform_axis)
        for released in [key for key in strains if key[0] == "grips" and key != deformation]:
            del strains[released]
        if md.deform is None or md.strain_rate_per_ps is None:
            continue
        strains[deformation] += md.strain_rate_per_ps * md.timestep_fs * md.steps / 1000.0
        end = strains[deformation]
        if end <= -1.0:
            yield (
                f"{prefix}.strain_rate_per_ps",
                (
                    f"the strain after {md.steps} steps of {md.timestep_fs:g} fs would be {end:g}; must stay above -1, "
                    "where no length is left; lower the rate or the steps"
                ),
            )


def _check_grips(settings: MDSettings) -> Problems:
    grips = settings.grips
    if grips.fraction > 0.5:
        yield "grips.fraction", "must be <= 0.5, where the grips meet"
    if (grips.fixed_region_A is None) != (grips.moving_region_A is None):
        missing = "fixed_region_A" if grips.fixed_region_A is None else "moving_region_A"
        yield f"grips.{missing}", "is required with the other grip's region; give both or none"


def _check_files(settings: MDSettings) -> Problems:
    output = settings.output
    if output.observed is None and settings.observe:
        yield "output.observed", "is required for observe without a trajectory; give a path"
    if output.checkpoint is None and output.checkpoint_every:
        yield "output.checkpoint", "is required without a trajectory; give a path or set output.checkpoint_every: 0"
    models = settings.potential.file
    inputs = [settings.structure.file, *(models if isinstance(models, list) else [models])]
    outputs = {name: getattr(output, name) for name in ("trajectory", "checkpoint", "observed")}
    outputs = {name: path.resolve() for name, path in outputs.items() if path is not None}
    for k, (name, path) in enumerate(outputs.items()):
        if path in inputs:
            yield f"output.{name}", "would overwrite an input of this run; give another path"
        for other in list(outputs)[:k]:
            if outputs[other] == path:
                yield f"output.{name}", f"must not be the {other}; give another path"
    intervals = ("position_every", "velocity_every", "force_every", "energy_every", "virial_every", "observables_every")
    if output.trajectory is not None and not any(getattr(output, name) for name in intervals):
        why = "nothing is to be written there; set an interval such as output.position_every, or null"
        yield "output.trajectory", why


def _check_deviation(settings: MDSettings) -> Problems:
    deviation = settings.deviation
    needs = ((deviation.files, "eV_A", "files: the other models"), (deviation.grade, "grade", "grade: true"))
    for key, unit, needed in needs:
        for name in (f"stop_above_{unit}", f"keep_above_{unit}"):
            if getattr(deviation, name) is not None and not key:
                yield f"deviation.{name}", f"is for deviation.{needed}; set that, or leave this out"
    keeps = deviation.keep_above_eV_A is not None or deviation.keep_above_grade is not None
    if keeps and deviation.folder is None:
        yield "deviation.folder", "is required to keep frames without a trajectory; give a path"
