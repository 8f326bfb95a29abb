"""Frames of the deforming stage of a run, with their strains and the stress-strain curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcpot.analysis import tension
from hpcpot.analysis.tension import Curve
from hpcpot.commands.analyze.settings import AnalyzeSettings
from hpcpot.config import yaml_text
from hpcpot.errors import ConfigError, OutputError
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.units import FS_PER_PS

SPREAD = 4
"""Number of strains to draw by default."""
TOLERANCE = 0.005
"""Largest distance of figures.strains from the strains of the frames."""


@dataclass(frozen=True)
class Pull:
    """Frames of a stage of a run, the first being the reference; or of a whole trajectory, if `parts` is null.

    Attributes:
        stage: its name; None for a whole trajectory. axis: 0, 1 or 2, the pulled one.
        rows: rows of the stage in the time series of the run.
        frames: numbers in the trajectory. steps: (frames,) int64. times: (frames,) float64, ps, since the reference.
        cells: (frames, 3, 3) float64, Å.
        strains: (frames,) float64, engineering strain along the axis.
    """

    stage: str | None
    axis: int
    rows: slice
    frames: list[int]
    steps: np.ndarray
    times: np.ndarray
    cells: np.ndarray
    strains: np.ndarray


def find(reader: TrajectoryReader, settings: AnalyzeSettings) -> Pull:
    """Find the frames to analyse.

    Raises:
        OutputError: the trajectory has no frame of that stage, or no observables.
        ConfigError: pull.stage or pull.axis does not fit the run.
    """
    if settings.parts is None:
        return whole(reader, settings)
    series, stages = series_of(reader), stages_of_run(reader)
    name, axis = choose(stages, settings)
    inside = rows_of(name, stages, series)
    steps = reader.steps()
    # Every frame has a row in the time series, but a killed run may lack the frame of its last row.
    frames = frames_of(name, reader, series["step"][inside])[:: settings.pull.frames_every]
    rows = np.searchsorted(series["step"], steps[frames])
    strain, times = strain_along(series, axis), reader.times()[frames] / FS_PER_PS
    return Pull(
        name,
        axis,
        slice(int(rows[0]), int(inside[-1]) + 1),
        frames.tolist(),
        steps[frames],
        times - times[0],
        reader.cells()[frames],
        relative(strain[rows]),
    )


def whole(reader: TrajectoryReader, settings: AnalyzeSettings) -> Pull:
    """Take all frames of a trajectory, or those of pull.stage, without strain.

    Raises:
        OutputError: there is none, or the trajectory has no observables to tell stages by. ConfigError: no such stage.
    """
    name, frames = settings.pull.stage, np.arange(len(reader))
    if name is not None:
        series, stages = series_of(reader), stages_of_run(reader)
        refuse_unknown(name, stages)
        frames = frames_of(name, reader, series["step"][rows_of(name, stages, series)])
    frames = frames[:: settings.pull.frames_every]
    if len(frames) == 0:
        raise OutputError(f"{reader.path} = no frame yet: must have at least one; wait for the first.")
    times, cells = reader.times()[frames] / FS_PER_PS, reader.cells()[frames]
    return Pull(
        None, 0, slice(0), frames.tolist(), reader.steps()[frames], times - times[0], cells, np.zeros(len(frames))
    )


def stages_of_run(reader: TrajectoryReader) -> dict[str, dict]:
    """Read the stages of the run that wrote a trajectory, in order: name and keys of each.

    Raises:
        OutputError: the trajectory does not hold the config of its run.
    """
    runs = reader.provenance()
    try:
        tree, _ = yaml_text.parse(str(runs[-1]["config"]))
        stages = tree.get("stages") or {"md": tree["md"]}
        return {name: dict(keys) for name, keys in stages.items()}
    except (LookupError, ValueError, TypeError, AttributeError) as error:  # no config, or another kind of text
        raise OutputError(
            f"{reader.path} = no config of its run: must be a trajectory of hpcpot md; give another file."
        ) from error


def series_of(reader: TrajectoryReader) -> dict[str, np.ndarray]:
    """Time series of the run, which tell stages and strains.

    Raises:
        OutputError: the trajectory has none.
    """
    series = reader.observables()
    if not series:
        raise OutputError(
            f"{reader.path} = no observables: must have them, as they say how far; run with output.observables_every."
        )
    return series


def rows_of(name: str, stages: dict[str, dict], series: dict[str, np.ndarray]) -> np.ndarray:
    """Rows of a stage in the time series."""
    number = list(stages).index(name)
    return np.flatnonzero(series["stage"] == number) if "stage" in series else np.arange(len(series["step"]))


def frames_of(name: str, reader: TrajectoryReader, steps: np.ndarray) -> np.ndarray:
    """Numbers of the frames of a stage, which are at some of its steps.

    Raises:
        OutputError: there is none.
    """
    frames = np.flatnonzero(np.isin(reader.steps(), steps))
    if len(frames) == 0:
        raise OutputError(f"{reader.path} = no frame of stage {name} yet: must have at least one; wait for the first.")
    return frames


def refuse_unknown(name: str | None, stages: dict[str, dict]) -> None:
    """Refuse a stage that the run does not have."""
    if name is not None and name not in stages:
        raise ConfigError(f"pull.stage = {name}: must be a stage of the run, {', '.join(stages)}; correct it.")


def choose(stages: dict[str, dict], settings: AnalyzeSettings) -> tuple[str, int]:
    """Choose stage and axis: those of the config, by default the first stage that deforms and its axis."""
    options = settings.pull
    refuse_unknown(options.stage, stages)
    deforming = [name for name, keys in stages.items() if keys.get("deform")]
    name = options.stage or (deforming or list(stages))[0]
    axis = options.axis or next(
        (stages[candidate]["deform_axis"] for candidate in (name, *deforming) if candidate in deforming), None
    )
    if axis is None:
        raise ConfigError("pull.axis = null: must be x, y or z where no stage of the run deforms; give the axis.")
    return name, "xyz".index(axis)


def strain_along(series: dict[str, np.ndarray], axis: int) -> np.ndarray:
    """Engineering strain in each row of the time series; 0 for a run that changed no cell and moved no grip."""
    return series["engineering_strain"][:, axis] if "engineering_strain" in series else np.zeros(len(series["step"]))


def relative(strain: np.ndarray) -> np.ndarray:
    """Strain relative to the first entry."""
    return (1.0 + strain) / (1.0 + strain[0]) - 1.0


def chosen(pull: Pull, settings: AnalyzeSettings) -> list[int]:
    """Choose the rows of `pull` nearest to figures.strains, in order.

    Raises:
        ConfigError: a strain outside the range of the frames.
    """
    strains = settings.figures.strains
    if pull.stage is None:
        return []
    if strains is None:
        return sorted(set(np.linspace(0, len(pull.frames) - 1, SPREAD).round().astype(int).tolist()))
    low, high = float(pull.strains.min()), float(pull.strains.max())
    for strain in strains:
        if not low - TOLERANCE <= strain <= high + TOLERANCE:
            raise ConfigError(
                f"figures.strains = {strain:g}: must be among the strains of the frames, {low:.4g} to {high:.4g}; "
                "leave it out, or pull farther."
            )
    return list(dict.fromkeys(int(np.argmin(np.abs(pull.strains - strain))) for strain in strains))


def read_curve(reader: TrajectoryReader, pull: Pull, settings: AnalyzeSettings) -> Curve:
    """Read the stress-strain curve of the stage.

    Raises:
        OutputError: the run has not written what it requires, or fewer than two rows.
    """
    options, series = settings.curve, reader.observables()
    name = "grip_force" if options.stress == "grip" else "nominal_stress" if options.area == "initial" else "stress"
    if name not in series:
        what = "atoms by grips" if name == "grip_force" else "cell"
        raise OutputError(
            f"{reader.path} = no {name}: a stage of its run must deform the {what}; "
            "take another trajectory or curve.stress, or leave curve out of parts."
        )
    values = {key: series[key][pull.rows] for key in ("time", name, "cell_lengths")}
    times, stress = values["time"], values[name][:, pull.axis]
    if len(times) < 2:
        raise OutputError(
            f"{reader.path} = {len(times)} row of {name} in stage {pull.stage}: must be at least 2; run farther."
        )
    radius = options.particle_radius_A
    if options.stress == "grip":
        stress = tension.stress_of_grip(stress, radius)
    elif radius is not None:
        lengths = values["cell_lengths"]
        volumes = abs(np.linalg.det(pull.cells[0])) * np.prod(lengths / lengths[0], axis=1)
        stress = tension.stress_of_particle(stress, volumes, radius)
    return tension.make_curve(times - times[0], relative(strain_along(series, pull.axis)[pull.rows]), stress)
