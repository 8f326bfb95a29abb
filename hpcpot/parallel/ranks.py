"""MPI ranks. The only module that imports mpi4py; a serial run is the same code on one rank, without mpi4py."""

from __future__ import annotations

import ctypes
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from hpcpot.errors import DependencyError, HpcpotError
from hpcpot.structure.state import library

SIZE_VARIABLES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_SIZE", "MPI_LOCALNRANKS")
MPICH_CUDA = 0
"""MPIX_GPU_SUPPORT_CUDA of MPICH."""


def launched_size() -> int:
    """Number of ranks that an MPI launcher started this process with, 1 without a launcher."""
    sizes = [int(os.environ[name]) for name in SIZE_VARIABLES if os.environ.get(name, "").isdigit()]
    if (
        "SLURM_STEP_NUM_TASKS" in os.environ
        and "SLURM_PROCID" in os.environ
        and os.environ.get("SLURM_STEP_ID", "").isdigit()
    ):
        sizes.append(int(os.environ["SLURM_STEP_NUM_TASKS"]))
    return max(sizes, default=1)


class Message(NamedTuple):
    """An array for rank `to`, and one that rank `source` fills; rank -1 is nobody."""

    send: np.ndarray
    to: int
    source: int
    receive: np.ndarray


class Ranks:
    """The ranks of this run and the messages between them.

    Without a communicator it is one rank and every call is the trivial one.

    Attributes:
        comm: the mpi4py communicator, or None on one rank without MPI.
        rank, size: this rank's number and how many there are.
    """

    def __init__(self, comm: Any = None):
        self.comm = comm
        self.rank = comm.Get_rank() if comm is not None else 0
        self.size = comm.Get_size() if comm is not None else 1

    @property
    def is_root(self) -> bool:
        return self.rank == 0

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Element-wise sum over ranks of a float64 or int64 array; the same on all ranks."""
        return self._reduce(values, "SUM")

    def max(self, values: np.ndarray) -> np.ndarray:
        """Element-wise maximum over ranks; the same on all ranks."""
        return self._reduce(values, "MAX")

    def _reduce(self, values: np.ndarray, operation: str) -> np.ndarray:
        values = np.ascontiguousarray(values)
        if self.size == 1:
            return values.copy()
        result = np.empty_like(values)
        self.comm.Allreduce(values, result, op=_mpi_operation(operation))
        return result

    def broadcast(self, value: Any, root: int = 0) -> Any:
        """Any picklable object of `root`, on all ranks."""
        return value if self.size == 1 else self.comm.bcast(value, root=root)

    def all_gather(self, value: Any) -> list:
        """The objects of all ranks, in rank order, on all ranks."""
        return [value] if self.size == 1 else self.comm.allgather(value)

    def exchange(self, blocks: list[np.ndarray]) -> list[np.ndarray]:
        """Send blocks[r] to rank r; returns what each rank sent here, in rank order.

        Args:
            blocks: `size` arrays that differ in their first dimension only.
        """
        if self.size == 1:
            return [blocks[0]]
        tail = blocks[0].shape[1:]
        width = int(np.prod(tail, dtype=np.int64))
        counts = np.array([len(block) for block in blocks], np.int64)
        received = np.empty_like(counts)
        self.comm.Alltoall(counts, received)
        send = np.ascontiguousarray(np.concatenate(blocks))
        receive = np.empty((int(received.sum()), *tail), send.dtype)
        from mpi4py import MPI

        # Counts in rows, not bytes: MPI's counts end at 2^31.
        row = MPI.BYTE.Create_contiguous(width * send.itemsize).Commit()
        self.comm.Alltoallv([send, counts, row], [receive, received, row])
        row.Free()
        return np.split(receive, np.cumsum(received)[:-1])

    def shift(self, send: np.ndarray, to: int, source: int, receive: np.ndarray) -> None:
        """Send an array to rank `to` while filling `receive` from rank `source`; rank -1 is nobody."""
        self.shift_all([Message(send, to, source, receive)])

    def shift_all(self, messages: Sequence[Message]) -> None:
        """The same for several that do not depend on each other, all at once; in one order on all ranks."""
        requests = []
        for send, to, source, receive in messages:
            if to == self.rank and source == self.rank:
                receive[...] = send
                continue
            if source >= 0:
                requests.append(self.comm.Irecv(receive, source=source))
            if to >= 0:
                requests.append(self.comm.Isend(library(send).ascontiguousarray(send), dest=to))
        if requests:
            requests[0].Waitall(requests)

    def local(self) -> tuple[int, int]:
        """This rank's number among those of its machine, and how many they are."""
        if self.size == 1:
            return 0, 1
        from mpi4py import MPI

        node = self.comm.Split_type(MPI.COMM_TYPE_SHARED)
        place = node.Get_rank(), node.Get_size()
        node.Free()
        return place

    def takes_device_memory(self) -> bool:
        """Ask whether this MPI sends from and receives into the memory of NVIDIA GPUs."""
        if self.size == 1 or os.environ.get("MPICH_GPU_SUPPORT_ENABLED") == "1":  # Cray's
            return True
        from mpi4py import MPI

        mpi_library, answer = ctypes.CDLL(MPI.__file__), ctypes.c_int(0)
        if hasattr(mpi_library, "MPIX_Query_cuda_support"):  # Open MPI and MVAPICH
            return bool(mpi_library.MPIX_Query_cuda_support())
        if hasattr(mpi_library, "MPIX_GPU_query_support"):  # MPICH
            mpi_library.MPIX_GPU_query_support(MPICH_CUDA, ctypes.byref(answer))
        return bool(answer.value)

    def barrier(self) -> None:
        if self.size > 1:
            self.comm.Barrier()

    def root_only(self, function: Callable[[], Any], share: bool = True) -> Any:
        """Run `function` on rank 0; its result, or its error, reaches every rank.

        An error of rank 0 is raised on all ranks, so that none waits for another. Without `share` the result stays on
        rank 0 and the others get None.
        """
        result, error = None, None
        if self.is_root:
            try:
                result = function()
            except Exception as exception:  # handed on to all ranks, raised below
                error = exception
        if self.size > 1:
            shared, error = self.comm.bcast((result if share else None, error), root=0)
            result = result if self.is_root else shared
        if error is not None:
            error.on_all_ranks = True
            raise error
        return result

    def agree(self, error: Exception | None) -> None:
        """Raise on every rank when any rank has an error: the one of the lowest such rank.

        Every rank calls it; `error` is None where all is well.
        """
        if self.size == 1:
            if error is not None:
                raise error
            return
        failed = self.max(np.array([0 if error is None else self.size - self.rank]))[0]
        if failed:
            error = self.broadcast(error, root=int(self.size - failed))
            error.on_all_ranks = True
            raise error

    def abort_on_exception(self) -> None:
        """Make an uncaught exception end all ranks with exit code 1, after its message.

        Without this an exception on one rank leaves the others waiting for ever.
        """
        if self.size == 1:
            return

        def hook(kind: type, value: BaseException, trace: Any) -> None:
            self.fail(value, trace)

        sys.excepthook = hook

    def fail(self, error: BaseException, trace: Any = None) -> None:
        """Print the error of this rank and end all ranks with its exit code.

        Of an error that every rank raised (`agree`, `root_only`) rank 0 alone speaks, and the ranks end by themselves.
        """
        if isinstance(error, HpcpotError) and error.on_all_ranks:
            if self.is_root:
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            return
        where = f"[rank {self.rank}/{self.size}] " if self.size > 1 else ""
        if isinstance(error, HpcpotError):
            print(f"{where}{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        else:
            text = "".join(traceback.format_exception(type(error), error, trace))
            print("".join(f"{where}{line}\n" for line in text.splitlines()), file=sys.stderr, end="", flush=True)
        self.comm.Abort(getattr(error, "exit_code", 1))


@cache
def _mpi_operation(name: str) -> Any:
    """An operation of MPI, kept: reductions are of every step."""
    from mpi4py import MPI

    return getattr(MPI, name)


SERIAL = Ranks()


def start() -> Ranks:
    """The ranks that this process was launched with; MPI is imported only under a launcher.

    Raises:
        DependencyError: a launcher started several copies and mpi4py is not installed.
    """
    size = launched_size()
    if size == 1:
        return SERIAL
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise DependencyError(
            f"mpirun = {size} ranks: mpi4py cannot be imported ({error}), so each rank would run the whole job; "
            "pip install mpi4py, or start without mpirun."
        ) from error
    if MPI.COMM_WORLD.Get_size() != size:
        raise DependencyError(
            f"mpirun = {size} ranks: mpi4py sees {MPI.COMM_WORLD.Get_size()}, so it was built for another MPI than the "
            "launcher's; use the mpirun of the MPI that mpi4py was built for (hpcpot doctor names it)."
        )
    ranks = Ranks(MPI.COMM_WORLD)
    ranks.abort_on_exception()
    return ranks
