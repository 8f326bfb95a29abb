"""The config of `hpcpot md`: every key, its kind, default and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot.analysis.registry import observations
from hpcpot.config import Schema, key, stages_of
from hpcpot.config.kinds import (
    Late,
    boolean,
    choice,
    either,
    element,
    file_name,
    integer,
    intervals,
    list_of,
    number,
    output_folder,
    output_path,
)
from hpcpot.dynamics import checks
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.potential.settings import PotentialSection

EVERY = "set 0 for never"
AXES = list_of(choice("x", "y", "z"), "a list of axes, e.g. [x, z]")
BOX = intervals("[[xlo, xhi], [ylo, yhi], [zlo, zhi]] in Å, null for an open end")


@dataclass(frozen=True, kw_only=True)
class StructureSection:
    """The atoms to begin with."""

    file: Path = key(
        file_name(),
        "atoms and cell: extxyz, LAMMPS data, POSCAR, or a shipped name such as interface_si100",
        is_input=True,
    )
    elements: list[str] | None = key(
        list_of(element(), "a list of elements, e.g. [Li, Si]"),
        "elements of the LAMMPS types 1, 2, ...; null where the file names them",
        None,
    )


@dataclass(frozen=True, kw_only=True)
class StageSection:
    """Equations of motion, and how long: of the run, or of one of its stages."""

    integrator: str = key(
        Late(lambda: choice(*INTEGRATORS)),
        "equations of motion; or minimise the energy by conjugate gradients or FIRE, a step being an iteration",
    )
    steps: int = key(
        integer(),
        "steps to do in all, at most when minimising; a restart continues to this number",
        hint="0 only evaluates the structure",
    )
    timestep_fs: float = key(number(above=0), "time step", hint="typical 0.5 to 2")
    temperature_K: float | None = key(
        number(minimum=0), "temperature of the thermostat; needed for nvt and npt", None, hint="typical 300 to 3000"
    )
    temperature_end_K: float | None = key(
        number(minimum=0), "linear ramp from temperature_K to this over the steps; null: no ramp", None
    )
    thermostat_time_fs: float = key(
        number(above=0), "damping time (Nose-Hoover), 1/friction (Langevin)", 50.0, hint="typical 100 time steps"
    )
    initial_temperature_K: float | None = key(
        number(minimum=0),
        "draw velocities at this temperature; null: those of the structure, zero if it has none",
        None,
    )
    seed: int = key(integer(), "of initial velocities and Langevin forces", 0)
    remove_drift: bool = key(boolean(), "take the total momentum off the initial velocities", True)
    maximum_temperature_K: float = key(number(above=0), "stop above this temperature", 20000.0)
    drag: float = key(number(minimum=0), "damps chains of Nose-Hoover and the barostat, as LAMMPS's drag; 0: none", 0.0)
    barostat_axes: list[str] | None = key(AXES, "axes along which the cell follows the pressure; needed for npt", None)
    pressure_GPa: float = key(number(), "along each of these axes", 1.0e-4, hint="1.0e-4 is 1 bar")
    barostat_time_fs: float = key(number(above=0), "damping time", 1000.0, hint="typical 1000 time steps")
    deform: str | None = key(
        choice("cell", "grips"),
        "pull or press: cell, all of it with its atoms; grips, a rigid group of atoms (section grips); null: neither",
        None,
    )
    deform_axis: str | None = key(choice("x", "y", "z"), "along which to pull or press", None)
    strain_rate_per_ps: float | None = key(
        number(),
        "engineering strain rate, of the cell or of the length of all atoms for grips; < 0 presses",
        None,
        hint="0.01 is 1e10 per second",
    )
    grip_force_eV_A: float | None = key(number(), "force on the moving grip along the axis, in place of a rate", None)
    energy_tolerance: float = key(number(minimum=0), "stop minimising when an iteration gains less of the energy", 1e-7)
    force_tolerance_eV_A: float = key(number(minimum=0), "or when the vector of all forces is shorter", 1e-7)


@dataclass(frozen=True, kw_only=True)
class FrozenSection:
    """Atoms that stay where they are."""

    elements: list[str] | None = key(
        list_of(element(), "a list of elements, e.g. [Si]"), "freeze atoms of these elements", None
    )
    ids: list[int] | None = key(
        list_of(integer(), "a list of whole numbers >= 0"), "freeze atoms of these ids, counted from 0", None
    )
    region_A: list[list[float | None]] | None = key(
        BOX, "freeze atoms that start in this box; of several criteria an atom must meet all", None
    )


@dataclass(frozen=True, kw_only=True)
class GripsSection:
    """The atoms by which a specimen is pulled."""

    fraction: float = key(number(above=0), "of the atoms' length along the axis, how much at each end is grip", 0.1)
    fixed_region_A: list[list[float | None]] | None = key(
        BOX, "the fixed grip's atoms are those in this box, in place of a fraction", None
    )
    moving_region_A: list[list[float | None]] | None = key(BOX, "the same for the moving grip", None)


@dataclass(frozen=True, kw_only=True)
class NeighborsSection:
    """Lists of neighbours."""

    skin_A: float = key(
        number(above=0),
        "pairs are kept to cutoff + skin and rebuilt after a move of skin/2",
        1.0,
        hint="typical 0.5 to 2",
    )


@dataclass(frozen=True, kw_only=True)
class ParallelSection:
    """How the run is spread over ranks."""

    grid: str | list[int] = key(
        either(choice("auto"), list_of(integer(1), "[nx, ny, nz]", 3)), "ranks along each axis", "auto"
    )
    balance: bool = key(boolean(), "move the cut planes to where the work is equal", True)
    gpu_exchange: str = key(
        choice("auto", "direct", "pinned"),
        "ghosts of ranks on GPUs: straight by a GPU-aware MPI, or by way of pinned memory; auto asks MPI",
        "auto",
    )
    hdf5: str = key(choice("auto", "parallel", "rank0"), "who writes: all ranks, or rank 0 for all", "auto")


@dataclass(frozen=True, kw_only=True)
class MDOutputSection:
    """What is written, and how often."""

    trajectory: Path | None = key(output_path(), "H5MD file to write; null: none", null=True)
    checkpoint: Path | None = key(output_path(), "file to restart from; null: <trajectory>.checkpoint.h5", None)
    precision: str = key(choice("float64", "float32"), "of the arrays in the trajectory", "float64")
    position_every: int = key(integer(), "steps between frames of positions", 100, hint=EVERY)
    velocity_every: int = key(integer(), "steps between frames of velocities", 0, hint=EVERY)
    force_every: int = key(integer(), "steps between frames of forces", 0, hint=EVERY)
    energy_every: int = key(integer(), "steps between frames of per-atom energies", 0, hint=EVERY)
    virial_every: int = key(integer(), "steps between frames of per-atom virials", 0, hint=EVERY)
    observables_every: int = key(integer(), "steps between rows of temperature, energies, pressure", 10, hint=EVERY)
    thermo_every: int = key(integer(), "steps between printed lines", 100, hint=EVERY)
    checkpoint_every: int = key(
        integer(), "steps between checkpoints; one is also written at the end", 10000, hint=EVERY
    )
    observed: Path | None = key(output_path(), "HDF5 file of their tables; null: <trajectory>.observed.h5", None)


@dataclass(frozen=True, kw_only=True)
class DeviationSection:
    """How far the model can be trusted where the run goes."""

    files: list[Path] | None = key(
        list_of(file_name(), "a list of model files"),
        "other members of the committee: how far their forces are apart is an observable; null: none",
        None,
        is_input=True,
    )
    stop_above_eV_A: float | None = key(
        number(above=0),
        "end with a checkpoint where the largest deviation is above; null: go on",
        None,
        hint="typical 0.3",
    )
    keep_above_eV_A: float | None = key(
        number(above=0),
        "write frames, of steps that are printed or observed, where it is above into deviation.folder; null: none",
        None,
        hint="typical 0.1",
    )
    grade: bool = key(
        boolean(), "observe the extrapolation grade of a moment tensor potential that hpcpot train made", False
    )
    stop_above_grade: float | None = key(
        number(above=0), "end with a checkpoint where the largest grade is above; null: go on", None, hint="typical 10"
    )
    keep_above_grade: float | None = key(
        number(above=0),
        "write frames, of steps that are printed or observed, where it is above into deviation.folder; null: none",
        None,
        hint="typical 2",
    )
    folder: Path | None = key(output_folder(), "of kept frames, a file for each; null: <trajectory>_doubtful", None)


@dataclass(frozen=True, kw_only=True)
class MDSettings:
    """The config of `hpcpot md`."""

    structure: StructureSection
    potential: PotentialSection
    md: StageSection | None
    frozen: FrozenSection = FrozenSection()
    grips: GripsSection = GripsSection()
    neighbors: NeighborsSection = NeighborsSection()
    parallel: ParallelSection = ParallelSection()
    output: MDOutputSection
    observe: list[dict[str, Any]] | None = key(
        observations(), "observables to sample on the way, each every so many steps; null: none", None
    )
    deviation: DeviationSection = DeviationSection()
    device: str = key(
        choice("cpu", "gpu", "auto"), "where atoms move and forces are computed; auto: a GPU where there is one", "auto"
    )
    stages: dict[str, StageSection] = stages_of("md")


def wanted_device(settings: MDSettings) -> str:
    """The key `device`; reference kernels are for the CPU, so that auto means it."""
    return "cpu" if settings.potential.kernels == "reference" else settings.device


SCHEMA = Schema(MDSettings, checks.check, checks.complete)
