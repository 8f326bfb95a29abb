"""The contract of potentials: what the engines of dynamics and relaxation ask of one, and what they get.

A potential sees neighbour pairs only, never a cell, a rank or a ghost, so that the same kernels serve domains, batches
of small periodic structures and local changes. tests/conformance/test_potentials.py holds every implementation to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from hpcpot.compiled import njit
from hpcpot.errors import SimulationError, StructureError
from hpcpot.neighbors.batch import Batch
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.moments.sets import MomentSet
from hpcpot.structure import images

DTYPES = {"float64": np.float64, "mixed": np.float32}
"""Precision of a potential -> type of its tables and networks; positions and sums of forces are float64 in both."""

CLOSEST = images.CLOSEST
"""Å; nearer pairs are an error, not an extrapolation. Tables of radial functions begin here."""


class Family(Protocol):
    """Parameters of a family of potentials, which say the moments that it needs and its readout.

    Attributes:
        elements: names; species are indices into them. cutoff: Å.
        slots: (species,) int64, most neighbours of each species that count, or None.
    """

    elements: tuple[str, ...]
    cutoff: float
    slots: np.ndarray | None

    def moment_sets(self) -> tuple[MomentSet, ...]:
        """The moments of each centre."""

    def readout(self, i: int, moments: list[Any], counts: Any) -> tuple[Any, list[Any]]:
        """Energies of centres of species i, (n,) eV, and their gradients with respect to the moments."""

    def problems(self) -> Iterator[str]:
        """What does not fit together in parameters of a file, "name = value: what is required"; nothing of a sound model.

        No array may be taken to have the shape or kind that it should before that is made sure.
        """

    def facts(self) -> dict[str, str]:
        """Description in a few lines, by their headings, for people."""


@dataclass
class Result:
    """Energies, forces and virial of a set of centres.

    Attributes:
        energies: (n,) float64, eV, of each centre.
        forces: (m, 3) float64, eV/Å, -dE/dr of all atoms, ghosts too (E: the centres' energies), or None.
        virial: (3, 3) float64, eV, sum r (x) f = -dE/d(strain), or None.
        truncated: centres with more neighbours than the model has slots; only the nearest were used.
        atom_virials: (m, 3, 3) float64, eV, or None: -1/2 r_ij (x) dE_i/dr_ij to each of i and j, summed over all pairs.
            Of a many-body potential this is one partition among others; only sums over regions compare.
    """

    energies: np.ndarray
    forces: np.ndarray | None
    virial: np.ndarray | None
    truncated: int
    atom_virials: np.ndarray | None = None


class Potential(Protocol):
    """Energies and forces of atoms from their neighbour pairs.

    Attributes:
        elements: names; species are indices into them.
        cutoff: Å, of pairs. reach: Å, how far an atom can be and still alter the energy of another: the cutoff, unless
            messages pass between neighbours. Ghosts are needed up to there.
        kernel_set, precision, device_name: what computes, for the log and the provenance of results.
    """

    elements: tuple[str, ...]
    cutoff: float
    reach: float
    kernel_set: str
    precision: str
    device_name: str

    def pairs(self, positions: np.ndarray, n_centres: int, reach: float) -> Pairs:
        """Pairs closer than `reach` (cutoff and skin), in the form that `compute` takes; see neighbors.pairs.build."""

    def compute(
        self, positions: np.ndarray, pairs: Pairs, species: np.ndarray, forces: bool = True, atom_virials: bool = False
    ) -> Result:
        """Energies of the centres of `pairs`, and forces on all atoms.

        Args:
            positions: (m, 3) float64, Å, centres first. pairs: theirs, built here or where the atoms were before.
            species: (m,) int32, index into `elements`.
            forces: False for energies alone; forces and virial are then None.
            atom_virials: also share the virial among the atoms.
        Raises:
            SimulationError: two atoms closer than CLOSEST, or a position that is not finite.
            StructureError: pairs or species of other atoms.
        """

    def work(self, pairs: Pairs, species: np.ndarray) -> np.ndarray:
        """Cost of `compute` for each centre, (n,) int64 in one unit, by which centres are shared out over ranks."""

    def working_bytes(self, n: int, m: int, n_pairs: int) -> int:
        """Estimate of the host memory that `compute` needs besides its arguments: n centres among m atoms, their pairs."""


@dataclass
class CellResult:
    """Energies, forces and virials of several structures, each as a whole.

    Attributes:
        energies: (cells,) float64, eV. forces: (atoms, 3) float64, eV/Å.
        virials: (cells, 3, 3) float64, eV, as that of `Result`. truncated: as of `Result`.
    """

    energies: np.ndarray
    forces: np.ndarray
    virials: np.ndarray
    truncated: int = 0


class CellPotential(Protocol):
    """A model of whole structures, which is no sum over the neighbourhoods of atoms: it has no domains and no ghosts.

    Its forces need not be the gradient of its energy; so it serves relaxations and predictions, and no dynamics.

    Attributes:
        cutoff: Å, of the neighbourhoods that it is given; the others as of `Potential`.
    """

    elements: tuple[str, ...]
    cutoff: float
    kernel_set: str
    precision: str
    device_name: str

    def compute_cells(self, joined: Batch, points: np.ndarray, cells: np.ndarray, species: np.ndarray) -> CellResult:
        """All of several structures that are periodic along all axes.

        Args:
            joined: neighbourhoods of at least the cutoff. points: (m, 3) float64, Å, theirs.
            cells: (cells, 3, 3) float64, Å. species: (atoms,) int32.
        """


class Grader(Protocol):
    """Extrapolation grades by a model: how far the neighbourhood of an atom is from those that it was trained on.

    Attributes:
        cutoff: Å, of a neighbourhood.
    """

    cutoff: float

    def grades(self, positions: np.ndarray, pairs: Pairs, species: np.ndarray) -> np.ndarray:
        """Grade of each centre, (n,) float64, up to 1 for an interpolation; arguments as of Potential.compute."""


def refuse_unsound(positions: np.ndarray, pairs: Pairs, species: np.ndarray, elements: tuple[str, ...]) -> None:
    """Refuse arrays that compiled loops would leave, and atoms that are nowhere; arguments as of Potential.compute.

    Raises:
        SimulationError: a position that is not finite.
        StructureError: pairs, positions and species that do not fit each other.
    """
    n = len(positions)
    if positions.shape != (n, 3) or len(species) != n or pairs.n_points > n:
        raise StructureError(
            f"positions {positions.shape}, species {species.shape} and pairs = up to atom {pairs.n_points - 1}: must be of "
            "the same atoms; let the potential build the pairs of these."
        )
    refuse_lost(positions, species, elements)


def refuse_lost(positions: np.ndarray, species: np.ndarray, elements: tuple[str, ...]) -> None:
    """Refuse positions that are not finite: an infinite distance is beyond the cutoff, and would not be noticed.

    Raises:
        SimulationError: names the first such atom.
        StructureError: a species that is no element.
    """
    if _is_sound(positions, species, len(elements)):
        return
    unknown = np.flatnonzero((species < 0) | (species >= len(elements)))
    if len(unknown):
        raise StructureError(
            f"species of atom {unknown[0]} = {species[unknown[0]]}: must be the number of an element of the potential, 0 to "
            f"{len(elements) - 1} for {', '.join(elements)}; correct it."
        )
    k = int(np.flatnonzero(~np.isfinite(positions).all(axis=1))[0])
    raise SimulationError(
        f"position of atom {k} ({elements[species[k]]}) = {positions[k].tolist()} Å: must be finite; check the structure, "
        "shorten md.timestep_fs or lower the temperature."
    )


@njit()
def _is_sound(positions, species, n_elements):
    """Compiled, since in a small system each call of NumPy counts; without branches, so that it is vector code."""
    unknown, lost = np.uint32(0), np.uint64(0)
    for k in range(len(species)):
        unknown |= np.uint32(np.uint32(species[k]) >= np.uint32(n_elements))  # those below 0 are large ones
    for k in range(len(positions)):
        for c in range(3):
            lost |= np.uint64(not abs(positions[k, c]) < np.inf)
    return unknown == 0 and lost == 0


SUMMABLE = 1e200
"""Energies and forces below this have finite sums over any number of atoms."""


def refuse_overflow(energies: np.ndarray, forces: np.ndarray | None = None, of: str = "the structure") -> None:
    """Refuse energies (n,) and forces (m, 3) that are no numbers or have no sum, at the borders where they leave hpcpot.

    Raises:
        SimulationError: names the first such atom.
    """
    bad = ~(np.abs(energies) < SUMMABLE)
    if forces is not None:
        bad = bad | ~(np.abs(forces[: len(energies)]) < SUMMABLE).all(axis=1)
    if bad.any():
        raise SimulationError(
            f"energy or force of atom {int(np.argmax(bad))} of {of} = not finite, or beyond {SUMMABLE:g}: must be numbers "
            "with a sum; the parameters of the model are beyond all bounds, or the structure far from what it was trained "
            "on: look at both (hpcpot verify)."
        )


def refuse_contact(element: str, neighbors: list[str], distances: np.ndarray) -> None:
    """Raise for the closest of some neighbours, or for one whose distance is not finite.

    Raises:
        SimulationError: always.
    """
    finite = np.isfinite(distances)
    p = int(np.argmin(distances)) if finite.all() else int(np.argmax(~finite))
    raise SimulationError(
        f"distance {element}-{neighbors[p]} = {distances[p]:.3g} Å: atoms must stay {CLOSEST} Å apart, where the "
        "potential's tables begin; check the structure, shorten md.timestep_fs or lower the temperature."
    )
