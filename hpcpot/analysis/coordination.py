"""Coordination numbers: their means and distributions, by pair of elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hpcpot.analysis.blocks import Blocks
from hpcpot.analysis.bonds import bond_lengths, coordination
from hpcpot.analysis.observable import Arrays, Frame
from hpcpot.analysis.rdf import RadialDistribution
from hpcpot.errors import ConfigError
from hpcpot.storage.tables import Columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 40
"""Neighbours that the distribution tells apart: its last row is these and more."""
R_MAX, BIN = 8.0, 0.05
"""Å, of the g(r) whose first minima are the default lengths."""


class CoordinationNumbers:
    """Observable: how many atoms of an element are nearer to an atom than the length of a bond, mean and distribution.

    Errors are of blocks, see `Blocks.jackknife`.

    Args:
        first: the frame that names the elements. lengths_A: see `bond_lengths`; None: the first minima of its g(r).
    Raises:
        ConfigError: see `bond_lengths`; a g(r) without a minimum.
    """

    def __init__(self, first: Frame, lengths_A: list | None):
        self._elements, self._species = first.species()
        lengths = first_minima(first, self._elements) if lengths_A is None else lengths_A
        self._cutoffs = bond_lengths(self._elements, lengths, "coordination")
        self._blocks = Blocks(first.step)

    def sample(self, frame: Frame) -> None:
        near = coordination(frame.positions, frame.cell, frame.periodic, self._species, self._cutoffs)
        pairs = [(a, b) for a, b in np.ndindex(self._cutoffs.shape)]
        rows = [np.bincount(np.minimum(near[self._species == a, b], MOST), minlength=MOST + 1) for a, b in pairs]
        sums = [near[self._species == a, b].sum() for a, b in pairs]
        self._blocks.add(frame.step, frames=1, atoms=np.array(rows), neighbors=np.array(sums))

    def merge(self, other: CoordinationNumbers) -> None:
        self._blocks.merge(other._blocks)

    def result(self) -> dict[str, Columns]:
        """coordination: means and lengths, one row; distribution: a row per number of neighbours, up to the largest."""
        if not len(self._blocks):
            return {}
        means, errors = self._blocks.jackknife(lambda sums: sums["neighbors"] / sums["atoms"].sum(axis=1))
        shares, share_errors = self._blocks.jackknife(
            lambda sums: sums["atoms"] / sums["atoms"].sum(axis=1, keepdims=True)
        )
        rows = int(np.flatnonzero(shares.any(axis=0))[-1]) + 1
        row, table = {"frames": self._blocks.total()["frames"]}, {"neighbors": np.arange(rows)}
        for k, (a, b) in enumerate(np.ndindex(self._cutoffs.shape)):
            name = f"{self._elements[a]}_{self._elements[b]}"
            row |= {f"coordination_{name}": means[k], f"coordination_{name}_error": errors[k]}
            row |= {f"length_{name}_A": self._cutoffs[a, b]}
            table |= {f"share_{name}": shares[k, :rows], f"share_{name}_error": share_errors[k, :rows]}
        return {"coordination": {name: np.array([value]) for name, value in row.items()}, "distribution": table}

    def draw(self, figure: Figure) -> None:
        """Draw the distribution of each pair of elements with its error."""
        tables, axes = self.result(), figure.subplots()
        for a, b in np.ndindex(self._cutoffs.shape):
            name = f"{self._elements[a]}_{self._elements[b]}"
            table, mean = tables["distribution"], tables["coordination"][f"coordination_{name}"][0]
            label = f"{self._elements[b]} around {self._elements[a]}: {mean:.2f}"
            values = table["neighbors"], table[f"share_{name}"], table[f"share_{name}_error"]
            axes.errorbar(*values, marker="o", ms=2.5, lw=0.8, capsize=1.5, label=label)
        axes.set(xlabel="neighbours", ylabel="share of the atoms", ylim=(0, None))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()

    def state(self) -> Arrays:
        return self._blocks.state()

    def restore(self, arrays: Arrays) -> None:
        self._blocks.restore(arrays)


def first_minima(frame: Frame, elements: list[str]) -> list[list]:
    """First minimum of g(r) of each pair of elements in a frame: [element, element, Å] each.

    Raises:
        ConfigError: a g(r) without a minimum behind its first peak.
    """
    distribution = RadialDistribution(frame, R_MAX, BIN, volume_A3=1.0)  # minima do not depend on the density
    distribution.sample(frame)
    peaks = distribution.result()["peaks"]
    rows = [[a, b, peaks[f"first_minimum_{a}_{b}_A"][0]] for k, a in enumerate(elements) for b in elements[k:]]
    for a, b, minimum in rows:
        if np.isnan(minimum):
            raise ConfigError(
                f"coordination.lengths_A = null: g(r) of {a}-{b} in the first frame has no first minimum up to {R_MAX:g} Å; "
                "give a length for each pair of elements."
            )
    return rows
