"""A data set: structures of any size with their energies, forces and virials, as flat arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ase
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_numbers

from hpcpot.dataset.sound import refuse_unsound
from hpcpot.errors import DataError, StructureError
from hpcpot.notices import notice
from hpcpot.storage.content import content_key
from hpcpot.structure import checks

SYMMETRIC = (0, 4, 8, 5, 2, 1)
"""xx yy zz yz xz xy among the nine components of a tensor."""


@dataclass
class Labelled:
    """One structure with its labels; None where there is none.

    Attributes:
        symbols: of each atom. positions: (n, 3) Å. cell: (3, 3) Å, rows; zero rows on axes that are not periodic.
        energy: eV, of the structure. forces: (n, 3) eV/Å. virial: (3, 3) eV, see `DataSet`.
        group: configuration group. source: where it is from, "iface.extxyz:12".
        converged: whether the self-consistency of its calculation was, where the file tells it.
    """

    symbols: Sequence[str]
    positions: np.ndarray
    cell: np.ndarray
    periodic: np.ndarray
    energy: float | None
    forces: np.ndarray | None
    virial: np.ndarray | None
    group: str
    source: str
    converged: bool = True


@dataclass(frozen=True, eq=False)
class RawLabels:
    """Labels before a correction was added, as in `DataSet`; NaN in frames that have none added.

    Attributes:
        energies: (n,) float64, eV. forces: (atoms, 3) float64, eV/Å. virials: (n, 3, 3) float64, eV.
    """

    energies: np.ndarray
    forces: np.ndarray
    virials: np.ndarray

    @classmethod
    def none(cls, dataset: DataSet) -> RawLabels:
        """No label of any frame."""
        shapes = (np.shape(values) for values in (dataset.energies, dataset.forces, dataset.virials))
        return cls(*(np.full(shape, np.nan) for shape in shapes))


@dataclass(frozen=True, eq=False)
class DataSet:
    """Structures ("frames") and their labels; a label that is missing is NaN in all of its components.

    However it is made, it passes `sound.refuse_unsound`.

    Attributes:
        elements: symbols; `species` counts in them. Some may have no atoms.
        first: (n + 1,) int64; the atoms of frame k are first[k]:first[k + 1].
        species: (atoms,) int32, index into `elements`.
        positions: (atoms, 3) float64, Å.
        cells: (n, 3, 3) float64, Å, rows, always with a volume (made up along axes that are not periodic).
        periodic: (n, 3) bool.
        energies: (n,) float64, eV, of the whole frame.
        forces: (atoms, 3) float64, eV/Å.
        virials: (n, 3, 3) float64, eV, -dE/d(strain) = -V * stress (stress positive in tension), as `Result.virial`
            of hpcpot.potential.contract, DeePMD-kit's virial and MLIP's PlusStress.
        groups: (n,) str, configuration group. sources: (n,) str, file and frame.
        raw: labels before a correction was added to them; None where no frame has one.
    """

    elements: tuple[str, ...]
    first: np.ndarray
    species: np.ndarray
    positions: np.ndarray
    cells: np.ndarray
    periodic: np.ndarray
    energies: np.ndarray
    forces: np.ndarray
    virials: np.ndarray
    groups: np.ndarray
    sources: np.ndarray
    raw: RawLabels | None = None

    def __post_init__(self) -> None:
        refuse_unsound(self)

    def __len__(self) -> int:
        return len(self.first) - 1

    @property
    def sizes(self) -> np.ndarray:
        """(n,) int64, atoms of each frame."""
        return np.diff(self.first)

    @property
    def frame_of(self) -> np.ndarray:
        """(atoms,) int64, the frame of each atom."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @property
    def counts(self) -> np.ndarray:
        """(n, elements) int64, atoms of each element in each frame."""
        flat = self.frame_of * len(self.elements) + self.species
        return np.bincount(flat, minlength=len(self) * len(self.elements)).reshape(len(self), -1)

    @property
    def volumes(self) -> np.ndarray:
        """(n,) float64, Å³."""
        return np.abs(np.linalg.det(self.cells))

    @property
    def stresses(self) -> np.ndarray:
        """(n, 3, 3) float64, eV/Å³, positive in tension; NaN without a virial or where an axis is not periodic."""
        return _stress(self.virials, self.cells, self.periodic)

    def select(self, rows: np.ndarray | Sequence[int]) -> DataSet:
        """Some frames, in the order given (indices, or a bool of each frame)."""
        rows = np.arange(len(self))[np.asarray(rows)] if len(rows) else np.zeros(0, np.int64)
        sizes = self.sizes[rows]
        first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        atoms = np.arange(first[-1]) + np.repeat(self.first[rows] - first[:-1], sizes)
        return DataSet(
            self.elements,
            first,
            self.species[atoms],
            self.positions[atoms],
            self.cells[rows],
            self.periodic[rows],
            self.energies[rows],
            self.forces[atoms],
            self.virials[rows],
            self.groups[rows],
            self.sources[rows],
            self.raw and RawLabels(self.raw.energies[rows], self.raw.forces[atoms], self.raw.virials[rows]),
        )

    def with_elements(self, elements: Sequence[str]) -> DataSet:
        """The same frames with `species` counted in other elements, as those of a model.

        Raises:
            DataError: an element that has atoms is not among them.
        """
        elements = tuple(elements)
        present = [self.elements[t] for t in np.unique(self.species)]
        unknown = [symbol for symbol in present if symbol not in elements]
        if unknown:
            k = int(self.frame_of[self.species == self.elements.index(unknown[0])][0])
            raise DataError(
                f"element of frame {k} ({self.sources[k]}) = {unknown[0]}: must be one of {', '.join(elements)}; leave "
                "such frames out, or name their elements too."
            )
        index = np.array([elements.index(symbol) if symbol in elements else -1 for symbol in self.elements], np.int32)
        return replace(self, elements=elements, species=index[self.species])

    def labelled(self, k: int) -> Labelled:
        """Frame k by itself."""
        atoms = slice(self.first[k], self.first[k + 1])
        return Labelled(
            [self.elements[t] for t in self.species[atoms]],
            self.positions[atoms],
            self.cells[k],
            self.periodic[k],
            self.energies[k],
            self.forces[atoms],
            self.virials[k],
            str(self.groups[k]),
            str(self.sources[k]),
        )

    def frame(self, k: int) -> ase.Atoms:
        """Frame k with a calculator that knows its labels; the stress is the symmetric part of -virial / V."""
        atoms_of_k = slice(self.first[k], self.first[k + 1])
        symbols = [self.elements[t] for t in self.species[atoms_of_k]]
        atoms = ase.Atoms(symbols, self.positions[atoms_of_k], cell=self.cells[k], pbc=self.periodic[k])
        atoms.info.update(group=str(self.groups[k]), source=str(self.sources[k]))
        labels: dict[str, float | np.ndarray] = {}
        if np.isfinite(self.energies[k]):
            labels["energy"] = float(self.energies[k])
        if np.isfinite(self.forces[atoms_of_k]).all():
            labels["forces"] = self.forces[atoms_of_k].copy()
        stress = _stress(self.virials[k], self.cells[k], self.periodic[k])
        if np.isfinite(stress).all():
            labels["stress"] = (0.5 * (stress + stress.T)).flat[list(SYMMETRIC)]
        atoms.calc = SinglePointCalculator(atoms, **labels)
        return atoms


