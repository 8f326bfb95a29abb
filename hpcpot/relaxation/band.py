"""Migration paths: images between two structures, relaxed together as a nudged elastic band with a climbing image.

All images are in one call of the potential at each step.

Sources: Henkelman and Jónsson, J. Chem. Phys. 113, 9978 (2000), improved tangents; Henkelman, Uberuaga and Jónsson, J. Chem.
Phys. 113, 9901 (2000), the climbing image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from hpcpot.errors import StructureError
from hpcpot.neighbors import batch
from hpcpot.potential import cells
from hpcpot.potential.cells import AnyPotential
from hpcpot.relaxation import guards
from hpcpot.relaxation.coordinates import RelaxationCoordinates
from hpcpot.relaxation.minimizers import MINIMIZERS, MinimizerOptions
from hpcpot.structure import constraints

SKIN = 1.0
"""Å."""
CLIMBS_BELOW = 10.0
"""Times the force tolerance: below, the highest image climbs; a band that is far from its path has no saddle yet."""


@dataclass(frozen=True)
class BandOptions:
    """Options of a band.

    Attributes:
        spring: eV/Å², between images. force: eV/Å, largest force on an atom of an image at convergence.
        steps: at most. climb: whether the highest image goes to the saddle.
    """

    spring: float = 1.0
    force: float = 0.03
    steps: int = 1000
    climb: bool = True


@dataclass(frozen=True)
class Band:
    """A band that came to an end.

    Attributes:
        positions: (images, n, 3) float64, Å. energies: (images,) eV. forces: (images, n, 3) eV/Å, of the potential.
        status: converged, not converged or stopped. steps: made. force: eV/Å, the last that was compared.
        climber: the image that climbed; None where none did.
    """

    positions: np.ndarray
    energies: np.ndarray
    forces: np.ndarray
    status: str
    steps: int
    force: float
    climber: int | None

    @property
    def barrier(self) -> float:
        """Energy of the highest image above the first, eV."""
        return float(self.energies.max() - self.energies[0])

    @property
    def barrier_back(self) -> float:
        """Energy of the highest image above the last, eV."""
        return float(self.energies.max() - self.energies[-1])

    @property
    def distances(self) -> np.ndarray:
        """(images,) Å, along the path: sum of |R_i - R_(i-1)| over all coordinates."""
        moves = np.linalg.norm(np.diff(self.positions, axis=0).reshape(len(self.positions) - 1, -1), axis=1)
        return np.concatenate([[0.0], np.cumsum(moves)])

    @property
    def slopes(self) -> np.ndarray:
        """(images,) eV/Å, of the energy along the path, from the forces."""
        line = tangents(self.positions, self.energies)
        return -np.einsum("inc,inc->i", line, self.forces)


class ImageEvaluator:
    """Energies and forces of images of one structure, whose neighbourhoods are kept while they hold.

    Args:
        atoms: cell, boundaries and elements of all images.
    """

    def __init__(self, atoms: Atoms, potential: AnyPotential):
        cells.refuse_open(potential, atoms.pbc)
        self._potential, self._cell = potential, atoms.cell.array
        self._periodic, self._reach = np.asarray(atoms.pbc), potential.cutoff + SKIN
        self._species = np.array([potential.elements.index(symbol) for symbol in atoms.symbols], np.int32)
        self._parts: list[batch.Neighborhood] = []
        self._batch: batch.Batch | None = None

    def evaluate(self, positions: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Energies (images,) eV and forces (images, n, 3) eV/Å at positions (images, n, 3) Å.

        Raises:
            CloseContact, NotFinite: of an image, at that step.
        """
        count, flat = len(positions), positions.reshape(-1, 3)
        boxes = np.repeat(self._cell[None], count, axis=0)
        if self._parts:
            holds = batch.still_hold(self._parts, flat, boxes, self._reach, self._potential.cutoff)
        else:
            self._parts, holds = [None] * count, np.zeros(count, bool)
        for k in np.flatnonzero(~holds):
            self._parts[k] = batch.build(positions[k], self._cell, self._periodic, self._reach)
        if not holds.all():
            self._batch = batch.join(self._parts)
        points = self._batch.points(flat, boxes)
        for closest in self._batch.closest(points):
            guards.check_contact(float(closest), step)
        result = cells.compute(self._potential, self._batch, points, boxes, np.tile(self._species, count))
        guards.check_finite(float(result.energies.sum() + np.abs(result.forces).sum()), step)
        return result.energies, result.forces.reshape(positions.shape)


def tangents(positions: np.ndarray, energies: np.ndarray) -> np.ndarray:
    """Unit vectors along the path at each image, (images, n, 3): towards the neighbour of higher energy.

    At an extremum the two sides are weighted by the larger and the smaller difference of energies, the larger towards the
    higher neighbour. At an end it is the side that there is.
    """
    sides = np.diff(positions, axis=0)
    inner = np.empty_like(positions)
    inner[0], inner[-1] = sides[0], sides[-1]
    for i in range(1, len(positions) - 1):
        before, after = sides[i - 1], sides[i]
        down, up = energies[i] - energies[i - 1], energies[i + 1] - energies[i]
        if up > 0 and down > 0:
            inner[i] = after
        elif up < 0 and down < 0:
            inner[i] = before
        else:
            most, least = max(abs(up), abs(down)), min(abs(up), abs(down))
            if energies[i + 1] > energies[i - 1]:
                inner[i] = most * after + least * before
            else:
                inner[i] = least * after + most * before
    norms = np.sqrt(np.einsum("inc,inc->i", inner, inner))
    return inner / np.maximum(norms, 1e-30)[:, None, None]


