"""Relaxation of many structures at once: one call of the potential serves all; finished ones make room for others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from ase import Atoms

from hpcpot.errors import HpcpotError, StructureError
from hpcpot.neighbors import batch
from hpcpot.neighbors.batch import Batch, Neighborhood
from hpcpot.potential import cells
from hpcpot.potential.cells import AnyPotential
from hpcpot.potential.range import Points, TrainedRange
from hpcpot.relaxation import guards, minimizers
from hpcpot.relaxation.coordinates import RelaxationCoordinates
from hpcpot.relaxation.minimizers import MINIMIZERS, MinimizerOptions
from hpcpot.structure import checks, constraints

CONVERGED, NOT_CONVERGED, OUTSIDE = "converged", "no ionic convergence", "outside"
"""Status of a structure that does not fail; OUTSIDE: it ended where the potential was not trained, converged or not."""

SATURATED = 2048
"""Atoms at once; with more a CPU gets no faster."""


@dataclass(frozen=True)
class RelaxationOptions:
    """Options of a relaxation.

    Attributes:
        minimizer: one of MINIMIZERS. moves: its parameters.
        cell: one of settings.CELLS. pressure: eV/Å³.
        force: eV/Å, largest force on a free atom, and stress: eV/Å³, largest component that the cell may follow less
            the pressure, of a converged structure.
        steps: evaluations at most, the initial one not counted.
        skin: Å.
        keep_path: whether each step is kept.
    """

    minimizer: str = "lbfgs"
    moves: MinimizerOptions = field(default_factory=MinimizerOptions)
    cell: str = "full"
    pressure: float = 0.0
    force: float = 0.01
    stress: float = 3.0e-4
    steps: int = 2000
    skin: float = 1.0
    keep_path: bool = False


@dataclass
class Snapshot:
    """One structure at one step: positions (n, 3) Å, cell (3, 3) Å, energy eV, forces (n, 3) eV/Å, stress (3, 3) eV/Å³.

    Stress is positive in tension, zero where the cell has no volume.
    """

    positions: np.ndarray
    cell: np.ndarray
    energy: float
    forces: np.ndarray
    stress: np.ndarray


@dataclass
class Relaxed:
    """A structure whose relaxation came to an end.

    Attributes:
        status: CONVERGED, NOT_CONVERGED or OUTSIDE. steps: moves made.
        force: eV/Å, stress: eV/Å³: the last values that were compared with the tolerances.
        capped: steps that the damped dynamics cut short.
        path: every step including the first and the last, if it was kept.
        outside: why the status is OUTSIDE.
    """

    status: str
    steps: int
    initial: Snapshot
    final: Snapshot
    force: float
    stress: float
    capped: int
    path: list[Snapshot]
    outside: str = ""


@dataclass
class InFlight:
    """A structure being relaxed."""

    number: int
    atoms: Atoms
    species: np.ndarray
    near: Neighborhood
    steps: int = 0
    initial: Snapshot | None = None
    path: list[Snapshot] = field(default_factory=list)


Outcome = tuple[int, Relaxed | HpcpotError]


def relax(
    structures: Iterable[Atoms],
    potential: AnyPotential,
    options: RelaxationOptions,
    room: int,
    trained: TrainedRange | None = None,
) -> Iterator[Outcome]:
    """Relax structures, in the order given as room becomes free; each once, as they end.

    Args:
        structures: any atoms; frozen where a constraint holds all axes of an atom.
        room: atoms at once; a structure that is larger is relaxed alone.
        trained: the range by which structures end OUTSIDE; None: none does.
    Yields:
        its number in `structures`, and the result or why there is none: StructureError, CloseContact, CellCollapse,
        NotFinite.
    """
    return RelaxationEngine(potential, options, room, trained).run(structures)


class RelaxationEngine:
    """Structures being relaxed together. `coordinates` and `in_flight` are in the same order.

    Attributes:
        evaluated: atoms whose forces were computed, each as often as it was.
    """

    def __init__(
        self, potential: AnyPotential, options: RelaxationOptions, room: int, trained: TrainedRange | None = None
    ):
        self.potential, self.options, self.room, self.trained = potential, options, room, trained
        self.minimizer = MINIMIZERS[options.minimizer]
        # Where forces are no gradient the energy may rise along them, and is no reason to go back.
        rise = np.inf if cells.is_whole(potential) else minimizers.RISE[potential.precision]
        self.moves = replace(options.moves, rise=rise)
        self.reach = potential.cutoff + options.skin
        self.evaluated = 0
        self.in_flight: list[InFlight] = []
        self.coordinates = RelaxationCoordinates()
        self._batch: Batch | None = None

    def run(self, structures: Iterable[Atoms]) -> Iterator[Outcome]:
        """See `relax`."""
        queue = deque(enumerate(structures))
        while queue or self.in_flight:
            yield from self._admit(queue)
            if failures := self._join():
                yield from self._drop(failures)
                continue
            if not self.in_flight:
                continue
            points = self._batch.points(*self.coordinates.geometry())
            if failures := self._failures(guards.check_contact, self._batch.closest(points)):
                yield from self._drop(failures)
                continue
            yield from self._drop(self._evaluate(points))
            if self.in_flight:
                yield from self._drop(self._move())

    def _admit(self, queue: deque[tuple[int, Atoms]]) -> Iterator[Outcome]:
        """Fill the room from the queue; yield the structures that cannot be simulated, with why."""
        admitted, used = [], sum(len(structure.atoms) for structure in self.in_flight)
        while queue and (used + len(queue[0][1]) <= self.room or used == 0):
            number, atoms = queue.popleft()
            try:
                structure = self._prepare(number, atoms)
            except HpcpotError as error:
                yield number, error
                continue
            used += len(structure.atoms)
            admitted.append(structure)
        frozen = [constraints.frozen(structure.atoms) for structure in admitted]
        positions = [structure.atoms.positions for structure in admitted]
        cells = [structure.atoms.cell.array for structure in admitted]
        self.coordinates.add(positions, cells, frozen, self.minimizer.memory)
        self.in_flight += admitted

    def _prepare(self, number: int, atoms: Atoms) -> InFlight:
        checked = checks.check(atoms, self.potential.elements)
        if self.options.cell != "fixed" and not checked.pbc.all():
            raise StructureError(
                f"periodic = {checked.pbc.tolist()}: relax.cell: {self.options.cell} moves a cell that is periodic "
                "along all axes; set relax.cell: fixed."
            )
        cells.refuse_open(self.potential, checked.pbc)
        kinds = [self.potential.elements.index(symbol) for symbol in checked.symbols]
        near = batch.build(checked.positions, checked.cell.array, np.asarray(checked.pbc), self.reach)
        return InFlight(number, checked, np.array(kinds, np.int32), near)

    def _join(self) -> dict[int, HpcpotError]:
        """Rebuild the neighbourhoods that atoms have outrun, and join all if any changed; returns what failed by it."""
        if not self.in_flight:
            return {}
        positions, cells = self.coordinates.geometry()
        parts = [structure.near for structure in self.in_flight]
        holds = batch.still_hold(parts, positions, cells, self.reach, self.potential.cutoff)
        ends, failures = np.cumsum(self.coordinates.sizes - 3), {}
        for b in np.flatnonzero(~holds):
            structure = self.in_flight[b]
            atoms = positions[ends[b] - len(structure.atoms) : ends[b]]
            try:
                structure.near = batch.build(atoms, cells[b], np.asarray(structure.atoms.pbc), self.reach)
            except StructureError as error:
                failures[int(b)] = guards.CellCollapse(str(error))
        if not failures and (self._batch is None or not holds.all()):
            self._batch = batch.join([structure.near for structure in self.in_flight])
        return failures

    def _evaluate(self, points: np.ndarray) -> dict[int, Relaxed | HpcpotError]:
        """Evaluate the forces at the present geometry; returns the structures that have ended by them."""
        species = np.concatenate([structure.species for structure in self.in_flight])
        result = cells.compute(self.potential, self._batch, points, self.coordinates.geometry()[1], species)
        self.evaluated += len(species)
        energies, forces, virials = result.energies, result.forces, result.virials
        driving = self.coordinates.set_forces(forces, virials, energies, self.options.cell, self.options.pressure)
        squares = np.where(self.coordinates.free[self.coordinates.is_atom], (forces**2).sum(axis=1), 0.0)
        largest = np.sqrt(np.maximum.reduceat(squares, self._batch.starts))
        failures = self._failures(guards.check_finite, energies + largest)
        now = Snapshots(*self.coordinates.geometry(), energies, forces, virials, self._batch.starts)
        stresses = np.abs(driving).max(axis=(1, 2)) / now.volumes
        return failures | {
            b: ended
            for b, structure in enumerate(self.in_flight)
            if b not in failures and (ended := self._ended(b, structure, now, float(largest[b]), float(stresses[b])))
        }

    def _ended(self, b: int, structure: InFlight, now: Snapshots, force: float, stress: float) -> Relaxed | None:
        """The result of a structure, if this was its last step."""
        converged = force <= self.options.force and stress <= self.options.stress
        is_last = converged or structure.steps >= self.options.steps
        if not is_last and not self.options.keep_path and structure.steps > 0:
            return None
        snapshot = now.of(b, bool(structure.atoms.pbc.all()))
        structure.initial = structure.initial or snapshot
        if self.options.keep_path:
            structure.path.append(snapshot)
        if not is_last:
            return None
        capped = int(self.coordinates.by_structure["capped"][b]) if "capped" in self.coordinates.by_structure else 0
        outside = self._outside(structure, snapshot)
        status = OUTSIDE if outside else CONVERGED if converged else NOT_CONVERGED
        return Relaxed(
            status, structure.steps, structure.initial, snapshot, force, stress, capped, structure.path, outside
        )

    def _outside(self, structure: InFlight, snapshot: Snapshot) -> str:
        """Say how the structure left the range that the potential was trained in; "" if it did not."""
        if self.trained is None:
            return ""
        points = Points.of(structure.near, structure.species, snapshot.positions, snapshot.cell)
        return self.trained.outside(points, snapshot.energy)

    def _move(self) -> dict[int, HpcpotError]:
        """Move all structures by one step; returns those that failed by it."""
        coordinates = self.coordinates
        moves = self.minimizer.step(coordinates, self.moves)
        coordinates.x += np.where(coordinates.free[:, None], moves, 0.0)
        if self.options.cell == "fixed_volume":
            coordinates.x[coordinates.of_cell] /= np.cbrt(np.linalg.det(coordinates.deformations))[:, None, None]
        for structure in self.in_flight:
            structure.steps += 1
        sums = np.add.reduceat(coordinates.x.sum(axis=1), coordinates.first)
        failures = self._failures(guards.check_finite, sums)
        failures |= self._failures(guards.check_cell, np.linalg.det(coordinates.deformations))
        return failures

    def _failures(self, check: Callable[[float, int], None], values: np.ndarray) -> dict[int, HpcpotError]:
        """The structures that fail a check of a value of each."""
        failures = {}
        for b, structure in enumerate(self.in_flight):
            try:
                check(float(values[b]), structure.steps)
            except HpcpotError as error:
                failures[b] = error
        return failures

    def _drop(self, ended: dict[int, Relaxed | HpcpotError]) -> Iterator[Outcome]:
        """Remove the structures that have ended, and yield their outcomes."""
        if not ended:
            return
        staying = np.array([b not in ended for b in range(len(self.in_flight))])
        for b, outcome in ended.items():
            yield self.in_flight[b].number, outcome
        self.in_flight = [structure for structure, stays in zip(self.in_flight, staying, strict=True) if stays]
        self.coordinates.keep(staying)
        self._batch = None


@dataclass(frozen=True)
class Snapshots:
    """All structures in flight at one step; arrays as in `Snapshot`, flat over the structures."""

    positions: np.ndarray
    cells: np.ndarray
    energies: np.ndarray
    forces: np.ndarray
    virials: np.ndarray
    starts: np.ndarray

    @property
    def volumes(self) -> np.ndarray:
        return np.abs(np.linalg.det(self.cells))

    def of(self, b: int, has_volume: bool) -> Snapshot:
        stop = self.starts[b + 1] if b + 1 < len(self.starts) else len(self.positions)
        mine = slice(self.starts[b], stop)
        virial = 0.5 * (self.virials[b] + self.virials[b].T) * has_volume
        return Snapshot(
            self.positions[mine].copy(),
            self.cells[b].copy(),
            float(self.energies[b]),
            self.forces[mine].copy(),
            -virial / self.volumes[b],
        )
