"""Progress of a run, and its checkpoint: everything that the next block depends on, bit by bit."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from hpcpot.errors import OutputError
from hpcpot.montecarlo.particles import Particles
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential.contract import Potential
from hpcpot.storage import checkpoint
from hpcpot.structure import constraints

KIND = "gcmc"


@dataclass
class Position:
    """Where a run is.

    Attributes:
        state: index of the mu, or of the target. block: blocks done in all. done: trials done in this state.
        trial: number of the next. ahead: see Chain. mu: eV. reached: whether the target is.
    """

    state: int
    block: int
    done: int
    trial: int
    ahead: int
    mu: float
    reached: bool = False


Snapshot = tuple[dict[str, np.ndarray], dict[str, Any]]
"""Arrays and common values of a checkpoint."""


def snapshot(position: Position, particles: Particles, fingerprint: str, settings: str) -> Snapshot:
    """Copy what a checkpoint holds. Args: settings: text of what a restart must have alike."""
    n, names = particles.n, ("positions", "species", "energies", "held")
    common = {name: float(value) if name == "mu" else np.int64(value) for name, value in asdict(position).items()}
    common |= {
        "kind": KIND,
        "cell": particles.cell.copy(),
        "elements": ",".join(particles.potential.elements),
        "potential": fingerprint,
        "settings": settings,
    }
    return {name: getattr(particles, name)[:n].copy() for name in names}, common


def write(path: Path, content: Snapshot) -> None:
    """Replace the checkpoint."""
    checkpoint.write(path, SERIAL, *content)


def read(path: Path, potential: Potential, fingerprint: str, settings: str) -> tuple[Position, Particles]:
    """The position and the atoms of a checkpoint.

    Raises:
        OutputError: it is of another run.
    """
    if not path.exists():
        raise OutputError(f"{path} = no such checkpoint: --restart goes on from it; leave --restart out to begin.")
    arrays, common, _ = checkpoint.read(path, SERIAL)
    if common.get("kind") != KIND:
        raise OutputError(f"{path} = checkpoint of another command: must be of hpcpot gcmc; give another path.")
    for name, given in (("potential", fingerprint), ("settings", settings)):
        if common[name] != given:
            raise OutputError(
                f"{path} = checkpoint with another {name} ({common[name]}; now {given}): a run goes on with what began it; "
                "restore that, or begin anew with --overwrite."
            )
    symbols = np.array(potential.elements)[arrays["species"]] if len(arrays["species"]) else ""
    atoms = Atoms(symbols, arrays["positions"], cell=common["cell"], pbc=True)
    constraints.freeze(atoms, np.flatnonzero(arrays["held"]))
    kinds = {field.name: type_of for field, type_of in zip(fields(Position), (int,) * 5 + (float, bool), strict=True)}
    position = Position(**{name: kind(common[name]) for name, kind in kinds.items()})
    return position, Particles(atoms, potential, arrays["energies"])
