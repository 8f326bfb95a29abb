"""The range that a model was trained in: what its file says of the training set, so that leaving it can be told.

A model file holds it beside the parameters, which it is no part of: the same model with and without has one fingerprint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from hpcpot.neighbors.batch import Neighborhood, build
from hpcpot.neighbors.pairs import Pairs
from hpcpot.notices import notice
from hpcpot.potential.contacts import ClosestPair, closest

CLOSER = 0.98
"""Times the shortest trained distance: a long run meets rarer approaches than its training set, which is no fault."""
BONDED = 0.6
"""Times the sum of two covalent radii: no bond is so short, what is known of a model whose file says nothing."""
DEEPER = 1.0
"""eV/atom below the lowest trained energy; a minimum lies tenths below the hot frames that models are trained on."""
MARGIN = 0.05
"""Share of an element, and part of a density, by which a whole structure may leave what was trained."""
PAIRS = ("densities", "residuals", "temperatures")
"""Attributes of a least and a largest value."""
UNKNOWN = "not said by the file: bonds below 0.6 times the sum of covalent radii count as outside"

OUTSIDE_NOTE = "outside what the potential was trained on: energies and forces there mean nothing."


@dataclass(frozen=True, eq=False)
class Points:
    """A structure with its periodic images, the atoms first.

    Attributes:
        positions: (m, 3) float64, Å. pairs: of the atoms. species: (m,) int32. ids: (m,) int, number of each point's atom.
    """

    positions: np.ndarray
    pairs: Pairs
    species: np.ndarray
    ids: np.ndarray

    @classmethod
    def of(cls, near: Neighborhood, species: np.ndarray, positions: np.ndarray, cell: np.ndarray) -> Points:
        """A structure by its neighbourhood, where its atoms are now.

        Args:
            species: (n,) int32. positions: (n, 3) float64, Å. cell: (3, 3) float64, Å.
        """
        return cls(positions[near.owners] + near.shifts @ cell, near.pairs, species[near.owners], near.owners)

    @classmethod
    def near(cls, atoms: Atoms, trained: TrainedRange) -> Points:
        """A structure with the pairs that a range may have something to say of.

        Args:
            atoms: with a cell, as `structure.checks.check` gives them, of elements of the range.
        """
        species = np.array([trained.elements.index(symbol) for symbol in atoms.symbols], np.int32)
        cell = atoms.cell.array
        return cls.of(
            build(atoms.positions, cell, atoms.pbc, float(trained.limits.max())), species, atoms.positions, cell
        )


@dataclass(frozen=True, eq=False)
class TrainedRange:
    """Ranges of a training set, all that is known of them.

    Attributes:
        elements: of the model. origin: where this is from. frames: their number, 0 if not known.
        cutoff: Å, up to where pairs were looked for. shortest: (species, species) float64, Å, shortest distance of each
            pair; inf: none within the cutoff.
        shares: (species, 2) float64, least and largest share of each element among the atoms of a frame.
        densities: (2,) float64, 1/Å³, least and largest number of atoms to a volume, of frames periodic along all axes.
        references: (species,) float64, eV, of a fit of one energy to each element.
        spanned: (k, species) float64, orthonormal rows: the compositions that this fit knows.
        residuals: (2,) float64, eV/atom, least and largest energy less the fit.
        forces: (1,) float64, eV/Å, largest force. temperatures: (2,) float64, K, of the dynamics that frames are from.
    """

    elements: tuple[str, ...]
    origin: str
    frames: int
    cutoff: float
    shortest: np.ndarray
    shares: np.ndarray | None = None
    densities: np.ndarray | None = None
    references: np.ndarray | None = None
    spanned: np.ndarray | None = None
    residuals: np.ndarray | None = None
    forces: np.ndarray | None = None
    temperatures: np.ndarray | None = None

    def __post_init__(self):
        n = len(self.elements)
        shapes = {"shortest": (n, n), "shares": (n, 2), "references": (n,)} | dict.fromkeys(PAIRS, (2,))
        for name, shape in shapes.items():
            values = getattr(self, name)
            if values is not None and np.shape(values) != shape:
                raise ValueError(f"trained range: {name} of shape {np.shape(values)}, {shape} is required")

    @property
    def is_assumed(self) -> bool:
        """True if the model's file says nothing."""
        return self.origin == UNKNOWN

    @property
    def limits(self) -> np.ndarray:
        """(species, species) float64, Å: closer pairs are outside; the cutoff where no pair was trained."""
        factor = 1.0 if self.is_assumed else CLOSER
        return np.where(np.isinf(self.shortest), self.cutoff, factor * self.shortest)

    def outside(self, atoms: Points, energy: float | None = None) -> str:
        """Say how a structure leaves the range by its distances, and by its energy if that is given; "" if it does not.

        Args:
            energy: eV.
        """
        near = closest(atoms.positions, atoms.pairs.first, atoms.pairs.neighbors, atoms.species, self.limits)
        texts = [self.describe(pair, int(atoms.ids[pair.centre]), int(atoms.ids[pair.neighbor])) for pair in near]
        if energy is not None:
            n = len(atoms.pairs.first) - 1
            texts.append(self.too_deep(np.bincount(atoms.species[:n], minlength=len(self.elements)), energy))
        return "; ".join(text for text in texts if text)

    def bound(self, contact: ClosestPair) -> str:
        """What the distance of a contact is held against."""
        a, b = contact.kinds
        names, least = f"{self.elements[a]}-{self.elements[b]}", self.shortest[a, b]
        if np.isinf(least):
            return f"no {names} pair this close was trained"
        if self.is_assumed:
            return f"no {names} bond is shorter than {least:.2f} Å"
        return f"{names} was trained down to {least:.2f} Å"

    def describe(self, contact: ClosestPair, first: int, second: int) -> str:
        """Say which two atoms, by their numbers, are how close; of one element the smaller number first."""
        a, b = contact.kinds
        if a == b:
            first, second = sorted((first, second))
        pair = f"{self.elements[a]} {first} and {self.elements[b]} {second}"
        return f"{pair} are {contact.distance:.3f} Å apart, {self.bound(contact)}"

    def too_deep(self, counts: np.ndarray, energy: float) -> str:
        """Say that an energy lies far below any trained one; "" if it does not, or if this is not known.

        Args:
            counts: (species,) atoms of each element. energy: eV, of all.
        """
        if self.residuals is None or self.composition(counts):
            return ""
        shares = counts / counts.sum()
        if np.abs(shares - self.spanned.T @ (self.spanned @ shares)).max() > MARGIN:
            return ""
        depth = self.residuals[0] - (energy / counts.sum() - shares @ self.references)
        if not depth > DEEPER:
            return ""
        return f"energy {energy / counts.sum():.3f} eV/atom, {depth:.3g} eV/atom below any that was trained"

    def composition(self, counts: np.ndarray) -> str:
        """Say which elements a structure has more or less of than any frame; "" if none.

        Args:
            counts: (species,) atoms of each element.
        """
        if self.shares is None:
            return ""
        shares = counts / counts.sum()
        off = (shares < self.shares[:, 0] - MARGIN) | (shares > self.shares[:, 1] + MARGIN)
        return ", ".join(
            f"{100 * shares[t]:.0f} % {self.elements[t]}, trained with {_percent(self.shares[t])}"
            for t in np.flatnonzero(off)
        )

    def lines(self) -> dict[str, str]:
        """Description in a few lines, by their headings, for people."""
        if self.is_assumed:
            return {"trained on": self.origin}
        frames = f"{self.frames} frames, {self.origin}" if self.frames else self.origin
        parts = [frames]
        if self.shares is not None:
            parts.append(", ".join(f"{name} {_percent(s)}" for name, s in zip(self.elements, self.shares, strict=True)))
        if self.densities is not None:
            parts.append(f"{1.0 / self.densities[1]:.2f} to {1.0 / self.densities[0]:.2f} Å³/atom")
        if self.forces is not None:
            parts.append(f"forces up to {self.forces[0]:.3g} eV/Å")
        if self.temperatures is not None:
            parts.append(f"{self.temperatures[0]:g} to {self.temperatures[1]:g} K")
        return {"trained on": "; ".join(parts), "shortest": self._distances()}

    def _distances(self) -> str:
        kinds = list(combinations_with_replacement(range(len(self.elements)), 2))
        values = [float(self.shortest[a, b]) for a, b in kinds]
        if len(kinds) > 1 and len(set(values)) == 1:
            return f"{values[0]:.3f} Å, of any two atoms"
        texts = ["none" if np.isinf(value) else f"{value:.3f}" for value in values]
        return (
            ", ".join(
                f"{self.elements[a]}-{self.elements[b]} {text}" for (a, b), text in zip(kinds, texts, strict=True)
            )
            + " Å"
        )


