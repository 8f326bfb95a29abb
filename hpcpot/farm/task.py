"""The contract of a farm command: its items, how a worker computes one, and the summary of their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpcpot.farm.item import BatchedCompute, Compute, Item
from hpcpot.farm.results import Column, Results


def _nothing(*_: Any) -> None:
    pass


@dataclass(frozen=True)
class Task:
    """Work for the farm: many independent items, a row of the results file each.

    Attributes:
        kind: name of the command; a file with results of another kind is refused.
        results: HDF5 file of the rows. The same task completes it.
        items: looked at one by one, so that a lazy sequence need not hold all inputs. Equal keys are computed once.
        columns: values of a row by name.
        compute: called on a worker with one input, returns its row; or, if `batched`, with a list of inputs, and yields
            (position, row or exception) as they end. A function of a module or a partial of one, so that it pickles.
        identity: facts that all rows of a file share, as text by name: fingerprint of the potential, settings. A file
            with others is refused.
        begin: called before the workers start, and not in a dry run.
        report: called after a run that no signal stopped, with the results and the keys of the items, in order.
        cites: keys of hpcpot.citations.
        provenance: facts about the run to store, beside those of `hpcpot.provenance` and the config.
    """

    kind: str
    results: Path
    items: Sequence[Item]
    columns: Mapping[str, Column]
    compute: Compute | BatchedCompute
    identity: Mapping[str, str]
    batched: bool = False
    begin: Callable[[], None] = _nothing
    report: Callable[[Results, list[str]], None] = _nothing
    provenance: Mapping[str, Any] = field(default_factory=dict)
    cites: tuple[str, ...] = ()
