"""What became of a campaign of relaxations, in a table as Cheon et al. (2023) print it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from hpcpot.relax.engine import CONVERGED, NOT_CONVERGED
from hpcpot.storage.results import Results


def table(results: Results) -> str:
    """Counts of structures by what became of them, errors by kind, steps and energies."""
    status, failed = Counter(results.read("status")), results.failed()
    steps = results.read("steps")
    done = len(steps)
    lines = [
        f"{'completed':>12} {'converged':>12} {'no ionic conv.':>16} {'errors':>8} {'mean steps':>12}",
        f"{done + len(failed):>12} {status[CONVERGED]:>12} {status[NOT_CONVERGED]:>16} {len(failed):>8} "
        f"{steps.mean() if done else float('nan'):>12.2f}",
    ]
    for kind, count in Counter(failure.kind for _, _, failure in failed).most_common():
        lines.append(f"  {count} {kind}, e.g. {_example(failed, kind)}")
    if done:
        atoms = np.array([len(species) for species in results.read("species")])
        gained = (results.read("initial_energy") - results.read("energy")) / atoms
        lines.append(f"energy released: {gained.mean():.4f} eV/atom on average, {gained.max():.4f} at most")
        capped = results.read("capped_steps")
        if capped.any():
            lines.append(f"steps cut short: {capped.sum()}, in {np.count_nonzero(capped)} structures")
    return "\n".join(lines)


def _example(failed: list, kind: str) -> str:
    label, failure = next((label, failure) for _, label, failure in failed if failure.kind == kind)
    return f"{label}: {failure.message.splitlines()[0]}"
