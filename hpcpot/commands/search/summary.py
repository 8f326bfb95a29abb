"""What a search has found: text, tables, structures and the figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ase import Atoms

from hpcpot.commands.search import figure
from hpcpot.commands.search.minima import Gathered
from hpcpot.commands.search.ranking import HullOfPhases, RankedMinimum, SearchedCrystal
from hpcpot.commands.search.settings import RankingSection
from hpcpot.dataset.statistics import aligned
from hpcpot.outputs import remove
from hpcpot.relaxation.engine import CONVERGED
from hpcpot.storage.tables import write_rows
from hpcpot.structure import files

RANKED, CRYSTALS, BEST, FIGURE = "ranked", "crystals.csv", "best_{:03d}.cif", "search.png"
"""Files of a search: ranked.csv and ranked.extxyz, a line for each known crystal, the best as CIF, the figure."""
BELOW = 0.001
"""eV per atom below the hull, from which on a minimum is told to be more stable than what is known."""
HEAD = ("rank", "above hull (eV/atom)", "formula", "atoms", "Å³/atom", "space group", "trials", "first", "known as")
OF_MINIMA = [
    "rank",
    "above_hull_eV_per_atom",
    "energy_eV_per_atom",
    "formula",
    "atoms",
    "volume_A3_per_atom",
    "space_group",
    "space_group_number",
    "times_found",
    "first_trial",
    "known_as",
    "key",
]
OF_CRYSTALS = [
    "crystal",
    "formula",
    "space_group",
    "space_group_number",
    "above_hull_eV_per_atom",
    "trials",
    "times_found",
    "first_trial",
    "rate",
    "rate_low",
    "rate_high",
]


def text(
    section: RankingSection,
    tried: Counter[str],
    gathered: Gathered,
    near: int,
    compared: int,
    ranked: Sequence[RankedMinimum],
    crystals: Sequence[SearchedCrystal],
) -> str:
    """Counts, the best minima, and which known crystals were found after how many trials.

    Args:
        tried: trials of each composition. near: minima that were compared. compared: pairs.
    """
    ended = ", ".join(f"{count} {status}" for status, count in gathered.statuses.most_common() if status != CONVERGED)
    rows = [list(HEAD), *(_row(rank, each) for rank, each in enumerate(ranked[: section.best], 1))]
    return "\n".join(
        [
            f"trials: {sum(tried.values())} ({', '.join(f'{count} {formula}' for formula, count in tried.items())}); "
            f"relaxed to minima: {gathered.statuses[CONVERGED]}; others: {ended or 'none'}",
            f"different minima: {len(ranked)} of {near} within {section.within_eV_per_atom:g} eV/atom of the hull, by "
            f"{compared} comparisons",
            *([aligned(rows, (2, 5, 8))] if ranked else []),
            *_doubts(ranked),
            *map(_told, crystals),
        ]
    )


def _doubts(ranked: Sequence[RankedMinimum]) -> Iterator[str]:
    """Yield a line where minima are more stable than all that is known."""
    below = [each for each in ranked if each.above < -BELOW and not each.known]
    if below:
        yield (
            f"note: {len(below)} of these {'is' if len(below) == 1 else 'are'} below the hull of the known crystals, by "
            f"{-below[0].above:.3f} eV/atom at most: crystals that nobody knows, or holes of the potential; relax them by "
            "another one before they are believed"
        )


def _row(rank: int, each: RankedMinimum) -> list[str]:
    lowest = each.lowest
    return [
        str(rank),
        _energy(each.above),
        lowest.formula,
        str(len(lowest.atoms)),
        f"{lowest.volume:.2f}",
        each.space_group[0] or "-",
        str(each.times),
        str(each.first),
        ", ".join(each.known),
    ]


def _energy(above: float) -> str:
    """Energy above the hull; 0.0000, not -0.0000, of what is on it."""
    return f"{round(above, 4) + 0.0:.4f}"


def _told(crystal: SearchedCrystal) -> str:
    """A line on a known crystal: whether it was found, when, how often, and what that says of its rate."""
    what = f"{crystal.name} ({crystal.space_group[0]}, {_energy(crystal.above)} eV/atom above the hull)"
    share, low, high = crystal.rate
    if not crystal.times:
        return f"{what}: not in {crystal.trials} trials; its share is below {100 * high:.3g} % (95 %)"
    return (
        f"{what}: in {crystal.times} of {crystal.trials} trials, first in number {crystal.first}; {100 * share:.3g} % "
        f"({100 * low:.3g} to {100 * high:.3g}, 95 %), one in {1 / share:.0f} ({1 / high:.0f} to {1 / low:.0f})"
    )


def write(
    folder: Path,
    section: RankingSection,
    hull: HullOfPhases,
    ranked: Sequence[RankedMinimum],
    crystals: Sequence[SearchedCrystal],
) -> Iterator[str]:
    """Write tables, structures and figure in place of those of an earlier run; yields a line on each.

    Raises:
        OutputError: a file cannot be written.
    """
    write_rows(folder / f"{RANKED}.csv", OF_MINIMA, (_values(rank, each) for rank, each in enumerate(ranked, 1)))
    yield f"ranked: {folder / RANKED}.csv"
    write_rows(
        folder / CRYSTALS,
        OF_CRYSTALS,
        (
            (of.name, of.formula, *of.space_group, of.above, of.trials, of.times, of.first or "", *of.rate)
            for of in crystals
        ),
    )
    yield f"known crystals: {folder / CRYSTALS}"
    remove(folder.glob(BEST.replace("{:03d}", "*")))
    if ranked:
        frames = (_frame(rank, each) for rank, each in enumerate(ranked, 1))
        files.write_frames(folder / f"{RANKED}.extxyz", frames, overwrite=True)
        for rank, each in enumerate(ranked[: section.best], 1):
            files.write(folder / BEST.format(rank), each.lowest.atoms, overwrite=True)
        yield f"structures: {folder / RANKED}.extxyz, and the best {min(section.best, len(ranked))} as CIF"
    else:
        remove([folder / f"{RANKED}.extxyz"])
    if len(hull.elements) != 2:
        yield f"hull: not drawn of {len(hull.elements)} elements, of two only"
    yield f"figure: {figure.write(hull, ranked, folder / FIGURE)}"


def _values(rank: int, each: RankedMinimum) -> tuple:
    lowest = each.lowest
    return (
        rank, each.above, lowest.energy, lowest.formula, len(lowest.atoms), lowest.volume, *each.space_group, each.times,
        each.first, " ".join(each.known), lowest.key,
    )  # fmt: skip


def _frame(rank: int, each: RankedMinimum) -> Atoms:
    atoms = each.lowest.atoms.copy()
    atoms.info = {
        "rank": rank,
        "above_hull_eV_per_atom": each.above,
        "energy_eV_per_atom": each.lowest.energy,
        "space_group": each.space_group[1],
        "times_found": each.times,
        "key": each.lowest.key,
    }
    return atoms
