"""Relaxation in flight: one call of the potential serves many structures; those that are done make room for others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms

from hpcpot.errors import HpcpotError, StructureError
from hpcpot.neighbors import batch
from hpcpot.neighbors.batch import Batch, Neighborhood
from hpcpot.potential.contract import Potential
from hpcpot.relaxation import guards, minimizers, rows
from hpcpot.relaxation.minimizers import MINIMIZERS
from hpcpot.relaxation.rows import Rows
from hpcpot.structure import files

CONVERGED, NOT_CONVERGED = "converged", "no ionic convergence"
"""What becomes of a structure that does not fail."""

SATURATED = 2048
"""Atoms at once beyond which a CPU gets no faster."""


@dataclass(frozen=True)
class Options:
    """How structures are relaxed.

    Attributes:
        minimizer: one of MINIMIZERS. moves: what it may be told.
        cell: one of settings.CELLS. pressure: eV/Å³.
        force: eV/Å, largest force on a free atom, and stress: eV/Å³, largest component that the cell may follow less
            the pressure, of a converged structure.
        steps: evaluations at most, the initial one not counted.
        skin: Å.
        keep_path: whether each step is kept.
    """

    minimizer: str = "lbfgs"
    moves: minimizers.Options = field(default_factory=minimizers.Options)
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
        status: CONVERGED or NOT_CONVERGED. steps: moves made.
        force: eV/Å, stress: eV/Å³: what was compared with the tolerances at last.
        capped: steps that the damped dynamics cut short.
        path: every step, the first and the last among them, if it was kept.
    """

    status: str
    steps: int
    initial: Snapshot
    final: Snapshot
    force: float
    stress: float
    capped: int
    path: list[Snapshot]


@dataclass
class Job:
    """A structure that is being relaxed."""

    number: int
    atoms: Atoms
    species: np.ndarray
    near: Neighborhood
    steps: int = 0
    initial: Snapshot | None = None
    path: list[Snapshot] = field(default_factory=list)


Outcome = tuple[int, Relaxed | HpcpotError]


def relax(structures: Iterable[Atoms], potential: Potential, options: Options, room: int) -> Iterator[Outcome]:
    """Relax structures, in the order given as room becomes free; each once, as they end.

    Args:
        structures: any atoms; frozen where a FixAtoms constraint says so.
        room: atoms at once; a structure that is larger is relaxed alone.
    Yields:
        its number in `structures`, and the result or why there is none: StructureError, CloseContact, CellCollapse,
        NotFinite.
    """
    return Engine(potential, options, room).run(structures)


