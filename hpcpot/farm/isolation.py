"""Items in a process of their own, so that an item that crashes it takes nothing else along.

Chunks whose workers died come here. The process sends each outcome as soon as it has it; when it dies, what is
unfinished goes into further processes, in smaller parts, until the item that kills its process is alone in one.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO

from hpcpot import plugins
from hpcpot.errors import FarmError
from hpcpot.farm.item import TAIL, BatchedCompute, Compute, Failure, Outcome, halves, outcomes
from hpcpot.notices import collected, notice

START = "import sys; sys.path[:] = filter(None, sys.path); from hpcpot.farm.isolation import main; main()"
"""Not -m, by which Python would import what lies in the current folder, as beside data of others."""


def run(compute: Compute | BatchedCompute, inputs: Sequence[Any], batched: bool, memory: int = 0) -> list[Outcome]:
    """Compute each input, whatever its process does; outcomes in order.

    Args:
        memory: bytes that the process may use; 0 for no limit.
    Raises:
        FarmError: from `compute`, see `item.outcomes`. OSError: this machine starts no process: too many, a full disk.
    """
    results: dict[int, Outcome] = {}
    parts = [list(range(len(inputs)))]
    while parts:
        positions = parts.pop()
        ending, tail = _in_process(compute, inputs, positions, batched, memory, results)
        left = [position for position in positions if position not in results]
        if left and len(positions) == 1:
            message = f"the process that computed this item {ending}"
            results[left[0]] = Failure("WorkerDied", message, socket.gethostname(), tail)
        elif batched:
            parts += halves(left)
        elif left:  # items went one by one, so the first without an outcome is at fault
            parts += [part for part in (left[1:], left[:1]) if part]
    return [results[position] for position in range(len(inputs))]


def _in_process(
    compute: Compute | BatchedCompute,
    inputs: Sequence[Any],
    positions: list[int],
    batched: bool,
    memory: int,
    results: dict[int, Outcome],
) -> tuple[str, str]:
    """Compute some positions in a new process and add what it sends to `results`; how it ended, and its last words."""
    import cloudpickle  # comes with Dask, whose workers alone call this; it also takes functions of a script

    job = cloudpickle.dumps((compute, [inputs[position] for position in positions], batched, memory))
    with tempfile.TemporaryFile() as printed, ExitStack() as stack:
        receive, send = os.pipe()
        stream = stack.enter_context(open(receive, "rb"))
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", START, str(send)],
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=printed,
                pass_fds=(send,),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        finally:
            os.close(send)
        try:
            process.stdin.write(job)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it died before it read its job; its end says why
        sent = list(_received(stream))
        ending = describe(process.wait())
        if sent and isinstance(sent[-1], FarmError):
            raise sent[-1]
        for where, what in (note for _, _, notes in sent for note in notes):
            notice(where, what)
        results.update({positions[position]: outcome for position, outcome, _ in sent})
        printed.seek(max(0, printed.seek(0, os.SEEK_END) - TAIL))
        return ending, printed.read().decode(errors="replace")


def _received(stream: BinaryIO):
    """Yield the messages of the process, up to one that its end cut off."""
    while True:
        try:
            yield pickle.load(stream)
        except (EOFError, pickle.UnpicklingError):
            return


def describe(code: int) -> str:
    """Say how a process ended, by its return code."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def main() -> None:
    """The process: its job comes in on stdin, outcomes go out on the file descriptor that it is given."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the client, which ends the workers
    plugins.load()
    compute, inputs, batched, memory = pickle.load(sys.stdin.buffer)
    if memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    with open(int(sys.argv[1]), "wb") as stream:
        try:
            with collected() as notes:
                for position, outcome in outcomes(compute, inputs, batched):
                    pickle.dump((position, outcome, list(notes)), stream)
                    stream.flush()
                    notes.clear()
        except FarmError as error:
            pickle.dump(error, stream)
