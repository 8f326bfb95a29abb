"""The config of `hpcpot relax`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator

from hpcpot.config import Key, Schema, Settings
from hpcpot.config.kinds import boolean, choice, either, file_name, integer, list_of, number, output_path
from hpcpot.farm import settings as farm_settings
from hpcpot.potential import settings as potential_settings

MINIMIZERS = ("lbfgs", "fire", "damped")
"""Names of those in `minimizers`, which needs NumPy and Numba: not for --help."""
CELLS = {
    "fixed": "positions only",
    "full": "positions and all of the cell",
    "hydrostatic": "positions and the volume, at fixed shape",
    "fixed_volume": "positions and the shape, at fixed volume",
}
"""What may change."""

KEYS = (
    Key(
        "structures.files",
        either(file_name(), list_of(file_name(), "a list of files or patterns")),
        "extxyz, H5MD, data sets, CIF, POSCAR, LAMMPS data; patterns such as cells/*.cif",
    ),
    Key("structures.frames", choice("all", "last"), "of files that hold several", "all"),
    *potential_settings.KEYS,
    Key("relax.minimizer", choice(*MINIMIZERS), "lbfgs: fewest steps; fire: ASE's; damped: VASP's IBRION=3", "lbfgs"),
    Key("relax.cell", choice(*CELLS), "what may change beside the positions; hydrostatic keeps the shape", "full"),
    Key("relax.pressure_GPa", number(), "that the relaxed cell is under; positive in compression", 0.0),
    Key("relax.force_eV_per_A", number(above=0), "converged: no force on a free atom is larger", 0.01),
    Key("relax.stress_GPa", number(above=0), "converged: no stress that the cell may follow is larger", 0.05),
    Key("relax.steps", integer(), "at most; then the status is `no ionic convergence`", 2000),
    Key("relax.longest_step_A", number(above=0), "of lbfgs and fire, in one step", 0.2),
    Key("relax.potim", number(above=0), "of damped: atoms move by 0.1 potim Å²/eV times their force", 0.4),
    Key("relax.smass", number(minimum=0), "of damped: friction, 2 is steepest descent; null: quench", 2.0, null=True),
    Key("relax.memory_MB", number(above=0), "of a worker for structures that are relaxed at once", 256.0),
    Key("output.results", output_path(), "HDF5 file of results; the same command completes it"),
    Key("output.keep_path", boolean(), "store positions, cell, energy, forces and stress of every step", False),
)


def _check(settings: Settings) -> Iterator[tuple[str, str]]:
    """What does not fit together."""
    yield from farm_settings.check(settings)
    relax = settings.relax
    if relax.cell == "fixed" and relax.pressure_GPa:
        yield "relax.pressure_GPa", "is for a cell that changes; set 0, or another relax.cell"
    if relax.cell == "fixed_volume" and relax.pressure_GPa:
        yield "relax.pressure_GPa", "does nothing at a fixed volume; set 0, or another relax.cell"


SCHEMA = Schema(KEYS + farm_settings.KEYS, _check)
