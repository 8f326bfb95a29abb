"""OUTCAR and vasprun.xml of VASP: each ionic step of DFT a frame.

The energy is TOTEN, of which the forces are the derivative, unless the user names that for sigma -> 0. A folder that
holds both files of one run is read once, from vasprun.xml, which has more digits, unless only the OUTCAR is whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from hpcpot.dataset.dataset import Labelled
from hpcpot.dataset.formats import outcar, vasprun
from hpcpot.dataset.formats.reading import ReadOptions, group_of_folder, opened, source_of
from hpcpot.dataset.formats.vasp_steps import Step, Unreadable
from hpcpot.errors import DataError
from hpcpot.notices import notice
from hpcpot.wording import plural

ENERGIES = ("free_energy", "energy")
LEFT_OUT = {
    "machine": "left out: energies and forces of a machine-learned force field (ML_LMLFF), not of DFT",
    "bare": "left out: steps without forces (NWRITE); the vasprun.xml of the run has them",
    "asterisks": "left out: steps with numbers that VASP could not print (asterisks, NaN)",
    "cut": "left out: what follows the last whole step, as the file stops before the end of the run; all before it is read",
}
STOPPED = "stops before the end of the run, right behind a whole ionic step: all its steps are read"
"""Kind of step that is no frame -> words of its notice."""

group_of = group_of_folder


def read(path: Path, root: Path, options: ReadOptions) -> Iterator[Labelled]:
    """Read all ionic steps of DFT; their group is the folder. Steps that are left out are counted in a notice.

    Raises:
        DataError: absent, or not to be understood; an energy key that VASP does not have.
    """
    if options.names.energy not in (None, *ENERGIES):
        raise DataError(
            f"{path} = no {options.names.energy}: the energies of VASP are free_energy (TOTEN, the default) and energy "
            "(sigma -> 0); name one of them, --energy-key."
        )
    source, group, left_out = source_of(path, root), group_of(path, root), Counter()
    number = -1
    for step in _steps(path):
        if not (step.whole or step.begun) and number >= 0:
            notice(path, STOPPED)
            continue
        kind = _why_left_out(step)
        number += kind not in ("machine", "cut")
        if kind:
            left_out[kind] += 1
        else:
            yield _labelled(step, f"{source}:{number}", group, options.names.energy)
    if number < 0 and not left_out["machine"]:
        _refuse(path, "it has no ionic step that is whole")
    for kind, count in left_out.items():
        notice(f"{path}: {plural(count, 'ionic step')}", LEFT_OUT[kind])


def repeats(paths: Sequence[Path]) -> dict[Path, str]:
    """Find files that repeat another's run, with the words of their notices."""
    runs: dict[tuple[Path, str], list[Path]] = {}
    for path in dict.fromkeys(paths):
        affix = re.sub(r"outcar|vasprun|\.xml|\.(gz|bz2|xz)$", "", path.name.lower()).strip("._-")
        runs.setdefault((path.parent.resolve(), affix), []).append(path)
    repeated = {}
    for files in runs.values():
        if len(files) > 1:
            taken = max(files, key=lambda path: (_is_whole(path), path.stat().st_size > 0, _is_xml(path)))
            repeated |= {
                path: f"not read: {taken.name} beside it is of the same run" for path in files if path != taken
            }
    return repeated


def _steps(path: Path) -> Iterator[Step]:
    """The steps of either file.

    Raises:
        DataError: see `read`.
    """
    reader = vasprun.steps if _is_xml(path) else outcar.steps
    try:
        with opened(path, "OUTCAR or vasprun.xml") as file:
            yield from reader(file)
    except Unreadable as error:
        _refuse(path, str(error))


def _refuse(path: Path, what: str) -> None:
    remedy = "check which file it is" if _is_xml(path) else "take the vasprun.xml of the run"
    raise DataError(
        f"{path} = no {'vasprun.xml' if _is_xml(path) else 'OUTCAR'} that can be read, as {what}: elements, cells, "
        f"positions, forces and energies are required; {remedy}."
    )


def _why_left_out(step: Step) -> str:
    """Kind of a step that is no frame, of LEFT_OUT; "" for a frame."""
    if step.by_machine:
        return "machine"
    if not step.whole:
        return "cut"
    if step.forces is None:
        return "bare"
    values = (step.cell, step.positions, step.forces, step.energy, 0.0 if step.stress is None else step.stress)
    return "" if all(value is not None and np.isfinite(value).all() for value in values) else "asterisks"


def _labelled(step: Step, source: str, group: str, energy_key: str | None) -> Labelled:
    energy = step.sigma_0 if energy_key == "energy" else step.energy
    virial = None if step.stress is None else step.stress * vasprun.KB * abs(np.linalg.det(step.cell))
    return Labelled(
        symbols=step.symbols,
        positions=step.positions,
        cell=step.cell,
        periodic=np.ones(3, bool),
        energy=energy,
        forces=step.forces,
        virial=virial,
        group=group,
        source=source,
        converged=step.converged,
    )


def _is_xml(path: Path) -> bool:
    """Test whether a file is a vasprun.xml, by its name or else by its begin."""
    if ".xml" in path.name.lower():
        return True
    with opened(path, "OUTCAR or vasprun.xml") as file:
        return file.read(5) == "<?xml"


def _is_whole(path: Path) -> bool:
    """Test whether the file has the end that VASP writes last."""
    mark = "</modeling>" if _is_xml(path) else outcar.END
    with opened(path, "OUTCAR or vasprun.xml") as file:
        return any(mark in line for line in file)
