"""Checkpoints of a run: a State, its cut planes, and what must match when the run continues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hpcpot.errors import OutputError
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import Ranks
from hpcpot.storage import checkpoint
from hpcpot.structure.state import GLOBAL, MIGRATED, TABLE, State

SCALAR, STAGE, PER_ATOM, OBSERVED = "scalar ", "stage ", "own ", "observed "
"""Prefixes: of state.scalars, state.stage and observables among the common values of a checkpoint, of state.per_atom
among its arrays."""


def write(
    path: Path,
    state: State,
    domain: Domain,
    stage: str,
    integrator: str,
    potential: str,
    observed: dict[str, Any] | None = None,
) -> None:
    """Write a checkpoint of all ranks.

    Args:
        stage, integrator: their names. potential: the model's fingerprint. observed: `Sampler.state`, on rank 0.
    """
    n = state.n_owned
    arrays = {name: getattr(state, name)[:n] for name in MIGRATED}
    arrays |= {PER_ATOM + name: values for name, values in state.per_atom.items()}
    common = {
        **{name: _stored(getattr(state, name)) for name in GLOBAL},
        "stage": stage,
        "integrator": integrator,
        "potential": potential,
        "grid": np.asarray(domain.grid, np.int64),
        **{f"cuts {axis}": cuts for axis, cuts in zip("abc", domain.cuts, strict=True)},
        **{SCALAR + name: value for name, value in state.scalars.items()},
        **{STAGE + name: value for name, value in state.stage.items()},
        **{OBSERVED + name: value for name, value in (observed or {}).items()},
    }
    checkpoint.write(path, domain.ranks, arrays, common)


def read(path: Path, ranks: Ranks, elements: tuple[str, ...]) -> tuple[State, dict]:
    """The state of a checkpoint, and what else it says.

    That is `same_layout`, `grid`, `cuts`, `stage`, `integrator`, `potential` and `observed`.

    With as many ranks as wrote it each gets back its own atoms in their order; otherwise any share of them.

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
    per_atom = {name: arrays.pop(PER_ATOM + name) for name in _names(arrays, PER_ATOM)}
    state = State(
        **{row.name: _restored(common[row.name], row.dtype) for row in TABLE if row.name in GLOBAL},
        n_owned=len(arrays["ids"]),
        scalars={name: np.asarray(common[SCALAR + name]) for name in _names(common, SCALAR)},
        stage={name: np.asarray(common[STAGE + name]) for name in _names(common, STAGE)},
        per_atom=per_atom,
        **arrays,
    )
    layout = {
        "same_layout": same_layout,
        "grid": tuple(int(g) for g in common["grid"]),
        **{name: common[name] for name in ("stage", "integrator", "potential")},
        "cuts": [common[f"cuts {axis}"] for axis in "abc"],
        "observed": {name: common[OBSERVED + name] for name in _names(common, OBSERVED)},
    }
    return state, layout


def _stored(value: Any) -> Any:
    """A value of State as HDF5 takes it."""
    if isinstance(value, tuple):
        return " ".join(value)
    return np.asarray(value, np.int8) if np.asarray(value).dtype == bool else value


def _restored(value: Any, dtype: str) -> Any:
    """A value as State has it, of the type that TABLE names."""
    if dtype == "str":
        return tuple(value.split())
    return int(value) if dtype == "int" else np.asarray(value, dtype)


def _names(values: dict, prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in values if name.startswith(prefix)]
