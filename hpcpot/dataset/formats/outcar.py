"""OUTCAR of VASP, line by line, so that one of any length takes little memory.

    vasp.6.3.0 ...                          POTCAR:    PAW_PBE Si_sv 05Jan2001, of each type, twice
    ions per type =  4  1                   NELM   =     60;
    then of each ionic step
    Iteration      1(   7)                  of each electronic step
    in kB  xx yy zz xy yz zx                pressure on the cell
    direct lattice vectors                  + 3 rows (Å)
    POSITION   TOTAL-FORCE (eV/Angst)       + a line + N rows, Å and eV/Å; with van der Waals forces three more columns
    free  energy   TOTEN  = ... eV          energy  without entropy= ...  energy(sigma->0) = ...

Steps of a machine-learned force field have ML in the last three. A run without Iteration 1( NELM) has converged; that
"EDIFF is reached" VASP 5 says always.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from ase.data import atomic_numbers

from hpcpot.dataset.formats.vasp_steps import Step, Unreadable

ITERATION = re.compile(r"Iteration\s*(?:\d+|\*+)\s*\(\s*(\d+)\s*\)")
NELM = re.compile(r"\bNELM\s*=\s*(\d+)")
END = "General timing and accounting"
"""Part of the last page of a run that came to its end."""
GLUED = re.compile(r"(?<=\d)-")
"""A minus behind a digit: Fortran has left no blank between two numbers."""
SIGMA = re.compile(r"energy\(sigma->0\)\s*=\s*(\S+)")
MOST_ATOMS = 10_000_000
"""More of them VASP does not calculate; a damaged number would ask for terabytes."""
SYMBOL = re.compile(r"[A-Z][a-z]?")


@dataclass
class _Header:
    """What stands before the first ionic step of a run.

    Attributes:
        named: of the types, twice. counts: atoms of each type. nelm: most electronic steps; None where it is not said.
    """

    named: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    nelm: int | None = None

    def take(self, line: str) -> None:
        if "POTCAR:" in line:
            self.named.append(_symbol(line.split("POTCAR:")[1]))
        elif "ions per type" in line:
            self.counts = [int(word) for word in line.partition("=")[2].split() if word.isdecimal()]
        elif match := NELM.search(line):
            self.nelm = int(match[1])

    def symbols(self) -> list[str]:
        """Element of each atom.

        Raises:
            Unreadable: the header does not say it.
        """
        names = self.named[: (len(self.named) + 1) // 2]
        if not names or not self.counts:
            raise Unreadable("its elements (POTCAR) or numbers of atoms (ions per type) are missing")
        if len(names) != len(self.counts):  # VASP up to 6.3 prints ten numbers at most
            raise Unreadable(f"it names {len(names)} types of atoms, but the numbers of {len(self.counts)} of them")
        if sum(self.counts) > MOST_ATOMS:
            raise Unreadable(f"it says that it has {sum(self.counts)} atoms")
        return [name for name, count in zip(names, self.counts, strict=True) for _ in range(count)]


def steps(lines: Iterator[str]) -> Iterator[Step]:
    """Read the ionic steps; if the run did not come to its end, the last is not whole, and may be empty.

    Raises:
        Unreadable: the file does not say which elements it has.
    """
    header, symbols, step, ended = _Header(), None, Step(begun=False), False
    for line in lines:
        if symbols is None:
            header.take(line)
        if "Iteration" in line:
            if match := ITERATION.search(line):
                symbols = symbols or header.symbols()
                step.begun, step.iterations = True, int(match[1])
                step.converged = header.nelm is None or step.iterations < header.nelm
        elif "EDIFF was not reached" in line or "self-consistency was not achieved" in line:
            step.converged = False
        elif "in kB" in line:
            step.stress = _stress(line)
        elif "direct lattice vectors" in line:
            step.cell = _table(lines, 3, 3)
        elif "TOTAL-FORCE" in line and "POSITION" in line:
            symbols = symbols or header.symbols()
            next(lines, "")
            table = _table(lines, len(symbols), 6)
            step.positions, step.forces = table[:, :3], table[:, 3:]
        elif "TOTEN" in line and "free  energy" in line:
            step.symbols, step.by_machine = symbols, " ML " in line
            step.energy = _number(line.partition("=")[2].split()[:1])
            step.sigma_0 = _sigma_0(lines)
            step.whole = True
            yield step
            step = Step(cell=step.cell, begun=False)
        elif "POTCAR:" in line and symbols is not None:  # another run in the same file
            header, symbols, ended = _Header(), None, False
            header.take(line)
        elif END in line:
            ended = True
    if not ended:
        yield step


def _symbol(text: str) -> str:
    """Element of a line of POTCAR: "PAW_PBE Si_sv 05Jan2001", "H  1/r potential"."""
    words = text.split()
    word = words[0] if "1/r" in words[1:2] else (words[1:2] or [""])[0]
    match = SYMBOL.match(word)
    symbol = match[0] if match else ""
    if symbol not in atomic_numbers:
        raise Unreadable(f"its POTCAR {' '.join(words)[:60]} is of no element")
    return symbol


def _table(lines: Iterator[str], n_rows: int, n_columns: int) -> np.ndarray:
    """(rows, columns) float64 of the next lines; NaN where they are no numbers."""
    rows = [next(lines, "") for _ in range(n_rows)]
    for separate in (str, lambda row: GLUED.sub(" -", row)):
        try:
            table = np.array([separate(row).split()[:n_columns] for row in rows], float)
        except ValueError:  # two numbers without a blank between, or asterisks
            continue
        if table.shape == (n_rows, n_columns):
            return table
    return np.full((n_rows, n_columns), np.nan)


def _stress(line: str) -> np.ndarray:
    """(3, 3) float64, kB, positive in compression, of xx yy zz xy yz zx; NaN where a number did not fit its field."""
    try:
        xx, yy, zz, xy, yz, zx = map(float, GLUED.sub(" -", line.partition("kB")[2]).split())
    except ValueError:
        return np.full((3, 3), np.nan)
    return np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]])


def _sigma_0(lines: Iterator[str]) -> float | None:
    """Energy for sigma -> 0, two lines below the free energy."""
    for _ in range(2):
        if match := SIGMA.search(next(lines, "")):
            return _number([match[1]])
    return None


def _number(words: list[str]) -> float | None:
    try:
        return float(words[0])
    except (ValueError, IndexError):
        return None
