"""Trajectories: H5MD files that all ranks write together, and that a kill at any moment leaves readable.

A row is committed by marking: grow the datasets and write the row, flush it to the disk, then set its `step` in place
and flush again. `layout.py` says what is where in the file. No file is locked: network file systems often refuse locks,
parallel HDF5 has none, and so every program can look into the file of a running job.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from hpcpot import account
from hpcpot.errors import DependencyError, OutputError
from hpcpot.outputs import Replacement, refuse_existing, remove
from hpcpot.parallel.ranks import SERIAL, Ranks
from hpcpot.storage import layout, verify
from hpcpot.storage.blocks import block, gather
from hpcpot.storage.hdf5_errors import HDF5_ERRORS, MOVED, explain, explained
from hpcpot.storage.layout import Series
from hpcpot.storage.lock import Lock
from hpcpot.storage.writing import WrittenFile


def choose_mode(mode: str, ranks: Ranks) -> str:
    """Who writes: "parallel", all ranks through parallel HDF5, or "rank0" for all of them, into the same file.

    "auto" is "parallel" where h5py has MPI, so that no rank need hold a whole frame. On one node gathering small frames
    is somewhat faster (benchmarks/hdf5_write.py). One rank is always "rank0".

    Raises:
        DependencyError: "parallel" was asked for and h5py has no MPI.
    """
    has_mpi = h5py.get_config().mpi
    if mode == "parallel" and not has_mpi:
        raise DependencyError(
            "parallel.hdf5 = parallel: h5py must be built with MPI, and this one is not; set parallel.hdf5: rank0, or "
            "build h5py on parallel HDF5 (hpcpot doctor prints the commands)."
        )
    return "parallel" if has_mpi and ranks.size > 1 and mode != "rank0" else "rank0"


class Trajectory:
    """An H5MD file that is being written. Every method is called on all ranks.

    Args:
        path: the file; MDAnalysis knows it by the ending .h5md.
        elements: chemical symbols that species index.
        species: (stop - start,) int, of this rank's `block` of the atoms in order of id.
        masses: (species,) float64, amu.
        n_atoms: of all ranks.
        periodic: (3,) bool.
        frozen: (stop - start,) bool, atoms of this rank's block that do not move; None: all move.
        particles: those of `layout.ELEMENTS` that will be written, each with its interval in steps; image has
            position's.
        observables: name -> (H5MD unit or "", shape of one value: () for a scalar).
        observables_every: their interval, steps; 0 for no observables.
        n_steps: step at which the run is to end; the file can grow beyond.
        precision: "float64" or "float32", of positions, velocities, forces and energies of atoms.
        mode: "auto", "parallel" or "rank0", see `choose_mode`.
        provenance: what made the file, see `hpcpot.provenance`.
        existing: what to do with a file that is there: "refuse", "overwrite" or "continue" (then it must be there).
        continue_step: step of the checkpoint that a continued run starts from; rows after it are taken off.
        stale: files that go with the one that is overwritten, removed before it is, once no other process writes it.

    Attributes:
        mode: "parallel" or "rank0".
        last_steps: by group ("observables", "particles/trajectory", ...), step of the last row; -1 for none.

    Raises (on all ranks together):
        OutputError: the file exists or is missing, cannot be written, or belongs to another run.
        DependencyError: see `choose_mode`.
    """

    def __init__(
        self,
        path: str | Path,
        ranks: Ranks,
        *,
        elements: tuple[str, ...],
        species: np.ndarray,
        masses: np.ndarray,
        n_atoms: int,
        periodic: np.ndarray,
        particles: dict[str, int],
        observables: dict[str, tuple[str, tuple[int, ...]]],
        observables_every: int,
        n_steps: int,
        provenance: dict[str, str | int | float],
        precision: str = "float64",
        mode: str = "auto",
        existing: str = "refuse",
        continue_step: int = 0,
        frozen: np.ndarray | None = None,
        stale: Sequence[Path] = (),
    ):
        self.path = Path(path).absolute()
        self.mode = choose_mode(mode, ranks)
        self._ranks = ranks
        self._start, self._stop = block(ranks, n_atoms)
        self._series = layout.plan(n_atoms, particles, observables, observables_every, precision)
        held = np.zeros(self._stop - self._start, bool) if frozen is None else np.asarray(frozen, bool)
        whole = (gather(ranks, np.asarray(species)), masses, np.asarray(periodic, bool), gather(ranks, held))
        system = layout.System(tuple(elements), *whole)
        if existing == "continue":
            begin = partial(self._continue, system, provenance, continue_step)
        else:
            begin = partial(self._create, system, provenance, n_steps, existing == "overwrite", stale)
        account.wrote(Path(path))
        self._lock: Lock | None = None
        self._rows, self.last_steps = ranks.root_only(partial(self._begin, begin))
        self._writers = ranks if self.mode == "parallel" else SERIAL
        self._file = self._open_together() if self.mode == "parallel" else ranks.root_only(self._open, share=False)

    def append(
        self,
        step: int,
        time: float,
        particles: dict[str, np.ndarray],
        box: np.ndarray | None = None,
        observables: dict[str, float | np.ndarray] | None = None,
    ) -> None:
        """Write one row of all that is due at this step, and commit it.

        Args:
            step: beyond the last of what is due. time: fs.
            particles: this rank's `block` of each element that is due, atoms in order of id. Elements that share
                position's group (`layout`) come together.
            box: (3, 3) float64, Å, cell vectors in rows; needed with particles.
            observables: all or none, equal on all ranks; all are needed with position, since MDAnalysis looks for a row
                of observables for each frame.

        Raises (on all ranks together):
            OutputError: the disk is full or broken. The rows before stay, and the file is closed.
        """
        given = {True: {**particles, layout.BOX: box} if particles else {}, False: observables or {}}
        due = self._due(given, step)
        self._ranks.agree(self._misfit(due, given))
        rows = {
            series.path(name): (np.asarray(given[series.is_particles][name], array.kind), array.is_atomic)
            for series in due
            for name, array in series.arrays.items()
        }
        if self.mode == "rank0":
            rows = {path: (gather(self._ranks, row) if atomic else row, atomic) for path, (row, atomic) in rows.items()}
        write = partial(self._write, due, step, time, rows)
        try:
            write() if self.mode == "parallel" else self._ranks.root_only(write)
        except OutputError:
            self._abandon()
            raise
        for series in due:
            self._rows[series.root] += 1
            self.last_steps[series.root] = step

    def close(self) -> None:
        """Close the file. Everything appended is in it already."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            with explained(self.path, "close"):
                file.close()
                self._require_in_place()
        finally:
            self._release()

    def __enter__(self) -> Trajectory:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            self.close()
        # Closing takes all ranks in parallel mode, so after an error on one of them it would wait for ever.
        elif self.mode == "rank0" or getattr(error, "on_all_ranks", False):
            self._abandon()

    def _begin(self, begin: Callable[[], tuple[dict, dict]]) -> tuple[dict, dict]:
        """Become its writer and begin it; on rank 0."""
        self._lock = Lock(self.path)
        try:
            begun = begin()
            self._identity = self.path.stat()
        except BaseException:
            self._lock.release()
            raise
        return begun

    def _create(
        self, system: layout.System, provenance: dict, n_steps: int, overwrite: bool, stale: Sequence[Path]
    ) -> tuple[dict, dict]:
        """A new file without rows; on rank 0. Returns rows and last step by series."""
        refuse_existing(self.path, overwrite, can_restart=True)
        remove(stale)
        with explained(self.path, "create"), Replacement(self.path) as part:
            with WrittenFile(part, "w", libver=layout.LIBVER, **layout.ALIGNED) as file:
                layout.create(file, self._series, system, n_steps)
                layout.write_run(file, provenance, 0)
        return {series.root: 0 for series in self._series}, {series.root: -1 for series in self._series}

    def _continue(self, system: layout.System, provenance: dict, step: int) -> tuple[dict, dict]:
        """An existing file without the rows after `step`; on rank 0. Returns rows and last step by series."""
        rows, last = {}, {}
        with explained(self.path, "read"), h5py.File(self.path, "r", locking=False) as file:
            layout.check(file, self.path, self._series, system)
            verify.trajectory(file, grows=True)
        with explained(self.path, "continue"), self._open() as file:
            for series in self._series:
                rows[series.root] = layout.truncate(file, series, step)
                last[series.root] = int(file[series.shared("step")][-1]) if rows[series.root] else -1
            layout.write_run(file, provenance, step)
        return rows, last

    def _open(self) -> WrittenFile:
        """Open the file for one writer. Without a chunk cache each write goes straight to its place in the file."""
        with explained(self.path, "open"):
            return WrittenFile(self.path, "r+", libver=layout.LIBVER, rdcc_nbytes=0, **layout.ALIGNED)

    def _open_together(self) -> h5py.File:
        """Open the file on all ranks, through MPI-IO."""
        self._ranks.agree(
            None
            if self.path.exists()
            else OutputError(
                f"{self.path} = not seen by rank {self._ranks.rank}, though rank 0 made it: all nodes must share the "
                "folder; give a path on a shared file system, or set parallel.hdf5: rank0."
            )
        )
        file, error = None, None
        try:
            file = h5py.File(
                self.path, "r+", libver=layout.LIBVER, driver="mpio", comm=self._ranks.comm, **layout.ALIGNED
            )
        except HDF5_ERRORS as exception:
            error = explain(self.path, "open", exception)
        self._ranks.agree(error)
        return file

    def _due(self, given: dict[bool, dict], step: int) -> list[Series]:
        """Select the series that a row was given for, observables first: positions must not be there without them."""
        due = [series for series in reversed(self._series) if series.names & given[series.is_particles].keys()]
        expected = {
            kind: {name for series in due if series.is_particles is kind for name in series.arrays} for kind in given
        }
        if any(series.root == layout.MAIN for series in due):
            expected[False] |= {name for series in self._series if not series.is_particles for name in series.arrays}
        for kind, names in expected.items():
            if names != given[kind].keys():
                raise ValueError(f"append = {sorted(given[kind])}: what shares steps comes together, {sorted(names)}.")
        for series in due:
            if step <= self.last_steps[series.root]:
                raise ValueError(
                    f"append = step {step}: must be after step {self.last_steps[series.root]} of {series.root}."
                )
        return due

    def _misfit(self, due: list[Series], given: dict[bool, dict]) -> ValueError | None:
        for series in due:
            for name, array in series.arrays.items():
                shape = np.shape(given[series.is_particles][name])
                expected = (self._stop - self._start, *array.shape[1:]) if array.is_atomic else array.shape
                if shape != expected:
                    return ValueError(f"append = {name} of shape {shape}: must be {expected}.")
        return None

    def _write(self, due: list[Series], step: int, time: float, rows: dict[str, tuple[np.ndarray, bool]]) -> None:
        """Grow, write, flush, mark, flush; on the ranks that write."""
        row_of = {path: self._rows[series.root] for series in due for path in series.datasets}
        self._together(step, [partial(self._make_room, row_of)])
        self._together(step, (partial(self._file[path].resize, row + 1, axis=0) for path, row in row_of.items()))
        self._together(step, (partial(self._write_row, path, row_of[path], *row) for path, row in rows.items()))
        self._together(
            step, (partial(self._set, series.shared("time"), row_of[series.shared("time")], time) for series in due)
        )
        self._together(step, [self._flush_to_disk])
        self._together(
            step, (partial(self._set, series.shared("step"), row_of[series.shared("step")], step) for series in due)
        )
        self._together(step, [self._file.flush])
        self._together(step, [self._require_in_place])

    def _together(self, step: int, actions: Iterable[Callable[[], object]]) -> None:
        """Do all actions on all writing ranks, also after one failed, as collective calls must match; then agree."""
        error = None
        for action in actions:
            try:
                action()
            except HDF5_ERRORS as exception:
                error = error or explain(self.path, f"write step {step} to", exception)
        self._writers.agree(error)

    def _make_room(self, row_of: dict[str, int]) -> None:
        """Lengthen the file, by a hole, before HDF5 adds chunks to it.

        HDF5 writes the new length into its header first and gives the file that length last; a kill in between would
        leave a file that it takes for truncated.
        """
        added = [self._file[path] for path, row in row_of.items() if row % self._file[path].chunks[0] == 0]
        if added and self._writers.is_root:
            room = sum(int(np.prod(dataset.chunks)) * dataset.dtype.itemsize for dataset in added) + layout.INDEX_BYTES
            os.truncate(self.path, self.path.stat().st_size + room)

    def _write_row(self, path: str, row: int, values: np.ndarray, is_atomic: bool) -> None:
        if not is_atomic:
            self._set(path, row, values)
        elif self.mode == "rank0":
            write_rows(self._file[path], row, 0, values)
        else:
            write_rows(self._file[path], row, self._start, values, collective=True)

    def _set(self, path: str, row: int, value: np.ndarray | float) -> None:
        if self._writers.is_root:
            self._file[path][row] = value

    def _flush_to_disk(self) -> None:
        if isinstance(self._file, WrittenFile):
            self._file.sync()
        else:
            self._file.flush()  # MPI-IO's reaches the disk by itself

    def _require_in_place(self) -> None:
        """Raise OSError if another file, or none, is where this one was begun: rows would be lost in silence."""
        if self._ranks.is_root:
            try:
                is_same = os.path.samestat(self.path.stat(), self._identity)
            except FileNotFoundError:
                is_same = False
            if not is_same:
                raise OSError(MOVED)

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _abandon(self) -> None:
        file, self._file = self._file, None
        self._release()
        if isinstance(file, WrittenFile):
            file.abandon()
        elif file is not None:
            # The error that is being raised says why; that closing fails for the same reason adds nothing.
            with contextlib.suppress(*HDF5_ERRORS):
                file.close()


def write_rows(dataset: h5py.Dataset, row: int, start: int, values: np.ndarray, collective: bool = False) -> None:
    """dataset[row, start : start + len(values)] = values, where `values` may be empty.

    h5py's own assignment returns early for an empty slice and leaves the other ranks of a collective write waiting.

    Args:
        values: (count, ...), of the dataset's type.
    """
    in_file = dataset.id.get_space()
    if len(values):
        in_file.select_hyperslab((row, start) + (0,) * (values.ndim - 1), (1, *values.shape))
        in_memory = h5py.h5s.create_simple((1, *values.shape))
    else:
        in_file.select_none()
        in_memory = h5py.h5s.create_simple((1,))
        in_memory.select_none()
        values = np.zeros(1, values.dtype)
    transfer = h5py.h5p.create(h5py.h5p.DATASET_XFER)
    if collective:
        transfer.set_dxpl_mpio(h5py.h5fd.MPIO_COLLECTIVE)
    dataset.id.write(in_memory, in_file, np.ascontiguousarray(values), dxpl=transfer)