def band_forces(
    positions: np.ndarray, energies: np.ndarray, forces: np.ndarray, spring: float, climber: int | None
) -> np.ndarray:
    """Forces on the images between the ends, (images - 2, n, 3) eV/Å.

    F_i - (F_i t_i) t_i + k (|R_(i+1) - R_i| - |R_i - R_(i-1)|) t_i; of the climber F_i - 2 (F_i t_i) t_i.

    Args:
        positions, forces: (images, n, 3) Å, eV/Å of the potential, zero on frozen atoms. energies: (images,) eV.
        spring: k, eV/Å². climber: number of the climbing image.
    """
    line = tangents(positions, energies)
    lengths = np.linalg.norm(np.diff(positions, axis=0).reshape(len(positions) - 1, -1), axis=1)
    along = np.einsum("inc,inc->i", forces, line)[1:-1]
    pulls = spring * np.diff(lengths) - along
    if climber is not None:
        pulls[climber - 1] = -2.0 * along[climber - 1]
    return forces[1:-1] + pulls[:, None, None] * line[1:-1]


def relax(
    images: list[Atoms],
    potential: AnyPotential,
    options: BandOptions,
    show: Callable[[int, np.ndarray, float], None] = lambda step, energies, force: None,
    stop: Callable[[], bool] = lambda: False,
) -> Band:
    """Relax a band by FIRE; its ends stay. Atoms that a constraint holds stay, too.

    Args:
        images: three or more of the same atoms, with positions that do not jump across boundaries.
        show: told step, energies and largest force. stop: asked at each step.
    Raises:
        StructureError: too few images. CloseContact, NotFinite: see `ImageEvaluator`.
    """
    if len(images) < 3:
        raise StructureError(f"images = {len(images)}: a band must have three at least, the ends included; give more.")
    evaluator, frozen = ImageEvaluator(images[0], potential), constraints.frozen(images[0])
    positions = np.array([atoms.positions for atoms in images])
    coordinates, fire = RelaxationCoordinates(), MINIMIZERS["fire"]
    inner = positions[1:-1].reshape(-1, 3)
    coordinates.add([inner], [images[0].cell.array], [np.tile(frozen, len(images) - 2)], fire.memory)
    moving, is_atom, climber = MinimizerOptions(), coordinates.is_atom, None
    for step in range(options.steps + 1):
        energies, forces = evaluator.evaluate(positions, step)
        forces[:, frozen] = 0.0
        driving = band_forces(positions, energies, forces, options.spring, climber)
        largest = float(np.sqrt((driving**2).sum(axis=2).max()))
        show(step, energies, largest)
        is_done = largest <= options.force and (climber is not None or not options.climb)
        if is_done or stop() or step == options.steps:
            break
        if options.climb and largest <= CLIMBS_BELOW * options.force:
            climber = int(np.argmax(energies[1:-1])) + 1
            driving = band_forces(positions, energies, forces, options.spring, climber)
        coordinates.forces[is_atom] = driving.reshape(-1, 3)
        coordinates.x += np.where(coordinates.free[:, None], fire.step(coordinates, moving), 0.0)
        positions[1:-1] = coordinates.x[is_atom].reshape(positions[1:-1].shape)
    status = "converged" if is_done else "not converged" if step == options.steps else "stopped"
    return Band(positions, energies, forces, status, step, largest, climber)


def interpolated(initial: Atoms, final: Atoms, count: int, method: str) -> list[Atoms]:
    """Images between two structures, each atom on the shortest way across boundaries.

    Args:
        count: of images between. method: linear, or idpp: distances between atoms go as evenly as can be.
    Raises:
        StructureError: other atoms, another cell, or the same structure.
    Source: Smidstrup et al., J. Chem. Phys. 140, 214106 (2014), for idpp, by ASE.
    """
    from ase.mep.neb import NEB  # late: of one command

    require_same(initial, final, "final structure")
    ends = [initial.copy(), *(initial.copy() for _ in range(count)), initial.copy()]
    vectors = final.positions - initial.positions
    turns = np.rint(vectors @ np.linalg.inv(initial.cell.array)) * initial.pbc
    ends[-1].positions = final.positions - turns @ initial.cell.array
    if not np.abs(ends[-1].positions - initial.positions).max() > 1e-3:
        raise StructureError("final structure = the initial one: no atom moves; give another.")
    NEB(ends, method="improvedtangent").interpolate(method=method, apply_constraint=False)
    return ends


def require_same(initial: Atoms, other: Atoms, name: str) -> None:
    """Refuse another structure than one of the same atoms in the same order and cell.

    Raises:
        StructureError: it is another.
    """
    if initial.get_chemical_symbols() != other.get_chemical_symbols() or (initial.pbc != other.pbc).any():
        raise StructureError(
            f"{name} = other atoms than the initial structure, or in another order: must be the same with the same "
            "boundaries; sort them."
        )
    if np.abs(initial.cell.array - other.cell.array).max() > 1e-4:
        raise StructureError(f"{name} = another cell than the initial structure: must be the same; take one for both.")
