"""Checkpoints of a run: a State, the cut planes it lies in, and what must match when it goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcpot.errors import OutputError
from hpcpot.parallel.domain import MIGRATED, Domain
from hpcpot.parallel.ranks import Ranks
from hpcpot.storage import checkpoint
from hpcpot.structure.state import State

SCALAR = "scalar "
"""Prefix of an integrator's numbers among the common values of a checkpoint."""


def write(path: Path, state: State, domain: Domain, integrator: str, potential: str) -> None:
    """Write a checkpoint of all ranks.

    Args:
        integrator: its name. potential: the model's fingerprint.
    """
    n = state.n_owned
    arrays = {name: getattr(state, name)[:n] for name in MIGRATED}
    common = {
        "step": state.step, "n_atoms": state.n_atoms, "cell": state.cell, "periodic": np.asarray(state.periodic, np.int8),
        "elements": " ".join(state.elements), "masses": state.masses, "integrator": integrator, "potential": potential,
        "grid": np.asarray(domain.grid, np.int64),
        **{f"cuts {axis}": cuts for axis, cuts in zip("abc", domain.cuts, strict=True)},
        **{SCALAR + name: value for name, value in state.scalars.items()},
    }  # fmt: skip
    checkpoint.write(path, domain.ranks, arrays, common)


def read(path: Path, ranks: Ranks, elements: tuple[str, ...], integrator: str) -> tuple[State, dict]:
    """The state of a checkpoint, and what else it says: `same_layout`, `grid`, `cuts`, `potential`.

    With as many ranks as wrote it each gets back its own atoms in their order; otherwise any share of them. The
    integrator's numbers are left out when another integrator is to go on.

    Raises:
        OutputError: not a checkpoint, or of atoms that the potential does not know.
    """
    arrays, common, same_layout = checkpoint.read(path, ranks)
    if tuple(common["elements"].split()) != elements:
        error = OutputError(
            f"{path} = checkpoint with elements {common['elements']}: must be those of the potential, {' '.join(elements)}; "
            "restart with the potential that wrote it, or start anew with --overwrite."
        )
        ranks.agree(error)
    scalars = {k.removeprefix(SCALAR): np.asarray(v) for k, v in common.items() if k.startswith(SCALAR)}
    state = State(
        cell=common["cell"], periodic=np.asarray(common["periodic"], bool), elements=elements, masses=common["masses"],
        n_owned=len(arrays["ids"]), n_atoms=int(common["n_atoms"]), step=int(common["step"]),
        scalars=scalars if common["integrator"] == integrator else {}, **arrays,
    )  # fmt: skip
    layout = {
        "same_layout": same_layout, "grid": tuple(int(g) for g in common["grid"]), "potential": common["potential"],
        "cuts": [common[f"cuts {axis}"] for axis in "abc"],
    }  # fmt: skip
    return state, layout
