"""Checkpoints of a run: a State, its layout, and what must match when the run continues.

A run does not notice that a checkpoint is written. What a restart needs to do the same steps bit by bit is in it: the last
forces, the owners and order of the atoms, the cut planes, and where atoms and cell were when the pairs were built.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpcpot.dynamics.engine import Engine
from hpcpot.errors import OutputError
from hpcpot.parallel.ranks import Ranks
from hpcpot.storage import checkpoint
from hpcpot.structure.state import EVALUATED, GLOBAL, MIGRATED, TABLE, State

SCALAR, STAGE, PER_ATOM, OBSERVED, BEGUN = "scalar ", "stage ", "own ", "observed ", "begun "
"""Prefixes: of state.scalars, state.stage, observables and what the run began with among the common values of a
checkpoint, of state.per_atom among its arrays."""

OF_RANKS = "virial"
"""Of EVALUATED, what each rank has its own share of: (ranks, ...) among the common values."""


@dataclass(frozen=True)
class Division:
    """How the atoms were divided, and pairs built, when a checkpoint was written.

    Attributes:
        grid: ranks along each axis. cuts, filled: see Domain.
        built_at, built_cell: see Engine; None in a checkpoint of version 2, whose atoms had just got new pairs.
    """

    grid: tuple[int, ...]
    cuts: list[np.ndarray]
    filled: np.ndarray | None
    built_at: np.ndarray | None
    built_cell: np.ndarray | None

    @property
    def has_forces(self) -> bool:
        return self.built_at is not None


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says besides the State.

    Attributes:
        layout: None unless as many ranks wrote it. stage, integrator: their names. potential: the model's fingerprint.
        observed: `Sampler.state`, on all ranks.
        begun: keys of the content of sections of the config that only the beginning of a run reads, by section; none of
            hpcpot 0.1.0.
    """

    layout: Division | None
    stage: str
    integrator: str
    potential: str
    observed: dict[str, Any]
    begun: dict[str, str]


def write(
    path: Path,
    state: State,
    engine: Engine,
    stage: str,
    integrator: str,
    potential: str,
    observed: dict[str, Any] | None = None,
    begun: dict[str, str] | None = None,
) -> None:
    """Write a checkpoint of all ranks.

    Args:
        stage, integrator: their names. potential: the model's fingerprint. observed: `Sampler.state`, on rank 0.
        begun: see Checkpoint.
    """
    n, domain = state.n_owned, engine.domain
    of_atoms = (*MIGRATED, *(name for name in EVALUATED if name != OF_RANKS))
    arrays = {name: getattr(state, name)[:n] for name in of_atoms} | {"built_at": engine.built_at}
    arrays |= {PER_ATOM + name: values for name, values in state.per_atom.items()}
    common = {
        **{name: _stored(getattr(state, name)) for name in GLOBAL},
        "stage": stage,
        "integrator": integrator,
        "potential": potential,
        OF_RANKS: np.stack(domain.ranks.all_gather(getattr(state, OF_RANKS))),
        "built_cell": engine.built_cell,
        "filled": domain.filled,
        "grid": np.asarray(domain.grid, np.int64),
        **{f"cuts {axis}": cuts for axis, cuts in zip("abc", domain.cuts, strict=True)},
        **{SCALAR + name: value for name, value in state.scalars.items()},
        **{STAGE + name: value for name, value in state.stage.items()},
        **{OBSERVED + name: value for name, value in (observed or {}).items()},
        **{BEGUN + name: value for name, value in (begun or {}).items()},
    }
    checkpoint.write(path, domain.ranks, arrays, common)


def read(path: Path, ranks: Ranks, elements: tuple[str, ...]) -> tuple[State, Checkpoint]:
    """The state of a checkpoint, and what else it says.

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
    layout = Division(
        grid=tuple(int(g) for g in common["grid"]),
        cuts=[common[f"cuts {axis}"] for axis in "abc"],
        filled=common.get("filled"),
        built_at=arrays.pop("built_at", None),
        built_cell=common.get("built_cell"),
    )
    if same_layout and layout.has_forces:
        arrays[OF_RANKS] = common[OF_RANKS][ranks.rank]
    else:
        arrays = {name: values for name, values in arrays.items() if name not in EVALUATED}
    state = State(
        **{row.name: _restored(common[row.name], row.dtype) for row in TABLE if row.name in GLOBAL},
        n_owned=len(arrays["ids"]),
        scalars={name: np.asarray(common[SCALAR + name]) for name in _names(common, SCALAR)},
        stage={name: np.asarray(common[STAGE + name]) for name in _names(common, STAGE)},
        per_atom=per_atom,
        **arrays,
    )
    return state, Checkpoint(
        layout=layout if same_layout else None,
        **{name: common[name] for name in ("stage", "integrator", "potential")},
        observed={name: common[OBSERVED + name] for name in _names(common, OBSERVED)},
        begun={name: common[BEGUN + name] for name in _names(common, BEGUN)},
    )


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
