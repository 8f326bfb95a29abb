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
    pressure,
)
from hpcpot.dynamics import checks
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.potential.settings import PotentialSection
from hpcpot.structure.settings import elements_key, format_key, units_key

EVERY = "set 0 for never"
AXES = list_of(choice("x", "y", "z"), "a list of axes, e.g. [x, z]")
BOX = intervals("[[xlo, xhi], [ylo, yhi], [zlo, zhi]] in Å, null for an open end")


@dataclass(frozen=True, kw_only=True)
class StructureSection:
    """The initial structure."""

    file: Path = key(
        file_name(),
        "initial atoms and cell: XYZ, LAMMPS data or dump, POSCAR, CIF, XSF, a trajectory of hpcpot or another format of "
        "ase.io; or the name of a shipped structure, e.g. interface_si100",
        is_input=True,
    )
    elements: list[str] | None = elements_key()
    units: str | None = units_key()
    frame: int = key(integer(-1), "frame of a file of several, from 0; -1 is the last", -1)
    format: str | None = format_key()


@dataclass(frozen=True, kw_only=True)
class StageSection:
    """Integration of the equations of motion, in the whole run or in one of its stages."""

    integrator: str = key(
        Late(lambda: choice(*INTEGRATORS)),
        "equations of motion to integrate; cg and fire minimise the energy instead, one iteration per step",
        also=("ensemble", "dynamics", "fix"),
    )
    steps: int = key(
        integer(),
        "total number of steps, or their maximum for a minimiser; a restart continues up to this number",
        hint="0 evaluates the structure only",
        also=("nsteps", "nstep", "nsw", "run"),
    )
    timestep_fs: float = key(
        number(above=0), "time step", hint="typical 0.5 to 2", also=("dt", "time_step", "potim", "dt_fs")
    )
    temperature_K: float | None = key(
        number(minimum=0),
        "temperature of the thermostat; required by nvt and npt integrators",
        None,
        hint="typical 300 to 3000",
        also=("temp", "t", "temperature", "ref_t", "tebeg"),
    )
    temperature_end_K: float | None = key(
        number(minimum=0),
        "final temperature of a linear ramp that starts at temperature_K; null: constant temperature",
        None,
    )
    thermostat_time_fs: float = key(
        number(above=0),
        "time constant of the thermostat: damping time (Nose-Hoover) or 1/friction (Langevin)",
        50.0,
        hint="typical 100 time steps",
        also=("tdamp", "tau_t", "taut", "ttime"),
    )
    initial_temperature_K: float | None = key(
        number(minimum=0),
        "draw initial velocities at this temperature; null: take those of the structure, or zero",
        None,
    )
    seed: int = key(integer(), "seed of the initial velocities and of the Langevin forces", 0)
    remove_drift: bool = key(boolean(), "remove the total momentum from the initial velocities", True)
    maximum_temperature_K: float = key(number(above=0), "stop the run with an error above this temperature", 20000.0)
    drag: float = key(
        number(minimum=0), "drag on the Nose-Hoover chains and the barostat, as LAMMPS's drag; 0: none", 0.0
    )
    barostat_axes: list[str] | None = key(
        AXES, "axes along which the barostat changes the cell; required by npt integrators", None
    )
    barostat_coupling: str = key(
        choice("axes", "isotropic"),
        "axes: each of barostat_axes follows its own pressure; isotropic: they change by one factor, by their mean pressure",
        "axes",
    )
    pressure_GPa: float = key(
        pressure(), "pressure along each barostat axis; 1.0e-4 is 1 bar", 1.0e-4, also=("press", "p", "pressure")
    )
    barostat_time_fs: float = key(
        number(above=0),
        "damping time of the barostat",
        1000.0,
        hint="typical 1000 time steps",
        also=("pdamp", "tau_p", "taup", "ptime"),
    )
    deform: str | None = key(
        choice("cell", "grips"),
        "how the sample is strained: cell scales the cell and its atoms, grips moves a rigid group of atoms (section grips); "
        "null: not at all",
        None,
    )
    deform_axis: str | None = key(choice("x", "y", "z"), "axis along which the sample is strained", None)
    strain_rate_per_ps: float | None = key(
        number(),
        "engineering strain rate, of the length where the reported strain is 0: the cell's at the start of the first stage "
        "that deforms, or the sample's where stages with grips begin; negative: compression",
        None,
        hint="0.01 is 1e10 per second",
    )
    grip_force_eV_A: float | None = key(
        number(), "force on the moving grip along the axis, instead of a strain rate", None
    )
    energy_tolerance: float = key(
        number(minimum=0), "stop minimising when the relative change of the energy in one iteration is smaller", 1e-7
    )
    force_tolerance_eV_A: float = key(
        number(minimum=0), "stop minimising when the norm of the vector of all forces is smaller", 1e-7
    )


@dataclass(frozen=True, kw_only=True)
class FrozenSection:
    """Atoms held fixed; an atom must meet every criterion given."""

    elements: list[str] | None = key(
        list_of(element(), "a list of elements, e.g. [Si]"), "hold atoms of these elements", None
    )
    ids: list[int] | None = key(
        list_of(integer(), "a list of whole numbers >= 0"), "hold atoms with these ids, counted from 0", None
    )
    region_A: list[list[float | None]] | None = key(BOX, "hold atoms that start inside this box", None)