def assumed(elements: Sequence[str]) -> TrainedRange:
    """The range of a model whose file says nothing: bonds no shorter than any known one."""
    radii = covalent_radii[[atomic_numbers.get(name, 0) for name in elements]]
    shortest = BONDED * (radii[:, None] + radii[None, :])
    return TrainedRange(tuple(elements), UNKNOWN, 0, float(shortest.max()), shortest)


def of_any_pair(elements: Sequence[str], shortest: float, origin: str) -> TrainedRange | None:
    """The range of a model whose file has one shortest distance for all pairs; None where that says nothing.

    Args:
        shortest: Å. origin: what the file calls it.
    """
    if not 0.0 < shortest < np.inf:
        return None
    return TrainedRange(
        tuple(elements), origin, 0, float(shortest), np.full((len(elements), len(elements)), float(shortest))
    )


def note_if_assumed(source: object, trained: TrainedRange, key: str = "potential.file") -> None:
    """Say that a model's file does not tell where the model ends.

    Args:
        source: as a config names the model. key: of the config, by which it does.
    """
    if trained.is_assumed:
        name = ", ".join(map(str, source)) if isinstance(source, (list, tuple)) else source
        notice(
            f"{key}: {name}",
            "does not say what it was trained on, so that little can tell where it ends; add it by hpcpot convert MODEL -o "
            "model.h5 --training-data DATA.",
        )


def note_if_outside(where: str, atoms: Atoms, trained: TrainedRange | None) -> None:
    """Say which atoms of a structure are closer than a potential was trained for.

    Args:
        atoms: as of `Points.near`. trained: its range; None: nothing is said.
    """
    if trained is not None and (text := trained.outside(Points.near(atoms, trained))):
        notice(f"{where}: {text}", OUTSIDE_NOTE)


def _percent(shares: np.ndarray) -> str:
    low, high = (f"{100 * share:.3g}" for share in shares)
    return f"{low} %" if low == high else f"{low} to {high} %"
