"""Summary of a campaign of relaxations, in a table as Cheon et al. (2023) print it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from hpcpot.farm.item import Failure
from hpcpot.farm.results import Results
from hpcpot.potential.range import Points, TrainedRange
from hpcpot.relaxation.engine import CONVERGED, OUTSIDE


@dataclass(frozen=True)
class RelaxationSummary:
    """The structures of a campaign that have a row, each array over those that are done.

    Attributes:
        converged, outside: bool. steps, capped: int64, moves made and cut short.
        example: label of a structure that ended outside what the potential was trained on, and how; "" without any.
        atoms: int64. lithium: float64, share of the atoms.
        released: float64, eV, initial less final energy. energies: float64, eV. volumes: float64, Å³.
        failed: (label, failure) of the others. labels: of those that are done.
        seconds: float64, processor time; NaN where the file has none.
    """

    converged: np.ndarray
    outside: np.ndarray
    example: str
    steps: np.ndarray
    capped: np.ndarray
    atoms: np.ndarray
    lithium: np.ndarray
    released: np.ndarray
    energies: np.ndarray
    volumes: np.ndarray
    failed: list[tuple[str, Failure]]
    labels: np.ndarray
    seconds: np.ndarray


def gather(results: Results, keys: set[str], trained: TrainedRange | None = None) -> RelaxationSummary:
    """The rows of some items; those of other campaigns in the file stay out.

    Args:
        trained: the range of the potential, which tells how a structure is outside.
    """
    stored = results.keys()
    mine = np.array([key in keys for key in stored], bool)
    read = {name: results.read(name)[mine] for name in ("steps", "capped_steps", "energy", "initial_energy", "cell")}
    status = np.array(results.read("status"), "U")[mine]
    species = results.read("species")
    atoms = np.array([len(numbers) for numbers in species], np.int64)
    owners = np.repeat(np.arange(len(atoms)), atoms)
    flat = np.concatenate([*species, np.zeros(0, np.int32)])
    lithium = np.bincount(owners[flat == 3], minlength=len(atoms)) / np.maximum(atoms, 1)
    return RelaxationSummary(
        status == CONVERGED,
        status == OUTSIDE,
        _example_outside(results, np.flatnonzero(mine)[status == OUTSIDE], trained),
        read["steps"],
        read["capped_steps"],
        atoms[mine],
        lithium[mine],
        read["initial_energy"] - read["energy"],
        read["energy"],
        np.abs(np.linalg.det(read["cell"])),
        [(label, failure) for key, label, failure in results.failed() if key in keys],
        np.array(results.labels(), "U")[mine],
        results.read("core_seconds")[mine] if "core_seconds" in results.columns else np.full(mine.sum(), np.nan),
    )


def batch_of(label: str) -> str:
    """The file or composition of a label: cells.extxyz of cells.extxyz:17; "" of a file with a single structure."""
    batch, colon, number = label.rpartition(":")
    return batch if colon and number.isdigit() else ""


def table(campaign: RelaxationSummary) -> str:
    """Counts of structures by what became of them, of each batch and of all; errors by kind, steps and energies."""
    done, failed = len(campaign.steps), campaign.failed
    outside = np.count_nonzero(campaign.outside)
    batches = [batch_of(label) for label in campaign.labels.tolist()]
    of_failed = Counter(batch_of(label) for label, _ in failed)
    names = sorted({*batches, *of_failed} - {""})
    lines = [
        f"{'completed':>12} {'converged':>12} {'no ionic conv.':>16} {'errors':>8} {'mean steps':>12} {'core seconds':>13}"
    ]
    if len(names) > 1:
        for name in [*names, *([""] if "" in {*batches, *of_failed} else [])]:
            mine = np.array([batch == name for batch in batches], bool)
            lines.append(f"{_counts(campaign, mine, of_failed[name])}  {name or 'others'}")
        lines.append(f"{_counts(campaign, np.ones(done, bool), len(failed))}  all")
    else:
        lines.append(_counts(campaign, np.ones(done, bool), len(failed)))
    if outside:
        lines.append(f"  {outside} outside what the potential was trained on, e.g. {campaign.example}")
    for kind, count in Counter(failure.kind for _, failure in failed).most_common():
        lines.append(f"  {count} {kind}, e.g. {_example(failed, kind)}")
    if done:
        gained = campaign.released / campaign.atoms
        lines.append(f"energy released: {gained.mean():.4f} eV/atom on average, {gained.max():.4f} at most")
        if campaign.capped.any():
            lines.append(f"steps cut short: {campaign.capped.sum()}, in {np.count_nonzero(campaign.capped)} structures")
    return "\n".join(lines)


def _counts(campaign: RelaxationSummary, mine: np.ndarray, failed: int) -> str:
    """The columns of some of the structures, and of so many that failed."""
    done, converged = np.count_nonzero(mine), np.count_nonzero(campaign.converged & mine)
    unfinished = done - converged - np.count_nonzero(campaign.outside & mine)
    steps = campaign.steps[mine].mean() if done else float("nan")
    seconds = campaign.seconds[mine]
    time = "-" if np.isnan(seconds).any() or not done else f"{seconds.sum():.2f}"
    return f"{done + failed:>12} {converged:>12} {unfinished:>16} {failed:>8} {steps:>12.2f} {time:>13}"


def _example_outside(results: Results, rows: np.ndarray, trained: TrainedRange | None) -> str:
    """Label of the first of some rows, and how it is outside, by its stored structure."""
    if not len(rows):
        return ""
    row = results.row(results.keys()[rows[0]])
    label = results.labels()[rows[0]]
    if trained is None:
        return label
    atoms = Atoms(row["species"], row["positions"], cell=row["cell"], pbc=row["periodic"])
    return f"{label}: {trained.outside(Points.near(atoms, trained), float(row['energy']))}"


def _example(failed: list[tuple[str, Failure]], kind: str) -> str:
    label, failure = next((label, failure) for label, failure in failed if failure.kind == kind)
    return f"{label}: {failure.message.splitlines()[0]}"
