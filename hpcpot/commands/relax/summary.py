"""Summary of a campaign of relaxations, in a table as Cheon et al. (2023) print it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from hpcpot.farm.item import Failure
from hpcpot.farm.results import Results
from hpcpot.relaxation.engine import CONVERGED


@dataclass(frozen=True)
class RelaxationSummary:
    """The structures of a campaign that have a row, each array over those that are done.

    Attributes:
        converged: bool. steps, capped: int64, moves made and cut short.
        atoms: int64. lithium: float64, share of the atoms.
        released: float64, eV, initial less final energy. energies: float64, eV. volumes: float64, Å³.
        failed: (label, failure) of the others.
    """

    converged: np.ndarray
    steps: np.ndarray
    capped: np.ndarray
    atoms: np.ndarray
    lithium: np.ndarray
    released: np.ndarray
    energies: np.ndarray
    volumes: np.ndarray
    failed: list[tuple[str, Failure]]


def gather(results: Results, keys: set[str]) -> RelaxationSummary:
    """The rows of some items; those of other campaigns in the file stay out."""
    stored = results.keys()
    mine = np.array([key in keys for key in stored], bool)
    read = {name: results.read(name)[mine] for name in ("steps", "capped_steps", "energy", "initial_energy", "cell")}
    converged = np.array(results.read("status"), "U")[mine] == CONVERGED
    species = results.read("species")
    atoms = np.array([len(numbers) for numbers in species], np.int64)
    owners = np.repeat(np.arange(len(atoms)), atoms)
    flat = np.concatenate([*species, np.zeros(0, np.int32)])
    lithium = np.bincount(owners[flat == 3], minlength=len(atoms)) / np.maximum(atoms, 1)
    return RelaxationSummary(
        converged,
        read["steps"],
        read["capped_steps"],
        atoms[mine],
        lithium[mine],
        read["initial_energy"] - read["energy"],
        read["energy"],
        np.abs(np.linalg.det(read["cell"])),
        [(label, failure) for key, label, failure in results.failed() if key in keys],
    )


def table(campaign: RelaxationSummary) -> str:
    """Counts of structures by what became of them, errors by kind, steps and energies."""
    done, converged, failed = len(campaign.steps), np.count_nonzero(campaign.converged), campaign.failed
    lines = [
        f"{'completed':>12} {'converged':>12} {'no ionic conv.':>16} {'errors':>8} {'mean steps':>12}",
        f"{done + len(failed):>12} {converged:>12} {done - converged:>16} {len(failed):>8} "
        f"{campaign.steps.mean() if done else float('nan'):>12.2f}",
    ]
    for kind, count in Counter(failure.kind for _, failure in failed).most_common():
        lines.append(f"  {count} {kind}, e.g. {_example(failed, kind)}")
    if done:
        gained = campaign.released / campaign.atoms
        lines.append(f"energy released: {gained.mean():.4f} eV/atom on average, {gained.max():.4f} at most")
        if campaign.capped.any():
            lines.append(f"steps cut short: {campaign.capped.sum()}, in {np.count_nonzero(campaign.capped)} structures")
    return "\n".join(lines)


def _example(failed: list[tuple[str, Failure]], kind: str) -> str:
    label, failure = next((label, failure) for label, failure in failed if failure.kind == kind)
    return f"{label}: {failure.message.splitlines()[0]}"