@dataclass(frozen=True, kw_only=True)
class GripsSection:
    """The groups of atoms by which a sample is pulled."""

    fraction: float = key(
        number(above=0), "length of each grip as a fraction of the length of the sample along the axis", 0.1
    )
    fixed_region_A: list[list[float | None]] | None = key(
        BOX, "box that holds the atoms of the fixed grip, instead of grips.fraction", None
    )
    moving_region_A: list[list[float | None]] | None = key(BOX, "box that holds the atoms of the moving grip", None)


@dataclass(frozen=True, kw_only=True)
class NeighborsSection:
    """Neighbour lists."""

    skin_A: float = key(
        number(above=0),
        "margin of the neighbour lists beyond the cutoff; they are rebuilt when an atom has moved by half of it",
        1.0,
        hint="typical 0.5 to 2",
    )


@dataclass(frozen=True, kw_only=True)
class ParallelSection:
    """Domain decomposition and parallel output."""

    grid: str | list[int] = key(
        either(choice("auto"), list_of(integer(1), "[nx, ny, nz]", 3)),
        "number of ranks along each axis of the cell",
        "auto",
    )
    balance: bool = key(boolean(), "shift domain boundaries so that all ranks have equal work", True)
    gpu_exchange: str = key(
        choice("auto", "direct", "pinned"),
        "exchange of ghost atoms between GPUs: direct by GPU-aware MPI, or through pinned host memory; auto: direct if MPI can",
        "auto",
    )
    hdf5: str = key(
        choice("auto", "parallel", "rank0"),
        "writing of the trajectory: by all ranks in parallel, or by rank 0 for all; auto: parallel if HDF5 can",
        "auto",
    )


@dataclass(frozen=True, kw_only=True)
class MDOutputSection:
    """Output files and the intervals between their frames."""

    trajectory: Path | None = key(
        output_path(), "H5MD trajectory to write; null: none", null=True, also=("traj", "dump")
    )
    checkpoint: Path | None = key(
        output_path(), "checkpoint to write, from which --restart continues; null: <trajectory>.checkpoint.h5", None
    )
    precision: str = key(choice("float64", "float32"), "precision of the arrays in the trajectory", "float64")
    position_every: int = key(integer(), "steps between frames of positions", 100, hint=EVERY)
    velocity_every: int = key(integer(), "steps between frames of velocities", 0, hint=EVERY)
    force_every: int = key(integer(), "steps between frames of forces", 0, hint=EVERY)
    energy_every: int = key(integer(), "steps between frames of per-atom energies", 0, hint=EVERY)
    virial_every: int = key(integer(), "steps between frames of per-atom virials", 0, hint=EVERY)
    observables_every: int = key(
        integer(),
        "steps between rows of thermodynamic data (temperature, energies, pressure) in the trajectory",
        10,
        hint=EVERY,
    )
    thermo_every: int = key(integer(), "steps between printed lines of thermodynamic data", 100, hint=EVERY)
    checkpoint_every: int = key(
        integer(), "steps between checkpoints; the last step always writes one", 10000, hint=EVERY
    )
    observed: Path | None = key(
        output_path(), "HDF5 file for the tables of observables; null: <trajectory>.observed.h5", None
    )


@dataclass(frozen=True, kw_only=True)
class DeviationSection:
    """Monitoring of how reliable the potential is: deviation of a committee, or extrapolation grade."""

    files: list[Path] | None = key(
        list_of(file_name(), "a list of model files"),
        "further members of a committee, whose force deviation is monitored; null: none",
        None,
        is_input=True,
    )
    stop_above_eV_A: float | None = key(
        number(above=0),
        "write a checkpoint and stop when the largest force deviation exceeds this; null: never",
        None,
        hint="typical 0.3",
    )
    keep_above_eV_A: float | None = key(
        number(above=0),
        "keep printed or recorded frames whose largest force deviation exceeds this, in deviation.folder; null: none",
        None,
        hint="typical 0.1",
    )
    grade: bool = key(
        boolean(), "monitor the extrapolation grade of a moment tensor potential trained by hpcpot train", False
    )
    stop_above_grade: float | None = key(
        number(above=0),
        "write a checkpoint and stop when the largest grade exceeds this; null: never",
        None,
        hint="typical 10",
    )
    keep_above_grade: float | None = key(
        number(above=0),
        "keep printed or recorded frames whose largest grade exceeds this, in deviation.folder; null: none",
        None,
        hint="typical 2",
    )
    folder: Path | None = key(
        output_folder(), "folder for kept frames, one file each; null: <trajectory>_doubtful", None
    )


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
        observations(), "observables to sample during the run, each at its own interval in steps; null: none", None
    )
    deviation: DeviationSection = DeviationSection()
    device: str = key(
        choice("cpu", "gpu", "auto"), "device for forces and integration; auto: a GPU if there is one", "auto"
    )
    stages: dict[str, StageSection] = stages_of("md")


def wanted_device(settings: MDSettings) -> str:
    """Return the device to use; reference kernels run on the CPU, whatever `device: auto` finds."""
    return "cpu" if settings.potential.kernels == "reference" else settings.device


SCHEMA = Schema(MDSettings, checks.check, checks.complete)