def frame_key(atoms: ase.Atoms) -> str:
    """Key of a structure by its content, equal for equal structures whatever they are called."""
    return content_key(atoms.numbers, atoms.positions, atoms.cell.array, np.asarray(atoms.pbc))


def frame_keys(dataset: DataSet) -> list[str]:
    """`frame_key` of each frame."""
    numbers = np.array([atomic_numbers[name] for name in dataset.elements])
    spans = (slice(*dataset.first[k : k + 2]) for k in range(len(dataset)))
    return [
        frame_key(ase.Atoms(numbers[dataset.species[span]], dataset.positions[span], cell=cell, pbc=periodic))
        for span, cell, periodic in zip(spans, dataset.cells, dataset.periodic, strict=True)
    ]


def _stress(virials: np.ndarray, cells: np.ndarray, periodic: np.ndarray) -> np.ndarray:
    """-virial / V of one frame or of many; NaN where an axis is not periodic."""
    volumes = np.abs(np.linalg.det(cells))[..., None, None]
    return np.where(periodic.all(axis=-1)[..., None, None], -virials / volumes, np.nan)


def build(frames: Iterable[Labelled], elements: Sequence[str] | None = None) -> DataSet:
    """A data set of single structures.

    Args:
        elements: the order of the elements; by atomic number if None.
    Raises:
        DataError: none, or one that is no structure: the message names it.
    """
    frames = list(frames)
    if not frames:
        raise DataError("frames = none: at least one structure is required; check which files were named.")
    cells = [_cell(frame) for frame in frames]
    present = {symbol for frame in frames for symbol in frame.symbols}
    if elements is None:
        elements = sorted(present, key=atomic_numbers.__getitem__)
    index = {symbol: t for t, symbol in enumerate(elements)}
    unknown = present - index.keys()
    for frame in frames:
        if unknown.intersection(frame.symbols):
            raise DataError(
                f"elements of {frame.source} = {' '.join(sorted(set(frame.symbols)))}: must be of {', '.join(elements)}; "
                "name all elements."
            )
    sizes = [len(frame.symbols) for frame in frames]
    return DataSet(
        elements=tuple(elements),
        first=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        species=np.array([index[symbol] for frame in frames for symbol in frame.symbols], np.int32),
        positions=np.concatenate([frame.positions for frame in frames]).astype(np.float64),
        cells=np.array(cells),
        periodic=np.array([frame.periodic for frame in frames], bool),
        energies=np.array([_or_nan(frame.energy, ()) for frame in frames]),
        forces=np.concatenate([_or_nan(frame.forces, (n, 3)) for frame, n in zip(frames, sizes, strict=True)]),
        virials=np.array([_or_nan(frame.virial, (3, 3)) for frame in frames]),
        groups=np.array([frame.group for frame in frames], str),
        sources=np.array([frame.source for frame in frames], str),
    )


