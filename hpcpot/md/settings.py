"""The config of `hpcpot md`: every key, its kind, default and meaning, and how keys must fit together."""

from __future__ import annotations

from collections.abc import Iterator

from hpcpot.config import Key, Schema, Settings
from hpcpot.kinds import boolean, choice, either, element, file_name, integer, intervals, list_of, number, output_path

CPU_ONLY = "the GPU engine is not in this version"
EVERY = "set 0 for never"

STRUCTURE = (
    Key(
        "structure.file",
        file_name(),
        "atoms and cell: extxyz, LAMMPS data, POSCAR, or a shipped name such as interface_si100",
        is_input=True,
    ),
    Key(
        "structure.elements",
        list_of(element(), "a list of elements, e.g. [Li, Si]"),
        "elements of the LAMMPS types 1, 2, ...; null where the file names them",
        None,
    ),
)
POTENTIAL = (
    Key(
        "potential.file",
        either(file_name(), list_of(file_name(), "a list of files, one per element")),
        "model: hpcpot .h5, DeePMD-kit, aenet, or a shipped name such as lisi",
        is_input=True,
    ),
    Key("potential.kernels", choice("cpu", "reference"), "cpu: compiled; reference: readable NumPy, slow", "cpu"),
)
MD = (
    Key("md.integrator", choice("nve", "nvt_nose_hoover", "nvt_langevin"), "equations of motion"),
    Key(
        "md.steps",
        integer(),
        "steps to do in all; a restart continues to this number",
        hint="0 only evaluates the structure",
    ),
    Key("md.timestep_fs", number(above=0), "time step", hint="typical 0.5 to 2"),
    Key(
        "md.temperature_K",
        number(minimum=0),
        "temperature of the thermostat; needed for nvt",
        None,
        hint="typical 300 to 3000",
    ),
    Key(
        "md.temperature_end_K",
        number(minimum=0),
        "linear ramp from temperature_K to this over the run; null: no ramp",
        None,
    ),
    Key(
        "md.thermostat_time_fs",
        number(above=0),
        "damping time (Nose-Hoover), 1/friction (Langevin)",
        50.0,
        hint="typical 100 time steps",
    ),
    Key(
        "md.initial_temperature_K",
        number(minimum=0),
        "draw velocities at this temperature; null: those of the structure, zero if it has none",
        None,
    ),
    Key("md.seed", integer(), "of initial velocities and Langevin forces", 0),
    Key("md.remove_drift", boolean(), "take the total momentum off the initial velocities", True),
    Key("md.maximum_temperature_K", number(above=0), "stop above this temperature", 20000.0),
)
FROZEN = (
    Key("frozen.elements", list_of(element(), "a list of elements, e.g. [Si]"), "freeze atoms of these elements", None),
    Key(
        "frozen.ids",
        list_of(integer(), "a list of whole numbers >= 0"),
        "freeze atoms of these ids, counted from 0",
        None,
    ),
    Key(
        "frozen.region_A",
        intervals("[[xlo, xhi], [ylo, yhi], [zlo, zhi]] in Å, null for an open end"),
        "freeze atoms that start in this box; of several criteria an atom must meet all",
        None,
    ),
)
PARALLEL = (
    Key(
        "neighbors.skin_A",
        number(above=0),
        "pairs are kept to cutoff + skin and rebuilt after a move of skin/2",
        1.0,
        hint="typical 0.5 to 2",
    ),
    Key(
        "parallel.grid", either(choice("auto"), list_of(integer(1), "[nx, ny, nz]", 3)), "ranks along each axis", "auto"
    ),
    Key("parallel.balance", boolean(), "move the cut planes to where the work is equal", True),
    Key("parallel.hdf5", choice("auto", "parallel", "rank0"), "who writes: all ranks, or rank 0 for all", "auto"),
)
OUTPUT = (
    Key("output.trajectory", output_path(), "H5MD file to write; null: none", null=True),
    Key("output.checkpoint", output_path(), "file to restart from; null: <trajectory>.checkpoint.h5", None),
    Key("output.precision", choice("float64", "float32"), "of the arrays in the trajectory", "float64"),
    Key("output.position_every", integer(), "steps between frames of positions", 100, hint=EVERY),
    Key("output.velocity_every", integer(), "steps between frames of velocities", 0, hint=EVERY),
    Key("output.force_every", integer(), "steps between frames of forces", 0, hint=EVERY),
    Key("output.energy_every", integer(), "steps between frames of per-atom energies", 0, hint=EVERY),
    Key("output.observables_every", integer(), "steps between rows of temperature, energies, pressure", 10, hint=EVERY),
    Key("output.thermo_every", integer(), "steps between printed lines", 100, hint=EVERY),
    Key(
        "output.checkpoint_every",
        integer(),
        "steps between checkpoints; one is also written at the end",
        10000,
        hint=EVERY,
    ),
)
DEVICE = (
    Key("device", choice("cpu", "gpu", "auto"), "where the forces are computed; auto takes the best there is", "auto"),
)


