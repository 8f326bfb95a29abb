"""The config of `hpcpot gcmc`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot.config import Problem, Schema, change, key
from hpcpot.config.kinds import Kind, Late, choice, element, integer, list_of, number, output_path, pressure
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.dynamics.settings import FrozenSection, StructureSection
from hpcpot.potential.settings import PotentialSection

ELEMENT = element()
CLOSEST = 0.5
"""Å, structure.images.CLOSEST, which --help does not import: potentials know nothing of nearer atoms."""


def numbers() -> Kind:
    """Kind of a number, or a list of them."""
    several = list_of(number(), "a number or a list of numbers")

    def parse(value: Any) -> float | list[float]:
        return several.parse(value) if isinstance(value, list) else number().parse(value)

    return Kind("a number or a list of numbers", parse, {"anyOf": [number().json, several.json]})


def thermostatted() -> list[str]:
    """Integrators that hold a temperature."""
    return [name for name, row in INTEGRATORS.items() if row.has_thermostat]


@dataclass(frozen=True, kw_only=True)
class TrialsSection:
    """What is held fixed, and the trials."""

    element: str = key(ELEMENT, "element whose atoms are inserted and deleted", "Li")
    temperature_K: float = key(number(above=0), "temperature of trials and dynamics", hint="typical 300 to 3000")
    mu_eV: float | list[float] = key(
        numbers(),
        "chemical potential, its ideal part included, on the zero of the potential's energies; of a list each in turn, from "
        "where the one before ended; with targets: the first",
    )
    targets: list[int] | None = key(
        list_of(integer(), "a list of whole numbers"),
        "numbers of atoms of the element to be reached one after another, mu following; each is then held while the "
        "section relax moves the atoms; null: mu is held",
        None,
    )
    trials: int = key(integer(1), "trials for each mu, the averages' own; with targets: the most for each", 100000)
    equilibration: int = key(integer(), "trials at each mu before those", 10000)
    block: int = key(
        integer(1),
        "trials of a block, which ends with dynamics (section dynamics), a whole evaluation, and a row of the results",
        1000,
    )
    seed: int = key(integer(), "seed of trials and velocities", 0)
    exchange: float = key(number(minimum=0), "weight of insertions and deletions, one as likely as the other", 1.0)
    move: float = key(number(minimum=0), "weight of displacements of an atom", 1.0)
    change: float = key(number(minimum=0), "weight of changes of an atom's element to the other of gcmc.pair", 0.0)
    swap: float = key(number(minimum=0), "weight of swaps of two atoms of gcmc.pair", 0.0)
    pair: list[str] | None = key(
        list_of(ELEMENT, "two elements, e.g. [Li, Si]", 2), "elements of changes and swaps", None
    )
    mu_difference_eV: float | None = key(
        number(), "chemical potential of the second element of gcmc.pair less that of the first, for changes", None
    )
    move_elements: list[str] | None = key(
        list_of(ELEMENT, "a list of elements, e.g. [Li]"), "elements that are displaced; null: all", None
    )
    displacement_A: float = key(number(above=0), "radius of displacements", 0.5, hint="typical 0.2 to 1")
    minimum_distance_A: float = key(
        number(minimum=CLOSEST),
        "distance from others below which an atom is never inserted or moved, nor deleted or moved from",
        1.6,
    )
    tries: int = key(integer(1), "points of an insertion, of which one is chosen by its energy (multiple try)", 1)
    cavity_A: float | None = key(
        number(above=0), "insert only farther than this from all atoms (cavity bias); null: anywhere", None
    )
    cavity_grid_A: float = key(number(above=0), "spacing of the grid that looks for such places", 0.5)
    minimum: int = key(integer(), "atoms of the element that must stay", 0)
    maximum: int | None = key(
        integer(),
        "atoms of the element that insertions keep to; null: the run ends with an error where they fill the cell",
        None,
    )
    metal_mu_eV: float | None = key(
        number(), "chemical potential of the metal electrode, for the column voltage_V; null: none", None
    )


@dataclass(frozen=True, kw_only=True)
class DynamicsSection:
    """Dynamics after each block of trials, at their temperature, with velocities drawn anew."""

    integrator: str | None = key(
        Late(lambda: choice(*thermostatted())), "equations of motion, with a thermostat; null: no dynamics", None
    )
    steps: int = key(integer(1), "steps of a block", 200)
    timestep_fs: float = key(number(above=0), "time step", 1.0, hint="typical 0.5 to 2")
    thermostat_time_fs: float = key(number(above=0), "time constant of the thermostat", 50.0)
    pressure_GPa: float | None = key(
        pressure(),
        "pressure that an integrator with a barostat holds; all lengths of the cell change by one factor",
        None,
    )
    barostat_time_fs: float = key(number(above=0), "damping time of the barostat", 1000.0)
    maximum_temperature_K: float = key(number(above=0), "end with an error above this temperature", 20000.0)


@dataclass(frozen=True, kw_only=True)
class RelaxDynamicsSection(DynamicsSection):
    """Dynamics at each target, while the number of atoms is held."""

    steps: int = key(integer(1), "steps at each target", 5000)


@dataclass(frozen=True, kw_only=True)
class GcmcOutputSection:
    """Output files."""

    results: Path = key(output_path(), "HDF5 file with a row for each block: averages, acceptance, the structure")
    checkpoint: Path | None = key(
        output_path(), "checkpoint, from which --restart goes on; null: <results>.checkpoint.h5", None
    )
    checkpoint_every: int = key(integer(1), "blocks between checkpoints; the last block always writes one", 10)
    summary: Path | None = key(
        output_path(), "CSV with means and errors for each mu or target; null: <results>.csv", None
    )
    structures: Path | None = key(
        output_path(), "extended XYZ with the last structure of each mu or target; null: <results>.extxyz", None
    )


@dataclass(frozen=True, kw_only=True)
class GcmcSettings:
    """The config of `hpcpot gcmc`."""

    structure: StructureSection
    potential: PotentialSection
    gcmc: TrialsSection
    dynamics: DynamicsSection = DynamicsSection()
    relax: RelaxDynamicsSection = RelaxDynamicsSection()
    frozen: FrozenSection = FrozenSection()
    output: GcmcOutputSection


def complete(settings: GcmcSettings) -> GcmcSettings:
    """Fill in file names derived from that of the results."""
    output = settings.output
    names = {"checkpoint": ".checkpoint.h5", "summary": ".csv", "structures": ".extxyz"}
    paths = {name: getattr(output, name) or output.results.with_suffix(suffix) for name, suffix in names.items()}
    return change(settings, output=paths)


def check(settings: GcmcSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    gcmc, output = settings.gcmc, settings.output
    if not gcmc.exchange + gcmc.move + gcmc.change + gcmc.swap > 0.0:
        yield "gcmc.exchange", "must be > 0, or another weight of trials"
    if gcmc.pair is None and (gcmc.change or gcmc.swap):
        yield "gcmc.pair", "is required for changes and swaps; give two elements, e.g. [Li, Si]"
    if gcmc.pair is not None and gcmc.pair[0] == gcmc.pair[1]:
        yield "gcmc.pair", "must be two different elements"
    if gcmc.pair is not None and not (gcmc.change or gcmc.swap):
        yield "gcmc.pair", "is for changes and swaps; set gcmc.change or gcmc.swap, or leave it out"
    if bool(gcmc.change) != (gcmc.mu_difference_eV is not None):
        yield "gcmc.mu_difference_eV", "is required with gcmc.change, and is for that alone"
    if gcmc.tries > 1 and gcmc.cavity_A is not None:
        yield "gcmc.cavity_A", "is not for several tries; set gcmc.tries: 1, or null"
    if gcmc.cavity_A is not None and gcmc.cavity_grid_A > gcmc.cavity_A:
        yield "gcmc.cavity_grid_A", f"must be at most gcmc.cavity_A ({gcmc.cavity_A:g})"
    if gcmc.maximum is not None and gcmc.maximum < gcmc.minimum:
        yield "gcmc.maximum", f"must be >= gcmc.minimum ({gcmc.minimum})"
    yield from _check_targets(settings)
    for name in ("dynamics", "relax"):
        yield from _check_dynamics(name, getattr(settings, name))
    named = {name: getattr(output, name).absolute() for name in ("results", "checkpoint", "summary", "structures")}
    for k, (name, path) in enumerate(named.items()):
        for other in list(named)[:k]:
            if named[other] == path:
                yield f"output.{name}", f"must be another file than output.{other}"


def _check_targets(settings: GcmcSettings) -> Iterator[Problem]:
    gcmc = settings.gcmc
    if gcmc.targets is None:
        if settings.relax.integrator is not None:
            yield "relax.integrator", "is for gcmc.targets; give these, or leave it out"
        return
    if isinstance(gcmc.mu_eV, list):
        yield "gcmc.mu_eV", "must be a number with gcmc.targets, from which mu then follows"
    if not gcmc.exchange:
        yield "gcmc.exchange", "must be > 0 for gcmc.targets"
    for target in gcmc.targets:
        if not gcmc.minimum <= target <= (gcmc.maximum if gcmc.maximum is not None else target):
            yield "gcmc.targets", f"must lie between gcmc.minimum and gcmc.maximum, and {target} does not"


def _check_dynamics(name: str, section: DynamicsSection) -> Iterator[Problem]:
    if section.integrator is None:
        if section.pressure_GPa is not None:
            yield f"{name}.pressure_GPa", f"is for dynamics; set {name}.integrator, or leave it out"
        return
    has_barostat = INTEGRATORS[section.integrator].has_barostat
    if has_barostat and section.pressure_GPa is None:
        yield f"{name}.pressure_GPa", f"is required for {section.integrator}"
    if not has_barostat and section.pressure_GPa is not None:
        yield f"{name}.pressure_GPa", f"{section.integrator} has no barostat; leave it out, or take npt_nose_hoover"
    if section.thermostat_time_fs < section.timestep_fs:
        yield f"{name}.thermostat_time_fs", f"must be >= {name}.timestep_fs ({section.timestep_fs:g})"
    if has_barostat and section.barostat_time_fs < 10.0 * section.timestep_fs:
        yield f"{name}.barostat_time_fs", f"must be >= 10 {name}.timestep_fs ({section.timestep_fs:g})"


SCHEMA = Schema(GcmcSettings, check, complete)
