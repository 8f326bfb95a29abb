"""vasprun.xml of VASP, element by element, so that one of any length takes little memory.

    incar, parameters       NELM, PSTRESS (kB), ML_LMLFF
    atominfo                array "atoms": element and type of each atom
    calculation             an ionic step: scstep of each electronic step, structure, forces, stress (kB), energy

`e_fr_energy` of a calculation has PSTRESS * volume in it, its `e_0_energy` no van der Waals corrections; those of the
last scstep have neither.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import TextIO

import numpy as np
from ase.data import atomic_numbers

from hpcpot.dataset.formats.vasp_steps import Step, Unreadable
from hpcpot.units import EV_PER_A3_IN_GPA

KB = 0.1 / EV_PER_A3_IN_GPA
"""1 kB in eV/Å³."""
BULKY = ("eigenvalues", "dos", "projected", "partial", "kpoints", "dynmat")
"""Elements that are large and hold no label."""


def steps(file: TextIO) -> Iterator[Step]:
    """Read the ionic steps; if the file is cut off, or damaged, the last is not whole.

    Raises:
        Unreadable: the file is no vasprun.xml, or cut off before its atoms.
    """
    settings: dict[str, str] = {}
    symbols: list[str] | None = None
    begun = False
    try:
        for event, element in ET.iterparse(file, ("start", "end")):
            if event == "start":
                begun = begun or element.tag == "calculation"
            elif element.tag in ("incar", "parameters"):
                for entry in element.iter("i"):  # the first of a name: later sections have a NELM of their own
                    settings.setdefault(f"{element.tag}/{entry.get('name', '').upper()}", entry.text or "")
            elif element.tag == "atominfo":
                symbols = _symbols(element)
            elif element.tag == "calculation":
                if symbols is None:
                    raise Unreadable("its atoms (atominfo) are missing")
                yield _step(element, symbols, settings)
                begun = False
                element.clear()
            elif element.tag in BULKY:
                element.clear()
    except ET.ParseError as error:
        if symbols is None:
            raise Unreadable("it ends, or stops being XML, before its atoms (atominfo)") from error
        yield Step(symbols=symbols, begun=begun)
        return
    if symbols is None:
        raise Unreadable("it is XML, but without atoms (atominfo)")


def _symbols(atominfo: ET.Element) -> list[str]:
    symbols = [(row[0].text or "").strip() for row in atominfo.findall("array[@name='atoms']/set/rc") if len(row)]
    unknown = next((symbol for symbol in symbols if symbol not in atomic_numbers), None)
    if unknown is not None:
        raise Unreadable(f"its atominfo names {unknown}, which is no element")
    return symbols


def _setting(settings: dict[str, str], name: str) -> str:
    return settings.get(f"parameters/{name}", settings.get(f"incar/{name}", "")).strip()


def _step(element: ET.Element, symbols: list[str], settings: dict[str, str]) -> Step:
    n, electronic = len(symbols), element.findall("scstep")
    cell = _array(element.find("structure/crystal/varray[@name='basis']"), 3)
    fractional = _array(element.find("structure/varray[@name='positions']"), n)
    nelm = _number(_setting(settings, "NELM"))
    step = Step(
        symbols=symbols,
        cell=cell,
        positions=None if cell is None or fractional is None else fractional @ cell,
        forces=_array(element.find("varray[@name='forces']"), n),
        stress=_array(element.find("varray[@name='stress']"), 3),
        iterations=len(electronic),
        converged=nelm is None or len(electronic) < nelm,
        by_machine=not electronic and _setting(settings, "ML_LMLFF").upper().startswith(("T", ".T")),
        whole=True,
    )
    enthalpy = _energy(element, "e_fr_energy")
    if enthalpy is not None and cell is not None:
        pressure = (_number(_setting(settings, "PSTRESS")) or 0.0) * KB
        step.energy = enthalpy - pressure * abs(float(np.linalg.det(cell)))
        last = electronic[-1] if electronic else element
        smeared, cold = _energy(last, "e_fr_energy"), _energy(last, "e_0_energy")
        if smeared is not None and cold is not None:
            step.sigma_0 = step.energy + (cold - smeared)
    return step


def _energy(element: ET.Element, name: str) -> float | None:
    return _number(element.findtext(f"energy/i[@name='{name}']", ""))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:  # absent, or asterisks where a number did not fit its field
        return None


def _array(varray: ET.Element | None, n_rows: int) -> np.ndarray | None:
    """(rows, 3) float64; NaN where it has no numbers, None where there is none."""
    if varray is None:
        return None
    try:
        table = np.array([(row.text or "").split() for row in varray.findall("v")], float)
    except ValueError:  # asterisks where a number did not fit its field
        table = np.zeros(0)
    return table if table.shape == (n_rows, 3) else np.full((n_rows, 3), np.nan)
