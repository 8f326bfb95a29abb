"""Crystals by name, from space group, lattice and sites. Lattices and free coordinates are those of PBE."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpcpot.errors import StructureError

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True)
class Crystal:
    """A crystal structure.

    Attributes:
        group: number of the space group, standard setting; of two origins the first.
        lattice: a, b, c in Å, alpha, beta, gamma in degrees.
        sites: (element, Wyckoff position, x, y, z) of each orbit, fractional.
        source: where the numbers are from.
    """

    group: int
    lattice: tuple[float, float, float, float, float, float]
    sites: tuple[tuple[str, str, float, float, float], ...]
    source: str


MATERIALS_PROJECT = "Materials Project {} (CC BY 4.0; Jain et al., APL Materials 1, 011002 (2013))"

CRYSTALS = {
    "Si": Crystal(227, (5.468, 5.468, 5.468, 90, 90, 90), (("Si", "8a", 0, 0, 0),), "diamond, Fd-3m"),
    "Li": Crystal(229, (3.440, 3.440, 3.440, 90, 90, 90), (("Li", "2a", 0, 0, 0),), "bcc, Im-3m"),
    "Li-fcc": Crystal(
        225, (4.334, 4.334, 4.334, 90, 90, 90), (("Li", "4a", 0, 0, 0),), "fcc, Fm-3m, at the volume per atom of bcc"
    ),
    "LiSi": Crystal(
        88,
        (9.327158, 9.327158, 5.740710, 90, 90, 90),
        (("Li", "16f", 0.58097, 0.63552, 0.17933), ("Si", "16f", 0.61068, 0.70266, 0.71962)),
        "I4_1/a; " + MATERIALS_PROJECT.format("mp-795"),
    ),
    "LiSi3": Crystal(
        194,
        (5.401, 5.401, 4.633, 90, 90, 120),
        (("Li", "2c", 1 / 3, 2 / 3, 0.25), ("Si", "6h", 0.84107, 0.68214, 0.25)),
        "P6_3/mmc, Ni3Sn type (D0_19), hypothetical; PBE by GPAW 22.8, plane waves to 500 eV, 8 x 8 x 9 k points",
    ),
    "Li12Si7": Crystal(
        62,
        (8.531238, 19.622662, 14.312682, 90, 90, 90),
        (
            ("Li", "4c", 0.66175, 0.25, 0.83415),
            ("Li", "4c", 0.61308, 0.25, 0.63119),
            ("Li", "8d", 0.49628, 0.37500, 0.47243),
            ("Li", "8d", 0.84244, 0.38834, 0.49491),
            ("Li", "8d", 0.87711, 0.16565, 0.65959),
            ("Li", "8d", 0.37044, 0.97220, 0.93432),
            ("Li", "8d", 0.63043, 0.11270, 0.26348),
            ("Li", "8d", 0.36686, 0.99515, 0.56736),
            ("Li", "8d", 0.37182, 0.14506, 0.63884),
            ("Li", "8d", 0.87049, 0.03157, 0.74367),
            ("Li", "8d", 0.13792, 0.32864, 0.47785),
            ("Li", "8d", 0.86265, 0.31109, 0.16257),
            ("Li", "8d", 0.60882, 0.81281, 0.84337),
            ("Si", "4c", 0.61566, 0.75, 0.49219),
            ("Si", "4c", 0.12228, 0.75, 0.48804),
            ("Si", "4c", 0.37179, 0.75, 0.73546),
            ("Si", "4c", 0.36702, 0.75, 0.56956),
            ("Si", "8d", 0.12388, 0.36784, 0.75195),
            ("Si", "8d", 0.10653, 0.43498, 0.61402),
            ("Si", "8d", 0.11777, 0.55061, 0.66645),
            ("Si", "8d", 0.11992, 0.55314, 0.83142),
            ("Si", "8d", 0.13115, 0.43917, 0.88583),
        ),
        "Pnma; " + MATERIALS_PROJECT.format("mp-1314"),
    ),
    "Li7Si3": Crystal(
        153,
        (7.579872, 7.579872, 18.002744, 90, 90, 120),
        (
            ("Li", "3a", 0.88880, 0.11120, 2 / 3),
            ("Li", "3a", 0.55671, 0.44329, 2 / 3),
            ("Li", "6c", 0.22466, 0.44692, 0.19849),
            ("Li", "6c", 0.24349, 0.46677, 0.04459),
            ("Li", "6c", 0.89177, 0.11391, 0.51645),
            ("Li", "6c", 0.91279, 0.13468, 0.37353),
            ("Li", "6c", 0.89219, 0.44706, 0.84953),
            ("Li", "6c", 0.91425, 0.46888, 0.70650),
            ("Si", "6c", 0.20898, 0.42603, 0.89914),
            ("Si", "6c", 0.87940, 0.10225, 0.23190),
            ("Si", "6c", 0.87119, 0.43140, 0.56534),
        ),
        "P3_212, an ordering of the partly occupied R-3m structure; " + MATERIALS_PROJECT.format("mp-1201871"),
    ),
    "Li13Si4": Crystal(
        55,
        (7.897987, 15.011548, 4.420735, 90, 90, 90),
        (
            ("Li", "2c", 0, 0.5, 0),
            ("Li", "4g", 0.76992, 0.15356, 0),
            ("Li", "4g", 0.34756, 0.52543, 0),
            ("Li", "4g", 0.40473, 0.69421, 0),
            ("Li", "4h", 0.75803, 0.40463, 0.5),
            ("Li", "4h", 0.59013, 0.74477, 0.5),
            ("Li", "4h", 0.90392, 0.60552, 0.5),
            ("Si", "4g", 0.58336, 0.83975, 0),
            ("Si", "4h", 0.92569, 0.06887, 0.5),
        ),
        "Pbam; " + MATERIALS_PROJECT.format("mp-672287"),
    ),
    "Li15Si4": Crystal(
        220,
        (10.566048, 10.566048, 10.566048, 90, 90, 90),
        (
            ("Li", "12a", 0.75, 0.125, 0),
            ("Li", "48e", 0.09609, 0.62693, 0.71344),
            ("Si", "16c", 0.04243, 0.54243, 0.95757),
        ),
        "I-43d; " + MATERIALS_PROJECT.format("mp-569849"),
    ),
}
"""Conventional cells. Axes are those of the standard setting: Li13Si4 has its short axis along c."""

SURFACES = {
    "100": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "110": ((0, 0, 1), (0.5, -0.5, 0), (0.5, 0.5, 0)),
    "111": ((0.5, -0.5, 0), (0.5, 0.5, -1), (1, 1, 1)),
}
"""Surface of silicon -> the rectangular cell with that surface across z: its vectors in lattice constants."""

AXES = ("abc", "bca", "cab")
"""Orders of a cell's axes: the cyclic ones, since the others mirror the crystal."""