def device_line(settings: Settings) -> str:
    """Which device was chosen, and why, for the head of a run's output."""
    return f"device: cpu (auto: {CPU_ONLY})" if settings.device == "auto" else f"device: {settings.device}"


def _check(settings: Settings) -> Iterator[tuple[str, str]]:
    """What does not fit together; fills in output.checkpoint and md.temperature_end_K."""
    if settings.device == "gpu":
        yield "device", f"{CPU_ONLY}; set device: cpu"
    yield from _check_thermostat(settings.md)
    yield from _check_files(settings)


def _check_thermostat(md: Settings) -> Iterator[tuple[str, str]]:
    is_nvt = md.integrator != "nve"
    if is_nvt and md.temperature_K is None:
        yield "md.temperature_K", f"is required for {md.integrator}; give a temperature or set md.integrator: nve"
    if not is_nvt and md.temperature_end_K is not None:
        yield "md.temperature_end_K", "nve has no thermostat to ramp; set null or another md.integrator"
    if is_nvt and md.temperature_end_K is None:
        md.temperature_end_K = md.temperature_K
    if is_nvt and md.thermostat_time_fs < md.timestep_fs:
        yield "md.thermostat_time_fs", f"must be >= md.timestep_fs ({md.timestep_fs:g}); typical 100 time steps"
    for name in ("temperature_K", "temperature_end_K", "initial_temperature_K"):
        value = getattr(md, name)
        if value is not None and value >= md.maximum_temperature_K:
            yield (
                f"md.{name}",
                f"must be below md.maximum_temperature_K ({md.maximum_temperature_K:g}), where a run stops",
            )
        if value == 0 and name != "initial_temperature_K" and md.integrator == "nvt_nose_hoover":
            yield f"md.{name}", "must be > 0 for nvt_nose_hoover; use nvt_langevin to cool to 0 K"


def _check_files(settings: Settings) -> Iterator[tuple[str, str]]:
    output = settings.output
    if output.checkpoint is None and output.trajectory is not None:
        output.checkpoint = output.trajectory.with_suffix(".checkpoint.h5")
    if output.checkpoint is None and output.checkpoint_every:
        yield "output.checkpoint", "is required without a trajectory; give a path or set output.checkpoint_every: 0"
    models = settings.potential.file
    inputs = [settings.structure.file, *(models if isinstance(models, list) else [models])]
    for name in ("trajectory", "checkpoint"):
        path = getattr(output, name)
        if path is not None and path.resolve() in inputs:
            yield f"output.{name}", "would overwrite an input of this run; give another path"
    intervals = ("position_every", "velocity_every", "force_every", "energy_every", "observables_every")
    if output.trajectory is not None and not any(getattr(output, name) for name in intervals):
        yield "output.trajectory", "nothing is to be written there; set an interval such as output.position_every, or null"
    if output.trajectory is not None and output.checkpoint.resolve() == output.trajectory.resolve():
        yield "output.checkpoint", "must not be the trajectory; give another path"


SCHEMA = Schema(STRUCTURE + POTENTIAL + MD + FROZEN + PARALLEL + OUTPUT + DEVICE, _check)