def from_frames(frames: Iterable[ase.Atoms], elements: Sequence[str] | None = None, source: str = "frames") -> DataSet:
    """A data set of ASE structures with the labels of their calculators (ASE's units and signs).

    The group is the structure's info["group"], else info["config_type"], else `source`.

    Raises:
        DataError: see `build`.
    """
    return build((labelled(atoms, f"{source}:{k}", source) for k, atoms in enumerate(frames)), elements)


def labelled(atoms: ase.Atoms, source: str, group: str) -> Labelled:
    """An ASE structure with the labels that its calculator holds; nothing is calculated.

    Of an energy and a free energy the latter is taken, of which the forces are the derivative.

    Args:
        group: where atoms.info names none.
    """
    results = atoms.calc.results if atoms.calc is not None else {}
    stress, virial = results.get("stress"), None
    if stress is not None and np.size(stress) not in (6, 9):
        raise DataError(
            f"stress of {source} = shape {np.shape(stress)}: must be six or nine numbers; correct the frame."
        )
    if stress is not None and atoms.cell.rank == 3:
        virial = -abs(atoms.cell.volume) * full_tensor(stress)
    return Labelled(
        symbols=atoms.get_chemical_symbols(),
        positions=atoms.positions,
        cell=atoms.cell.array,
        periodic=np.asarray(atoms.pbc),
        energy=_energy(results, source),
        forces=results.get("forces"),
        virial=virial,
        group=str(atoms.info.get("group", atoms.info.get("config_type", group))),
        source=source,
    )


def _energy(results: Mapping[str, Any], source: str) -> float | None:
    """Energy of which the forces are the derivative."""
    energy, free = results.get("energy"), results.get("free_energy")
    if free is None:
        return energy
    if energy is not None and energy != free:
        notice(
            source,
            "energy and free_energy differ (smearing): the latter is taken, of which the forces are the derivative",
        )
    return free


def full_tensor(values: np.ndarray) -> np.ndarray:
    """(3, 3) float64 of nine components, or of six in Voigt's order, xx yy zz yz xz xy."""
    flat = np.asarray(values, np.float64).ravel()
    return (flat[[0, 5, 4, 5, 1, 3, 4, 3, 2]] if flat.size == 6 else flat).reshape(3, 3)


def join(parts: Sequence[DataSet]) -> DataSet:
    """Several data sets as one; elements by atomic number where they differ.

    Raises:
        DataError: there is none.
    """
    if not parts:
        raise DataError("data sets = none: at least one is required; check which files were named.")
    elements = parts[0].elements
    if any(part.elements != elements for part in parts):
        elements = tuple(sorted({symbol for part in parts for symbol in part.elements}, key=atomic_numbers.__getitem__))
    parts = [part.with_elements(elements) for part in parts]
    sizes = np.concatenate([part.sizes for part in parts])
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("species", "positions", "cells", "periodic", "energies", "forces", "virials", "groups", "sources")
    }
    raw = None
    if any(part.raw is not None for part in parts):
        raws = [part.raw or RawLabels.none(part) for part in parts]
        raw = RawLabels(
            *(np.concatenate([getattr(labels, name) for labels in raws]) for name in ("energies", "forces", "virials"))
        )
    return DataSet(elements=elements, first=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), **arrays, raw=raw)


def _or_nan(values: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape, np.nan) if values is None else np.asarray(values, np.float64).reshape(shape)


def _cell(frame: Labelled) -> np.ndarray:
    """The cell with a volume.

    Raises:
        DataError: the frame is no structure: no atoms, not finite, of wrong shape, no volume, unknown elements.
    """
    n, problem = len(frame.symbols), ""
    if n == 0 or np.shape(frame.positions) != (n, 3):
        problem = (
            f"{n} atoms with positions of shape {np.shape(frame.positions)}: must be one or more, three numbers each"
        )
    elif not np.isfinite(frame.positions).all():
        problem = "a position that is not finite: must be numbers"
    elif set(frame.symbols) - atomic_numbers.keys() or "X" in frame.symbols:
        problem = f"elements {' '.join(sorted(set(frame.symbols)))}: must be symbols of elements"
    for name, values, shape in (
        ("energy", frame.energy, ()),
        ("forces", frame.forces, (n, 3)),
        ("virial", frame.virial, (3, 3)),
    ):
        if values is None or problem:
            continue
        given = np.asarray(values)
        if given.size != np.prod(shape, dtype=int):
            problem = f"{name} of shape {given.shape} on {n} atoms: must be {shape or 'one number'}"
        elif given.dtype.kind not in "fiu":
            problem = f"{name} of type {given.dtype}: must be numbers"
    if problem:
        raise DataError(f"{frame.source} = {problem}; leave the frame out or correct it.")
    try:
        return checks.whole_cell(ase.Atoms(frame.symbols, frame.positions, cell=frame.cell, pbc=frame.periodic))
    except StructureError as error:
        raise DataError(f"{frame.source}: {error}") from error