def build(
    name: str,
    repeat: tuple[int, int, int] = (1, 1, 1),
    lattice_constant: float | None = None,
    primitive: bool = False,
    axes: str = "abc",
) -> Atoms:
    """A crystal, its cell repeated along the three axes.

    The first vector of the cell is along x and the second in the xy plane.

    Args:
        name: a key of CRYSTALS.
        lattice_constant: Å, the length of the conventional a; b and c scale with it. None: the length in CRYSTALS.
        primitive: the primitive cell (LiSi: 16 atoms instead of 32) instead of the conventional one.
        axes: one of AXES: which axes of the cell come first, second and third; repeat counts along them.
    Raises:
        StructureError: an unknown name or order of axes, a lattice constant or a repeat that is not positive.
    """
    import ase.spacegroup  # late: the names of crystals are for --help

    if name not in CRYSTALS:
        near = difflib.get_close_matches(name, CRYSTALS, 1) or CRYSTALS
        raise StructureError(
            f"crystal = {name}: must be one of {', '.join(CRYSTALS)}; did you mean {next(iter(near))}?"
        )
    if lattice_constant is not None and not lattice_constant > 0:
        raise StructureError(f"lattice constant = {lattice_constant:g} Å: must be > 0; typical 3 to 20.")
    if min(repeat) < 1:
        raise StructureError(f"repeat = {list(repeat)}: must be three whole numbers >= 1; 1 is the cell itself.")
    if axes not in AXES:
        raise StructureError(f"axes = {axes}: must be one of {', '.join(AXES)}; another order mirrors the crystal.")
    crystal = CRYSTALS[name]
    scale = 1.0 if lattice_constant is None else lattice_constant / crystal.lattice[0]
    full = ase.spacegroup.crystal(
        [site[0] for site in crystal.sites],
        [site[2:] for site in crystal.sites],
        spacegroup=crystal.group,
        cellpar=[*(scale * length for length in crystal.lattice[:3]), *crystal.lattice[3:]],
        primitive_cell=primitive,
    )
    order = ["abc".index(axis) for axis in axes]
    fractions = full.get_scaled_positions()[:, order]
    lengths_and_angles = full.cell.cellpar()[[*order, *(3 + k for k in order)]]
    return ase.Atoms(full.symbols, scaled_positions=fractions, cell=lengths_and_angles, pbc=True).repeat(repeat)
