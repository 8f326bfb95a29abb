"""The config of `hpcpot md`: every key, its kind, default and meaning."""

from __future__ import annotations

from hpcpot.analysis.registry import observations
from hpcpot.config import Key, Schema, Settings
from hpcpot.config.kinds import (
    boolean,
    choice,
    either,
    element,
    file_name,
    integer,
    intervals,
    list_of,
    number,
    output_path,
)
from hpcpot.dynamics import checks
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.potential import settings as potential_settings

EVERY = "set 0 for never"
AXES = list_of(choice("x", "y", "z"), "a list of axes, e.g. [x, z]")
BOX = intervals("[[xlo, xhi], [ylo, yhi], [zlo, zhi]] in Å, null for an open end")

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
MD = (
    Key(
        "md.integrator",
        choice(*INTEGRATORS),
        "equations of motion; or minimise the energy by conjugate gradients or FIRE, a step being an iteration",
    ),
    Key(
        "md.steps",
        integer(),
        "steps to do in all, at most when minimising; a restart continues to this number",
        hint="0 only evaluates the structure",
    ),
    Key("md.timestep_fs", number(above=0), "time step", hint="typical 0.5 to 2"),
    Key(
        "md.temperature_K",
        number(minimum=0),
        "temperature of the thermostat; needed for nvt and npt",
        None,
        hint="typical 300 to 3000",
    ),
    Key(
        "md.temperature_end_K",
        number(minimum=0),
        "linear ramp from temperature_K to this over the steps; null: no ramp",
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
    Key("md.drag", number(minimum=0), "damps chains of Nose-Hoover and the barostat, as LAMMPS's drag; 0: none", 0.0),
    Key("md.barostat_axes", AXES, "axes along which the cell follows the pressure; needed for npt", None),
    Key("md.pressure_GPa", number(), "along each of these axes", 1.0e-4, hint="1.0e-4 is 1 bar"),
    Key("md.barostat_time_fs", number(above=0), "damping time", 1000.0, hint="typical 1000 time steps"),
    Key(
        "md.deform",
        choice("cell", "grips"),
        "pull or press: cell, all of it with its atoms; grips, a rigid group of atoms (section grips); null: neither",
        None,
    ),
    Key("md.deform_axis", choice("x", "y", "z"), "along which to pull or press", None),
    Key(
        "md.strain_rate_per_ps",
        number(),
        "engineering strain rate, of the cell or of the length of all atoms for grips; < 0 presses",
        None,
        hint="0.01 is 1e10 per second",
    ),
    Key("md.grip_force_eV_A", number(), "force on the moving grip along the axis, in place of a rate", None),
    Key("md.energy_tolerance", number(minimum=0), "stop minimising when an iteration gains less of the energy", 1e-7),
    Key("md.force_tolerance_eV_A", number(minimum=0), "or when the vector of all forces is shorter", 1e-7),
)
GRIPS = (
    Key("grips.fraction", number(above=0), "of the atoms' length along the axis, how much at each end is grip", 0.1),
    Key("grips.fixed_region_A", BOX, "the fixed grip's atoms are those in this box, in place of a fraction", None),
    Key("grips.moving_region_A", BOX, "the same for the moving grip", None),
)
FROZEN = (
    Key("frozen.elements", list_of(element(), "a list of elements, e.g. [Si]"), "freeze atoms of these elements", None),
    Key(
        "frozen.ids",
        list_of(integer(), "a list of whole numbers >= 0"),
        "freeze atoms of these ids, counted from 0",
        None,
    ),
    Key("frozen.region_A", BOX, "freeze atoms that start in this box; of several criteria an atom must meet all", None),
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
    Key(
        "parallel.gpu_exchange",
        choice("auto", "direct", "pinned"),
        "ghosts of ranks on GPUs: straight by a GPU-aware MPI, or by way of pinned memory; auto asks MPI",
        "auto",
    ),
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
    Key("output.virial_every", integer(), "steps between frames of per-atom virials", 0, hint=EVERY),
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
DEVIATION = (
    Key(
        "deviation.files",
        list_of(file_name(), "a list of model files"),
        "other members of the committee: how far their forces are apart is an observable; null: none",
        None,
        is_input=True,
    ),
    Key(
        "deviation.stop_above_eV_A",
        number(above=0),
        "end with a checkpoint where the largest deviation is above; null: go on",
        None,
        hint="typical 0.3",
    ),
    Key(
        "deviation.keep_above_eV_A",
        number(above=0),
        "write frames, of steps that are printed or observed, where it is above into deviation.folder; null: none",
        None,
        hint="typical 0.1",
    ),
    Key(
        "deviation.grade",
        boolean(),
        "observe the extrapolation grade of a moment tensor potential that hpcpot train made",
        False,
    ),
    Key(
        "deviation.stop_above_grade",
        number(above=0),
        "end with a checkpoint where the largest grade is above; null: go on",
        None,
        hint="typical 10",
    ),
    Key(
        "deviation.keep_above_grade",
        number(above=0),
        "write frames, of steps that are printed or observed, where it is above into deviation.folder; null: none",
        None,
        hint="typical 2",
    ),
    Key("deviation.folder", output_path(), "of kept frames, a file for each; null: <trajectory>_doubtful", None),
)
OBSERVE = (
    Key("observe", observations(), "observables to sample on the way, each every so many steps; null: none", None),
    Key("output.observed", output_path(), "HDF5 file of their tables; null: <trajectory>.observed.h5", None),
)
DEVICE = (
    Key(
        "device",
        choice("cpu", "gpu", "auto"),
        "where atoms move and forces are computed; auto: a GPU where there is one",
        "auto",
    ),
)


def wanted_device(settings: Settings) -> str:
    """The key `device`; reference kernels are for the CPU, so that auto means it."""
    return "cpu" if settings.potential.kernels == "reference" else settings.device


KEYS = STRUCTURE + potential_settings.KEYS + MD + FROZEN + GRIPS + PARALLEL + OUTPUT + OBSERVE + DEVIATION + DEVICE
SCHEMA = Schema(KEYS, checks.check, staged="md")
