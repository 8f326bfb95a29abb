"""Observable of a slab: the mean potential energy of the atoms of each element, along its normal and as a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hpcpot.analysis.blocks import Blocks
from hpcpot.analysis.observable import Arrays, Frame
from hpcpot.analysis.profile import Ruler, Slab, count, ratio
from hpcpot.errors import ConfigError
from hpcpot.storage.tables import Columns
from hpcpot.structure.cell import heights

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class EnergyMap:
    """Observable: potential energies of atoms, as the potential shares its energy out, averaged over bins and frames.

    The normal is measured as for `profile`, by `Ruler`. Errors along the normal are of blocks, see `Blocks.jackknife`.

    Args:
        first: the frame that sets the origin. axis: "a", "b" or "c", the normal; across: the other axis of the map.
        host: element whose lowest atom is the origin. bin_A: Å, width of the bins along both. block_A: see `Slab`.
    Raises:
        ConfigError: one axis twice. StructureError: see `Ruler`.
    """

    def __init__(self, first: Frame, axis: str, across: str, host: str, bin_A: float, block_A: list[float]):
        if axis == across:
            raise ConfigError(
                f"energies.across = {across}: is the normal, energies.axis, too: must be another axis; choose one of "
                f"{', '.join(name for name in 'abc' if name != axis)}."
            )
        atoms, self._axis, self._across = first.atoms, "abc".index(axis), "abc".index(across)
        self._ruler = Ruler(Slab(self._axis, host, "", tuple(block_A)), atoms)
        self._elements, self._species = first.species()
        none = np.zeros(len(atoms), bool)
        self._edges = count([], none, none, bin_A, float(atoms.cell.lengths()[self._axis])).edges
        width = heights(atoms)[self._across]
        self._sides = np.linspace(0.0, width, max(1, round(width / bin_A)) + 1)
        self._blocks = Blocks(first.step)

    def sample(self, frame: Frame) -> None:
        places = self._ruler.places(frame.atoms)
        beside = (frame.positions @ np.linalg.inv(frame.cell))[:, self._across] % 1.0 * self._sides[-1]
        counts, sums = [], []
        for t in range(len(self._elements)):
            chosen = np.isfinite(places) & (self._species == t)
            where = beside[chosen], places[chosen]
            bins = (self._sides, self._edges)
            counts.append(np.histogram2d(*where, bins)[0])
            sums.append(np.histogram2d(*where, bins, weights=frame.energies[chosen])[0])
        self._blocks.add(frame.step, frames=1, atoms=np.array(counts), energies=np.array(sums))

    def merge(self, other: EnergyMap) -> None:
        self._blocks.merge(other._blocks)

    def result(self) -> dict[str, Columns]:
        """energies: a row per bin along the normal; map: a row per bin of both axes; nan where there are no atoms."""
        if not len(self._blocks):
            return {}
        sums = self._blocks.total()
        means, errors = self._blocks.jackknife(
            lambda sums: ratio(sums["energies"].sum(axis=1), sums["atoms"].sum(axis=1))
        )
        middles, beside = (0.5 * (edges[1:] + edges[:-1]) for edges in (self._edges, self._sides))
        along: Columns = {"z_A": middles}
        flat: Columns = {"x_A": np.repeat(beside, len(middles)), "z_A": np.tile(middles, len(beside))}
        for t, element in enumerate(self._elements):
            along[f"atoms_{element}"] = sums["atoms"][t].sum(axis=0) / sums["frames"]
            along |= {f"energy_{element}_eV": means[t], f"energy_{element}_error_eV": errors[t]}
            flat[f"atoms_{element}"] = (sums["atoms"][t] / sums["frames"]).ravel()
            flat[f"energy_{element}_eV"] = ratio(sums["energies"][t], sums["atoms"][t]).ravel()
        return {"energies": along, "map": flat}

    def draw(self, figure: Figure) -> None:
        """Draw the map of each element, and the means along the normal with their errors below it."""
        tables = self.result()
        rows = figure.subplots(2, len(self._elements), sharex=True, squeeze=False)
        shape = len(self._sides) - 1, len(self._edges) - 1
        z, seen = tables["energies"]["z_A"], sum(tables["energies"][f"atoms_{element}"] for element in self._elements)
        ends = self._edges[[np.flatnonzero(seen)[0], np.flatnonzero(seen)[-1] + 1]]
        for element, upper, lower in zip(self._elements, *rows, strict=True):
            values = np.ma.masked_invalid(tables["map"][f"energy_{element}_eV"].reshape(shape))
            image = upper.pcolormesh(self._edges, self._sides, values)
            figure.colorbar(image, ax=upper, label=f"energy of {element} (eV)", location="top")
            energy, error = (tables["energies"][f"energy_{element}{name}_eV"] for name in ("", "_error"))
            lower.errorbar(z, energy, np.nan_to_num(error), marker="o", ms=2.5, lw=0.8, capsize=1.5)
            lower.set(xlabel="above the lowest host atom (Å)", ylabel=f"energy of {element} (eV)", xlim=ends)
            upper.set_ylabel(f"{'abc'[self._across]} (Å)")

    def state(self) -> Arrays:
        return self._blocks.state()

    def restore(self, arrays: Arrays) -> None:
        self._blocks.restore(arrays)
