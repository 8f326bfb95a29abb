"""The sections `structures` and `relax`, common to the commands that relax many structures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpcpot.config import Problem, key
from hpcpot.config.kinds import choice, either, file_name, integer, list_of, number, pressure
from hpcpot.structure.settings import elements_key, format_key, units_key

MINIMIZERS = ("lbfgs", "fire", "damped")
"""Names of the rows of relaxation.minimizers.MINIMIZERS, which --help does not import."""
CELLS = {
    "fixed": "positions only",
    "full": "positions and all of the cell",
    "hydrostatic": "positions and the volume, at fixed shape",
    "fixed_volume": "positions and the shape, at fixed volume",
}
"""Degrees of freedom of each choice."""


@dataclass(frozen=True, kw_only=True)
class RelaxStructuresSection:
    """Structures to relax."""

    files: str | list[str] | None = key(
        either(file_name(), list_of(file_name(), "a list of files or patterns")),
        "structures to relax: extxyz, H5MD, data sets, CIF, POSCAR, LAMMPS data; patterns such as cells/*.cif; "
        "folders; or recipe",
        None,
    )
    recipe: Path | None = key(
        file_name(),
        "config of `hpcpot build` with recipe: random, in place of files; the workers make the cells, in no file",
        None,
        is_input=True,
    )
    frames: str = key(choice("all", "last"), "frames to relax of files with several", "all")
    elements: list[str] | None = elements_key()
    units: str | None = units_key()
    format: str | None = format_key()


@dataclass(frozen=True, kw_only=True)
class RelaxSection:
    """Minimiser, degrees of freedom and convergence."""

    minimizer: str = key(
        choice(*MINIMIZERS),
        "minimiser; lbfgs takes the fewest steps, fire is ASE's, damped is VASP's IBRION=3",
        "lbfgs",
    )
    cell: str = key(
        choice(*CELLS), "degrees of freedom of the cell: none, all, its volume, or its shape at fixed volume", "full"
    )
    pressure_GPa: float = key(pressure(), "external pressure on the relaxed cell; positive in compression", 0.0)
    force_eV_per_A: float = key(
        number(above=0),
        "force tolerance: the largest force on a free atom at convergence",
        0.01,
        also=("fmax", "ediffg"),
    )
    stress_GPa: float = key(
        number(above=0), "stress tolerance: the largest stress along a free degree of the cell at convergence", 0.05
    )
    steps: int = key(integer(), "maximum number of steps; beyond, the status is `no ionic convergence`", 2000)
    longest_step_A: float = key(number(above=0), "for lbfgs and fire: the longest displacement in one step", 0.2)
    potim: float = key(number(above=0), "for damped: step length, atoms move by 0.1 potim Å²/eV times their force", 0.4)
    smass: float | None = key(
        number(minimum=0), "for damped: friction, 2 is steepest descent; null: velocity quench", 2.0, null=True
    )
    memory_MB: float = key(number(above=0), "memory of a worker for structures relaxed at the same time", 256.0)


def problems(structures: RelaxStructuresSection, relax: RelaxSection) -> Iterator[Problem]:
    """Yield what does not go together in the sections `structures` and `relax`, named with them."""
    if structures.files is None and structures.recipe is None:
        yield "structures.files", "is required, files or patterns; or structures.recipe, a config of random cells"
    if structures.recipe is not None:
        for name in ("files", "elements", "units", "format"):
            if getattr(structures, name) is not None:
                yield (
                    f"structures.{name}",
                    "does not go with structures.recipe, which makes the structures; leave one out",
                )
        if structures.frames != "all":
            yield "structures.frames", "does not go with structures.recipe; its count says how many there are"
    if relax.cell == "fixed" and relax.pressure_GPa:
        yield "relax.pressure_GPa", "is for a cell that changes; set 0, or another relax.cell"
    if relax.cell == "fixed_volume" and relax.pressure_GPa:
        yield "relax.pressure_GPa", "does nothing at a fixed volume; set 0, or another relax.cell"
