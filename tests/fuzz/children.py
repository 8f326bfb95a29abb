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

from fuzz.judge import PACKAGE, Outcome, judged
from fuzz.targets import Target

ADDRESSES, RESIDENT, FILE_SIZE = 6 << 30, 1 << 30, 1 << 30
"""Bytes: of address space, of growth of resident memory, of a file that is written."""
IDLE = 6
"""Most time on the clock for each second of a core: a process that waits hangs, too."""
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


class Child:
    """A process that prepares and reads cases one after the other, and says through a pipe which and how each went.

    Attributes:
        left: cases without an outcome. current: the one that is being read, if any.
    """

    def __init__(self, target: Target, cases: list[int], prepare: Prepare, work: Path):
        self.left, self.current = list(cases), None
        self._seconds = target.seconds
        self._log = work / f"log-{time.monotonic_ns()}"
        self._buffer = b""
        self._pipe, send = os.pipe()
        self._pid = os.fork()
        if self._pid:
            os.close(send)
            self._begin(3 * target.seconds)
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
        with self._log.open("w") as log:
            faulthandler.enable(log)
            for case in self.left:
                own = folder.with_name(f"{folder.name}-{case}")  # of its own: files of earlier cases may be open
                prepare(case, own)
                os.write(send, json.dumps([case]).encode() + b"\n")
                faulthandler.dump_traceback_later(0.9 * target.seconds, repeat=True, file=log)
                outcome = attempt(target, own)
                faulthandler.cancel_dump_traceback_later()
                shutil.rmtree(own, ignore_errors=True)
                parts = [part[:SHOWN] for part in astuple(outcome)]
                os.write(send, json.dumps([case, *parts]).encode() + b"\n")

    def poll(self) -> tuple[dict[int, Outcome], bool]:
        """Outcomes by case since the last call, and whether the process has ended."""
        outcomes, has_ended = {}, False
        if select.select([self._pipe], [], [], 0.02)[0]:
            content = os.read(self._pipe, 1 << 20)
            has_ended, self._buffer = not content, self._buffer + content
        *lines, self._buffer = self._buffer.split(b"\n")
        for case, *parts in map(json.loads, lines):
            self.current = None if parts else case
            self._begin(self._seconds)
            if parts:
                outcomes[case] = Outcome(*parts)
                self.left.remove(case)
        is_late = not has_ended and (self._cpu() > self._cpu_end or time.monotonic() > self._end)
        if is_late:
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

    def _begin(self, seconds: float) -> None:
        """Give it so much time of a core from now on, and more on the clock, as others use the machine, too."""
        self._cpu_end, self._end = self._cpu() + seconds, time.monotonic() + IDLE * seconds

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