class Engine:
    """The structures in flight. `rows` and `jobs` are in the same order."""

    def __init__(self, potential: Potential, options: Options, room: int):
        self.potential, self.options, self.room = potential, options, room
        self.minimizer = MINIMIZERS[options.minimizer]
        self.moves = replace(options.moves, rise=minimizers.RISE[potential.precision])
        self.reach = potential.cutoff + options.skin
        self.jobs: list[Job] = []
        self.rows: Rows = rows.empty()
        self._batch: Batch | None = None

    def run(self, structures: Iterable[Atoms]) -> Iterator[Outcome]:
        """See `relax`."""
        queue = deque(enumerate(structures))
        while queue or self.jobs:
            yield from self._admit(queue)
            if failures := self._join():
                yield from self._drop(failures)
                continue
            if not self.jobs:
                continue
            points = self._batch.points(*self.rows.geometry())
            if failures := self._failures(guards.check_contact, self._batch.closest(points)):
                yield from self._drop(failures)
                continue
            yield from self._drop(self._evaluate(points))
            if self.jobs:
                yield from self._drop(self._move())

    def _admit(self, queue: deque[tuple[int, Atoms]]) -> Iterator[Outcome]:
        """Fill the room from the queue; what cannot be simulated comes out again."""
        fresh, used = [], sum(len(job.atoms) for job in self.jobs)
        while queue and (used + len(queue[0][1]) <= self.room or used == 0):
            number, atoms = queue.popleft()
            try:
                job = self._job(number, atoms)
            except HpcpotError as error:
                yield number, error
                continue
            used += len(job.atoms)
            fresh.append(job)
        frozen = [_frozen(job.atoms) for job in fresh]
        positions, cells = [job.atoms.positions for job in fresh], [job.atoms.cell.array for job in fresh]
        self.rows.add(positions, cells, frozen, self.minimizer.kept)
        self.jobs += fresh

    def _job(self, number: int, atoms: Atoms) -> Job:
        checked = files.check(atoms, self.potential.elements)
        if self.options.cell != "fixed" and not checked.pbc.all():
            raise StructureError(
                f"periodic = {checked.pbc.tolist()}: relax.cell: {self.options.cell} moves a cell that is periodic "
                "along all axes; set relax.cell: fixed."
            )
        kinds = [self.potential.elements.index(symbol) for symbol in checked.symbols]
        near = batch.build(checked.positions, checked.cell.array, np.asarray(checked.pbc), self.reach)
        return Job(number, checked, np.array(kinds, np.int32), near)

    def _join(self) -> dict[int, HpcpotError]:
        """Build anew the neighbourhoods that atoms have outrun, and join all if any changed."""
        if not self.jobs:
            return {}
        parts, (positions, cells) = [job.near for job in self.jobs], self.rows.geometry()
        holds = batch.still_hold(parts, positions, cells, self.reach, self.potential.cutoff)
        ends, failures = np.cumsum(self.rows.sizes - 3), {}
        for b in np.flatnonzero(~holds):
            job = self.jobs[b]
            atoms = positions[ends[b] - len(job.atoms) : ends[b]]
            try:
                job.near = batch.build(atoms, cells[b], np.asarray(job.atoms.pbc), self.reach)
            except StructureError as error:
                failures[int(b)] = guards.CellCollapse(str(error))
        if not failures and (self._batch is None or not holds.all()):
            self._batch = batch.join([job.near for job in self.jobs])
        return failures

    def _evaluate(self, points: np.ndarray) -> dict[int, Relaxed | HpcpotError]:
        """Forces at the present geometry; returns what has ended by them."""
        species = np.concatenate([job.species for job in self.jobs])[self._batch.owners]
        result = self.potential.compute(points, self._batch.pairs, species)
        energies = self._batch.sums(result.energies)
        forces, virials = self._batch.fold(points, result.forces)
        driving = self.rows.set_forces(forces, virials, energies, self.options.cell, self.options.pressure)
        squares = np.where(self.rows.free[self.rows.is_atom], (forces**2).sum(axis=1), 0.0)
        largest = np.sqrt(np.maximum.reduceat(squares, self._batch.starts))
        failures = self._failures(guards.check_finite, energies + largest)
        now = Snapshots(*self.rows.geometry(), energies, forces, virials, self._batch.starts)
        stresses = np.abs(driving).max(axis=(1, 2)) / now.volumes
        return failures | {
            b: ended
            for b, job in enumerate(self.jobs)
            if b not in failures and (ended := self._ended(b, job, now, float(largest[b]), float(stresses[b])))
        }

    def _ended(self, b: int, job: Job, now: Snapshots, force: float, stress: float) -> Relaxed | None:
        """What became of a structure, if this was its last step."""
        converged = force <= self.options.force and stress <= self.options.stress
        over = converged or job.steps >= self.options.steps
        if not over and not self.options.keep_path and job.steps > 0:
            return None
        snapshot = now.of(b, bool(job.atoms.pbc.all()))
        job.initial = job.initial or snapshot
        if self.options.keep_path:
            job.path.append(snapshot)
        if not over:
            return None
        capped = int(self.rows.by_structure["capped"][b]) if "capped" in self.rows.by_structure else 0
        status = CONVERGED if converged else NOT_CONVERGED
        return Relaxed(status, job.steps, job.initial, snapshot, force, stress, capped, job.path)

    def _move(self) -> dict[int, HpcpotError]:
        """One step of all; returns what failed by it."""
        self.rows.x += np.where(self.rows.free[:, None], self.minimizer.step(self.rows, self.moves), 0.0)
        if self.options.cell == "fixed_volume":
            of_cell = self.rows.of_cell
            self.rows.x[of_cell] /= np.cbrt(np.linalg.det(self.rows.deformations))[:, None, None]
        for job in self.jobs:
            job.steps += 1
        finite = np.add.reduceat(self.rows.x.sum(axis=1), self.rows.first)
        failures = self._failures(guards.check_finite, finite)
        failures |= self._failures(guards.check_cell, np.linalg.det(self.rows.deformations))
        return failures

    def _failures(self, check: Callable[[float, int], None], values: np.ndarray) -> dict[int, HpcpotError]:
        """What a guard says of a value of each structure."""
        failures = {}
        for b, job in enumerate(self.jobs):
            try:
                check(float(values[b]), job.steps)
            except HpcpotError as error:
                failures[b] = error
        return failures

    def _drop(self, ended: dict[int, Relaxed | HpcpotError]) -> Iterator[Outcome]:
        """Take structures out of flight and hand out what became of them."""
        if not ended:
            return
        staying = np.array([b not in ended for b in range(len(self.jobs))])
        for b, outcome in ended.items():
            yield self.jobs[b].number, outcome
        self.jobs = [job for job, stays in zip(self.jobs, staying, strict=True) if stays]
        self.rows.keep(staying)
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


def _frozen(atoms: Atoms) -> np.ndarray:
    """(n,) bool, atoms of FixAtoms constraints."""
    frozen = np.zeros(len(atoms), bool)
    for constraint in atoms.constraints:
        if isinstance(constraint, FixAtoms):
            frozen[constraint.index] = True
    return frozen
