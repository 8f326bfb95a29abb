"""Cases in forked processes, which a crash, a hang or a request for terabytes ends alone."""

from __future__ import annotations

import faulthandler
import json
import os
import re
import resource
import select
import shutil
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from fuzz.judge import PACKAGE, Outcome, judged
from fuzz.targets import Target
from numba.core import event

ADDRESSES, RESIDENT, FILE_SIZE = 6 << 30, 1 << 30, 1 << 30
"""Bytes: of address space, of growth of resident memory, of a file that is written."""
IDLE = 20
"""Most time on the clock for each second of a core: a process that waits hangs, too, but others use the machine as well."""
BETWEEN = 30.0
"""Seconds of a core to begin, and to damage the files of a case."""
COMPILE = 120.0
"""Seconds of a core for compiled loops of a case: each layout of a model has its own, whose size its file decides."""
SAYS = 0.2
"""Seconds that a process has to write where it hangs, before it is killed."""
SHOWN = 3000
"""Characters of a text that a process reports."""

Prepare = Callable[[int, Path], None]
"""Writes the damaged files of a case to a folder that is not there yet."""


def attempt(target: Target, folder: Path) -> Outcome:
    """Read the files of a folder, in this process."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    os.chdir(folder)
    outcome = judged(target.read)
    os.chdir("/")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return replace(outcome, kind="memory") if grown > RESIDENT else outcome


class Compiling(event.Listener):
    """Tells when loops are being compiled, or read from where they are kept, and how long that took in all.

    Attributes:
        seconds: of a core.
    """

    def __init__(self, tell: Callable[[str, float], None]):
        self.seconds, self._depth, self._tell, self._since = 0.0, 0, tell, 0.0

    def on_start(self, _: event.Event) -> None:
        self._depth += 1
        if self._depth == 1:
            self._since = time.process_time()
            self._tell("compiles", self.seconds)

    def on_end(self, _: event.Event) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.seconds += time.process_time() - self._since
            self._tell("compiled", self.seconds)


class Child:
    """A process that prepares and reads cases one after the other, and says through a pipe which and how each went.

    Attributes:
        left: cases without an outcome. current: the one that is being read, if any. slowest: seconds of a core that a
            case took, without those for compiled loops, and the case.
    """

    def __init__(self, target: Target, cases: list[int], prepare: Prepare, work: Path):
        self.left, self.current, self.slowest = list(cases), None, (0.0, -1)
        self._seconds = target.seconds
        self._log = work / f"log-{time.monotonic_ns()}"
        self._buffer = b""
        self._pipe, send = os.pipe()
        self._pid = os.fork()
        if self._pid:
            os.close(send)
            self._allow(BETWEEN)
            return
        try:
            self._work(target, prepare, send, work / f"case-{os.getpid()}")
            os._exit(0)
        except BaseException:
            self._log.write_text(traceback.format_exc())
        finally:
            os._exit(1)

    def _work(self, target: Target, prepare: Prepare, send: int, folder: Path) -> None:
        limits = ((resource.RLIMIT_AS, ADDRESSES), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, FILE_SIZE))
        for limit, value in limits:
            resource.setrlimit(limit, (value, value))
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)

        def tell(*words: object) -> None:
            os.write(send, json.dumps(words).encode() + b"\n")

        with self._log.open("w") as log:
            faulthandler.enable(log)
            # When asked, from a signal: its watchdog reads the frames of a running thread, and now and then dies of it.
            faulthandler.register(signal.SIGUSR1, log, all_threads=False)
            for case in self.left:
                own = folder.with_name(f"{folder.name}-{case}")  # of its own: files of earlier cases may be open
                prepare(case, own)
                tell("begins", case)
                begun = time.process_time()
                with event.install_listener("numba:compiler_lock", compiling := Compiling(tell)):
                    outcome = attempt(target, own)
                seconds = time.process_time() - begun - compiling.seconds
                shutil.rmtree(own, ignore_errors=True)
                tell("ended", case, seconds, *(part[:SHOWN] for part in astuple(outcome)))

    def poll(self) -> tuple[dict[int, Outcome], bool]:
        """Outcomes by case since the last call, and whether the process has ended."""
        outcomes, has_ended = {}, False
        if select.select([self._pipe], [], [], 0.02)[0]:
            content = os.read(self._pipe, 1 << 20)
            has_ended, self._buffer = not content, self._buffer + content
        *lines, self._buffer = self._buffer.split(b"\n")
        for word, *rest in map(json.loads, lines):
            outcomes |= self._hear(word, *rest)
        is_late = not has_ended and (self._cpu() > self._cpu_end or time.monotonic() > self._end)
        if is_late:
            os.kill(self._pid, signal.SIGUSR1)
            time.sleep(SAYS)
            os.kill(self._pid, signal.SIGKILL)
        if has_ended or is_late:
            status = os.waitpid(self._pid, 0)[1]
            os.close(self._pipe)
            if self.current is not None:
                outcomes[self.current] = self._death(is_late, status)
            elif os.WIFEXITED(status) and os.WEXITSTATUS(status):
                raise RuntimeError(f"the harness failed: {self._log.read_text()}")
            del self.left[:1]  # with which it died, or which HDF5 died of when it was to be damaged once more
        return outcomes, has_ended or is_late

    def _hear(self, word: str, value: float, *rest: Any) -> dict[int, Outcome]:
        """Set the limits for what the process says that it does next; returns the outcome that it tells, if any."""
        if word == "begins":
            self.current, self._case_end = value, self._cpu() + self._seconds
            self._allow(self._seconds)
        elif word == "compiles":
            self._allow(COMPILE)
        elif word == "compiled":
            self._allow(self._case_end + value - self._cpu())
        else:
            self.current = None
            self.left.remove(value)
            self.slowest = max(self.slowest, (rest[0], value))
            self._allow(BETWEEN)
            return {value: Outcome(*rest[1:])}
        return {}

    def _allow(self, seconds: float) -> None:
        """Give it so much time of a core from now on, and more on the clock."""
        self._cpu_end = self._cpu() + seconds
        self._end = time.monotonic() + IDLE * max(seconds, self._seconds)

    def _cpu(self) -> float:
        """Seconds of a core that it has used; 0 when it has ended."""
        try:
            fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _death(self, is_late: bool, status: int) -> Outcome:
        lines = re.findall(r'File "([^"]+)", line (\d+)', self._log.read_text()) if self._log.exists() else []
        own = [f"{os.path.relpath(file, PACKAGE)}:{line}" for file, line in lines if file.startswith(PACKAGE)]
        where = own[0] if own else "outside hpcpot"
        if is_late:
            return Outcome("hang", where, f"longer than {self._seconds:g} s")
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "ended without a word"
        return Outcome("crash", f"{where} {how}", how)
